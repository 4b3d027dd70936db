"""Where scenario files are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE / "_data" / "scenarios", _PACKAGE.parent / "scenarios")
"""In an installed wheel, in a checkout.  The wheel comes first: beside an installed package
a folder of that name may be anybody's."""

SUFFIX = ".yaml"


def packaged() -> Path:
    """The folder of the scenarios that come with this package.

    Raises FileNotFoundError where the installation lacks them.
    """
    for place in _PLACES:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"no scenarios came with this installation (looked in {_PLACES[0]})")


def find(paths: Iterable[Path | str] | None = None) -> list[Path]:
    """Scenario files, sorted, each once: the packaged ones, or those at ``paths``.

    A folder stands for every ``*.yaml`` in it and below, hidden ones left out; a file for
    itself, whatever its name.  Raises FileNotFoundError for a path that does not exist.
    """
    found: set[Path] = set()
    for path in map(Path, [packaged()] if paths is None else paths):
        if path.is_dir():
            found.update(
                file
                for file in path.rglob(f"*{SUFFIX}")
                if file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
        elif path.exists():
            found.add(path)
        else:
            raise FileNotFoundError(f"no such scenario file or folder: {path}")
    return sorted(found)
