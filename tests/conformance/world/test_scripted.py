"""What the scripted world decides: each word of an attempt does what it is called, and no more."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.trace import AnyServerEntry
from conformance.world.content import content, encode_gzip, prefix_of, request_body
from conformance.world.scripted import Finish, Plan, ScriptedWorld, Send, Wait, requested_range

ORIGINS = {"app": "http://app.test", "cdn": "http://cdn.test"}
KEY = "/a"


def world(resource: Resource | None = None, **attempt: Any) -> ScriptedWorld:
    """A world with one resource that does one scripted thing."""
    one = Resource(attempts=[Attempt(**attempt)]) if resource is None else resource
    log: list[AnyServerEntry] = []
    return ScriptedWorld(World(resources={KEY: one}), ORIGINS, log.append)


def planned(
    range_: str = "", method: str = "GET", resource: Resource | None = None, **attempt: Any
) -> Plan:
    headers = {"range": range_} if range_ else {}
    return world(resource, **attempt).plan(KEY, 1, method, headers)


def said(plan: Plan) -> dict[str, str]:
    headers = dict(plan.headers)
    assert len(headers) == len(plan.headers), "a header twice"
    return headers


def test_a_plain_answer_says_how_long_and_which_version_it_is() -> None:
    plan = planned()
    assert (plan.status, plan.first, plan.length, plan.version) == (200, 0, 16, 1)
    assert plan.body == content(KEY, 1, 0, 16)
    assert said(plan) == {
        "ETag": '"v1"',
        "Content-Type": "application/octet-stream",
        "Content-Length": "16",
    }
    assert plan.actions == (Send(0, 16, 16), Finish("end"))


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ("bytes=0-", 0),
        ("bytes=5-", 5),
        ("bytes=5-9", None),
        ("bytes=-5", None),
        ("", None),
        ("bytes=5a-", None),
        ("bytes=\xb2-", None),  # a digit to Python, and no number
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_only_a_range_to_the_end_is_one(value: str, first: int | None) -> None:
    assert requested_range({"range": value}) == first
    assert requested_range({}) is None


@pytest.mark.parametrize(
    ("range_", "status", "first", "length", "said_range"),
    [
        ("bytes=0-", 206, 0, 16, "bytes 0-15/16"),
        ("bytes=15-", 206, 15, 1, "bytes 15-15/16"),
        ("bytes=16-", 416, 0, 0, "bytes */16"),
        ("bytes=99-", 416, 0, 0, "bytes */16"),
        ("bytes=5-9", 200, 0, 16, None),
    ],
)
def test_a_range_is_honoured_to_the_byte(
    range_: str, status: int, first: int, length: int, said_range: str | None
) -> None:
    plan = planned(range_)
    assert (plan.status, plan.first, plan.length) == (status, first, length)
    assert said(plan).get("Content-Range") == said_range
    assert plan.body == content(KEY, 1, first, length)


def test_a_range_is_ignored_where_the_attempt_says_so_or_names_another_status() -> None:
    for attempt in ({"range": "ignore"}, {"status": 200}, {"status": 503}):
        plan = planned("bytes=5-", **attempt)
        assert plan.status == attempt.get("status", 200)
        assert (plan.first, plan.length, "Content-Range" in said(plan)) == (0, 16, False)


def test_a_content_range_can_lie_or_be_left_out_and_the_bytes_be_others() -> None:
    lie = planned("bytes=5-", content_range="bytes 6-9/10")
    assert (said(lie)["Content-Range"], lie.first, lie.length) == ("bytes 6-9/10", 5, 11)
    silent = planned("bytes=5-", content_range="")
    assert (silent.status, "Content-Range" in said(silent)) == (206, False)
    other = planned("bytes=5-", first=3, count=4)
    assert said(other)["Content-Range"] == "bytes 5-15/16"
    assert said(other)["Content-Length"] == "4"
    assert (other.first, other.length, other.body) == (3, 4, content(KEY, 1, 3, 4))


def test_an_attempt_may_be_of_another_version_length_and_validators() -> None:
    own = Resource(size=8, version=2, etag='"x"', last_modified="then", attempts=[])
    assert planned(resource=own).version == 2
    assert said(planned(resource=own))["Last-Modified"] == "then"
    other = Resource(
        size=8, version=2, last_modified="then",
        attempts=[Attempt(version=3, body=20, etag='W/"y"', last_modified="")],
    )  # fmt: skip
    plan = planned(resource=other)
    assert (plan.version, plan.length, said(plan)["ETag"]) == (3, 20, 'W/"y"')
    assert "Last-Modified" not in said(plan)
    assert plan.body == content(KEY, 3, 0, 20)
    assert "ETag" not in said(planned(etag=""))


def test_an_error_has_no_validators() -> None:
    for status, has in ((304, True), (404, False), (416, False), (500, False)):
        assert ("ETag" in said(planned(status=status))) is has
    modified = Resource(last_modified="then", attempts=[Attempt(status=404)])
    assert "Last-Modified" not in said(planned(resource=modified))


def test_cors_and_what_is_exposed_are_the_resources_own() -> None:
    allowed, exposed = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"
    assert allowed not in said(planned())
    open_ = said(planned(resource=Resource(cors=True, expose=["ETag", "X"])))
    assert (open_[allowed], open_[exposed]) == ("*", "ETag, X")
    assert exposed not in said(planned(resource=Resource(cors=True)))
    assert exposed not in said(planned(resource=Resource(expose=["ETag"])))


def test_a_redirect_leads_to_a_path_of_the_application_or_of_another_origin() -> None:
    for attempt, status, location in (
        ({"redirect": "/b?x"}, 302, "http://app.test/b?x"),
        ({"redirect": "cdn:/b", "status": 308}, 308, "http://cdn.test/b"),
    ):
        plan = planned("bytes=5-", **attempt)
        assert (plan.status, said(plan)["Location"]) == (status, location)
        assert (plan.length, plan.body, "Content-Range" in said(plan)) == (0, b"", False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_what_has_no_body_has_no_framing(method: str, status: int) -> None:
    plan = planned(method=method, status=status, encoding="gzip", framing="chunked")
    assert (plan.framing, plan.body, plan.length) == ("none", b"", 0)
    assert not said(plan).keys() - {"ETag"}


@pytest.mark.parametrize(
    ("framing", "header"),
    [("length", ("Content-Length", "16")), ("chunked", ("Transfer-Encoding", "chunked"))],
)
def test_a_framing_is_announced(framing: str, header: tuple[str, str]) -> None:
    assert header in planned(framing=framing).headers
    assert not said(planned(framing="close")).keys() & {"Content-Length", "Transfer-Encoding"}


def test_a_coded_body_is_the_same_each_time_and_its_length_is_the_coded_one() -> None:
    plan = planned(encoding="gzip")
    assert gzip.decompress(plan.body) == content(KEY, 1, 0, 16)
    assert plan.body[4:8] == b"\0\0\0\0", "no time of day"
    assert said(plan)["Content-Encoding"] == "gzip"
    assert said(plan)["Content-Length"] == str(len(plan.body))
    assert plan.length == 16
    assert encode_gzip(b"x") == encode_gzip(b"x")
    # Any coded byte may be all of it.
    half = planned(encoding="gzip", send=[5])
    assert [one.decoded for one in half.actions if isinstance(one, Send)] == [16, 16]
    assert [one.written(half) for one in half.actions if isinstance(one, Send)] == [
        5,
        len(plan.body),
    ]


def test_headers_of_the_attempt_are_added_to_the_others() -> None:
    assert said(planned(headers={"X-Own": "1"}))["X-Own"] == "1"


def test_bytes_and_waits_come_in_their_order() -> None:
    plan = planned(send=[4, Hold("g"), 2, "rest", 9], wait="before")
    sends = (Send(0, 4, 4), Wait("g"), Send(4, 6, 6), Send(6, 16, 16))
    assert (plan.wait, plan.actions) == ("before", (*sends, Finish("end")))
    assert planned(send=[4]).actions == (Send(0, 4, 4), Send(4, 16, 16), Finish("end"))
    assert planned(send=[4], then="close").actions == (Send(0, 4, 4), Finish("close"))
    assert planned(send=[99], then="reset").actions == (Send(0, 16, 16), Finish("reset"))


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_drop_answers_nothing(how: str) -> None:
    plan = planned(drop=how, send=[4])
    assert (plan.head, plan.drop, plan.actions) == (False, how, (Finish("drop"),))


def test_attempts_are_taken_in_turn_and_the_last_repeats() -> None:
    three = Resource(attempts=[Attempt(status=status) for status in (500, 501, 200)])
    scripted = world(three)
    statuses = [scripted.plan(KEY, scripted.count_attempt(KEY), "GET", {}).status for _ in range(5)]
    assert statuses == [500, 501, 200, 200, 200]
    assert scripted.count_attempt("/other") == 1
    assert [scripted.next_exchange() for _ in range(3)] == [1, 2, 3]


def test_an_unknown_resource_is_an_ordinary_404() -> None:
    plan = world(Resource()).plan("/none", 1, "GET", {})
    assert (plan.status, plan.length, plan.head) == (404, 9, True)


def test_a_gate_stays_open_and_all_who_watch_are_told() -> None:
    scripted, told = world(Resource()), list[str]()
    for _ in range(2):
        scripted.watch(told.append)
    assert not scripted.is_open("g")
    scripted.release("g")
    assert (scripted.is_open("g"), scripted.is_open("h"), told) == (True, False, ["g", "g"])


def test_every_word_of_a_body_names_its_version_resource_and_place() -> None:
    whole = content(KEY, 7, 0, 64)
    for first in range(20):
        for length in range(20):
            assert content(KEY, 7, first, length) == whole[first : first + length]
    for at in range(8):
        word = whole[8 * at : 8 * at + 8]
        assert (word[:3], int.from_bytes(word[3:], "big")) == (prefix_of(KEY, 7), at)
    assert len({prefix_of(KEY, 1), prefix_of(KEY, 2), prefix_of("/b", 1)}) == 3
    assert (len(request_body(19)), request_body(19)[:9]) == (19, "bgfetch-b")


def test_who_says_206_honours_a_range_and_sends_everything_without_one() -> None:
    partial = planned("bytes=5-", status=206)
    assert (partial.status, partial.first, partial.length) == (206, 5, 11)
    assert said(partial)["Content-Range"] == "bytes 5-15/16"
    whole = planned(status=206)
    assert (whole.status, whole.first, whole.length) == (206, 0, 16)
