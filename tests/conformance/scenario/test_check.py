"""What fits together in a scenario and what does not: one line of the file each."""

from __future__ import annotations

import pytest

from conformance.scenario.format import Scenario
from conformance.scenario.load import BadScenario, loads

FETCH = "{fetch: {id: a, requests: [/film], as: a}}"
MATCH = "{match_all: {on: a, as: films}}"
QUIET = "{quiet: true}"
GATES = (
    "resources: {/film: {size: 9, attempts: [{wait: early, send: [1, {hold: half}]}]}}, "
    "origins: [cdn-2]"
)


def text(*script: str, world: str = "", worker: str = "", expect: str = "", **head: str) -> str:
    """A scenario from parts in flow style; one file of nine bytes is there if nothing else is."""
    fields = {"scenario": "small", "title": "A file arrives", "source": "[]", **head}
    return (
        "".join(f"{name}: {value}\n" for name, value in fields.items())
        + f"world: {{{world or 'resources: {/film: {size: 9}}'}}}\n"
        + f"worker: {{{worker}}}\n"
        + f"expect: {{amended: {{{expect}}}}}\n"
        + "script:\n"
        + "".join(f"  - {step}\n" for step in (script or (FETCH,)))
    )


def fine(spelled: str) -> Scenario:
    return loads(spelled)


def wrong(spelled: str) -> str:
    """The complaint without its place."""
    with pytest.raises(BadScenario) as caught:
        loads(spelled)
    return f"{caught.value.wrong}, expected {caught.value.expected}"


def attempt(fields: str) -> str:
    return text(world=f"resources: {{/film: {{size: 9, attempts: [{{{fields}}}]}}}}")


def until(fields: str, *before: str, after: str = QUIET) -> str:
    return text(FETCH, MATCH, *before, f"{{until: {{{fields}}}}}", after, world=GATES)


def handler(step: str, event: str = "backgroundfetchsuccess") -> str:
    return text(worker=f"on: {{{event}: [{step}]}}")


# --- the head and the world -----------------------------------------------------------


def test_an_id_has_at_most_eighty_characters() -> None:
    assert fine(text(scenario="a" * 80)).scenario == "a" * 80
    assert wrong(text(scenario="a" * 81)).endswith("expected letters, digits, '.', '_', '-'")


def test_a_title_is_not_empty() -> None:
    assert wrong(text(title='""')) == "the title is not one line, expected one line of text"


def test_an_edition_of_another_release_is_left_to_whoever_plays_it() -> None:
    spelled = text().replace("amended", "amended - E99")
    assert list(fine(spelled).expect) == ["amended - E99"]


def test_what_is_told_of_a_file_cannot_hide_in_control_characters() -> None:
    with pytest.raises(BadScenario) as caught:
        loads(text('{fetch: {id: a, requests: ["/\\e[2J"]}}'))
    assert "unknown resource '/\\x1b[2J'" in str(caught.value)


def test_the_stem_of_a_yml_file_is_the_id_too() -> None:
    with pytest.raises(BadScenario, match="the id is 'small', expected the file's name, 'other'"):
        loads(text(), "other.yml")
    assert loads(text(), "other.txt").scenario == "small"


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ("origins: [cdn, cdn]", "the origin 'cdn' again, expected each once"),
        ("quota: -1", "quota is -1, expected at least 0"),
        ("concurrency: 0", "concurrency is 0, expected at least 1"),
        ("resources: {/a: {version: 256}}", "version is 256, expected 0 to 255"),
        ("resources: {/a: {version: -1}}", "version is -1, expected 0 to 255"),
        ("resources: {/a b: {}}", "the resource key '/a b', expected /path or origin:/path"),
        ("resources: {'/a#b': {}}", "the resource key '/a#b', expected /path or origin:/path"),
    ],
)
def test_a_world_that_cannot_be_is_refused(world: str, said: str) -> None:
    assert wrong(text(world=world)) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("status: 600", "status is 600, expected 200 to 599"),
        ("status: 199", "status is 199, expected 200 to 599"),
        ("version: 256", "version is 256, expected 0 to 255"),
        ("first: -1", "first is -1, expected at least 0"),
        ("count: -1", "count is -1, expected at least 0"),
        ("body: -1", "body is -1, expected at least 0"),
        ("send: [1, 0]", "send is 0, expected at least 1"),
        (
            "drop: close, then: reset",
            "drop beside an answer, expected no send or then, since nothing is sent",
        ),
        (
            "send: [{hold: 1a}]",
            "the gate name '1a', expected a letter, then letters, digits, '-', '_'",
        ),
        ("wait: 1a", "the gate name '1a', expected a letter, then letters, digits, '-', '_'"),
    ],
)
def test_an_answer_that_no_server_gives_is_refused(fields: str, said: str) -> None:
    assert wrong(attempt(fields)) == said


