"""What nobody can say at that moment is told from what is only wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.judge.conversation import Conversation
from conformance.protocol import (
    Abort,
    Answer,
    AnyCommand,
    AnyReply,
    Body,
    Fetch,
    Get,
    Launch,
    Log,
    Look,
    MatchAll,
    Progress,
    Quit,
    Read,
    Ready,
    Received,
    RecordInfo,
    Settled,
    Snapshot,
    Storage,
    Synthesize,
    WorkerEvent,
)
from conformance.protocol import Interface as InterfaceCommand

Said = list[AnyCommand | AnyReply]

FETCH = Fetch(seq=2, call="c1", realm="p1", id="f", requests=[])
GET = Get(seq=3, call="c2", realm="p1", id="f")
SHOWS = Snapshot("f")
MADE = Settled("c1", instance="i1", snapshot=SHOWS)
EVENT = WorkerEvent("e1", "backgroundfetchsuccess", "w1", SHOWS)
MATCH = MatchAll(seq=4, call="c3", instance="i1")
MATCHED = Settled("c3", records=[RecordInfo("r1", "http://app.test/a")])
READ = Read(seq=5, record="r1")
READING: Said = [FETCH, MADE, MATCH, MATCHED, READ]
DIGEST = "0" * 64

SLIPS: dict[str, tuple[Said, str, str]] = {
    "a call never made": ([Settled("c1")], "no call 'c1' was made", "settled"),
    "a call settled twice": ([FETCH, MADE, MADE], "'c1' has settled before", "settled"),
    "two outcomes": (
        [FETCH, Settled("c1", error="TypeError", boolean=True)],
        "one thing, not error and boolean",
        "settled",
    ),
    "null beside another outcome": (
        [GET, Settled("c2", strings=[], null=True)],
        "one thing, not strings and null",
        "settled",
    ),
    "an instance without a snapshot": (
        [FETCH, Settled("c1", instance="i1")],
        "an instance without a snapshot",
        "settled",
    ),
    "a snapshot of nobody": (
        [FETCH, Settled("c1", snapshot=SHOWS)],
        "a snapshot of no instance",
        "settled",
    ),
    "an empty name": ([FETCH, Settled("c1", instance="", snapshot=SHOWS)], "empty", "Names"),
    "progress of nobody": ([FETCH, MADE, Progress("i2", SHOWS)], "'i2'", "progress"),
    "an event named twice": ([EVENT, EVENT], "'e1' before", "Names"),
    "a made event named like another": (
        [EVENT, Synthesize(seq=3, call="c2", name="x"), Settled("c2", event="e1")],
        "'e1' before",
        "Names",
    ),
    "an event whose instance shows nothing": (
        [WorkerEvent("e1", "backgroundfetchsuccess", "w1")],
        "without a snapshot",
        "event",
    ),
    "a record never named": ([Ready("r1", 200)], "no record has been named 'r1'", "ready"),
    "a record that nobody reads": ([*READING[:4], Ready("r1", 200)], "nobody reads", "read"),
    "bytes of a record never named": ([*READING, Received("r2", 1)], "'r2'", "received"),
    "ready with nothing": ([*READING, Ready("r1")], "either a status or an error", "ready"),
    "ready with both": (
        [*READING, Ready("r1", 200, error="TypeError")],
        "either a status or an error",
        "ready",
    ),
    "a text of another length": (
        [*READING, Body("r1", 3, text="ab")],
        "2 characters for 3 bytes",
        "body",
    ),
    "a text that is not bytes": ([*READING, Body("r1", 1, text="\u0100")], "no byte", "body"),
    "a body without bytes": ([*READING, Body("r1", 0)], "neither text nor sha256", "body"),
    "a look without a snapshot": ([Look(seq=9, instance="i1"), Answer(9)], "snapshot", "look"),
    "a storage without a number": ([Storage(seq=9), Answer(9)], "no stored", "storage"),
    "an interface not shown": (
        [InterfaceCommand(seq=9, id="f"), Answer(9)],
        "no interface",
        "interface",
    ),
    "an observation while it is down": (
        [FETCH, MADE, Quit(seq=9), Answer(9), Progress("i1", SHOWS)],
        "between the end of quit and launch",
        "quit, launch",
    ),
}

SAYABLE: dict[str, Said] = {
    "whatever a call may give": [FETCH, MADE, Progress("i1", SHOWS), EVENT, Progress("w1", SHOWS)],
    "the wrong kind of value": [GET, Settled("c2", boolean=True)],
    "one object of two calls": [FETCH, MADE, GET, Settled("c2", instance="i1", snapshot=SHOWS)],
    "a record object given again": [
        *READING[:4],
        MatchAll(seq=6, call="c4", instance="i1"),
        Settled("c4", records=MATCHED.records),
    ],
    "undefined, and null": [FETCH, Settled("c1"), GET, Settled("c2", null=True)],
    "no strings": [GET, Settled("c2", strings=[])],
    "a body with its digest": [*READING, Ready("r1", 200), Body("r1", 70_000, sha256=DIGEST)],
    "a short body with its digest": [*READING, Ready("r1", 200), Body("r1", 1, sha256=DIGEST)],
    "a body that broke": [*READING, Ready("r1", 200), Body("r1", 5, error="TypeError")],
    "a body without an end first": [*READING, Body("r1", 1, text="\xff")],
    "what is refused": [Look(seq=9, instance="i1"), Answer(9, refused="its realm has ended")],
    "words while it is down": [Quit(seq=9), Answer(9), Log("gone")],
    "an event before launch is answered": [Quit(seq=9), Answer(9), Launch(seq=10), EVENT],
    "what happens while it quits": [FETCH, MADE, Quit(seq=9), Progress("i1", SHOWS), Answer(9)],
    "a quit that was refused": [FETCH, MADE, Quit(seq=9), Answer(9, refused="no"), EVENT],
    "a call that settles after its realm": [Abort(seq=9, call="c9", instance="i9"), Settled("c9")],
}


def slips(said: Said) -> list[tuple[str, str] | None]:
    """What is said of each reply, in order."""
    conversation = Conversation()
    found = []
    for one in said:
        if isinstance(one, Answer):
            slip = conversation.answered(one)
        elif isinstance(one, AnyCommand):
            conversation.sent(one)
            continue
        else:
            slip = conversation.seen(one)
        found.append(None if slip is None else (slip.why, slip.section))
    return found


@pytest.mark.parametrize("name", SLIPS)
def test_what_nobody_can_say_is_a_slip_and_what_came_before_is_none(name: str) -> None:
    said, why, section = SLIPS[name]
    *before, last = slips(said)
    assert before == [None] * len(before)
    assert last is not None
    assert why in last[0]
    assert last[1] == section


@pytest.mark.parametrize("name", SAYABLE)
def test_what_is_only_wrong_is_left_to_be_judged(name: str) -> None:
    found = slips(SAYABLE[name])
    assert found == [None] * len(found)


def test_every_section_is_a_heading_of_the_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "protocol.md"
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert {section for _, _, section in SLIPS.values()} <= {*headings}
