"""dump() writes what loads() reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.scenario import format as f
from conformance.scenario.dump import dump
from conformance.scenario.find import find
from conformance.scenario.load import load, loads

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
line = text.filter(lambda value: bool(value) and "\n" not in value)
numbers = st.integers(0, 2**53)
gates = st.sampled_from(["one", "two"])
attempts = st.builds(
    f.Attempt,
    status=st.none() | st.integers(200, 599),
    headers=st.dictionaries(text, text, max_size=2),
    framing=st.sampled_from(["length", "chunked", "close"]),
    content_range=st.none() | text,
    first=st.none() | numbers,
    etag=st.none() | text,
    wait=st.none() | gates,
    send=st.lists(st.integers(1, 9) | st.just("rest") | st.builds(f.Hold, gates), max_size=3),
)
resources = st.builds(
    f.Resource,
    size=numbers,
    version=st.integers(0, 255),
    etag=text,
    cors=st.booleans(),
    attempts=st.lists(attempts, max_size=3),
)
requests = st.just("/film") | st.builds(
    f.RequestArg, url=st.just("/film"), method=text, body=st.none() | numbers | text
)
fetches = st.builds(
    f.FetchStep,
    id=text,
    requests=st.lists(requests, max_size=3),
    title=st.none() | text,
    download_total=numbers,
)
steps = (
    st.builds(f.Step, fetch=fetches)
    | st.builds(f.Step, push=text)
    | st.builds(f.Step, pass_=st.floats(0.001, 1e9))
    | st.builds(f.Step, online=st.booleans())
    | st.builds(f.Step, get=st.builds(f.GetStep, id=text, wait=st.booleans()))
    | st.just(f.Step(quiet=True))
)
handlers = st.lists(
    st.just(f.Step(throw=True))
    | st.builds(f.Step, update_ui=st.builds(f.UpdateUIStep, title=text, wait=st.booleans())),
    max_size=3,
)
workers = (
    st.just(f.Worker())
    | st.builds(f.Worker, on=st.fixed_dictionaries({"backgroundfetchfail": handlers}))
    | st.builds(
        f.Worker,
        listen=st.just(["sync"]),
        each=st.fixed_dictionaries({"sync": st.lists(handlers, max_size=2)}),
    )
)
scenarios = st.builds(
    f.Scenario,
    scenario=st.just("made"),
    title=line,
    source=st.lists(st.sampled_from(["SC-22", "E01", "S0-01"]), max_size=3),
    script=st.lists(steps, min_size=1, max_size=5),
    needs=st.lists(st.sampled_from(["pause", "offline"]), max_size=2),
    world=st.builds(
        f.World,
        resources=st.fixed_dictionaries({"/film": resources}),
        quota=st.none() | numbers,
        online=st.booleans(),
    ),
    worker=workers,
    notes=text,
)


@given(scenarios)
def test_what_is_written_is_read_back(scenario: f.Scenario) -> None:
    written = dump(scenario)
    assert loads(written) == scenario
    assert dump(loads(written)) == written


NASTY = (
    *(
        ":0",
        "a: b",
        "a:b",
        "a #b",
        "- a",
        "-",
        "?",
        "@",
        "`",
        "%",
        "|",
        ">",
        "!x",
        "&x",
        "*x",
        "{",
        "]",
    ),
    *(
        ",",
        "~",
        "null",
        "True",
        "1e3",
        "0x1",
        "1_000",
        "=",
        "<<",
        "---",
        "...",
        "'",
        '"',
        "\\",
        "a, b",
    ),
    *(
        "\t",
        "a\nb",
        "\n",
        "\x00",
        "\x1b",
        "\x85",
        "\u2028",
        "\ufeff",
        "\U0001f600",
        " a",
        "a ",
        "é",
    ),
)


@pytest.mark.parametrize("nasty", NASTY)
def test_text_that_yaml_gives_a_meaning_stays_text(nasty: str) -> None:
    attempt = f.Attempt(headers={nasty: nasty}, etag=nasty)
    scenario = f.Scenario(
        scenario="made",
        title="A file",
        source=[],
        script=[f.Step(push=nasty), f.Step(get=f.GetStep(id=nasty))],
        world=f.World(resources={"/film": f.Resource(attempts=[attempt])}),
        notes=nasty,
    )
    assert loads(dump(scenario)) == scenario


@pytest.mark.parametrize("path", find(), ids=lambda path: path.stem)
def test_every_packaged_scenario_survives_the_round_trip(path: object) -> None:
    scenario = load(str(path))
    assert loads(dump(scenario)) == scenario


def test_what_is_written_looks_as_a_person_would_write_it() -> None:
    scenario = loads(
        "scenario: made\ntitle: A file\nsource: []\n"
        "world: {resources: {/film: {size: 9, attempts: [{send: [1, {hold: half}]}]}}}\n"
        "worker: {on: {backgroundfetchfail: [{throw: true}]}}\n"
        "script: [{fetch: {id: a, requests: [/film], as: a}}, {quiet: true}]\n"
        "expect: {amended: {final: {a: [failure, bad-status]}}}\n"
    )
    assert dump(scenario) == (
        "scenario: made\n"
        "title: A file\n"
        "source: []\n"
        "world:\n"
        "  resources:\n"
        "    /film: {size: 9, attempts: [{send: [1, {hold: half}]}]}\n"
        "worker:\n"
        "  on:\n"
        "    backgroundfetchfail:\n"
        "      - throw: true\n"
        "script:\n"
        "  - fetch: {id: a, requests: [/film], as: a}\n"
        "  - quiet: true\n"
        "expect:\n"
        "  amended:\n"
        "    final: {a: [failure, bad-status]}\n"
    )


def test_what_is_as_usual_is_left_out_and_letters_stay_letters() -> None:
    made = f.Scenario("made", "Café", [], [f.Step(quiet=True)], world=f.World(), worker=f.Worker())
    assert dump(made) == 'scenario: made\ntitle: "Café"\nsource: []\nscript:\n  - quiet: true\n'


def test_what_is_wider_than_a_line_becomes_a_block() -> None:
    def lines(length: int) -> list[str]:
        names = ["x" * length] * 2
        return dump(f.Scenario("made", "A file", names, [f.Step(quiet=True)])).splitlines()

    narrow = next(line for line in lines(34) if line.startswith("source"))
    assert narrow.startswith("source: [") and len(narrow) <= 88
    assert "source:" in lines(44)
