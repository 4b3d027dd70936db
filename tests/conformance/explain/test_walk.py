"""A scenario told moment by moment."""

from __future__ import annotations

import msgspec
import pytest

from conformance.explain.lines import whole
from conformance.explain.markdown import walk_markdown
from conformance.explain.shape import Decides, Moment, Step, Task, Walk, decode, encode
from conformance.explain.text import walk_text
from conformance.explain.walk import walk
from conformance.scenario.find import find
from conformance.scenario.load import load, loads
from spec_model.editions import AMENDED, AS_WRITTEN

SCENARIO = loads("""
scenario: four-oh-four
title: A 404
source: [E01]
world:
  quota: 5000
  resources:
    /film: {attempts: [{status: 404, body: 20}]}
worker:
  on:
    backgroundfetchfail:
      - match_all: {on: event, as: films}
      - read: {records: films}
script:
  - fetch: {id: a, requests: [/film], as: season}
  - until: {shows: season, closed: true}
  - look: {on: season, as: at-end}
  - quiet: true
""")


@pytest.fixture(scope="module")
def told() -> Walk:
    return walk(SCENARIO, AMENDED, command="bgfetch explain four-oh-four")


def tasks(told: Walk) -> list[Task]:
    return [task for moment in told.moments for task in moment.tasks]


def test_a_moment_begins_with_what_somebody_does(told: Walk) -> None:
    assert [moment.happens for moment in told.moments] == [
        'page p1 calls fetch("a", [/film])',
        "the server answers /film with 404",
        "the server has sent 20 bytes of /film",
        "the server ends its answer to /film",
        "the worker calls event.registration.matchAll()",
        "the worker awaits responseReady of /film and reads its body",
        "the worker resolves the promise given to event.waitUntil()",
    ]


def test_steps_come_with_words_and_are_counted(told: Walk) -> None:
    steps = {step.id: step for task in tasks(told) for step in task.steps}
    assert "active map" in steps["FETCH-8.13"].says
    assert [step.times for task in tasks(told) for step in task.steps if step.id == "FETCH-6"] == [
        1
    ]


def test_a_change_stands_in_the_task_whose_steps_made_it(told: Walk) -> None:
    (settling,) = [
        task for task in tasks(told) if any(step.id == "PERFORM-8.5.1" for step in task.steps)
    ]
    assert settling.runs == 'edit queue runs: settle bg "a" (PERFORM-8)'
    sentences = [change.sentence for change in settling.changes]
    assert 'bg "a".result: "" → failure' in sentences
    assert 'bg "a".failure reason: "" → bad-status' in sentences


def test_a_slot_of_a_record_changes_in_the_words_of_the_text(told: Walk) -> None:
    sentences = [change.sentence for task in tasks(told) for change in task.changes]
    assert 'record 1.result: "" → bad-status' in sentences
    assert "record 1.bytes: 0 → 20" in sentences
    assert "record 1.response: null → a 404 response" in sentences
    assert 'inst "a" (page p1).result: "" → failure' in sentences


def test_an_observation_stands_in_the_task_that_showed_it(told: Walk) -> None:
    (showing,) = [
        task
        for task in tasks(told)
        if any("gets backgroundfetchfail" in text for text in task.seen)
    ]
    assert "PERFORM-8.13" in [step.id for step in showing.steps]


def test_objects_have_the_names_of_the_script(told: Walk) -> None:
    seen = [text for task in tasks(told) for text in task.seen]
    assert 'page p1 sees fetch() fulfil with season: "a", 0 bytes down' in seen


def test_what_a_wait_of_the_script_looks_at_is_no_observation(told: Walk) -> None:
    seen = [text for task in tasks(told) for text in task.seen]
    looks = [text for text in seen if text.startswith('page p1 sees "a"')]
    assert looks == ['page p1 sees "a", failure (bad-status), 20 bytes down, records gone']


def test_the_world_is_told_where_it_is_not_as_usual(told: Walk) -> None:
    assert told.world == ["quota of 5,000 bytes"]


def test_nothing_waits_at_the_end_of_a_fetch_that_is_over(told: Walk) -> None:
    assert told.end == []


def test_what_still_waits_is_said_at_the_end() -> None:
    stuck = walk(next(load(path) for path in find() if path.stem == "E13"), AMENDED.without("E13"))
    assert stuck.end == [
        'PERFORM of bg "a" is at step 6, for its records',
        "RECORD of record 1 is at step 3, before a request",
    ]


def test_another_reading_tells_another_story() -> None:
    text = walk_text(walk(SCENARIO, AMENDED.without("E01")))
    assert "gets backgroundfetchsuccess" in text
    assert "edition  amended - E01" in text


def test_a_choice_is_told() -> None:
    assert "id-order=by-text" in walk_text(walk(SCENARIO, AMENDED, {"id-order": "by-text"}))


def test_a_step_is_told_in_full_only_once(told: Walk) -> None:
    lines = list(whole(told))
    full = [line.label for line in lines if line.kind == "step"]
    assert len(full) == len(set(full))
    assert any(line.kind == "again" and "UPDATE-1" in line.text for line in lines)
    everything = [line.label for line in whole(told, "every") if line.kind == "step"]
    assert len(everything) > len(set(everything))


def test_what_decides_more_than_once_is_named_again_only() -> None:
    matters = Task(decides=[Decides("choice", "id-order", "insertion (or by-text)")])
    told = Walk(
        1, "x", "X", "D d", "c", "amended", "spec", {}, [],
        [Moment("first", [matters]), Moment("second", [matters])], [], "again",
    )  # fmt: skip
    decides = [line.text for line in whole(told) if line.kind == "decides"]
    assert decides == [
        "the user agent chooses here: id-order = insertion (or by-text)",
        "id-order again",
    ]


