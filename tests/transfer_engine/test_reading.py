"""Record objects: matching, heads, bodies that still arrive, bodies that end badly."""

from __future__ import annotations

import gzip

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, cut, partial, ranged, stall, status, whole
from tests.transfer_engine.world import App, finished, read_all, simulate, until_downloaded
from transfer_engine import (
    BackgroundFetchEvent,
    EngineClosed,
    FetchOptions,
    QueryOptions,
    ReadableBody,
    Record,
    Registration,
    Request,
    Response,
    ScriptError,
)

TEN = b"0123456789"


async def only(registration: Registration) -> Record:
    (record,) = await registration.match_all()
    return record


async def body_of(record: Record) -> ReadableBody:
    body = (await record.response_ready()).body
    assert body is not None
    return body


async def results(app: App, *requests: str | Request) -> list[object]:
    """[result, reason, what each record gave in the handler]."""
    found: list[object] = []

    async def then(event: BackgroundFetchEvent) -> None:
        found.extend([event.registration.result, event.registration.failure_reason])
        found.extend(await read_all(event.registration))

    app.then = dict.fromkeys(("success", "fail", "abort"), then)
    async with app.open() as engine:
        await finished(await engine.fetch("s", list(requests)))
        await trio.testing.wait_all_tasks_blocked()
    return found


def test_a_body_is_read_while_it_arrives() -> None:
    async def test(app: App) -> None:
        gate = trio.Event()

        async def slowly(asked: Asked) -> None:
            await asked.head(200, content_length="10")
            await asked.raw(TEN[:4])
            await gate.wait()
            await asked.raw(TEN[4:])

        app.server.on("/a", slowly)
        async with app.open() as engine:
            record = await only(await engine.fetch("s", "/a"))  # before any head
            body = await body_of(record)
            assert await body.read(3) == b"012"
            assert await body.read() == b"3"
            with trio.move_on_after(1) as waiting:
                await body.read()
            assert waiting.cancelled_caught
            gate.set()
            assert await body.read() == b"456789"
            assert await body.read() == b""

    simulate(test)


def test_a_reader_sees_an_abort_as_abort_error_and_a_failure_as_type_error() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        app.server.on("/hang", _hang)
        async with app.open() as engine:
            for how, expected in (("abort", "AbortError"), ("quota", "TypeError")):
                app.server.on("/a", stall(TEN, 5), whole(TEN))
                app.server.log.clear()
                reg = await engine.fetch(how, "/a")
                unanswered = await only(await engine.fetch("u" + how, "/hang"))
                await until_downloaded(reg, 5)
                body = await body_of(await only(reg))
                assert await body.read() == b"01234"
                if how == "abort":
                    await reg.abort()
                    await engine.interface.abort("uabort")
                else:
                    engine.set_quota(0)
                    engine.set_online(False)
                    app.server.on("/a", partial(TEN[5:], "bytes 5-9/10"))
                    app.server.on("/hang", status(206))
                    engine.set_online(True)
                for wait in (body.read(), unanswered.response_ready()):
                    with pytest.raises(ScriptError) as caught:
                        await wait
                    assert caught.value.name == expected

    simulate(test)


async def _hang(asked: Asked) -> None:
    await asked.stream.receive_some(1)


def test_reading_that_has_begun_outlives_the_event_and_later_reading_finds_nothing() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        kept: list[Record] = []

        async def then(event: BackgroundFetchEvent) -> None:
            kept.extend([await only(event.registration), await only(event.registration)])
            assert await (await body_of(kept[0])).read(1) == b"0"

        app.then["success"] = then
        async with app.open() as engine:
            await finished(await engine.fetch("s", "/a"))
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == 10
            assert await (await body_of(kept[0])).read() == b"123456789"
            assert await (await body_of(kept[0])).read() == b""
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == 0
            assert app.disk.lengths() == {}
            with pytest.raises(ScriptError, match="released"):
                await (await body_of(kept[1])).read()

    simulate(test)


