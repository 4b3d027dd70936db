"""The page of what was explored: counts, properties, and the errata that search finds.

It is made of the reports, so that it says what was measured and nothing is searched for it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from conformance.explore.each import Missed
from conformance.explore.report import why_missed
from conformance.explore.scope import SMALL
from conformance.explore.sentences import ALWAYS, EVENTUALLY, PARTLY, SOMETIMES, UNREACHABLE
from conformance.pages.parts import GENERATED
from spec_model.editions import CLUSTERS
from spec_model.errata import ERRATA

Report: TypeAlias = Mapping[str, Any]
"""A JSON document that ``bgfetch explore`` wrote."""

_INTRODUCTION = """\
Every state that the model of the amended text can reach within bounds was visited, and every
property judged there. How to do the same: [Visit every state within
bounds](../how-to/explore.md). Counts are exact and the same on every machine.
"""

_REDUCTIONS = """\
Records that are alike stand for each other, steps are remembered, and in the order `news` what
only carries news to pages is done at once. A comparison with searches that leave these out
(`python -m conformance.explore.reductions`) shows what they change: the number of states, and no
verdict on the amended text. As written the order of news is itself at fault (E48, E67), and only
a search of every order shows S11 and S36 broken by it. Scopes whose order is `settled` leave the
other orders out on purpose; what those break is named, and stands for no verdict above.
"""

_EACH = """\
The amended text without one amendment has one defect. What breaks then, in the smallest scope
in which something does, at the smallest number of steps (`bgfetch explore --each`). An
amendment that nothing asks about as amended is left out *beside* the one that it hides behind:
"""

_ROUNDS = """\
From the text as written, all defects at once. The first breach of a scope is laid at the door of
every amendment that alone removes it; these are applied, and the search begins again, scope by
scope and round by round (`bgfetch explore --edition as-written --rounds`):
"""


def exploration_page(reports: Path) -> str:
    """``docs/reference/exploration.md``, of the reports in a folder."""
    small = _read(reports, "explore.json")
    default = _read(reports, "explore-default.json")
    scopes = [*default["scopes"], *small["scopes"]]
    parts = [
        GENERATED,
        "# Exploration\n",
        _INTRODUCTION,
        *_counts(scopes),
        *_compared(_read(reports, "explore-reductions.json")),
        *_unreduced(_read(reports, "explore-counts.json")),
        *_speed(_read(reports, "bench-model.json")),
        *_properties(scopes),
        *_goals(scopes),
        *_each(_read(reports, "explore-each.json")),
        *_rounds(_read(reports, "explore-rounds.json"), _read(reports, "explore-each.json")),
    ]
    return "\n".join(parts) + "\n"


def _read(reports: Path, name: str) -> Any:
    return json.loads((reports / name).read_text("utf-8"))


def _counts(scopes: list[Report]) -> Iterator[str]:
    yield "## Scopes\n"
    yield "| scope | what it bounds | order | states | transitions | depth | broken |"
    yield "|---|---|---|---:|---:|---:|---|"
    for each in scopes:
        broken = ", ".join(flaw["property"] for flaw in each["broken"]) or "nothing"
        whole = "" if each["complete"] else f" (partial: {each['why']})"
        yield (
            f"| {each['scope']} | {each['title']} | {each['order']} | {each['states']:,} "
            f"| {each['transitions']:,} | {each['depth']} | {broken}{whole} |"
        )


def _compared(compared: Sequence[Report]) -> Iterator[str]:
    yield "\n## What is left out, and what it changes\n"
    yield _REDUCTIONS
    wrong = [each for each in compared if each["wrong"]]
    hidden = [each for each in compared if each["hidden"]]
    amended = [each for each in compared if each["edition"] == "amended" and each["compared"]]
    large = sorted({each["scope"] for each in compared if not each["compared"]})
    folded = [each for each in amended if each["folded"]]
    orders = [each for each in amended if each["all"] and each["order"] != "all"]
    yield (
        f"{len(amended)} of {len(SMALL)} small scopes have been compared so far, amended and as"
        f" written, state by state:\n{len(wrong)} disagree. {len(folded)} of them have records that"
        f" are alike. In {len(orders)} every order was\ntried to the end, too.\n"
    )
    if large:
        yield f"As written these are too large for the plain search: {', '.join(large)}.\n"
    for each in hidden:
        broken = " ".join(each["hidden"])
        yield f"- {each['scope']} ({each['order']}): only other orders break {broken}."
    yield ""


def _unreduced(counts: Sequence[Report]) -> Iterator[str]:
    yield "| scope | order | states | with like records told apart | transitions | broken |"
    yield "|---|---|---:|---:|---:|---|"
    for each in counts:
        least = "" if each["complete"] else "more than "
        numbers = (each[name] for name in ("folded", "states", "transitions"))
        shown = " | ".join(f"{least}{number:,}" for number in numbers)
        broken = ", ".join(each["broken"]) or "nothing"
        yield f"| {each['scope']} | {each['order']} | {shown} | {broken} |"


def _speed(report: Report) -> Iterator[str]:
    yield "\n## Speed\n"
    yield (
        "On one core, by `python -m tests.bench`. A yardstick is a fixed piece of plain Python,\n"
        f"so that machines compare; here it took {report['yardstick'] * 1000:.1f} ms.\n"
    )
    yield "| what | states a second | best | worst | yardsticks |"
    yield "|---|---:|---:|---:|---:|"
    for one in report["figures"]:
        if one["name"] in ("explore", "exploration"):
            shown = " | ".join(f"{one[name]:,.0f}" for name in ("median", "best", "worst"))
            yield f"| {one['says']} | {shown} | {one['yardsticks']:,.0f} |"


def _properties(scopes: list[Report]) -> Iterator[str]:
    judged = Counter(name for each in scopes for name in each["checked"])
    yield "\n## Properties\n"
    yield (
        "In how many of these scopes a property has something to speak of; in the others it is\n"
        "vacuous and is not counted. S must hold at every step, L come in the end.\n"
    )
    yield "| property | sentence | scopes |"
    yield "|---|---|---:|"
    for name, sentence in {**ALWAYS, **EVENTUALLY}.items():
        yield f"| {name} | {sentence} | {judged[name]} |"
    yield "\nWhere a sentence says less here than in the audit, and what is left:\n"
    for name, what in PARTLY.items():
        yield f"- {name}: {what}"


def _goals(scopes: list[Report]) -> Iterator[str]:
    yield "\n## Goals\n"
    yield "What must be reached in some scope, so that nothing above holds for want of a case.\n"
    yield "| goal | what | reached in | least depth |"
    yield "|---|---|---:|---:|"
    for goal, what in SOMETIMES.items():
        depths = [each["reached"][goal] for each in scopes if goal in each["reached"]]
        yield f"| {goal} | {what} | {len(depths)} | {min(depths, default='never')} |"
    yield "\nWhat the audit would have reached, too, and no scope expresses:\n"
    for goal, why in UNREACHABLE.items():
        yield f"- {goal}: {why}"


def _each(report: Report) -> Iterator[str]:
    yield "\n## Each amendment left out\n"
    yield _EACH
    yield f"{len(report['found'])} of {len(CLUSTERS)} clusters of errata are found so.\n"
    yield "| cluster | what it repairs | scope | property | steps |"
    yield "|---|---|---|---|---:|"
    for one in report["found"]:
        beside = f" beside {_erratum(one['beside'])}" if one["beside"] else ""
        yield (
            f"| {_erratum(one['cluster'])}{beside} | {CLUSTERS[one['cluster']]} | {one['scope']} "
            f"| {one['property']} | {one['depth']} |"
        )
    if not report["missed"]:
        return
    yield "\nNot found:\n"
    yield "| cluster | what it repairs | why not |"
    yield "|---|---|---|"
    for one in report["missed"]:
        missed = Missed(one["cluster"], tuple(one["asked_in"]), tuple(one["partial"]))
        what = CLUSTERS[missed.cluster]
        yield f"| {_erratum(missed.cluster)} | {what} | {why_missed(missed)} |"


def _rounds(report: Report, each: Report) -> Iterator[str]:
    yield "\n## Rounds\n"
    yield _ROUNDS
    yield "| round | cluster | scope | property | steps |"
    yield "|---:|---|---|---|---:|"
    for hit in report["hits"]:
        yield (
            f"| {hit['round']} | {_erratum(hit['cluster'])} | {hit['scope']} "
            f"| {hit['property']} | {hit['depth']} |"
        )
    if report.get("stopped"):
        yield f"\nThese rounds were interrupted {report['stopped']}: the rest was not searched so."
    if report["left"]:
        yield "\nNot found so:\n"
        alone = {one["cluster"]: one for one in each["found"]}
        stopped = report.get("stopped", "")
        for cluster in report["left"]:
            yield f"- {_erratum(cluster)}: {_hidden(alone.get(cluster), stopped)}"
    if report["unexplained"]:
        yield "\nBreaches that no single amendment removes:\n"
        for one in report["unexplained"]:
            yield f"- {one['property']} in {one['scope']} at {one['depth']} steps"


def _hidden(one: Mapping[str, Any] | None, stopped: str) -> str:
    """Why the rounds have not met a cluster, as leaving it out alone tells it."""
    if one is None:
        return "not expressible in any of these scopes"
    if one["beside"]:
        return f"it shows only without {one['beside']}, which was repaired before"
    if stopped:
        return f"not met yet; left out alone it breaks {one['property']} in {one['scope']}"
    return (
        f"left out alone it breaks {one['property']} in {one['scope']}; here repairs that were "
        "found before remove that, too"
    )


def _erratum(cluster: str) -> str:
    return f"[{cluster}](errata/{cluster}.md)" if cluster in ERRATA else cluster