def test_an_upload_is_told_with_its_length() -> None:
    upload = loads("""
scenario: upload
title: An upload
source: [S1-38]
world: {resources: {/up: {}, /film: {size: 10}}}
script:
  - fetch: {id: a, requests: [{url: /up, method: POST, body: hello}, /film], as: a}
  - quiet: true
""")
    happens = walk(upload, AMENDED).moments[0].happens
    assert happens == 'page p1 calls fetch("a", [POST /up (5 bytes), /film])'


def test_steps_can_be_left_out(told: Walk) -> None:
    kinds = {line.kind for line in whole(told, "none")}
    assert kinds == {"happens", "runs", "decides", "change", "seen", "blank"}


def test_a_task_in_which_nothing_new_happens_is_left_out() -> None:
    told = Walk(
        1, "x", "X", "d", "c", "amended", "spec", {}, [],
        [Moment("first", [Task("q runs: t")]), Moment("second", [Task("q runs: t")])], [], "again",
    )  # fmt: skip
    assert [line.kind for line in whole(told)] == ["blank", "happens"] * 3


def test_text_ends_with_the_command_that_makes_it_again(told: Walk) -> None:
    assert walk_text(told).endswith("\nagain: bgfetch explain four-oh-four\n")


def test_markdown_names_the_text_and_its_commit(told: Walk) -> None:
    text = walk_markdown(told)
    assert f"WICG/background-fetch/blob/{told.commit}/index.bs" in text
    assert "**1. page p1 calls fetch(" in text
    assert "\n\n\n" not in text


def test_json_is_read_again_as_it_was_written(told: Walk) -> None:
    assert decode(encode(told)) == told
    with pytest.raises(msgspec.ValidationError):
        decode(encode(told).replace("bgfetch-explain", "something-else"))


@pytest.mark.parametrize("edition", [AMENDED, AS_WRITTEN], ids=lambda edition: edition.name)
def test_every_scenario_of_background_fetch_can_be_told(edition: object) -> None:
    chosen = AMENDED if edition is AMENDED else AS_WRITTEN
    for path in find():
        scenario = load(path)
        if scenario.api != "background-fetch":
            continue
        told = walk(scenario, chosen)
        assert told.moments, path
        text = walk_text(told)
        for jargon in ("Extent(", "Head(", "RunRealm", "BackgroundFetch(", "ABSENT", "the judge"):
            assert jargon not in text, (path, jargon)


def test_it_says_where_an_amendment_matters(told: Walk) -> None:
    keys = [(each.what, each.key) for task in tasks(told) for each in task.decides]
    assert ("repair", "E01") in keys
    literal = walk(SCENARIO, AMENDED.without("E01"))
    assert ("defect", "E01") in [
        (each.what, each.key) for task in tasks(literal) for each in task.decides
    ]
    assert "! E01 is felt here; repaired: a record's failure becomes" in walk_text(literal)


def test_what_follows_from_bytes_and_from_their_end_is_told_apart(told: Walk) -> None:
    steps = {
        moment.happens: [step.id for task in moment.tasks for step in task.steps]
        for moment in told.moments
    }
    assert "RECORD-11.R.6.2" in steps["the server has sent 20 bytes of /film"]
    assert "RECORD-11.R.7.2" not in steps["the server has sent 20 bytes of /film"]
    assert "RECORD-11.R.7.2" in steps["the server ends its answer to /film"]


def test_the_header_says_the_commit_the_world_and_the_choices() -> None:
    told = walk(SCENARIO, AMENDED, {"id-order": "by-text"}, profile="mine")
    text = walk_markdown(told)
    assert f" at `{told.commit[:12]}`. Edition: amended." in text
    assert " Profile: mine, `id-order=by-text`. World: quota of 5,000 bytes.\n" in text
    assert "\nprofile  mine (id-order=by-text)\nworld    quota of 5,000 bytes\n" in walk_text(told)


def test_a_step_that_is_taken_for_each_request_is_counted() -> None:
    two = loads("""
scenario: two
title: Two files
source: [S1-38]
world: {resources: {/a: {size: 10}, /b: {size: 10}}}
script:
  - fetch: {id: a, requests: [/a, /b], as: a}
  - quiet: true
""")
    told = walk(two, AMENDED)
    counted = [step for task in tasks(told) for step in task.steps if step.times == 2]
    assert counted
    assert f"{counted[0].says} (2 times)" in walk_text(told)


def test_json_says_nothing_of_what_is_as_usual_and_keeps_its_letters(told: Walk) -> None:
    text = encode(told)
    assert '"times": 1' not in text
    assert Step("FETCH-1", "so").times == 1
    fine = msgspec.structs.replace(told, title="Café →")
    assert "Café →" in encode(fine)


def again(*steps: str) -> str:
    task = Task(steps=[Step(name, "so") for name in steps], seen=["x"])
    told = Walk(
        1, "x", "X", "D d", "c", "amended", "spec", {}, [],
        [Moment("first", [task]), Moment("second", [task])], [], "again",
    )  # fmt: skip
    (line,) = [line.text for line in whole(told) if line.kind == "again"]
    return line


def test_steps_that_were_told_are_named_by_the_ends_of_each_algorithm() -> None:
    assert again("A-1", "A-2") == "A-1 A-2 (as above)"
    assert again("A-1", "A-2", "A-3", "B-1") == "A-1 … A-3, B-1 (as above)"