def test_whoever_reads_when_the_engine_ends_is_told() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        told: list[str] = []

        async def reader(body: ReadableBody) -> None:
            try:
                while await body.read():
                    pass
            except EngineClosed:
                told.append("closed")

        async with trio.open_nursery() as nursery:
            for name, kill in (("s", False), ("t", True)):
                async with app.open() as engine:
                    reg = await engine.fetch(name, "/a")
                    await until_downloaded(reg, 5)
                    nursery.start_soon(reader, await body_of(await only(reg)))
                    await trio.testing.wait_all_tasks_blocked()
                    if kill:
                        engine.kill()
        assert told == ["closed", "closed"]
        with pytest.raises(EngineClosed):
            await engine.fetch("t", "/a")

    simulate(test)


def test_matching_compares_url_method_and_vary_in_request_order() -> None:
    async def test(app: App) -> None:
        app.server.on("/a?1", whole(TEN, vary="X-Kind"))
        app.server.on("/a?2", whole(TEN))
        app.server.on("/b", status(200))
        requests = [
            Request("/a?1", headers={"x-kind": "k"}),
            Request("/a?2"),
            Request("/b", method="POST", body=b"x"),
            Request("/a?2#fragment"),
        ]

        async def urls(
            event: BackgroundFetchEvent, query: str | Request | None = None, **options: bool
        ) -> list[str]:
            found = await event.registration.match_all(query, QueryOptions(**options))
            return [r.request.url.removeprefix("http://app.test") for r in found]

        async def then(event: BackgroundFetchEvent) -> None:
            kind = Request("/a?1", headers={"X-Kind": "k"})
            assert await urls(event) == ["/a?1", "/a?2", "/b", "/a?2"]
            assert await urls(event, "/a?2") == ["/a?2", "/a?2"]
            assert await urls(event, "/a?1") == []
            assert await urls(event, "/a?1", ignore_vary=True) == ["/a?1"]
            assert await urls(event, kind) == ["/a?1"]
            assert await urls(event, "/a", ignore_search=True) == ["/a?2", "/a?2"]
            assert await urls(event, "/b") == []
            assert await urls(event, "/b", ignore_method=True) == ["/b"]
            assert await event.registration.match("/nope") is None
            with pytest.raises(ScriptError) as caught:
                await event.registration.match("ftp://x/")
            assert caught.value.name == "TypeError"
            app.events.append("checked")

        app.then["success"] = then
        async with app.open() as engine:
            await finished(await engine.fetch("s", requests))
            await trio.testing.wait_all_tasks_blocked()
            assert app.events == ["success", "checked"]

    simulate(test)


def test_an_encoded_body_is_decoded_counted_decoded_and_restarted_never_resumed() -> None:
    async def test(app: App) -> None:
        packed = gzip.compress(TEN * 1000, compresslevel=0)  # so that a half decodes to a half
        app.server.on(
            "/a",
            stall(packed, 5000, content_encoding="gzip"),
            whole(packed, content_encoding="gzip"),
        )
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 1)
            engine.set_online(False)
            engine.set_online(True)
            assert await finished(reg) == ("success", "")
            assert reg.downloaded == 10_000
            assert app.server.ranges("/a") == ["", ""]

    simulate(test)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (partial(TEN[5:], "bytes 5-9/10", etag='"v1"'), ["success", "", (200, TEN)]),
        (partial(TEN[5:], "bytes 5-9/*", etag='"v1"'), ["success", "", (200, TEN)]),
        (status(416, content_range="bytes */5"), ["success", "", (200, TEN[:5])]),
        (status(416, b"", content_range="bytes */9"), ["failure", "bad-status", (416, b"")]),
        (status(503, b"busy"), ["failure", "bad-status", (503, b"busy")]),
        (partial(TEN[5:], "bytes 5-9/10", etag='"v2"'), ["failure", "fetch-error", "TypeError"]),
        (partial(TEN[4:], "bytes 4-9/10", etag='"v1"'), ["failure", "fetch-error", "TypeError"]),
        (partial(TEN[5:], "five to nine", etag='"v1"'), ["failure", "fetch-error", "TypeError"]),
        (partial(TEN, "bytes 5-9/10", etag='"v1"'), ["failure", "fetch-error", "TypeError"]),
        (partial(b"", "bytes 5-9/10", etag='"v1"'), ["failure", "fetch-error", "TypeError"]),
    ],
)
def test_what_answers_a_range_request_decides(second: object, expected: list[object]) -> None:
    async def test(app: App) -> None:
        async def unknown_length(asked: Asked) -> None:
            await asked.head(200, transfer_encoding="chunked", etag='"v1"')
            await asked.raw(b"5\r\n01234\r\n")

        app.server.on("/a", unknown_length, second)  # type: ignore[arg-type] # a Turn
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend([event.registration.result, event.registration.failure_reason])
            found.extend(await read_all(event.registration))

        app.then = dict.fromkeys(("success", "fail"), then)
        async with app.open(unavailability="network-loss") as engine:
            await finished(await engine.fetch("s", "/a"))
            await trio.testing.wait_all_tasks_blocked()
        assert app.server.ranges("/a") == ["", "bytes=5-"]
        assert found == expected

    simulate(test)


