"""What is remembered changes no verdict, and what is seen without effect needs no new look."""

from __future__ import annotations

import attrs
import pytest

from conformance.judge.acceptor import Acceptor
from conformance.judge.hypothesis import Hypothesis
from conformance.judge.memory import Memory, Shelf
from conformance.trace import Trace
from conformance.trials.campaigns import ANY, logs, run
from conformance.trials.mutate import spoilt
from spec_model.editions import AMENDED


def judged(trace: Trace, admitted: frozenset[str] | None, memory: Memory) -> Acceptor:
    acceptor = Acceptor(AMENDED, admitted, memory=memory)
    for entry in trace.entries:
        acceptor.feed(entry)
    return acceptor


def shown(acceptor: Acceptor) -> tuple[int | None, frozenset[Hypothesis]]:
    rejected = None if acceptor.rejection is None else acceptor.rejection.index
    return rejected, frozenset(acceptor.hypotheses)


@pytest.mark.parametrize("profile", ["spec", ANY])
def test_a_memory_of_other_traces_changes_nothing(profile: str) -> None:
    memory = Memory()
    for number in range(1, 7):
        one = run(profile, number)
        assert one is not None
        for trace in [*logs(one), *(mutant.trace for mutant in spoilt(one.trace))][:20]:
            alone = judged(trace, one.admitted, Memory(most=0))
            assert shown(judged(trace, one.admitted, memory)) == shown(alone)


def test_what_was_asked_on_other_terms_is_another_question() -> None:
    memory = Memory()
    assert memory.shelf("some terms").recall("question", lambda: 1) == 1
    assert memory.shelf("other terms").recall("question", lambda: 2) == 2
    assert memory.shelf("some terms").recall("question", lambda: 3) == 1


def test_a_full_shelf_is_emptied() -> None:
    shelf = Shelf(most=2)
    for number in range(3):
        shelf.recall(number, lambda: "old")
    assert shelf.recall(0, lambda: "new") == "new"


@attrs.define
class Diligent(Acceptor):
    """One that looks for moves after every entry."""

    def _only_seen(self, after: list[Hypothesis]) -> bool:
        return False


def test_where_something_due_was_seen_nothing_else_can_have_moved() -> None:
    memory, skipped = Memory(), 0
    for number in range(12):
        one = run("spec", number)
        assert one is not None
        for trace in [*logs(one), *(mutant.trace for mutant in spoilt(one.trace))][:20]:
            usual, diligent = (
                kind(AMENDED, one.admitted, memory=memory) for kind in (Acceptor, Diligent)
            )
            for entry in trace.entries:
                usual.feed(entry)
                diligent.feed(entry)
                skipped += usual.hypotheses != diligent.hypotheses
            assert (usual.rejection is None) == (diligent.rejection is None)
    assert skipped
