"""What a search found, as text and as plain data.

The data is what ``reports/explore.json`` is made of: exact counts, no times, so that it is the
same on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import attrs

from conformance.explore import sync
from conformance.explore.compiled import Packed
from conformance.explore.each import Each, Missed
from conformance.explore.rounds import Rounds
from conformance.explore.scope import Scope
from conformance.explore.search import Found
from conformance.explore.sentences import ALWAYS, EVENTUALLY, PARTLY, SOMETIMES

Result = Found[Packed, int]

_NEEDS: dict[str, tuple[str, ...]] = {
    "S07": ("size",),
    "S09": ("aborts", "user_aborts", "unregisters"),
    "S10": ("aborts", "user_aborts"),
    "S12": ("total",),
    "S13": ("uploads",),
    "S17": ("two_fetches",),
    "S18": ("gets",),
    "S19": ("refusals",),
    "S20": ("refusals",),
    "S21": ("uploads",),
    "S23": ("pauses", "prompts"),
    "S25": ("resumes",),
    "S26": ("matches",),
    "S27": ("matches",),
    "S28": ("matches",),
    "S29": ("matches",),
    "S30": ("updates",),
    "S31": ("clicks",),
    "S32": ("uploads", "looks"),
    "S33": ("two_fetches",),
    "S35": ("quota",),
    "S36": ("gets",),
    "L03": ("aborts",),
    "L04": ("user_aborts", "unregisters"),
    "L05": ("matches",),
    "L06": ("matches",),
    "L09": ("aborts", "gets", "matches", "updates"),
    "L11": ("smooth_pauses",),
    "L12": ("smooth_outages",),
    "L13": ("unregisters",),
    "L14": ("restarts",),
}
"""What a scope must have for a property to speak of anything: one of these is enough."""


def vacuous(scope: Scope) -> tuple[str, ...]:
    """The properties that have nothing to speak of in a scope."""
    uploads = any(method != "GET" for method in scope.methods)
    has = {
        **{name: bool(getattr(scope, name)) for name in _BUDGETS},
        "uploads": uploads,
        "two_fetches": scope.fetches > 1,
        "prompts": scope.permission == "prompt",
        "refusals": scope.fetches > 1 or scope.permission == "denied" or bool(scope.quota),
        "smooth_pauses": scope.transparent and bool(scope.pauses) and not scope.offline,
        "smooth_outages": scope.transparent and bool(scope.offline),
        "resumes": scope.attempts > 1 and scope.size > 0,
    }
    return tuple(name for name, needs in _NEEDS.items() if not any(has[need] for need in needs))


_BUDGETS = (
    *("size", "aborts", "user_aborts", "unregisters", "total", "gets", "pauses", "matches"),
    *("updates", "quota", "restarts", "clicks", "looks"),
)


def data(scope: Scope, found: Result) -> dict[str, object]:
    """One scope's result without times."""
    empty = vacuous(scope)
    return {
        "scope": scope.name,
        "title": scope.title,
        "order": scope.order,
        "states": found.states,
        "transitions": found.transitions,
        "depth": found.depth,
        "complete": found.complete,
        "why": found.why,
        "broken": [{"property": f.name, "kind": f.kind, "depth": f.depth} for f in found.flaws],
        "checked": [name for name in (*ALWAYS, *EVENTUALLY) if name not in empty],
        "vacuous": list(empty),
        "reached": dict(sorted(found.reached.items())),
    }


def unreached(results: list[Result]) -> tuple[str, ...]:
    """The goals that none of several searches reached."""
    return tuple(goal for goal in SOMETIMES if all(goal not in r.reached for r in results))


def lines(scope: Scope, found: Result) -> Iterator[str]:
    """One scope's result for a reader."""
    at = found.progress
    yield f"{scope.name}: {scope.title}"
    yield (
        f"  {found.states:,} states, {found.transitions:,} transitions, {found.depth} deep"
        f"{_partial(found)} ({at.seconds:.1f} s, {at.rate:,.0f} states/s, {at.memory >> 20} MB)"
    )
    empty = vacuous(scope)
    broken = {flaw.name for flaw in found.flaws}
    checked = [n for n in (*ALWAYS, *EVENTUALLY) if n not in empty and n not in broken]
    yield _holding(found, checked, ALWAYS)
    if empty:
        yield f"  nothing to speak of here: {' '.join(empty)}"
    for flaw in found.flaws:
        sentence = {**ALWAYS, **EVENTUALLY}[flaw.name]
        yield f"  BROKEN {flaw.name} after {flaw.depth} steps ({flaw.kind}): {sentence}"