def test_the_edges_of_a_world_are_inside() -> None:
    fine(attempt("status: 200, version: 255, first: 0, count: 0, body: 0, send: [1]"))
    fine(attempt("status: 599, version: 0"))
    edges = "quota: 0, concurrency: 1, origins: [cdn-2], resources: {cdn-2:/film: {version: 255}}"
    fine(text(QUIET, world=edges))


# --- names, realms and gates ----------------------------------------------------------


def test_a_name_has_at_most_sixty_four_characters() -> None:
    def named(length: int) -> str:
        return text(f"{{fetch: {{id: a, requests: [/film], as: {'n' * length}}}}}")

    fine(named(64))
    assert "the bound name 'nnn" in wrong(named(65))


@pytest.mark.parametrize(
    "step",
    ["{launch: false}", "{quiet: false}"],
)
def test_a_flag_of_the_script_is_true_or_not_there(step: str) -> None:
    assert wrong(text(step)).endswith("is false, expected true")


def test_a_handler_throws_or_does_not() -> None:
    assert wrong(handler("{throw: false}")) == "throw is false, expected true"


@pytest.mark.parametrize(
    ("bind", "use", "said"),
    [
        ("{look: {on: a, as: n}}", "{abort: {on: n}}", "'n' is a look, expected an instance"),
        (
            "{interface: {id: a, as: n}}",
            "{abort: {on: n}}",
            "'n' is a look at the interface, expected an instance",
        ),
        (
            "{storage: n}",
            "{abort: {on: n}}",
            "'n' is a storage reading, expected an instance",
        ),
        (
            "{cache_keys: {cache: c, as: n}}",
            "{abort: {on: n}}",
            "'n' is strings, expected an instance",
        ),
        (
            "{synthesize: {type: x, as: n}}",
            "{abort: {on: n}}",
            "'n' is an event, expected an instance",
        ),
        ("{look: {on: a, as: n}}", "{until: {settled: n}}", "'n' is a look, expected a call"),
        (
            "{storage: n}",
            "{until: {settled: n}}",
            "'n' is a storage reading, expected a call",
        ),
        (
            "{unregister: n}",
            "{storage: n}",
            "the name 'n' is bound twice, expected another name than at script 1",
        ),
    ],
)
def test_a_name_is_used_as_what_it_is(bind: str, use: str, said: str) -> None:
    assert wrong(text(FETCH, bind, use)) == said


def test_what_a_page_holds_goes_with_the_page() -> None:
    steps = [
        "{open_page: p2}",
        "{fetch: {id: a, requests: [/film], as: a, in: p2}}",
        MATCH,
        "{close_page: p2}",
        "{read: {records: films}}",
    ]
    assert wrong(text(*steps)) == "'films' is gone, expected a name that outlives page 'p2'"
    fine(text(*steps[:3], "{close_page: p1}", steps[4]))


def test_what_the_worker_holds_outlives_pages() -> None:
    held = "{synthesize: {type: backgroundfetchsuccess, as: made}}"
    fine(text(held, "{close_page: p1}", "{update_ui: {event: made}}"))


def test_a_page_that_was_closed_can_be_opened_but_not_called() -> None:
    assert wrong(text("{close_page: p1}", FETCH)) == (
        "the page 'p1' is not open, expected one of worker"
    )
    assert wrong(text("{close_page: p2}")) == (
        "the page 'p2' is not open, expected one of p1, worker"
    )
    fine(text("{close_page: p1}", "{open_page: p1}", FETCH))


def test_launch_opens_the_first_page_again_and_no_other() -> None:
    fine(text("{quit: clean}", "{launch: true}", FETCH))
    assert wrong(text("{open_page: p2}", "{quit: clean}", "{launch: true}", "{busy: p2}")) == (
        "the page 'p2' is not open, expected one of p1, worker"
    )


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("worker", "the page 'worker' is open already, expected another name"),
        ("2", "the page name '2', expected a letter, then letters, digits, '-', '_'"),
    ],
)
def test_a_page_has_a_name_of_its_own(page: str, said: str) -> None:
    assert wrong(text(f"{{open_page: '{page}'}}")) == said


@pytest.mark.parametrize("step", ["busy", "idle"])
def test_only_what_is_open_is_busy(step: str) -> None:
    assert wrong(text(f"{{{step}: p2}}")).startswith("the page 'p2' is not open")
    fine(text(f"{{{step}: worker}}"))


