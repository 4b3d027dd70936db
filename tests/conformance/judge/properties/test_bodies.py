"""S07."""

from __future__ import annotations

import hashlib

import pytest

from conformance.protocol import Body, Read, Ready, RequestInit
from tests.conformance.judge.properties.traces import (
    Log,
    breaks,
    holds,
    judge,
    unclear,
    url,
    whole,
)


def matched(log: Log, key: str = "/x") -> Log:
    log.match_all("c2", [("r1", key)], "i1")
    return log


def fetched() -> Log:
    log = Log().begin()
    log.fetch()
    return log


def test_a_whole_body_is_no_mixture() -> None:
    log = fetched()
    log.exchange()
    matched(log).read("r1", whole())
    holds(judge("S07", log), 1)


def test_a_body_that_broke_is_not_judged() -> None:
    log = matched(fetched())
    log.exchange()
    log.do(Read("r1"))
    log.see(Body("r1", 3, error="AbortError", text="?!?"))
    holds(judge("S07", log), 0)


def test_a_resumed_body_is_no_mixture() -> None:
    log = fetched()
    log.resumed("/x", 13, 40)
    matched(log).read("r1", whole(size=40))
    holds(judge("S07", log), 1)


def test_two_versions_in_one_body_are_a_mixture() -> None:
    log = fetched()
    log.resumed("/x", 13, 40, version=2, etag='"v2"')
    mixed = whole(size=40)[:13] + whole(size=40, version=2)[13:]
    read = matched(log).read("r1", mixed)
    pieces = "bytes 0-15 of version 1 of /x, bytes 16-39 of version 2 of /x"
    breaks(judge("S07", log), read + 3, f"its 40 bytes are no single answer: {pieces}")


def test_the_newer_version_whole_is_no_mixture() -> None:
    log = fetched()
    log.request("/x")
    log.head(200, 40, etag='"v1"')
    log.write(13, "reset")
    log.request("/x", range="bytes=13-")
    log.head(200, 48, version=2, etag='"v2"')
    log.write(48)
    matched(log).read("r1", whole(size=48, version=2))
    holds(judge("S07", log), 1)


@pytest.mark.parametrize("header", ["etag", "last_modified"])
def test_a_server_that_names_two_versions_alike_is_not_the_clients_fault(header: str) -> None:
    log = fetched()
    log.request("/x")
    log.head(200, 40, **{header: '"v1"'})  # type: ignore[arg-type]  # only headers are str
    log.write(13, "reset")
    log.request("/x", range="bytes=13-")
    said = {header: '"v1"', "content_range": "bytes 13-39/40"}
    log.head(206, 27, version=2, first=13, **said)
    log.write(27)
    matched(log).read("r1", whole(size=40)[:13] + whole(size=40, version=2)[13:])
    unclear(judge("S07", log), "server")


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_weak_or_no_validators_are_no_excuse(etag: str) -> None:
    log = fetched()
    log.request("/x")
    log.head(200, 40, etag=etag)
    log.write(16, "reset")
    log.request("/x", range="bytes=16-")
    log.head(206, 24, version=2, first=16, etag=etag, content_range="bytes 16-39/40")
    log.write(24)
    read = matched(log).read("r1", whole(size=40)[:16] + whole(size=40, version=2)[16:])
    breaks(judge("S07", log), read + 3)


def lied(claimed: int) -> Log:
    """Resumed at 16, but the bytes sent are those from 8 on."""
    log = fetched()
    log.request("/x")
    log.head(200, 40, etag='"v1"')
    log.write(16, "reset")
    log.request("/x", range="bytes=16-")
    log.head(206, 24, first=8, etag='"v1"', content_range=f"bytes {claimed}-39/40")
    log.write(24)
    return log


def test_a_server_that_lies_about_the_offset_is_not_the_clients_fault() -> None:
    log = lied(16)
    matched(log).read("r1", whole(size=16) + whole(size=40)[8:32])
    unclear(judge("S07", log), "server")


