"""The map from each step of the text to code, scenarios and errata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from conformance.pages.parts import GENERATED, SOURCE, cell
from spec_model import errata, steps

MOST = 3
"""Scenarios that are named for one step."""

_INTRODUCTION = f"""\
The {len(steps.STEPS)} steps, facts and permissions of [{steps.DOCUMENT}]({SOURCE})
at commit `{steps.COMMIT}`, in our words, each with the function that takes it, scenarios whose
walk takes it (at most {MOST}; `bgfetch list steps --format json` names all) and the errata
on it. *Kind*: A action, B branch, W wait, X assertion, Q enqueue, P parallel, R return,
M may, F fact. `bgfetch explain SCENARIO` tells a walk.
"""


def steps_page(taken: Mapping[str, Sequence[str]], scenarios: Mapping[str, str]) -> str:
    """``docs/reference/steps.md``.

    ``taken``: the scenarios that take a step; ``scenarios``: the path of each, from the page.
    """
    code = steps.places()
    wrong: dict[str, list[str]] = {}
    for each in errata.ERRATA.values():
        for name in each.steps:
            wrong.setdefault(name, []).append(each.id)
    lines = [GENERATED, "# Steps\n", _INTRODUCTION]
    lines += ["[Steps that are not modelled](#not-modelled) are listed at the end."]
    algorithm = ""
    for step in steps.STEPS.values():
        if step.algorithm != algorithm:
            algorithm = step.algorithm
            lines += [f"\n## {algorithm}\n", "| step | | what | code | scenarios | errata |"]
            lines += ["|---|---|---|---|---|---|"]
        row = (
            f"[{step.id}]({SOURCE}#L{step.line})",
            step.kind.value,
            cell(step.paraphrase),
            ", ".join(_code(code[step.id])) or "[not modelled](#not-modelled)",
            ", ".join(
                f"[{name}]({scenarios[name]})"
                for name in _named(taken.get(step.id, ()), wrong.get(step.id, ()))
            ),
            ", ".join(f"[{each}](errata/{each}.md)" for each in wrong.get(step.id, ())),
        )
        lines.append(f"| {' | '.join(row)} |")
    lines += ["\n## Not modelled\n", "| step | what | why not |", "|---|---|---|"]
    lines += [
        f"| {name} | {cell(steps.get(name).paraphrase)} | {cell(why)} |"
        for name, why in steps.NOT_MODELLED.items()
    ]
    return "\n".join(lines) + "\n"


def _code(places: Sequence[str]) -> Iterable[str]:
    """Links to functions: ``calls.py:27 call`` without the number, which changes every day."""
    named: dict[str, None] = {}
    for place in places:
        where, _, function = place.partition(" ")
        file = where.partition(":")[0]
        word = f"{file}:{function}" if function else file
        named[f"[{word}](../../spec_model/{file})"] = None
    return named


def _named(taken: Sequence[str], errata_here: Sequence[str]) -> list[str]:
    """The scenarios of an erratum on this step first, then the others by name."""

    def rank(name: str) -> tuple[int, str]:
        own = name.partition("-")[0] in errata_here
        return (0 if own else 2 if name.startswith("E") else 1, name)

    return sorted(taken, key=rank)[:MOST]
