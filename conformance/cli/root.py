"""The command group.  Commands are imported when they are called, so that help is quick."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from conformance.cli import exits

COMMANDS = {
    "run": "Run scenarios on implementations and judge what they do.",
    "fuzz": "Let hypothesis look for a scenario that an implementation gets wrong.",
    "replay": "Judge recorded traces again, or run scenario files.",
    "why": "Say why a trace has its verdict, entry by entry.",
    "explain": "Say what the text lets happen in a scenario, step by step.",
    "explore": "Visit every state within bounds, and judge each.",
    "diff": "Find the shortest scenario that tells two readings of the text apart.",
    "list": "List states, steps, scenarios, choices, profiles, errata, clusters and more.",
    "smoke": "Check that an adapter speaks the protocol before trusting its verdicts.",
    "selftest": "Check that the judge catches every implementation that is broken on purpose.",
    "report": "Make a finished run's report again, in another form.",
    "download": "Download files; interrupted ones go on where they stopped.",
    "jobs": "List downloads, and how far they are.",
    "pause": "Pause a download, running or not.",
    "resume": "Let a paused download go on.",
    "abort": "End a download, running or not.",
    "manifest": "List a folder's files, for download --manifest.",
}
_MODULES = {
    "abort": "jobs",
    "list": "listing",
    "pause": "jobs",
    "report": "reporting",
    "resume": "jobs",
    "why": "replay",
}
"""Modules that are not called like their command."""


class _Lazy(click.Group):
    """Knows the names and one-line helps; imports a command's module when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"conformance.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in exits.MEANING.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bgfetch-spec", prog_name="bgfetch")
def cli() -> None:
    """Background Fetch, executable: judge implementations against the specification.

    Begin with ``bgfetch run``.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="bgfetch", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else exits.OK
    except exits.Refusal as refusal:
        refusal.show()
        return refusal.code
    except click.ClickException as error:
        error.show()
        return exits.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("bgfetch: interrupted", err=True)
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.PIPE_CLOSED
    except Exception:  # noqa: BLE001 - the last net: our own bugs have an exit code of their own
        traceback.print_exc()
        click.echo("bgfetch: this is a fault of bgfetch itself", err=True)
        return exits.OUR_BUG
