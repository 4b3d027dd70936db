"""The live explanations of an acceptor in words: where everything is, and what may come next."""

from __future__ import annotations

import attrs

from conformance.judge.acceptor import Acceptor
from conformance.judge.hypothesis import Hypothesis
from conformance.judge.inputs import ENQUEUED, READING, TOO_LATE
from conformance.judge.words import call_name, due_text, outcome, place
from spec_model.background_fetch import BackgroundFetch

MOST_TOLD = 8
"""Explanations that are told one by one; the others are counted."""


@attrs.frozen
class Told:
    """One explanation.

    ``fetches`` with their records; ``waiting``: inputs that have not taken effect;
    ``due``: outputs that nobody has seen; ``owed``: what must come before it can rest,
    each with its step; ``next``: what it would admit.
    """

    choices: tuple[str, ...]
    fetches: tuple[str, ...]
    waiting: tuple[str, ...]
    due: tuple[str, ...]
    owed: tuple[str, ...]
    next: tuple[str, ...]

    def lines(self) -> list[str]:
        """For a reader."""
        told = [f"choices: {', '.join(self.choices) or 'none but defaults'}", *self.fetches]
        for name, items in (
            ("not in effect yet", self.waiting),
            ("due", self.due),
            ("owed before it can rest", self.owed),
            ("allowed next", self.next),
        ):
            told.append(f"{name}: {'; '.join(items) or 'nothing'}")
        return told


def tell(acceptor: Acceptor) -> tuple[Told, ...]:
    """The first explanations, those with the fewest choices before others."""
    ranked = sorted(acceptor.hypotheses, key=lambda h: (len(h.choices), sorted(h.choices)))
    return tuple(_told(acceptor, each) for each in ranked[:MOST_TOLD])


def _told(acceptor: Acceptor, hypothesis: Hypothesis) -> Told:
    facts = acceptor.facts
    waiting = []
    for ref in hypothesis.pending:
        if ref.startswith(ENQUEUED):
            fetch = hypothesis.fetch(int(ref.removeprefix(TOO_LATE).removeprefix(ENQUEUED)))
            waiting.append(f"the user's abort of {fetch.id!r}, in the edit queue")
        elif ref.startswith(READING):
            waiting.append(f"{call_name(facts.calls[ref[1:]])}, whose bodies are being read")
        else:
            command = facts.command(ref)
            name = call_name(command)
            waiting.append(type(command).__name__.lower() if name == "a call" else name)
    due = [due_text(each, facts.calls.get(each.ref)) for each in hypothesis.due]
    following = dict.fromkeys(acceptor.rest.could_come(hypothesis))
    return Told(
        choices=tuple(sorted(hypothesis.choices)),
        fetches=tuple(_fetch(hypothesis, fetch) for fetch in hypothesis.agent.fetches),
        waiting=tuple(waiting),
        due=tuple(due),
        owed=acceptor.rest.owed(hypothesis),
        next=tuple(following),
    )


def _fetch(hypothesis: Hypothesis, fetch: BackgroundFetch) -> str:
    words = [fetch.phase.name.lower().replace("_", " ")]
    words += ["paused"] if fetch.paused else []
    words += [f"abort-all set by {fetch.abort}"] if fetch.abort else []
    words += [outcome(fetch.result, fetch.failure_reason)] if fetch.settled else []
    words += [] if fetch.in_map else ["not in the map of active fetches"]
    records = []
    for spec, locals_ in zip(fetch.requests, hypothesis.records[fetch.index], strict=True):
        may = []
        for record in locals_:
            stored = record.stored
            size = str(stored.lo) if stored.lo == stored.hi else f"{stored.lo} to {stored.hi}"
            may.append(f"{place(record)}, {size} bytes before this answer")
        records.append(f"{spec.method} {spec.url} is {' or '.join(sorted(set(may)))}")
    return f"{fetch.id!r}: {', '.join(words)}; {'; '.join(records)}"
