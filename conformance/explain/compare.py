"""Two walks of one scenario: where they part, and what a script sees differently."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import attrs

from conformance.explain.shape import VERSION, Comparison, Differs, Parting, Walk
from spec_model.editions import CLUSTERS, Edition


@attrs.frozen
class _Token:
    """One thing of a walk: ``moment`` counts from 1, ``step`` is the last one taken by then."""

    text: str
    moment: int
    happens: str
    step: str


def compare(left: Walk, right: Walk, editions: tuple[Edition, Edition], command: str) -> Comparison:
    """Both walks, and how they differ."""
    return Comparison(
        version=VERSION,
        left=left,
        right=right,
        between=[
            f"{cluster}: {CLUSTERS[cluster]}"
            for cluster in CLUSTERS
            if editions[0].repairs(cluster) != editions[1].repairs(cluster)
        ],
        parting=_parting(left, right),
        observed=list(_observed(_seen(left), _seen(right))),
        command=command,
    )


def _parting(left: Walk, right: Walk) -> Parting | None:
    """The first place where one does what the other does not."""
    before: _Token | None = None
    for one, other in zip_longest(_tokens(left), _tokens(right)):
        if one is not None and other is not None and one.text == other.text:
            before = one
            continue
        here = one or other
        assert here is not None
        if before is not None and one is not None and other is not None:
            if one.moment != other.moment:
                here = before  # one of them has gone on to what happens next
        return Parting(
            here.moment,
            here.happens,
            before.step if before is not None else "",
            _does(one, here.moment),
            _does(other, here.moment),
        )
    return None


def _does(token: _Token | None, moment: int) -> str:
    if token is None or token.moment != moment:
        return "nothing more follows"
    return token.text


def _tokens(walk: Walk) -> Iterator[_Token]:
    step = ""
    for number, moment in enumerate(walk.moments, 1):
        yield _Token(moment.happens, number, moment.happens, step)
        for task in moment.tasks:
            texts = [task.runs] if task.runs else []
            for text in texts:
                yield _Token(text, number, moment.happens, step)
            for each in task.steps:
                yield _Token(f"takes {each.id}: {each.says}", number, moment.happens, step)
                step = each.id
            for text in [*(each.sentence for each in task.changes), *task.seen]:
                yield _Token(text, number, moment.happens, step)
    for text in walk.end:
        yield _Token(text, len(walk.moments) + 1, "nothing more happens", step)


def _seen(walk: Walk) -> list[str]:
    """All that is observed, in order, and what is still waited for at the end."""
    seen = [text for moment in walk.moments for task in moment.tasks for text in task.seen]
    return [*seen, *(f"at the end {text}" for text in walk.end if text.startswith("the promise"))]


def _observed(left: Sequence[str], right: Sequence[str]) -> Iterator[Differs]:
    matcher = difflib.SequenceMatcher(a=left, b=right, autojunk=False)
    for how, a, b, c, d in matcher.get_opcodes():
        if how != "equal":
            for one, other in zip_longest(left[a:b], right[c:d]):
                yield Differs(one, other)
