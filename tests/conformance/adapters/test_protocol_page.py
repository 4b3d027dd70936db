"""The protocol page: every message has an example, every example is one, the schema is fresh."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from conformance import protocol as p
from conformance.adapters import schema, stdio

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (FOLDER / "protocol.md").read_text("utf-8")
SCHEMA = json.loads((FOLDER / "protocol.schema.json").read_text("utf-8"))
EXAMPLES = [
    line
    for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = {kind.__struct_config__.tag: kind for kind in get_args(p.AnyCommand)}
REPLIES = {kind.__struct_config__.tag: kind for kind in get_args(p.AnyReply)}


def decoded(line: str) -> p.AnyCommand | p.AnyReply:
    decode = p.decode_command if '"command"' in line[:11] else p.decode_reply
    return decode(line.encode())


def keeps(part: object, whole: object) -> bool:
    """Whether everything in ``part`` is in ``whole`` too, at all depths."""
    match part, whole:
        case dict(), dict():
            return all(key in whole and keeps(value, whole[key]) for key, value in part.items())
        case list(), list():
            return len(part) == len(whole) and all(map(keeps, part, whole))
        case _:
            return part == whole


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_a_message_and_none_of_its_fields_is_unknown(line: str) -> None:
    assert keeps(json.loads(line), json.loads(p.encode(decoded(line))))


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_fits_the_schema(line: str) -> None:
    jsonschema.validate(json.loads(line), SCHEMA)


@pytest.mark.parametrize("kind", [*COMMANDS, *REPLIES])
def test_every_message_has_an_example(kind: str) -> None:
    shown = {
        json.loads(line).get("command", json.loads(line).get("observation")) for line in EXAMPLES
    }
    assert kind in shown


@pytest.mark.parametrize("kind", [*COMMANDS, *REPLIES])
def test_every_field_of_a_message_is_in_one_of_its_examples(kind: str) -> None:
    struct = {**COMMANDS, **REPLIES}[kind]
    lines = [json.loads(line) for line in EXAMPLES]
    mine = [one for one in lines if kind in (one.get("command"), one.get("observation"))]
    fields = {field for one in mine for field in one}
    missing = {*struct.__struct_encode_fields__} - fields - NOT_SHOWN.get(kind, set())
    assert missing == set()


NOT_SHOWN = {
    # it has its default there, and what that looks like is worth showing
    "start": {"seq"},
    "stop": {"seq"},
    "sync_register": {"repeating", "unregister"},  # described
    "event": {"data", "cache", "urls"},  # described
}


def test_every_capability_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z0-9-]+)`", row)}
    assert set(get_args(p.Capability)) <= named


def test_the_limits_are_those_of_the_adapter() -> None:
    assert f"| one line | {stdio.LINE_LIMIT:,} bytes |" in PAGE
    assert f"| all that is said in one scenario | {stdio.SCENARIO_LIMIT:,} bytes |" in PAGE
    assert f"{stdio.ANSWER_DEADLINE:g} s (`start`: {stdio.START_DEADLINE:g} s)" in PAGE
    assert f"at most {p.WHOLE_BODY_LIMIT:,} bytes" in PAGE


def test_the_schema_is_fresh() -> None:
    fresh = (FOLDER / "protocol.schema.json").read_text("utf-8")
    assert fresh == schema.generate(), "python -m conformance.adapters.schema FILE"


@pytest.mark.parametrize(
    "line",
    [
        '{"command":"fetch","seq":1}',
        '{"command":"dance"}',
        '{"observation":"body","record":"r1"}',
        '{"observation":"answer","seq":"1"}',
        '{"observation":"answer","seq":1,"implementation":{"name":"x"}}',
    ],
)
def test_the_schema_refuses_what_the_types_refuse(line: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(line), SCHEMA)
