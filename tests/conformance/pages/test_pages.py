"""The generated pages say what the tables and the walks say."""

from __future__ import annotations

import re

import pytest

from conformance.docs import pages
from spec_model import steps
from spec_model.choices import CHOICES
from spec_model.errata import ERRATA
from spec_model.profiles import PROFILES
from spec_model.trackers import TRACKERS


def page(name: str) -> str:
    return pages()[f"reference/{name}"]


def test_every_step_has_a_row_with_its_code_or_the_reason_why_it_has_none() -> None:
    text = page("steps.md")
    rows = {match[1]: match[0] for match in re.finditer(r"^\| \[([A-Za-z0-9.-]+)\].*$", text, re.M)}
    assert rows.keys() == steps.STEPS.keys()
    for step, row in rows.items():
        assert ("not modelled" in row) == (step in steps.NOT_MODELLED), step
    for step, why in steps.NOT_MODELLED.items():
        assert f"| {step} | " in text and why.replace("|", "\\|") in text


def test_a_row_leads_to_the_function_the_scenarios_and_the_errata() -> None:
    (row,) = [line for line in page("steps.md").splitlines() if line.startswith("| [RECORD-3]")]
    assert "[complete_record.py:start](../../spec_model/complete_record.py)" in row
    assert "[E13](../../scenarios/errata/E13.yaml)" in row
    assert "[E13](errata/E13.md)" in row


def test_a_page_of_our_own_code_has_no_line_numbers() -> None:
    assert not re.search(r"\w\.py:\d", page("steps.md"))


def test_every_erratum_has_a_page_that_the_index_links_to() -> None:
    index = page("errata/index.md")
    for each in ERRATA.values():
        text = page(f"errata/{each.id}.md")
        assert f"]({each.id}.md)" in index
        assert f"# {each.id}: {each.title}\n" in text
        assert each.amendment in text and each.why in text


def test_an_erratum_with_a_scenario_shows_where_both_readings_part() -> None:
    text = page("errata/E13.md")
    assert "They part in moment 5" in text
    assert "- amended - E13\n+ amended\n" in text
    assert "bgfetch explain E13 --without E13 --compare" in text


def test_a_long_diff_is_cut() -> None:
    for name, text in pages().items():
        if name.startswith("reference/errata/E"):
            for diff in text.split("```diff\n")[1:]:
                assert len(diff.split("```")[0].splitlines()) <= 81, name


@pytest.mark.parametrize("erratum", TRACKERS)
def test_a_tracker_belongs_to_an_erratum_and_is_linked(erratum: str) -> None:
    text = page(f"errata/{erratum}.md")
    for number in TRACKERS[erratum]:
        assert f"https://github.com/WICG/background-fetch/issues/{number})" in text


def test_every_choice_and_profile_is_there() -> None:
    assert all(f"| `{key}` |" in page("choices.md") for key in CHOICES)
    assert all(f"## {name}\n" in page("profiles.md") for name in PROFILES)
