"""The drivers of ``decide``."""

from __future__ import annotations

import pytest

from spec_model.choices import CHOICES, Choice
from spec_model.decide import Decide, Explain, outcomes
from spec_model.editions import AMENDED, AS_WRITTEN, UnknownCluster


def test_explain_answers_with_the_profile_else_the_first_option() -> None:
    assert Explain().choose("temporary-loss") == "permanent"
    assert Explain(profile={"temporary-loss": "temporary"}).choose("temporary-loss") == "temporary"


def test_explain_passes_over_an_answer_that_is_not_among_the_options() -> None:
    assert Explain(profile={"how": "sideways"}).choose("how", ("up", "down")) == "up"


def test_explain_remembers_the_steps() -> None:
    d = Explain()
    d.take("FETCH-1", "FETCH-2")
    d.take("FETCH-3")
    assert d.steps == ["FETCH-1", "FETCH-2", "FETCH-3"]


def test_explain_repairs_what_its_edition_repairs() -> None:
    assert Explain(AMENDED).repaired("E01")
    assert not Explain(AMENDED.without("E01")).repaired("E01")
    assert not Explain(AS_WRITTEN).repaired("E01")


def test_a_cluster_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownCluster, match="E99"):
        Explain().repaired("E99")


def meal(d: Decide) -> str:
    """Asks a second question only after one answer to the first."""
    d.take("FETCH-1")
    drink = d.choose("drink", ("tea", "wine"))
    if drink == "tea":
        return drink
    d.take("FETCH-2")
    return f"{drink} and {d.choose('dish', ('cheese', 'grapes', 'nothing'))}"


def test_outcomes_meets_every_combination_once_defaults_first() -> None:
    found = [each.value for each in outcomes(meal)]
    assert found[0] == "tea"
    assert sorted(found) == ["tea", "wine and cheese", "wine and grapes", "wine and nothing"]


def test_outcomes_remembers_the_steps_of_each() -> None:
    steps = {each.value: each.steps for each in outcomes(meal)}
    assert steps["tea"] == ("FETCH-1",)
    assert steps["wine and cheese"] == ("FETCH-1", "FETCH-2")


def choosy(d: Decide) -> str:
    return d.choose("temporary-loss") + " " + d.choose("changed-validator")


def test_outcomes_names_the_registered_choices_that_are_not_the_default() -> None:
    by_value = {each.value: each.choices for each in outcomes(choosy)}
    assert by_value["permanent fetch-error"] == frozenset()
    assert by_value["temporary restart"] == {
        "temporary-loss=temporary",
        "changed-validator=restart",
    }


def test_outcomes_keeps_to_what_is_admitted() -> None:
    admitted = frozenset({"temporary-loss=temporary"})
    found = [each.value for each in outcomes(choosy, admitted=admitted)]
    assert found == ["permanent fetch-error", "temporary fetch-error"]


@pytest.mark.parametrize("choice", CHOICES.values(), ids=lambda each: each.key)
def test_each_registered_choice_has_a_default_and_another_option(choice: Choice) -> None:
    assert len(choice.options) == len(set(choice.options)) >= 2