def test_joining_a_part_that_was_not_asked_for_is_the_clients_fault() -> None:
    log = lied(8)
    read = matched(log).read("r1", whole(size=16) + whole(size=40)[8:32])
    breaks(judge("S07", log), read + 3)


def test_an_error_page_continued_by_the_real_thing_is_a_mixture() -> None:
    log = fetched()
    log.request("/x")
    log.head(503, 16)
    log.write(5, "reset")
    log.request("/x", range="bytes=5-")
    log.head(206, 11, first=5, content_range="bytes 5-15/16")
    log.write(11)
    read = matched(log).read("r1", whole(), status=503)
    breaks(judge("S07", log), read + 3, "not all sent")


def test_an_error_page_is_a_whole_body_too() -> None:
    log = fetched()
    log.request("/x")
    log.head(404, 9)
    log.write(9)
    matched(log).read("r1", whole(size=9), status=404)
    holds(judge("S07", log), 1)


def test_an_error_page_shown_as_success_is_none() -> None:
    log = fetched()
    log.request("/x")
    log.head(404, 9)
    log.write(9)
    read = matched(log).read("r1", whole(size=9), status=200)
    breaks(judge("S07", log), read + 3)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_cut_body_is_not_whole(framing: str) -> None:
    log = fetched()
    log.request("/x")
    log.head(framing=framing)
    log.write(8, "close")
    read = matched(log).read("r1", whole(size=8))
    breaks(judge("S07", log), read + 3, "length")


def test_a_cut_body_looks_whole_where_only_the_close_marks_the_end() -> None:
    log = fetched()
    log.request("/x")
    log.head(framing="close")
    log.write(8, "close")
    matched(log).read("r1", whole(size=8))
    holds(judge("S07", log), 1)


def test_a_part_alone_is_not_whole() -> None:
    log = fetched()
    log.request("/x")
    log.head(206, 8, content_range="bytes 0-7/16")
    log.write(8)
    read = matched(log).read("r1", whole(size=8))
    breaks(judge("S07", log), read + 3, "length")


def test_parts_from_the_first_on_make_a_whole() -> None:
    log = fetched()
    log.request("/x")
    log.head(206, 8, content_range="bytes 0-7/16")
    log.write(8)
    log.request("/x", range="bytes=8-")
    log.head(206, 8, first=8, content_range="bytes 8-15/16")
    log.write(8)
    matched(log).read("r1", whole())
    holds(judge("S07", log), 1)


def test_a_part_of_unknown_length_may_be_the_last() -> None:
    log = fetched()
    log.request("/x")
    log.head(206, 16, content_range="bytes 0-15/*")
    log.write(16)
    matched(log).read("r1", whole())
    holds(judge("S07", log), 1)


def test_bytes_that_were_not_sent_yet_are_no_body() -> None:
    log = matched(fetched())
    log.request("/x")
    log.head()
    log.write(8, None)
    read = log.read("r1", whole())
    log.write(16)
    breaks(judge("S07", log), read + 3, "not all sent")


def test_an_empty_body_is_whole_only_of_an_empty_answer() -> None:
    log = fetched()
    log.request("/x")
    log.head(204, 0, framing="none")
    matched(log).read("r1", b"", status=204)
    holds(judge("S07", log), 1)
    log = fetched()
    log.exchange()
    read = matched(log).read("r1", b"")
    breaks(judge("S07", log), read + 3)


def test_gzip_is_compared_as_the_reader_sees_it() -> None:
    log = fetched()
    log.request("/x")
    log.head(encoding="gzip", content_encoding="gzip")
    log.write(16)
    matched(log).read("r1", whole())
    holds(judge("S07", log), 1)


def test_another_resources_content_is_a_mixture() -> None:
    log = fetched()
    log.exchange()
    log.exchange("/y")
    read = matched(log).read("r1", whole("/y"))
    breaks(judge("S07", log), read + 3)


