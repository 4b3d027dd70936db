"""What changed between two states, by their structure."""

from __future__ import annotations

import attrs

from conformance.explain.delta import ABSENT, Changed, Grammar


@attrs.frozen
class Row:
    name: str
    value: int = 0


@attrs.frozen
class Span:
    low: int
    high: int


@attrs.frozen
class World:
    rows: tuple[Row, ...] = ()
    queue: tuple[str, ...] = ()
    queues: tuple[tuple[str, ...], ...] = ()
    places: tuple[int, ...] = ()
    words: frozenset[str] = frozenset()
    span: Span = Span(0, 0)


GRAMMAR = Grammar({"queue", "queues"}, (Span,))


def changes(old: World, new: World) -> list[Changed]:
    return list(GRAMMAR.changes(old, new))


def test_equal_states_have_no_change() -> None:
    assert changes(World((Row("a"),)), World((Row("a"),))) == []


def test_rows_are_matched_by_name_wherever_they_stand() -> None:
    old, new = World((Row("a", 1), Row("b", 2))), World((Row("b", 3), Row("c", 4)))
    assert changes(old, new) == [
        Changed(("rows", "a"), Row("a", 1), ABSENT),
        Changed(("rows", "b", "value"), 2, 3),
        Changed(("rows", "c"), ABSENT, Row("c", 4)),
    ]


def test_from_a_queue_a_head_leaves_and_a_tail_joins() -> None:
    assert changes(World(queue=("a", "b")), World(queue=("b", "c"))) == [
        Changed(("queue",), "a", ABSENT),
        Changed(("queue",), ABSENT, "c"),
    ]


def test_from_a_queue_something_may_leave_that_is_not_the_head() -> None:
    assert changes(World(queue=("a", "b", "c")), World(queue=("a", "c"))) == [
        Changed(("queue",), "b", ABSENT)
    ]


def test_equal_items_in_a_queue_are_not_mixed_up() -> None:
    assert changes(World(queue=("a", "a")), World(queue=("a",))) == [
        Changed(("queue",), "a", ABSENT)
    ]


def test_a_field_of_queues_has_each_at_its_place() -> None:
    assert changes(World(queues=(("a",), ())), World(queues=((), ("b",)))) == [
        Changed(("queues", 0), "a", ABSENT),
        Changed(("queues", 1), ABSENT, "b"),
    ]


def test_things_without_a_name_are_matched_by_place() -> None:
    assert changes(World(places=(1, 2)), World(places=(1, 3, 4))) == [
        Changed(("places", 1), 2, 3),
        Changed(("places", 2), ABSENT, 4),
    ]


def test_members_of_a_set_come_and_go() -> None:
    assert changes(World(words=frozenset("ab")), World(words=frozenset("bc"))) == [
        Changed(("words",), "a", ABSENT),
        Changed(("words",), ABSENT, "c"),
    ]


def test_a_leaf_changes_as_a_whole() -> None:
    assert changes(World(span=Span(0, 1)), World(span=Span(0, 2))) == [
        Changed(("span",), Span(0, 1), Span(0, 2))
    ]