@pytest.mark.parametrize(
    "step",
    [
        "{sync: {tag: t, in: p2}}",
        "{get: {id: a, in: p2}}",
        "{get_ids: {in: p2}}",
        "{get_tags: {in: p2}}",
        "{cache_keys: {cache: c, in: p2}}",
        "{cache_put: {cache: c, records: films, in: p2}}",
        "{bgcache: {cache: c, requests: [/film], in: p2}}",
    ],
)
def test_a_call_is_made_where_somebody_is(step: str) -> None:
    assert wrong(text(FETCH, MATCH, step)).startswith("the page 'p2' is not open")


def test_while_the_user_agent_is_down_only_the_world_goes_on() -> None:
    outside = ("{online: false}", "{pass: 1}", "{release: half}", "{until: {held: half}}", QUIET)
    for step in outside:
        fine(text("{quit: kill}", step, "{launch: true}", world=GATES))
    for step in ("{user: {action: pause, id: a}}", "{push: x}", "{storage: n}", "{quit: clean}"):
        field = step[1:].partition(":")[0]
        assert wrong(text("{quit: kill}", step)) == (
            f"{field} while the user agent is not running, expected launch before it"
        )


@pytest.mark.parametrize("observer", ["progress: a", "shows: a", "received: films"])
def test_while_it_is_down_nobody_sees_what_a_page_sees(observer: str) -> None:
    assert wrong(until(observer, "{quit: kill}")) == (
        "nobody can see this while the user agent is down, expected launch before"
    )


def test_gates_are_those_of_answers_request_bodies_and_handlers() -> None:
    body = "{url: /film, method: POST, body: 4, hold: body}"
    worker = "on: {backgroundfetchsuccess: [{hold: late}]}"
    for gate in ("early", "half", "late", "body"):
        fine(
            text(
                f"{{fetch: {{id: a, requests: [{body}], as: a}}}}",
                f"{{until: {{held: {gate}}}}}",
                f"{{release: {gate}}}",
                world=GATES,
                worker=worker,
            )
        )
    assert wrong(until("held: never")) == (
        "nothing is held at the gate 'never', expected one of the gates (early, half)"
    )


def test_a_handlers_gate_has_a_name() -> None:
    assert wrong(handler("{hold: 1a}")).startswith("the gate name '1a'")


# --- what a step waits for ------------------------------------------------------------


def test_quiet_settles_everything() -> None:
    pending = FETCH.replace("as: a", "as: a, wait: false")
    fine(text(pending, QUIET, MATCH))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("progress: a, downloaded: -1", "downloaded is -1, expected a positive number"),
        ("received: films, length: -1", "length is -1, expected a positive number"),
        ("request: /film, attempt: 0", "attempt is 0, expected a positive number"),
        ("event: backgroundfetchfail, count: 0", "count is 0, expected a positive number"),
        ("held: half, attempt: 2", "'attempt' beside 'held', expected it with request or sent"),
        (
            "held: half, downloaded: 2",
            "'downloaded' beside 'held', expected it with progress or shows",
        ),
        (
            "held: half, finished: true",
            "'finished' beside 'held', expected it with progress or shows",
        ),
        ("progress: a, length: 2", "'length' beside 'progress', expected it with received"),
        ("progress: a, closed: true", "'closed' beside 'progress', expected it with shows"),
        ("request: /none", "unknown resource '/none', expected one of world.resources (/film)"),
        ("sent: /none", "unknown resource '/none', expected one of world.resources (/film)"),
        ("progress: films", "'films' is records, expected an instance"),
        ("shows: films", "'films' is records, expected an instance"),
        ("received: a", "'a' is an instance, expected records"),
    ],
)
def test_a_wait_that_can_see_nothing_is_refused(fields: str, said: str) -> None:
    assert wrong(until(fields)) == said


@pytest.mark.parametrize(
    "fields",
    [
        "sent: /film, attempt: 2",
        "shows: a, downloaded: 5, finished: true, closed: true",
        "progress: a, downloaded: 5, finished: true",
        "received: 'films[0]', length: 0",
        "event: backgroundfetchfail, count: 2",
    ],
)
def test_a_wait_may_say_how_much(fields: str) -> None:
    fine(until(fields))


def test_time_passes_forwards() -> None:
    assert wrong(text("{pass: 0}")) == "pass is 0.0, expected seconds, more than 0"


