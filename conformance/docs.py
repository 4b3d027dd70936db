"""The generated pages of the documentation: ``python -m conformance.docs [--check] [FOLDER]``.

The pages are made by ``spec_model.diagrams``, which is pure; a test compares them
with what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spec_model.diagrams import PAGES


def stale(folder: Path) -> list[str]:
    """The generated pages under ``folder`` that are missing or differ from their source."""
    return [
        page
        for page, make in PAGES.items()
        if not (folder / page).is_file() or (folder / page).read_text("utf-8") != make()
    ]


def write(folder: Path) -> None:
    """Write every generated page under ``folder``, a documentation folder."""
    for page, make in PAGES.items():
        path = folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` name the stale ones and return 1."""
    check = "--check" in arguments
    folders = [Path(each) for each in arguments if not each.startswith("-")]
    folder = folders[0] if folders else Path("docs")
    if not check:
        write(folder)
        return 0
    pages = stale(folder)
    for page in pages:
        sys.stderr.write(f"{folder / page} is stale: python -m conformance.docs {folder}\n")
    return 1 if pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