def test_the_target_of_a_redirect_is_the_records_content() -> None:
    log = fetched()
    log.request("/x")
    log.head(302, 0, location=url("cdn:/big"))
    log.exchange("cdn:/big")
    matched(log).read("r1", whole("cdn:/big"))
    holds(judge("S07", log), 1)


@pytest.mark.parametrize("version", [1, 2])
def test_a_large_body_is_compared_by_its_digest(version: int) -> None:
    size = 70_000
    log = fetched()
    log.exchange(size=size)
    matched(log).do(Read("r1"))
    log.see(Ready("r1", 200))
    digest = hashlib.sha256(whole(size=size, version=version)).hexdigest()
    body = log.see(Body("r1", size, sha256=digest))
    if version == 1:
        holds(judge("S07", log), 1)
    else:
        breaks(judge("S07", log), body, "sha256")


def test_a_body_of_an_unknown_record_cannot_be_told() -> None:
    log = fetched()
    log.exchange()
    log.read("r9", whole())
    unclear(judge("S07", log), "r9")


def test_a_body_that_the_server_never_gave_cannot_be_told() -> None:
    log = matched(fetched())
    log.read("r1", whole())
    unclear(judge("S07", log), "never answered")


def test_a_range_that_the_page_asked_for_is_not_compared() -> None:
    log = Log().begin()
    log.fetch(requests=[RequestInit(url("/x"), headers={"Range": "bytes=8-"})])
    log.request("/x", range="bytes=8-")
    log.head(206, 8, first=8, content_range="bytes 8-15/16")
    log.write(8)
    matched(log).read("r1", whole()[8:])
    unclear(judge("S07", log), "page")


def test_a_reset_marks_no_end() -> None:
    log = fetched()
    log.request("/x")
    log.head(framing="close")
    log.write(8, "reset")
    read = matched(log).read("r1", whole(size=8))
    breaks(judge("S07", log), read + 3, "length")


def test_a_length_that_was_said_only_later_is_none() -> None:
    log = matched(fetched())
    log.request("/x")
    log.head()
    log.write(8, "close")
    read = log.read("r1", whole(size=8))
    log.exchange(size=8)
    breaks(judge("S07", log), read + 3, "length")


def test_the_empty_answer_of_a_redirect_is_no_body() -> None:
    log = fetched()
    log.request("/x")
    log.head(302, 0, location=url("cdn:/big"))
    log.exchange("cdn:/big")
    matched(log).do(Read("r1"))
    body = log.see(Body("r1", 0, text=""))
    breaks(judge("S07", log), body, "length")


def test_a_lie_that_a_client_must_see_is_no_excuse() -> None:
    log = lied(12)
    read = matched(log).read("r1", whole(size=16) + whole(size=40)[8:32])
    breaks(judge("S07", log), read + 3)


def test_an_ordinary_answer_from_another_offset_is_a_lie() -> None:
    log = fetched()
    log.request("/x")
    log.head(200, 16, first=8)
    log.write(16)
    matched(log).read("r1", whole(size=24)[8:])
    unclear(judge("S07", log), "server")


def test_a_hole_cannot_be_filled_by_guessing() -> None:
    log = fetched()
    log.request("/x")
    log.head(200, 40, etag='"v1"')
    log.write(8, "reset")
    log.request("/x", range="bytes=8-")
    log.head(206, 24, first=16, etag='"v1"', content_range="bytes 16-39/40")
    log.write(24)
    read = matched(log).read("r1", whole(size=40))
    breaks(judge("S07", log), read + 3, "not all sent")


def test_a_huge_body_is_not_compared() -> None:
    log = fetched()
    log.exchange(size=1 << 40)
    matched(log).do(Read("r1"))
    log.see(Body("r1", 1 << 40, sha256="00"))
    unclear(judge("S07", log), "large")