# --- single steps ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{sync: {tag: t, api: periodic-sync, min_interval: -1}}",
            "a negative interval, expected seconds, at least 0",
        ),
        ("{synthesize: {type: x, on: n}}", "unknown name 'n', expected an instance (a)"),
        (
            "{update_ui: {event: n}}",
            "unknown name 'n', expected an event (none is bound)",
        ),
        (
            "{match: {on: a, url: film}}",
            "the resource key 'film', expected /path or origin:/path",
        ),
        (
            "{fetch: {id: b, requests: [{url: /film, method: POST, body: -1}]}}",
            "a negative length, expected a length or a text",
        ),
        (
            "{fetch: {id: b, requests: [], download_total: 18446744073709551616}}",
            "download_total is 18446744073709551616, expected 0 to 2^64-1",
        ),
        (
            "{fetch: {id: b, requests: [], download_total: -1}}",
            "download_total is -1, expected 0 to 2^64-1",
        ),
        (
            "{bgcache: {cache: c, requests: [/none]}}",
            "unknown resource '/none', expected one of world.resources (/film)",
        ),
        ("{abort: {on: 'a[0]'}}", "unknown name 'a[0]', expected an instance (a)"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(step: str, said: str) -> None:
    assert wrong(text(FETCH, step)) == said


@pytest.mark.parametrize(
    "step",
    [
        "{sync: {tag: t, api: periodic-sync, min_interval: 0}}",
        "{match: {on: a, url: /none}}",
        "{match_all: {on: a}}",
        "{fetch: {id: b, requests: [], download_total: 18446744073709551615}}",
        "{update_ui: {event: backgroundfetchsuccess}}",
    ],
)
def test_a_step_at_the_edge_of_sense_is_taken(step: str) -> None:
    fine(text(FETCH, step))


@pytest.mark.parametrize(
    "step",
    ["{busy: worker}", "{idle: worker}", "{interface: {id: a}}", "{pass: 1}", "{push: x}"],
)
def test_a_handler_does_nothing_that_only_the_script_can(step: str) -> None:
    assert wrong(handler(step)).endswith(" in a handler, expected it in the script")


def test_a_handler_calls_from_the_worker() -> None:
    assert wrong(handler("{get_ids: {in: p1}}")) == (
        "the realm 'p1' in a handler, expected worker, or nothing"
    )
    fine(handler("{get_ids: {in: worker}}"))


def test_the_event_of_a_handler_is_no_record() -> None:
    assert wrong(handler("{read: {records: event}}")).startswith("unknown name 'event'")


def test_each_occurrence_has_a_program_that_is_checked_too() -> None:
    program = "{each: {backgroundfetchsuccess: [[{throw: true}], [{quiet: true}]]}}"
    assert wrong(text(worker=program[1:-1])) == "quiet in a handler, expected it in the script"


def test_an_event_is_listened_to_once() -> None:
    assert wrong(text(worker="listen: [sync, sync]")) == (
        "the event 'sync' again, expected each once"
    )


# --- expectations ---------------------------------------------------------------------

BOUND = (
    *(FETCH, MATCH, "{look: {on: a, as: seen}}", "{interface: {id: a, as: ui}}"),
    *("{storage: n}", "{user: {action: click, id: a}}"),
)


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("settled: {seen: undefined}", "no call is called 'seen', expected one of a, films"),
        ("records: {a: []}", "no match is called 'a', expected one of films"),
        ("progress: {films: []}", "no instance is called 'films', expected one of a"),
        ("stored: {a: 1}", "no storage is called 'a', expected one of n"),
        ("looks: {a: {}}", "no look is called 'a', expected one of seen, ui"),
        (
            "requests: {/none: []}",
            "unknown resource '/none', expected one of world.resources (/film)",
        ),
        (
            "dropped: {/none: []}",
            "unknown resource '/none', expected one of world.resources (/film)",
        ),
        ("order: [body a]", "nothing is seen as 'body a', expected event NAME, or body NAME[i]"),
        (
            "order: [head films]",
            "nothing is seen as 'head films', expected event NAME, or body NAME[i]",
        ),
    ],
)
def test_nothing_is_expected_of_what_is_not_there(expect: str, said: str) -> None:
    assert wrong(text(*BOUND, expect=expect)) == said


def test_nothing_is_expected_of_an_event_that_nobody_listens_to() -> None:
    assert wrong(text(expect="handled: {sync: ['', '']}")).startswith("no event is called 'sync'")


def test_a_registration_and_an_interface_have_attributes_of_their_own() -> None:
    fine(text(*BOUND, expect="looks: {seen: {downloaded: 1}, ui: {displayed: true}}"))
    for look, attribute in (("seen", "displayed"), ("ui", "downloaded")):
        said = wrong(text(*BOUND, expect=f"looks: {{{look}: {{{attribute}: 1}}}}"))
        assert said.startswith(f"unknown attribute '{attribute}'")


def test_a_refusal_may_name_its_error_and_an_order_its_record() -> None:
    fine(text(*BOUND, expect="refused: ['click a: NoSuchElement'], order: ['body films[0]']"))


def test_an_unknown_source_is_told_its_neighbour_in_the_same_document() -> None:
    assert wrong(text(source="[S3-22x]")).endswith("expected an id such as 'S3-22'")
