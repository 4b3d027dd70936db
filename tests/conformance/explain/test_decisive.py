"""Which errata and choices matter in a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.explain.decisive import decisive
from conformance.explain.shape import Decides
from spec_model.decide import Decide, Explain
from spec_model.editions import AMENDED, CLUSTERS, Edition


def told(
    again: Callable[[Decide], str],
    edition: Edition = AMENDED,
    profile: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    chosen = profile or {}
    found = decisive(again, again(Explain(edition, chosen)), edition, chosen)
    return [(each.what, each.key) for each in found]


def uses_e13(d: Decide) -> str:
    return "over" if d.repaired("E13") else "waits"


def test_an_amendment_without_which_another_state_comes_out_is_told() -> None:
    assert told(uses_e13) == [("repair", "E13")]


def test_a_defect_that_stands_is_told_as_one() -> None:
    assert told(uses_e13, AMENDED.without("E13")) == [("defect", "E13")]


def test_an_amendment_that_changes_nothing_here_is_not_told() -> None:
    def asks_and_forgets(d: Decide) -> str:
        d.repaired("E13")
        return "same"

    assert told(asks_and_forgets) == []


def test_a_choice_is_told_with_the_options_that_matter() -> None:
    def ids(d: Decide) -> str:
        return d.choose("id-order")

    assert list(decisive(ids, "insertion", AMENDED, {})) == [
        Decides("choice", "id-order", "insertion (or by-text)")
    ]
    assert told(ids, profile={"id-order": "by-text"}) == [("choice", "id-order")]


def test_a_reading_that_cannot_be_in_this_state_is_another_one() -> None:
    def impossible(d: Decide) -> str:
        assert d.repaired("E13")
        return "fine"

    assert told(impossible) == [("repair", "E13")]


def test_it_is_said_in_words() -> None:
    words = CLUSTERS["E13"]
    assert Decides("repair", "E13", words).sentence == f"E13 is repaired here: {words}"
    assert Decides("defect", "E13", words).sentence == f"E13 is felt here; repaired: {words}"
