"""The generated pages of the documentation: ``python -m conformance.docs [--check] [FOLDER]``.

They are made from the tables and from walks of the scenarios; a test compares them with
what is committed.  ``--check`` names the stale ones and what nothing generates any more.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from conformance.explain.shape import schema
from conformance.judge.walks import steps_taken
from conformance.pages import errata
from conformance.pages.acceptor import acceptor_page
from conformance.pages.choices import choices_page, profiles_page
from conformance.pages.exploration import exploration_page
from conformance.pages.mutation import mutation_page
from conformance.pages.steps import steps_page
from conformance.pages.sync import sync_page
from conformance.pages.transfers import transfers_page
from conformance.scenario.find import find, packaged
from conformance.scenario.load import load
from spec_model.diagrams import lifecycle_page

WHOLE = "reference/errata"
"""A folder in which every page is generated."""

REPORTS = Path(__file__).parent.parent / "reports"
"""Measured results, kept with the code; some pages are made of them."""


@cache
def pages() -> Mapping[str, str]:
    """Every generated page by its path under ``docs``.  Must be called outside trio."""
    root = packaged()
    files = {file: load(file) for file in find()}
    paths = {one.scenario: file.relative_to(root).as_posix() for file, one in files.items()}
    shown = [
        errata.Shown(one, f"../../../scenarios/{paths[one.scenario]}") for one in files.values()
    ]
    return {
        "reference/lifecycle.md": lifecycle_page(),
        "reference/steps.md": steps_page(
            steps_taken(files.values()),
            {name: f"../../scenarios/{path}" for name, path in paths.items()},
        ),
        "reference/background-sync.md": sync_page(),
        "reference/exploration.md": exploration_page(REPORTS),
        "reference/transfers.md": transfers_page(REPORTS),
        "reference/mutation.md": mutation_page(REPORTS),
        "reference/acceptor.md": acceptor_page(REPORTS),
        "reference/choices.md": choices_page(),
        "reference/profiles.md": profiles_page(),
        "reference/explain.schema.json": schema(),
        **{f"{WHOLE}/{name}": text for name, text in errata.pages(shown).items()},
    }


def stale(folder: Path) -> list[str]:
    """The pages under ``folder`` that are missing, differ from their source, or have none."""
    wrong = [
        page
        for page, text in pages().items()
        if not (folder / page).is_file() or (folder / page).read_text("utf-8") != text
    ]
    return wrong + [path.relative_to(folder).as_posix() for path in _leftover(folder)]


def write(folder: Path) -> None:
    """Write every generated page under ``folder``, a documentation folder."""
    for page, text in pages().items():
        path = folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for path in _leftover(folder):
        path.unlink()


def _leftover(folder: Path) -> list[Path]:
    """Pages that nothing generates any more."""
    there = sorted((folder / WHOLE).glob("*.md"))
    return [path for path in there if path.relative_to(folder).as_posix() not in pages()]


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` name the stale ones and return 1."""
    check = "--check" in arguments
    folders = [Path(each) for each in arguments if not each.startswith("-")]
    folder = folders[0] if folders else Path("docs")
    if not check:
        write(folder)
        return 0
    found = stale(folder)
    for page in found:
        sys.stderr.write(f"{folder / page} is stale: python -m conformance.docs {folder}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
