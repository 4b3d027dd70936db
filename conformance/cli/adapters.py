"""The implementations that ``--on`` names.

An adapter whose module or browser is missing is still a column: it will say
``not here`` and how to get it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Literal

import attrs
import click

from conformance.cli import exits

if TYPE_CHECKING:
    from conformance.adapter import Adapter, AdapterFactory, Sink, Surroundings
    from conformance.judge.session import Column

DEFAULT = ("model", "engine", "chromium")
STDIO = "stdio:"
LIAR = "liar:"


@attrs.frozen
class Kind:
    """One name that ``--on`` takes."""

    name: str
    what: str
    make: Callable[[str], AdapterFactory]


def _model(_: str) -> AdapterFactory:
    from conformance.adapters.model import ModelFactory

    return ModelFactory()


def _engine_sim(_: str) -> AdapterFactory:
    from conformance.adapters.engine_sim import EngineSimFactory

    return EngineSimFactory()


def _engine(_: str) -> AdapterFactory:
    from conformance.adapters.engine import EngineFactory

    return EngineFactory()


def _stdio(name: str) -> AdapterFactory:
    from conformance.adapters.stdio import StdioFactory

    return StdioFactory(name, shlex.split(name.removeprefix(STDIO)))


def _liar(name: str) -> AdapterFactory:
    from conformance.liars import LIARS

    return LIARS[name.removeprefix(LIAR)].factory()


def _chromium(_: str) -> AdapterFactory:
    from conformance.adapters.chromium import ChromiumFactory

    return ChromiumFactory()


KINDS = (
    Kind("model", "the specification itself, executed; virtual time", _model),
    Kind(
        "engine-sim",
        "transfer_engine on memory streams and a simulated disk; virtual time",
        _engine_sim,
    ),
    Kind("engine", "transfer_engine on loopback sockets and a real store", _engine),
    Kind("stdio:COMMAND", "any program that speaks the JSON-lines protocol", _stdio),
    Kind("liar:NAME", "an implementation that is broken on purpose; see 'selftest'", _liar),
    Kind("chromium", "a Chromium browser, driven through Playwright", _chromium),
)


@attrs.define
class Missing:
    """Stands in for an adapter that cannot be imported: it will not start, and says why."""

    name: str
    why: str
    remedy: str
    network: Literal["loopback", "memory", "none"] = "none"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """Raises CannotStart."""
        from conformance.adapter import CannotStart

        raise CannotStart(self.name, self.why, self.remedy)


def kind_of(name: str) -> Kind | None:
    """The kind that a name given to ``--on`` belongs to."""
    if name.startswith(STDIO):
        name = "stdio:COMMAND"
    elif name.startswith(LIAR):
        name = "liar:NAME"
    return next((kind for kind in KINDS if kind.name == name), None)


def checked(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once.  Raises a usage error for one that is no implementation."""
    for name in names:
        if kind_of(name) is None or name in ("stdio:COMMAND", "liar:NAME"):
            known = ", ".join(kind.name for kind in KINDS)
            raise click.BadParameter(f"{name!r} is no implementation; there are {known}")
        if name.startswith(STDIO):
            _checked_command(name)
        elif name.startswith(LIAR):
            _checked_liar(name)
    return tuple(dict.fromkeys(names))


def _checked_command(name: str) -> None:
    try:
        words = shlex.split(name.removeprefix(STDIO))
    except ValueError as error:
        raise click.BadParameter(f"{name!r}: {error}") from None
    if not words:
        raise click.BadParameter(f"{name!r} names no command")


def _checked_liar(name: str) -> None:
    from conformance.liars import LIARS

    if name.removeprefix(LIAR) not in LIARS:
        raise click.BadParameter(f"{name!r} is no liar; there are {', '.join(LIARS)}")


def column(name: str) -> Column:
    """The column of a name that ``checked`` let pass."""
    from conformance.judge.session import Column

    kind = kind_of(name)
    if kind is None:
        raise exits.Refusal(exits.USAGE, f"{name!r} is no implementation")
    try:
        return Column(name, kind.make(name))
    except ImportError as error:
        extra = "browser" if name == "chromium" else "judge"
        remedy = f"pip install 'bgfetch-spec[{extra}]'"
        return Column(name, Missing(name, str(error), remedy))