def _partial(found: Result | sync.SyncFound) -> str:
    return "" if found.complete else f", partial: {found.why}"


def _holding(
    found: Result | sync.SyncFound, checked: Sequence[str], always: Collection[str]
) -> str:
    """What holds, or, of a part, what the part did not break: it says nothing of *eventually*."""
    if found.complete:
        return f"  hold: {' '.join(checked)}"
    return f"  not broken so far: {' '.join(name for name in checked if name in always)}"


def partly() -> Iterator[str]:
    """Where a sentence says less than the audit does."""
    for name, what in PARTLY.items():
        yield f"  {name}: {what}"


def rounds_lines(found: Rounds) -> Iterator[str]:
    """The table of errata found again."""
    yield f"{'round':<6}{'cluster':<9}{'scope':<15}{'property':<10}{'depth':<6}kind"
    for hit in found.hits:
        yield (
            f"{hit.round:<6}{hit.cluster:<9}{hit.scope:<15}{hit.property:<10}{hit.depth:<6}{hit.kind}"
        )
    for each in found.unexplained:
        yield f"no single cluster explains {each.property} in {each.scope} at {each.depth}"
    yield f"not found in these scopes: {' '.join(found.left)}"
    if found.stopped:
        yield f"interrupted {found.stopped}"


def rounds_data(found: Rounds) -> dict[str, object]:
    """The same as data."""
    return attrs.asdict(found)


def each_lines(result: Each) -> Iterator[str]:
    """The table of what every single amendment is needed for."""
    yield f"{'cluster':<9}{'scope':<15}{'property':<10}{'depth':<6}kind"
    for one in result.found:
        beside = f", beside {one.beside}" if one.beside else ""
        yield f"{one.cluster:<9}{one.scope:<15}{one.property:<10}{one.depth:<6}{one.kind}{beside}"
    for missed in result.missed:
        yield f"{missed.cluster}: {why_missed(missed)}"


def why_missed(missed: Missed) -> str:
    """Why the lack of a cluster was not noticed."""
    if not missed.asked_in:
        return "no step of these scopes asks about it"
    whole = [name for name in missed.asked_in if name not in missed.partial]
    said = f"breaks nothing in {', '.join(whole)}" if whole else "breaks nothing"
    return (
        f"{said}; not searched to the end: {', '.join(missed.partial)}" if missed.partial else said
    )


def each_data(result: Each) -> dict[str, object]:
    """The same as data."""
    return attrs.asdict(result)


def sync_lines(found: sync.SyncFound) -> Iterator[str]:
    """A search of Background Sync for a reader."""
    at = found.progress
    yield "sync: one page, a network that comes and goes"
    yield (
        f"  {found.states:,} states, {found.transitions:,} transitions, {found.depth} deep"
        f"{_partial(found)} ({at.seconds:.1f} s)"
    )
    broken = {flaw.name: flaw for flaw in found.flaws}
    asked = sync.Promises.sentences
    sentences = {**asked.always, **asked.eventually}
    checked = [name for name in sentences if name not in broken]
    yield _holding(found, checked, asked.always)
    for name, flaw in broken.items():
        yield f"  BROKEN {name} after {flaw.depth} steps ({flaw.kind}): {sentences[name]}"
        for label in flaw.labels:
            yield f"    {label}"


def sync_data(found: sync.SyncFound) -> dict[str, object]:
    """The same as data."""
    return {
        "scope": "sync",
        "states": found.states,
        "transitions": found.transitions,
        "depth": found.depth,
        "complete": found.complete,
        "broken": [
            {"property": f.name, "kind": f.kind, "path": [str(label) for label in f.labels]}
            for f in found.flaws
        ],
        "reached": dict(sorted(found.reached.items())),
    }
