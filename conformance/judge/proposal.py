"""Writes the expectation file that a run suggests.

A proposal is for a human to finish: known reasons are kept, a new entry has an
empty reason, and ``expectations.read`` refuses an empty reason.  So nobody
accepts a difference without saying why.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from conformance.judge.expectations import CONFORMING, UNDECIDED, Compared, Comparison, Expectations
from conformance.judge.expectations import contains as contains_version
from conformance.judge.verdict import Verdict


def propose(comparison: Comparison, expectations: Expectations, version: str) -> str:
    """The text of a file that would make this run one as expected, but for the reasons.

    Entries for scenarios or versions that were not run are kept; stale ones, and
    those whose scenario conforms now, are left out.  What has no verdict is no
    difference, so nothing is proposed for it.
    """
    tested = str(expectations.tested) if comparison.tested else ""
    head = [
        f"implementation = {_text(expectations.implementation)}",
        f"tested = {_text(tested or f'=={version}')}",
        "",
    ]
    seen: dict[str, list[Compared]] = {}
    for one in comparison.compared:
        seen.setdefault(one.judgement.scenario, []).append(one)
    blocks = []
    for entry in expectations.entries:
        ran = entry.scenario in seen and contains_version(entry.versions, version)
        if entry not in comparison.stale and not ran:
            blocks.append(
                _block(
                    entry.scenario, entry.outcomes, entry.blame, str(entry.versions), entry.reason
                )
            )
    blocks += [block for scenario, group in seen.items() if (block := _suggest(scenario, group))]
    return "\n".join(head + blocks)


def _suggest(scenario: str, group: list[Compared]) -> str:
    entry = group[0].entry
    decided = [one.judgement for one in group if one.judgement.verdict not in UNDECIDED]
    if entry is not None and all(entry.admits(judgement) for judgement in decided):
        return _block(scenario, entry.outcomes, entry.blame, str(entry.versions), entry.reason)
    outcomes = frozenset(judgement.verdict for judgement in decided)
    if outcomes <= CONFORMING | {Verdict.UNSUPPORTED}:
        return ""
    blame = [step for judgement in decided for step in judgement.blame]
    versions = str(entry.versions) if entry else ""
    return _block(scenario, outcomes, blame, versions, entry.reason if entry else "")


def _block(
    scenario: str, outcomes: frozenset[Verdict], blame: Iterable[str], versions: str, reason: str
) -> str:
    lines = ["[[expected]]", f"scenario = {_text(scenario)}"]
    if len(outcomes) > 1:
        names = ", ".join(_text(name) for name in sorted(one.value for one in outcomes))
        lines += ["flaky = true", f"outcomes = [{names}]"]
    elif outcomes != {Verdict.VIOLATES}:
        lines.append(f"verdict = {_text(next(iter(outcomes)).value)}")
    if Verdict.VIOLATES in outcomes:
        lines.append(f"blame = [{', '.join(map(_text, sorted(set(blame))))}]")
    if versions:
        lines.append(f"versions = {_text(versions)}")
    lines.append(f"reason = {_text(reason)}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, escapes included.
    return msgspec.json.encode(value).decode()
