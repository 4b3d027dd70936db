"""The page of Background Sync: its lifecycle, its steps, what is wrong with its text."""

from __future__ import annotations

from conformance.pages.parts import GENERATED
from spec_model.diagrams import sync_lifecycle
from spec_model.systems import SYNC_TEXT

_INTRODUCTION = f"""\
The second specification that runs here, {SYNC_TEXT.document} at commit
`{SYNC_TEXT.commit}`. `bgfetch list` prints the same with `--api sync`:
states, steps and errata.
"""


def sync_page() -> str:
    """``docs/reference/background-sync.md``."""
    parts = [GENERATED, "# Background Sync\n", _INTRODUCTION, sync_lifecycle(), *_steps()]
    return "\n".join([*parts, "\n## Errata\n", *_errata()])


def _steps() -> list[str]:
    code = SYNC_TEXT.places()
    lines = ["## Steps\n", "| step | line | kind | what | code |", "|---|---|---|---|---|"]
    for step in SYNC_TEXT.steps.values():
        where = ", ".join(f"`{each}`" for each in code[step.id])
        where = where or SYNC_TEXT.not_modelled.get(step.id, "")
        kind = step.kind.name.lower()
        lines.append(f"| {step.id} | {step.line} | {kind} | {step.paraphrase} | {where} |")
    return lines


def _errata() -> list[str]:
    lines: list[str] = []
    for each in SYNC_TEXT.errata.values():
        runs = [f"cluster {each.cluster}"] if each.cluster else []
        runs += [f"choice `{each.choice}`"] if each.choice else []
        shown = f" ({', '.join(runs)})" if runs else ""
        lines += [
            f"### {each.id}: {each.title}\n",
            f"{each.severity}, {each.kind}, {each.status}{shown}. Steps: {', '.join(each.steps)}.",
            f"\n- **Amendment**: {each.amendment}",
            f"- **Reading**: {each.reading}. {each.why}\n",
        ]
    return lines
