"""Profiles are data, and what they name exists."""

from __future__ import annotations

import pytest

from spec_model import profiles
from spec_model.choices import CHOICES
from spec_model.decide import Explain

ONE = """
[mine]
title = "mine"
source = "my notes"
[mine.choices.{key}]
option = "{option}"
source = "seen"
"""


def test_the_text_itself_is_a_profile_without_an_entry() -> None:
    assert profiles.get("spec").choices == {}


def test_every_entry_says_where_it_was_seen() -> None:
    for profile in profiles.PROFILES.values():
        assert profile.title and profile.source
        assert profile.sources.keys() == profile.choices.keys()
        assert all(profile.sources.values())


def test_a_profile_answers_what_the_model_asks() -> None:
    mine = profiles.loads(ONE.format(key="id-order", option="by-text"))["mine"]
    assert Explain(profile=mine.choices).choose("id-order") == "by-text"


def test_a_profile_answers_its_own_options_and_the_defaults() -> None:
    mine = profiles.loads(ONE.format(key="id-order", option="by-text"))["mine"]
    assert mine.answers("id-order=by-text")
    assert not mine.answers("id-order=insertion")
    assert mine.answers("start-quota=checked")
    assert not mine.answers("start-quota=unchecked")


def test_what_may_differ_from_run_to_run_is_no_question_of_the_profile() -> None:
    assert CHOICES["which-failure"].kind == "per-run"
    assert profiles.get("spec").answers("which-failure=another")


@pytest.mark.parametrize(
    ("key", "option", "said"),
    [("id-oder", "by-text", "no choice is called id-oder"), ("id-order", "up", "insertion")],
)
def test_a_choice_or_option_that_does_not_exist_is_an_error(
    key: str, option: str, said: str
) -> None:
    with pytest.raises(profiles.BadProfile, match=said):
        profiles.loads(ONE.format(key=key, option=option))


def test_an_unknown_profile_is_said_with_those_that_there_are() -> None:
    with pytest.raises(profiles.UnknownProfile, match="there are spec, chromium"):
        profiles.get("netscape")


def test_the_profiles_that_are_known() -> None:
    assert list(profiles.PROFILES) == ["spec", "chromium", "webkit", "m72", "edgedoc"]


def test_no_two_profiles_but_the_one_of_a_document_are_the_same_user_agent() -> None:
    def answers(name: str) -> dict[str, str]:
        own = profiles.get(name).choices
        return {key: own.get(key, each.options[0]) for key, each in CHOICES.items()}

    distinct = [answers(name) for name in ("spec", "chromium", "webkit", "m72")]
    assert all(distinct.count(each) == 1 for each in distinct)
    assert answers("edgedoc") == answers("spec")
