"""Two readings beside each other."""

from __future__ import annotations

import msgspec
import pytest

from conformance.explain.compare import compare
from conformance.explain.markdown import body, comparison_markdown
from conformance.explain.shape import (
    Comparison,
    Differs,
    Moment,
    Parting,
    Step,
    Task,
    Walk,
    decode,
    encode,
)
from conformance.explain.text import WIDE, between, comparison_text
from conformance.explain.walk import walk
from conformance.scenario.find import find
from conformance.scenario.load import load
from spec_model.editions import AMENDED, AS_WRITTEN, Edition

COMMAND = "bgfetch explain X --compare"


def both(scenario: str, left: Edition, right: Edition) -> Comparison:
    (path,) = [path for path in find() if path.stem == scenario]
    played = load(path)
    return compare(walk(played, left), walk(played, right), (left, right), COMMAND)


@pytest.fixture(scope="module")
def paused() -> Comparison:
    return both("E13", AMENDED.without("E13"), AMENDED)


def test_it_names_the_amendments_that_only_one_reading_has(paused: Comparison) -> None:
    assert [each.split(":")[0] for each in paused.between] == ["E13"]


def test_it_points_at_the_first_step_where_they_part(paused: Comparison) -> None:
    parting = paused.parting
    assert parting is not None
    assert (parting.moment, parting.happens) == (5, "page p1 calls a.abort()")
    assert parting.after == "ABORT-3.6"
    assert parting.right.startswith("takes RECORD-")


def test_it_says_what_only_one_of_them_shows(paused: Comparison) -> None:
    assert any(
        each.left is None and "gets backgroundfetchabort" in (each.right or "")
        for each in paused.observed
    )


def test_the_same_reading_twice_does_not_part() -> None:
    same = both("E13", AMENDED, AMENDED)
    assert (same.parting, same.observed, same.between) == (None, [], [])
    for text in (comparison_text(same, 80), comparison_markdown(same)):
        assert "no difference can be seen" in text


def test_on_a_wide_terminal_they_stand_beside_each_other(paused: Comparison) -> None:
    narrow, wide = comparison_text(paused, WIDE - 1), comparison_text(paused, WIDE)
    assert "--- amended\n" in narrow and " | " not in narrow
    rows = [line for line in wide.splitlines() if " | " in line]
    assert rows and all(len(row) <= WIDE for row in rows)
    assert rows[0].split("|")[1].strip() == "amended"
    alike = [row.split(" | ") for row in rows if "ABORT-3.6" in row]
    assert alike and all(left.strip() == right.strip() for left, right in alike)
    assert any(" ≠ " in line and "backgroundfetchabort" in line for line in wide.splitlines())


def test_what_is_alike_is_only_named(paused: Comparison) -> None:
    text = comparison_text(paused, 80)
    assert "Alike until then:\n1. page p1 calls fetch(" in text
    assert "FETCH-8.13 " not in text


def test_many_amendments_are_counted() -> None:
    text = comparison_text(both("E13", AS_WRITTEN, AMENDED), 80)
    assert "clusters of amendments (bgfetch list clusters)" in text


def test_in_markdown_it_is_a_table_and_a_diff(paused: Comparison) -> None:
    text = comparison_markdown(paused)
    assert "| seen with *amended - E13* | seen with *amended* |" in text
    diff = text.split("```diff\n")[1].split("```")[0].splitlines()
    assert diff[:2] == ["- amended - E13", "+ amended"]
    assert any(line.startswith("+") and "RECORD-" in line for line in diff)
    assert text.endswith(f"```sh\n{COMMAND}\n```\n")


def test_json_is_read_again_as_it_was_written(paused: Comparison) -> None:
    assert decode(encode(paused)) == paused


def told(*moments: Moment) -> Walk:
    return Walk(1, "x", "X", "D d", "c", "amended", "spec", {}, [], list(moments), [], COMMAND)


def test_where_one_has_gone_on_they_part_in_what_happened_before() -> None:
    seen = Task(steps=[Step("ABORT-1", "Take it.")], seen=["page p1 sees it"])
    more = Task(seen=["page p1 sees more"])
    left = told(Moment("first", [seen]), Moment("second"))
    right = told(Moment("first", [seen, more]), Moment("second"))
    parting = compare(left, right, (AMENDED, AMENDED), COMMAND).parting
    assert parting == Parting(
        1, "first", "ABORT-1", left="nothing more follows", right="page p1 sees more"
    )


def test_a_promise_that_only_one_settles_is_seen_at_the_end() -> None:
    pending = 'the promise of fetch("a") is still pending'
    left = msgspec.structs.replace(told(Moment("first")), end=[pending, "RECORD is at step 3"])
    both = compare(left, told(Moment("first")), (AMENDED, AMENDED), COMMAND)
    assert both.observed == [Differs(f"at the end {pending}", None)]
    assert both.parting == Parting(
        2, "nothing more happens", "", left=pending, right="nothing more follows"
    )


def test_four_amendments_are_named_and_five_counted(paused: Comparison) -> None:
    names = ["E01: a", "E02: b", "E03: c", "E04: d", "E05: e"]
    four, five = (msgspec.structs.replace(paused, between=names[:n]) for n in (4, 5))
    assert between(four) == names[:4]
    assert between(five) == ["5 clusters of amendments (bgfetch list clusters)"]


def test_where_they_part_is_said_with_the_step_before(paused: Comparison) -> None:
    assert "They part in 5. page p1 calls a.abort(), after ABORT-3.6.\n" in comparison_text(
        paused, 80
    )


def test_in_markdown_what_is_told_cannot_break_the_table(paused: Comparison) -> None:
    seen = [Differs("a | b", None), Differs("<b>", "x*y")]
    text = comparison_markdown(msgspec.structs.replace(paused, observed=seen))
    assert "| a \\| b | (nothing) |\n| &lt;b> | x\\*y |\n" in text
    none = comparison_markdown(msgspec.structs.replace(paused, observed=[]))
    assert "\nNo page, worker or server sees a difference.\n" in none


def test_of_a_long_diff_the_beginning_is_shown_and_the_rest_counted(paused: Comparison) -> None:
    whole = list(body(paused))
    diff = whole[whole.index("```diff") + 1 : -1]
    assert len(diff) > 5
    short = list(body(paused, most=5))
    assert short[short.index("```diff") + 1 :] == [
        *diff[:5],
        f"  … and {len(diff) - 5} lines more",
        "```",
    ]
    assert "-  → RECORD of record 1 is at step 3, before a request" in diff


def test_where_one_is_over_they_part_in_what_only_the_other_has() -> None:
    longer = told(Moment("first"), Moment("second"))
    both = compare(told(Moment("first")), longer, (AMENDED, AMENDED), COMMAND)
    assert both.parting == Parting(2, "second", "", left="nothing more follows", right="second")
    assert "They part in 2. second.\n" in comparison_text(both, 80)
