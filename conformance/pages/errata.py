"""A page for each erratum, to be linked to from a discussion of the text, and their index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import msgspec

from conformance.explain.compare import compare
from conformance.explain.markdown import body
from conformance.explain.shape import Walk
from conformance.explain.walk import walk
from conformance.pages.parts import GENERATED, REPOSITORY, cell, in_text, is_contrast
from conformance.scenario.format import Scenario
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED, BASELINE, CLUSTERS, Edition
from spec_model.errata import ERRATA, Erratum, members
from spec_model.steps import STEPS
from spec_model.trackers import TRACKERS

_SEVERITY = {
    "S1": "nothing works, data is corrupted, or ordinary use hangs",
    "S2": "a definite case goes wrong",
    "S3": "an outcome is not determined",
    "S4": "stale or editorial",
}
_READING = {
    "repair": "only the amended behaviour conforms",
    "open": "either behaviour conforms, and a report says which was seen",
}


MOST = 80
"""Lines of a diff that a page shows; the command below it shows all."""


@attrs.frozen
class Shown:
    """A scenario, and its path from a page of an erratum."""

    scenario: Scenario
    path: str


def index_page() -> str:
    """``docs/reference/errata/index.md``."""
    lines = [
        GENERATED,
        "# Errata\n",
        f"The {len(ERRATA)} known defects of the text, and how each is read. *Repair*: only the",
        "amended behaviour conforms. *Open*: either conforms, and a report says which was seen.",
        "*Executable*: the model can show the text with and without the repair. Repairs that only",
        "make sense together are one *cluster*, named after its first erratum.\n",
        *(f"- **{name}**: {what}" for name, what in _SEVERITY.items()),
        "\n| erratum | | severity | status | reading | cluster |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| [{each.id}]({each.id}.md) | {cell(each.title)} | {each.severity} | {each.status} "
        f"| {each.reading} | {_cluster_link(each)} |"
        for each in ERRATA.values()
    ]
    lines += ["\n## Clusters\n", "| cluster | the amended text | errata |", "|---|---|---|"]
    lines += [
        f"| {cluster} | {cell(what)} | {', '.join(_link(each.id) for each in members(cluster))} |"
        for cluster, what in CLUSTERS.items()
    ]
    baseline = ", ".join(_link(each) for each in sorted(BASELINE))
    lines += [f"\nNothing runs without {baseline}: they are repaired in every edition."]
    return "\n".join(lines) + "\n"


def erratum_page(erratum: Erratum, scenarios: Sequence[Shown]) -> str:
    """``docs/reference/errata/E13.md``: the defect, its repair, and both shown.

    ``scenarios``: all that there are.  Must be called outside trio.
    """
    lines = [GENERATED, f"# {erratum.id}: {erratum.title}\n", *_facts(erratum)]
    lines += ["\n## The text\n", "| step | in our words |", "|---|---|"]
    lines += [
        f"| {in_text(step)} | {cell(STEPS[step].paraphrase) if step in STEPS else ''} |"
        for step in erratum.steps
    ]
    lines += ["\n## What it should say\n", erratum.amendment]
    lines += ["\n## How it is read\n", f"*{erratum.reading.capitalize()}*: "]
    lines[-1] += f"{_READING[erratum.reading]}. {erratum.why}"
    own = [each for each in scenarios if is_contrast(each.scenario.scenario, erratum)]
    others = [each for each in scenarios if erratum.id in each.scenario.source and each not in own]
    for each in own:
        lines += _contrast(erratum, each)
    if others:
        named = ", ".join(f"[{each.scenario.scenario}]({each.path})" for each in others)
        lines += ["\n## Other scenarios\n", named]
    return "\n".join(lines) + "\n"


def _facts(erratum: Erratum) -> Iterator[str]:
    yield f"- **Severity**: {erratum.severity}, {_SEVERITY[erratum.severity]} ({erratum.kind})"
    yield f"- **Status**: {erratum.status}" + _runs(erratum)
    if erratum.masked_by:
        yield f"- **Cannot be seen before** the repair of {_links(erratum.masked_by)}"
    if erratum.implies:
        yield f"- **Its repair needs** that of {_links(erratum.implies)}"
    upstream = TRACKERS.get(erratum.id, ())
    if upstream:
        links = ", ".join(f"[{n}]({REPOSITORY}/issues/{n})" for n in upstream)
        yield f"- **Upstream**: {links}"


def _runs(erratum: Erratum) -> str:
    parts = []
    if erratum.cluster:
        others = [each.id for each in members(erratum.cluster) if each is not erratum]
        together = f" with {_links(others)}" if others else ""
        what = CLUSTERS.get(erratum.cluster, "")
        parts.append(f"cluster {erratum.cluster}{together}" + (f": {what}" if what else ""))
    if erratum.choice:
        parts.append(f"choice [`{erratum.choice}`](../choices.md)")
    return f"; {'; '.join(parts)}" if parts else ""


def _contrast(erratum: Erratum, shown: Shown) -> Iterator[str]:
    """A scenario with and without the repair, or with the other answer to a choice."""
    scenario = shown.scenario
    yield f"\n## Shown by [{scenario.scenario}]({shown.path})\n"
    yield f"{scenario.title}.\n"
    literal, choices, options = _other_reading(erratum)
    if literal is AMENDED and not choices:
        yield "```sh"
        yield f"bgfetch explain {scenario.scenario}"
        yield "```"
        return
    left = walk(scenario, literal, choices)
    right = walk(scenario, AMENDED)
    if choices:  # both are the same edition: what was chosen tells them apart
        chosen = ", ".join(f"{key}={option}" for key, option in choices.items())
        left = _renamed(left, chosen)
    both = compare(left, right, (literal, AMENDED), "")
    yield from body(both, most=MOST)
    yield "\n```sh"
    yield f"bgfetch explain {scenario.scenario} {options}"
    yield "```"


def _renamed(left: Walk, edition: str) -> Walk:
    return msgspec.structs.replace(left, edition=edition)


def _other_reading(erratum: Erratum) -> tuple[Edition, dict[str, str], str]:
    """The reading to compare with the amended text, its choices, and the options that say so."""
    if erratum.cluster and erratum.cluster in CLUSTERS:
        return AMENDED.without(erratum.cluster), {}, f"--without {erratum.cluster} --compare"
    if erratum.choice in CHOICES:
        other = CHOICES[erratum.choice].options[1]
        return AMENDED, {erratum.choice: other}, f"--choose {erratum.choice}={other}"
    return AMENDED, {}, ""


def _cluster_link(erratum: Erratum) -> str:
    return _link(erratum.cluster) if erratum.cluster in ERRATA else erratum.cluster


def _links(names: Sequence[str]) -> str:
    return ", ".join(map(_link, names))


def _link(erratum: str) -> str:
    return f"[{erratum}]({erratum}.md)"


def pages(scenarios: Sequence[Shown]) -> Mapping[str, str]:
    """Every page of an erratum, and the index, by its path under ``docs/reference/errata``."""
    made = {f"{each.id}.md": erratum_page(each, scenarios) for each in ERRATA.values()}
    return {"index.md": index_page(), **made}