def test_a_prefix_of_an_error_page_is_never_continued() -> None:
    async def test(app: App) -> None:
        async def sorry(asked: Asked) -> None:
            await asked.answer(503, b"Sorry, come back", 5)

        app.server.on("/a", sorry, ranged(TEN))
        async with app.open(unavailability="network-loss") as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")
            assert app.server.ranges("/a") == ["", ""]

    simulate(test)


def test_all_bytes_without_the_end_are_not_asked_for_again() -> None:
    async def test(app: App) -> None:
        pause = trio.Event()

        async def all_but_end(asked: Asked) -> None:
            await asked.answer(206, TEN[:5], content_range="bytes 0-4/10", etag='"v"')

        async def rest(asked: Asked) -> None:
            await asked.head(
                206, content_range="bytes 5-9/10", transfer_encoding="chunked", etag='"v"'
            )
            await asked.raw(b"5\r\n56789\r\n")
            pause.set()
            await asked.stream.receive_some(1)

        app.server.on("/a", all_but_end, rest)
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await pause.wait()
            await until_downloaded(reg, 10)
            await engine.interface.pause("s")
            await engine.interface.resume("s")
            assert await finished(reg) == ("success", "")
            assert app.server.ranges("/a") == ["", "bytes=5-"]

    simulate(test)


def test_null_bodies_heads_and_ranges_of_the_page_itself() -> None:
    async def test(app: App) -> None:
        app.server.on("/204", status(204))
        app.server.on("/205", status(205))
        app.server.on("/304", status(304))
        app.server.on("/head", status(200, TEN))
        app.server.on("/own", partial(TEN[5:], "bytes 5-9/10"))
        assert await results(app, "/204", "/205") == ["success", "", (204, b""), (205, b"")]
        assert await results(app, "/304") == ["failure", "bad-status", (304, b"")]
        head = Request("/head", method="HEAD")
        assert await results(app, head) == ["success", "", (200, b"")]
        own = Request("/own", headers={"Range": "bytes=5-"})
        assert await results(app, own) == ["success", "", (206, TEN[5:])]
        assert app.server.ranges("/own") == ["bytes=5-"]

    simulate(test)


def test_a_part_is_no_answer_to_a_post() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", partial(TEN[:5], "bytes 0-4/10"))
        post = Request("/p", method="POST", body=b"x")
        assert await results(app, post) == ["failure", "fetch-error", "TypeError"]
        assert app.server.heads == ["/p"]

    simulate(test)


def test_redirects_are_followed_and_a_loop_is_a_fetch_error() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(302, location="/b"))
        app.server.on("/b", whole(TEN))
        app.server.on("/loop", status(302, location="/loop"))
        app.server.on("/up", status(303, location="/b"))
        assert await results(app, "/a") == ["success", "", (200, TEN)]
        assert await results(app, "/loop") == ["failure", "fetch-error", "TypeError"]
        assert len(app.server.ranges("/loop")) == 21
        post = Request("/up", method="POST", body=b"x", headers={"content-type": "text/plain"})
        assert await results(app, post) == ["success", "", (200, TEN)]
        last = app.server.log[-1]
        assert (last.method, last.body, last.headers.get("content-type")) == ("GET", b"", None)

    simulate(test)


