"""Small pieces of English, and what is blamed in words."""

from __future__ import annotations

import msgspec
import pytest

from conformance import protocol as p
from conformance.judge.verdict import Cause
from conformance.report import words
from conformance.report.meaning import broken_at, seen_at, with_meaning
from tests.conformance.report.samples import violation


def test_numbers_are_grouped_and_agree_with_their_noun() -> None:
    assert words.count(1, "entry", "entries") == "1 entry"
    assert words.count(12_345, "entry", "entries") == "12,345 entries"


def test_what_is_too_long_is_cut_to_the_limit() -> None:
    assert words.clipped("abcd", 4) == "abcd"
    assert words.clipped("abcde", 4) == "abc…"


def test_more_alternatives_than_a_reader_wants_are_counted() -> None:
    assert words.alternatives("abcd") == "a; or b; or c; or d"
    assert words.alternatives("abcdef") == "a; or b; or c; or d; or 2 more"


def test_requests_with_another_method_are_counted_apart() -> None:
    requests = [p.RequestInit("/a"), p.RequestInit("/b", "POST"), p.RequestInit("/c")]
    assert words.requests_of(requests) == "3 requests (1 with POST)"


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        (p.Snapshot("f", 10, 4, 0, 0), '"f", 0 bytes down, 4 of 10 bytes up'),
        (p.Snapshot("f", 0, 4, 0, 0), '"f", 0 bytes down, 4 bytes up'),
        (p.Snapshot("f", 10, 0, 0, 0), '"f", 0 bytes down, 0 of 10 bytes up'),
        (
            p.Snapshot("f", failure_reason="aborted"),
            '"f", no result but aborted, 0 bytes down',
        ),
        (
            p.Snapshot("f", 0, 0, 2000, 1000, "success", records_available=False),
            '"f", success, 1,000 of 2,000 bytes down, records gone',
        ),
    ],
)
def test_of_a_registration_is_said_what_is_not_as_usual(snapshot: p.Snapshot, said: str) -> None:
    assert words.snapshot_of(snapshot) == said


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (p.Shown(), "nothing is displayed"),
        (p.Shown(True, "o", "Films"), '"Films" from o is displayed, offering nothing'),
        (
            p.Shown(True, "o", "Films", can_abort=True),
            '"Films" from o is displayed, offering abort',
        ),
        (
            p.Shown(True, "o", "Films", can_pause=True),
            '"Films" from o is displayed, offering pause',
        ),
        (
            p.Shown(True, "o", "Films", busy=True, dismissible=True, can_abort=True),
            '"Films" from o is displayed, busy, offering abort, dismiss',
        ),
    ],
)
def test_of_an_interface_is_said_what_it_offers(shown: p.Shown, said: str) -> None:
    assert words.interface_of(shown) == said


@pytest.mark.parametrize(
    ("settled", "said"),
    [
        (p.Settled("c", boolean=False), "fulfil with false"),
        (p.Settled("c", strings=["a", "b"]), 'fulfil with ["a", "b"]'),
        (p.Settled("c", event="e1"), "fulfil with event e1"),
        (p.Settled("c", instance="i1"), "fulfil with i1"),
        (p.Settled("c", error="TypeError"), "reject with TypeError"),
        (p.Settled("c"), "fulfil with undefined"),
    ],
)
def test_a_promise_settles_in_words(settled: p.Settled, said: str) -> None:
    assert words.value_of(settled) == said


# --- what is blamed -------------------------------------------------------------------


def test_a_step_is_named_with_its_words_and_no_full_stop() -> None:
    assert with_meaning("S06").startswith("S06 (In a success handler")
    assert with_meaning("S06").endswith(")") and not with_meaning("S06").endswith(".)")
    assert with_meaning("NOWHERE-1") == "NOWHERE-1"


def test_the_likeliest_causes_are_told_in_words_the_others_only_named() -> None:
    assert broken_at(violation()) == []
    names = ["RECORD-3", "RECORD-7", "RECORD-8", "ABORT-1", "GET-3"]

    def lines(number: int) -> list[str]:
        causes = tuple(Cause(name, "it were not there") for name in names[:number])
        near = Cause("PERFORM-6", "it came late", explains=False)
        return broken_at(msgspec.structs.replace(violation(), causes=(*causes, near)))

    assert lines(0) == ["broken at: undetermined, no single change of the text would explain it"]
    assert lines(1)[0].startswith("broken at: RECORD-3 (")
    assert lines(1)[0].endswith("), as if it were not there")
    assert [line.partition(": ")[0] for line in lines(3)] == ["broken at", "or at", "or at"]
    assert lines(4)[3:] == ["or at: ABORT-1"]
    assert lines(5)[3:] == ["or at: ABORT-1, GET-3"]


def test_what_a_difference_depends_on_is_not_what_explains_it() -> None:
    causes = (Cause("RECORD-3", "x"), Cause("PERFORM-6", "x", explains=False))
    seen, depends = seen_at(msgspec.structs.replace(violation(), causes=causes))
    assert seen.startswith("seen at: PERFORM-5.3 (")
    assert depends == "it depends on: PERFORM-6"
    nowhere = msgspec.structs.replace(violation(), blame=())
    assert seen_at(nowhere) == ["seen at: undetermined"]
