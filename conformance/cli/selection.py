"""Which scenarios a command means, and what is written down about implementations."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from conformance.cli import exits

if TYPE_CHECKING:
    from conformance.judge.expectations import Expectations
    from conformance.scenario.format import Scenario

_PACKAGE = Path(__file__).resolve().parent.parent
_EXPECTED = (_PACKAGE / "_data" / "expected", _PACKAGE.parent / "reports" / "expected")
"""In an installed wheel, in a checkout."""


@attrs.frozen
class Selection:
    """``scenarios`` to run; ``known``: ids of all that exist, run or not."""

    scenarios: tuple[Scenario, ...]
    known: frozenset[str]


def select(wanted: Sequence[str] = (), paths: Sequence[str] = (), pattern: str = "") -> Selection:
    """Load what is selected.

    ``wanted`` are ids, globs of ids or files; ``paths`` files and folders to look in
    instead of the packaged ones; ``pattern`` keeps those whose id, title or source it
    matches.  Raises Refusal: 78 for a bad file (all of them are named), 66 for nothing.
    """
    files = _files(paths)
    known = frozenset(file.stem for file in files) | packaged_ids()
    own = [Path(one) for one in wanted if is_file(one)]
    globs = [one for one in wanted if not is_file(one)]
    for glob in globs:
        if not any(_named(file, glob) for file in files):
            raise exits.Refusal(
                exits.NOTHING_SELECTED, f"there is no scenario {glob!r}{_close(glob, files)}"
            )
    if wanted:
        files = [file for file in files if any(_named(file, glob) for glob in globs)] + own
    scenarios = _load(files)
    if pattern:
        scenarios = [one for one in scenarios if _matches(one, pattern)]
    if not scenarios:
        why = f"no scenario matches {pattern!r}" if pattern else "there are no scenarios here"
        raise exits.Refusal(exits.NOTHING_SELECTED, why)
    return Selection(tuple(scenarios), known | {one.scenario for one in scenarios})


def _files(paths: Sequence[str]) -> list[Path]:
    from conformance.scenario.find import find

    try:
        return find(paths or None)
    except FileNotFoundError as error:
        raise exits.Refusal(exits.NOTHING_SELECTED, str(error)) from None


def packaged_ids() -> frozenset[str]:
    """Ids of the scenarios that come with this package."""
    from conformance.scenario.find import find

    try:
        return frozenset(file.stem for file in find(None))
    except FileNotFoundError:
        return frozenset()


def _load(files: Sequence[Path]) -> list[Scenario]:
    """Every file, each once.  Raises Refusal with a line for each bad one."""
    from conformance.scenario.load import BadScenario, load

    loaded: dict[str, tuple[Path, Scenario]] = {}
    faults = []
    for file in dict.fromkeys(one.resolve() for one in files):
        try:
            scenario = load(_shown(file))
        except (BadScenario, OSError) as error:
            faults.append(str(error))
            continue
        if scenario.scenario in loaded:
            other = loaded[scenario.scenario][0]
            faults.append(f"{_shown(file)}: {scenario.scenario} is also in {_shown(other)}")
        loaded[scenario.scenario] = (file, scenario)
    if faults:
        raise exits.Refusal(exits.BAD_INPUT, "\n".join(faults))
    return sorted((scenario for _, scenario in loaded.values()), key=_natural)


def _natural(scenario: Scenario) -> list[tuple[str, int]]:
    """Order by id, numbers as numbers."""
    parts = re.findall(r"(\D*)(\d*)", scenario.scenario)
    return [(word, int(number or 0)) for word, number in parts]


def _shown(path: Path) -> Path:
    """Relative where that is shorter to read."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def is_file(word: str) -> bool:
    """Whether a word on the command line is a path, not an id or a glob."""
    return word.endswith((".yaml", ".yml")) or "/" in word


def _named(file: Path, glob: str) -> bool:
    return fnmatch.fnmatchcase(file.stem.lower(), glob.lower())


def _close(glob: str, files: Sequence[Path]) -> str:
    import difflib

    close = difflib.get_close_matches(glob, [file.stem for file in files], 3, 0.5)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _matches(scenario: Scenario, pattern: str) -> bool:
    pattern = pattern.lower()
    if not any(sign in pattern for sign in "*?["):
        words = (scenario.scenario, scenario.title, *scenario.source)
        return any(pattern in word.lower() for word in words)
    words = (scenario.scenario, *scenario.source)
    return any(fnmatch.fnmatchcase(word.lower(), pattern) for word in words)


def expectations(path: str | None, columns: Sequence[str]) -> dict[str, Expectations]:
    """Expectation files by implementation name.

    ``path`` None: those that come with this package; a folder: every ``*.toml`` in it;
    a file: that one, which is also that of a lone column.  Raises Refusal (78).
    """
    from conformance.judge.expectations import BadExpectations, read

    place = Path(path) if path else next((one for one in _EXPECTED if one.is_dir()), None)
    if place is None:
        return {}
    if place.is_dir():
        files = [one for one in sorted(place.glob("*.toml")) if ".proposed" not in one.name]
    else:
        files = [place]
    found, faults = {}, []
    for file in files:
        try:
            one = read(file)
        except (BadExpectations, OSError, UnicodeDecodeError) as error:
            faults.append(str(error))
            continue
        found[one.implementation] = one
        if file == place and len(columns) == 1:
            found[columns[0]] = one
    if faults:
        raise exits.Refusal(exits.BAD_INPUT, "\n".join(faults))
    return found