def test_an_answer_says_where_it_came_from_and_whether_it_was_led_there() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(302, location="/b?x=1"))
        app.server.on("/b?x=1", whole(TEN))
        app.server.on("/c", whole(TEN, access_control_allow_origin="*"))
        came: list[tuple[str, bool, str]] = []
        async with app.open() as engine:
            for url in ("/a", "/b?x=1", "http://cdn.test/c"):
                response = await (await only(await engine.fetch(url, url))).response_ready()
                came.append((response.url, response.redirected, response.type))
        assert came == [
            ("http://app.test/b?x=1", True, "basic"),
            ("http://app.test/b?x=1", False, "basic"),
            ("http://cdn.test/c", False, "cors"),
        ]

    simulate(test)


def test_a_lost_get_after_a_redirected_post_does_not_send_the_post_again() -> None:
    async def test(app: App) -> None:
        app.server.on("/up", status(303, location="/done"))
        app.server.on("/done", cut(TEN, 5))
        post = Request("/up", method="POST", body=b"x")
        assert (await results(app, post))[:2] == ["failure", "fetch-error"]
        assert app.server.heads == ["/up", "/done"]

    simulate(test)


def test_an_unusual_request_to_another_origin_asks_first() -> None:
    async def test(app: App) -> None:
        async def options(asked: Asked) -> None:
            allowed = {"access_control_allow_origin": "*"}
            if asked.method == "OPTIONS":
                allowed["access_control_allow_methods"] = "DELETE"
                await asked.answer(204, **allowed)
            else:
                await asked.answer(200, TEN, **allowed)

        app.server.on("/a", options)
        delete = Request("http://cdn.test/a", method="DELETE")
        assert await results(app, delete) == ["success", "", (200, TEN)]
        assert [asked.method for asked in app.server.log] == ["OPTIONS", "DELETE"]
        put = Request("http://cdn.test/a", method="PUT", body=b"x")
        assert await results(app, put) == ["failure", "fetch-error", "TypeError"]
        assert [asked.method for asked in app.server.log][2:] == ["OPTIONS"]

    simulate(test)


def test_one_at_a_time_means_in_request_order() -> None:
    async def test(app: App) -> None:
        for n in range(5):
            app.server.on(f"/{n}", whole(TEN))
        async with app.open(concurrency=1) as engine:
            five = [f"/{n}" for n in range(5)]
            reg = await engine.fetch("s", five, FetchOptions(download_total=49))
            assert await finished(reg) == ("failure", "download-total-exceeded")
            assert app.server.heads == [f"/{n}" for n in range(5)]

    simulate(test)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], "TypeError"),
        (["ftp://x/"], "TypeError"),
        ([Request("/a", mode="no-cors")], "TypeError"),
        ([Request("/a", method="TRACE")], "TypeError"),
        ([Request("/a", method="GE T")], "TypeError"),
        ([Request("/a", body=b"x")], "TypeError"),
        ([Request("/a", method="HEAD", body=b"x")], "TypeError"),
        ([Request("/a", headers={"x": "a\r\nb"})], "TypeError"),
        ([Request("/a", headers={"x": "☃"})], "TypeError"),
        ([Request("/a", method="POST", body=b"x" * 101)], "QuotaExceededError"),
    ],
)
def test_a_refused_call_leaves_no_trace(requests: list[str | Request], expected: str) -> None:
    async def test(app: App) -> None:
        async with app.open(quota=100) as engine:
            with pytest.raises(ScriptError) as caught:
                await engine.fetch("s", requests)
            assert caught.value.name == expected
            assert await engine.get_ids() == []
            assert engine.storage().requests == 0
            assert (app.server.heads, app.disk.lengths()) == ([], {})
            assert engine.interface.shown() == []

    simulate(test)


