"""Writes the expectation file that a run suggests.

A proposal is for a human to finish: known reasons are kept, a new entry has an
empty reason, and ``expectations.read`` refuses an empty reason.  So nobody
accepts a difference without saying why.

It is made of the file's own text, so that a comparison of the two shows what is
proposed and nothing else: an entry that stays is not rewritten, nor the comments
above it, and a new one comes before the first whose scenario follows in the alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from conformance.judge.expectations import (
    CONFORMING,
    UNDECIDED,
    Compared,
    Comparison,
    Expectations,
    Expected,
)
from conformance.judge.verdict import Judgement, Verdict


def propose(comparison: Comparison, expectations: Expectations, version: str) -> str:
    """The text of a file that would make this run one as expected, but for the reasons.

    Entries for scenarios or versions that were not run are kept; stale ones, and
    those whose scenario conforms now, are left out.  What has no verdict is no
    difference, so nothing is proposed for it.
    """
    head, texts = _parts(expectations)
    if not comparison.tested or not head:
        head = _tested(head or f"implementation = {_text(expectations.implementation)}\n", version)
    seen: dict[str, list[Compared]] = {}
    for one in comparison.compared:
        seen.setdefault(one.judgement.scenario, []).append(one)
    blocks = []
    for entry, text in zip(expectations.entries, texts, strict=True):
        group = seen.get(entry.scenario, [])
        block = _again(entry, text, group) if group and group[0].entry == entry else text
        if block and entry not in comparison.stale:
            blocks.append((entry.scenario, block))
    for scenario, group in seen.items():
        if group[0].entry is None and (block := _block(scenario, _decided(group))):
            later = (i for i, (other, _) in enumerate(blocks) if other > scenario)
            blocks.insert(next(later, len(blocks)), (scenario, block))
    return _joined([head, *(block for _, block in blocks)])


def _parts(expectations: Expectations) -> tuple[str, list[str]]:
    """The file's text before its entries, and that of each entry with the comment above it."""
    lines = expectations.text.splitlines(keepends=True)
    starts = []
    for entry in expectations.entries:
        at = entry.line - 1
        while at > 0 and lines[at - 1].startswith("#"):
            at -= 1
        starts.append(at)
    bounds = [*starts, len(lines)]
    head = "".join(lines[: bounds[0]])
    return head, ["".join(lines[a:b]) for a, b in pairwise(bounds)]


def _tested(head: str, version: str) -> str:
    """The head with the version that was run as the one that was looked at."""
    line = f"tested = {_text(f'=={version}')}"
    changed, found = re.subn(r"^tested\s*=.*$", lambda _: line, head, flags=re.MULTILINE)
    return changed if found else f"{head.rstrip()}\n{line}\n"


def _joined(parts: list[str]) -> str:
    """One file: a blank line before each entry, more where the file has more."""
    spaced = [part if part.endswith("\n\n") else f"{part.rstrip()}\n\n" for part in parts]
    return "".join(spaced).rstrip() + "\n"


def _decided(group: list[Compared]) -> list[Judgement]:
    return [one.judgement for one in group if one.judgement.verdict not in UNDECIDED]


def _again(entry: Expected, text: str, group: list[Compared]) -> str:
    """The text of an entry after a run; the same where the run was what it says."""
    decided = _decided(group)
    if all(entry.admits(judgement) for judgement in decided):
        return text
    above, _, own = text.partition("[[expected]]")
    block = _block(entry.scenario, decided, entry)
    versions = re.findall(r"^versions\s*=.*$", own, flags=re.MULTILINE)
    return "\n".join([above + block, *versions]) if block else ""


def _block(scenario: str, decided: list[Judgement], entry: Expected | None = None) -> str:
    """An entry for what was seen; where it was seen otherwise before, in a flaky one, for both."""
    outcomes = {judgement.verdict for judgement in decided}
    if outcomes <= CONFORMING | {Verdict.UNSUPPORTED}:
        return ""
    blames = {frozenset(j.blame) for j in decided if j.verdict is Verdict.VIOLATES}
    flaky = len(outcomes) > 1 or len(blames) > 1
    if entry is not None and entry.flaky:
        flaky, outcomes, blames = True, outcomes | entry.outcomes, blames | {entry.blame}
    lines = ["[[expected]]", f"scenario = {_text(scenario)}"]
    if not flaky and outcomes != {Verdict.VIOLATES}:
        lines.append(f"verdict = {_text(next(iter(outcomes)).value)}")
    if Verdict.VIOLATES in outcomes:
        lines.append(f"blame = {_list(sorted(frozenset().union(*blames)))}")
    if flaky:
        lines += ["flaky = true", f"outcomes = {_list(o.value for o in Verdict if o in outcomes)}"]
    lines.append(f"reason = {_text(entry.reason if entry else '')}")
    return "\n".join(lines)


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, words))}]"


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, escapes included.
    return msgspec.json.encode(value).decode()
