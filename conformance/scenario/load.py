"""Scenario files in and out.

``load`` reads one file and either returns a scenario that can be run or raises
``BadScenario`` with the one place that has to be changed first.  ``dump`` writes a
scenario back; ``loads(dump(s)) == s``.
"""

from __future__ import annotations

from pathlib import Path, PurePath

import attrs

from conformance.scenario.check import check
from conformance.scenario.dump import dump
from conformance.scenario.format import Scenario
from conformance.scenario.shape import convert
from conformance.scenario.yaml_tree import MAX_BYTES, Mark, Unreadable, Wrong, read

__all__ = ["BadScenario", "dump", "load", "loads"]

SUFFIXES = (".yaml", ".yml")


@attrs.frozen
class BadScenario(ValueError):
    """A scenario file is not one: the author has to change it, no implementation is to blame.

    ``line`` and ``column`` count from 1.
    """

    file: str
    line: int
    column: int
    wrong: str
    expected: str

    def __str__(self) -> str:
        message = f"{self.file}:{self.line}:{self.column}: {self.wrong}, expected {self.expected}"
        # One line, whatever the file holds.
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in message)


def load(path: Path | str) -> Scenario:
    """Read a scenario file (UTF-8, at most 256 KiB), whose stem must be the scenario's id.

    Raises BadScenario, or OSError where the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES:  # the cut may have split a character
            text = data.decode(errors="replace")
        else:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            raise BadScenario(
                str(path), line, column, "a byte that is not text", "UTF-8"
            ) from error
    return loads(text, str(path))


def loads(text: str, filename: str = "<text>") -> Scenario:
    """The scenario that ``text`` spells.  Raises BadScenario, the same one each time."""
    pure = PurePath(filename)
    try:
        tree = read(text)
    except Unreadable as error:
        raise _bad(filename, error.mark, error) from error
    try:
        scenario = convert(tree.value)
        check(scenario, pure.stem if pure.suffix in SUFFIXES else None)
    except Wrong as error:
        raise _bad(filename, tree.mark(error.path, error.key), error) from error
    return scenario


def _bad(filename: str, mark: Mark, error: Unreadable | Wrong) -> BadScenario:
    return BadScenario(filename, mark.line, mark.column, error.wrong, error.expected)