def test_a_request_body_that_fails_rejects_and_one_that_streams_is_sent() -> None:
    async def test(app: App) -> None:
        class Pieces:
            def __init__(self, *pieces: bytes) -> None:
                self._pieces = list(pieces)

            def __aiter__(self) -> Pieces:
                return self

            async def __anext__(self) -> bytes:
                await trio.sleep(1)
                if not self._pieces:
                    raise StopAsyncIteration
                if (piece := self._pieces.pop(0)) == b"!":
                    raise RuntimeError("the tape broke")
                return piece

        app.server.on("/p", status(200))
        async with app.open() as engine:
            with pytest.raises(ScriptError) as caught:
                await engine.fetch("s", Request("/p", method="POST", body=Pieces(b"a", b"!")))
            assert caught.value.name == "TypeError"
            engine.set_quota(3)
            large = Request("/p", method="POST", body=Pieces(b"ab", b"cd"))
            with pytest.raises(ScriptError, match="QuotaExceededError"):
                await engine.fetch("s", large)
            assert (engine.storage().requests, app.disk.lengths()) == (0, {})
            reg = await engine.fetch("s", Request("/p", method="POST", body=Pieces(b"a", b"bc")))
            assert reg.upload_total == 3
            await finished(reg)
            assert (reg.uploaded, app.server.log[0].body) == (3, b"abc")

    simulate(test)


def gone(name: str, offset: int, most: int) -> bytes:
    raise FileNotFoundError(name)


@pytest.mark.parametrize("left", [None, 0, 4])
def test_a_body_that_goes_while_it_is_read_is_an_error_and_no_end(left: int | None) -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 8))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 8)
            body = await body_of(await only(reg))
            assert await body.read(4) == TEN[:4]
            (name,) = app.disk.lengths()
            if left is None:
                app.disk.read = gone  # type: ignore[method-assign] # only readers look now
            else:
                app.disk.truncate(name, left)
            with pytest.raises(ScriptError, match=f"stored body {name}") as error:
                await body.read()
            assert error.value.name == "TypeError"

    simulate(test)


def test_a_clone_is_read_by_itself_from_the_first_byte() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 4)
            response = await (await reg.match_all())[0].response_ready()
            clone = response.clone()
            assert response.body is not None
            assert clone.body is not None
            assert [await response.body.read(3), await clone.body.read(2)] == [TEN[:3], TEN[:2]]
            clone.body.close()
            assert await response.body.read() == TEN[3:4]
            with pytest.raises(ScriptError, match="read already"):
                response.clone()

    simulate(test)


def test_what_a_program_made_can_be_cloned_too() -> None:
    async def main() -> None:
        made = Response.of("Hello")
        clone = made.clone()
        assert [await made.text(), await clone.text()] == ["Hello", "Hello"]
        with pytest.raises(ScriptError, match="read already"):
            made.clone()

    trio.run(main)


def test_a_text_is_read_as_a_page_reads_it_and_only_from_its_first_byte() -> None:
    async def main() -> None:
        assert await Response.of(b"\xef\xbb\xbfx\xffy").text() == "x\ufffdy"
        begun = Response.of("text")
        assert begun.body is not None
        await begun.body.read(1)
        for rest in (begun.content, begun.text):
            with pytest.raises(ScriptError, match="TypeError"):
                await rest()

    trio.run(main)


def test_whoever_was_told_of_a_good_answer_is_not_given_the_bytes_of_a_bad_one() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), status(404, b"none"))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            body = await body_of(await only(reg))
            engine.set_online(False)
            engine.set_online(True)
            assert await finished(reg) == ("failure", "bad-status")
            with pytest.raises(ScriptError, match="restarted"):
                await body.read()

    simulate(test)


def test_what_varies_by_everything_matches_nothing_unless_that_is_ignored() -> None:
    async def test(app: App) -> None:
        app.server.on("/v", whole(TEN, vary="accept, *"))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/v")
            await (await only(reg)).response_ready()
            assert await reg.match("/v") is None
            assert await reg.match("/v", QueryOptions(ignore_vary=True)) is not None

    simulate(test)
