"""Components that nothing leaves."""

from __future__ import annotations

from conformance.explore.components import bottom_components


def rows(*targets: tuple[int, ...]) -> tuple[list[int], list[int]]:
    starts = [0]
    flat: list[int] = []
    for each in targets:
        flat += each
        starts.append(len(flat))
    return starts, flat


def found(*targets: tuple[int, ...]) -> list[list[int]]:
    return sorted(sorted(each) for each in bottom_components(*rows(*targets)))


def test_a_node_without_edges_is_a_component_that_nothing_leaves() -> None:
    assert found((1,), ()) == [[1]]


def test_a_cycle_is_one_component() -> None:
    assert found((1,), (2,), (1,)) == [[1, 2]]


def test_a_cycle_that_can_be_left_is_none() -> None:
    assert found((1,), (0, 2), ()) == [[2]]


def test_several_ends_are_several_components() -> None:
    assert found((1, 2), (1,), (3,), (2,)) == [[1], [2, 3]]


def test_a_path_of_a_hundred_thousand_nodes_does_not_exhaust_the_stack() -> None:
    size = 100_000
    assert found(*((n + 1,) for n in range(size)), ()) == [[size]]
