"""How commands end.  The numbers are those of ``sysexits.h`` where it has one.

A command returns its exit code.  What stops it earlier is a ``Refusal``: the
caller's mistake or the surroundings', said in one line, never a traceback.
"""

from __future__ import annotations

import click

OK = 0
DIFFERENT = 1  # a violation, an unexpected pass, a stale expectation
INCONCLUSIVE = 2  # no verdict, and nothing worse
USAGE = 64
NOTHING_SELECTED = 66
NOT_STARTED = 69
OUR_BUG = 70
BAD_INPUT = 78  # a scenario, trace, report or expectation file that cannot be used
INTERRUPTED = 130
PIPE_CLOSED = 141  # as a shell shows a program that SIGPIPE ended

MEANING = {
    OK: "as expected",
    DIFFERENT: "a violation, an unexpected pass or a stale expectation",
    INCONCLUSIVE: "no verdict: inconclusive, or a broken adapter",
    USAGE: "usage",
    NOTHING_SELECTED: "nothing selected",
    NOT_STARTED: "an implementation would not start",
    OUR_BUG: "a fault of this program",
    BAD_INPUT: "a bad scenario or configuration",
    INTERRUPTED: "interrupted",
}


class Refusal(click.ClickException):
    """A command that ends here, with one line that says why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    def show(self, file: object = None) -> None:
        """Print the message, a line for each fault, to standard error."""
        for line in self.message.splitlines():
            click.echo(f"bgfetch: {line}", err=True)
