"""The scripted server, byte by byte, on sockets and in memory."""

from __future__ import annotations

import pytest
import trio

from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.trace import (
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerLost,
    ServerRequest,
    ServerRequestBody,
)
from conformance.world.content import content
from conformance.world.server import Response
from tests.conformance.world.serving import (
    Kind,
    get,
    read_all,
    read_answer,
    read_exactly,
    run,
    serving,
)

BOTH = pytest.mark.parametrize("kind", ["memory", "loopback"])


def one(size: int = 16, **attempt: object) -> World:
    """A world whose resource /a does one scripted thing."""
    return World(resources={"/a": Resource(size=size, attempts=[Attempt(**attempt)])})  # type: ignore[arg-type]  # test shorthand


@BOTH
def test_a_plain_answer_is_logged_in_order_and_the_connection_goes_on(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(), kind) as it:
            stream = await it.connect()
            for _ in range(2):
                await stream.send_all(get("/a"))
                answer = await read_answer(stream)
                assert (answer.status, answer.body) == (200, content("/a", 1, 0, 16))
            assert it.kinds() == ["Request", "Head", "Bytes", "End"] * 2
            first, second = (e for e in it.log if isinstance(e, ServerRequest))
            assert (first.attempt, second.attempt) == (1, 2)
            assert (first.exchange, second.exchange) == (1, 2)
            assert first.connection == second.connection == 1
            assert first.headers == {"host": "app.test"}

    run(main, kind)


def test_the_bytes_of_a_chunked_answer_are_one_chunk_for_each_send() -> None:
    async def main() -> None:
        async with serving(one(framing="chunked", send=[3, 5], etag="")) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", Connection="close"))
            body = content("/a", 1, 0, 16)
            assert await read_all(stream) == (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
                b"3\r\n" + body[:3] + b"\r\n5\r\n" + body[3:8] + b"\r\n8\r\n" + body[8:] + b"\r\n"
                b"0\r\n\r\n"
            )
            assert [e.decoded for e in it.log if isinstance(e, ServerBytes)] == [3, 8, 16]

    run(main)


@BOTH
def test_close_framing_ends_with_the_connection(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(framing="close"), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            head, body = (await read_all(stream)).split(b"\r\n\r\n", 1)
            assert b"Content-Length" not in head
            assert body == content("/a", 1, 0, 16)

    run(main, kind)


@BOTH
def test_a_premature_close_gives_the_bytes_and_then_the_end(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(send=[5], then="close"), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            head, body = (await read_all(stream)).split(b"\r\n\r\n", 1)
            assert b"Content-Length: 16" in head
            assert body == content("/a", 1, 0, 5)
            assert it.log[-1] == ServerEnd(1, "close")

    run(main, kind)


@BOTH
def test_a_reset_gives_the_bytes_and_then_an_error(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(send=[5], then="reset"), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            with pytest.raises(trio.BrokenResourceError):
                await read_all(stream)
            assert it.log[-1] == ServerEnd(1, "reset")

    run(main, kind)


@BOTH
@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_drop_sends_no_head(kind: Kind, how: str) -> None:
    async def main() -> None:
        async with serving(one(drop=how), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            if how == "close":
                assert await read_all(stream) == b""
            else:
                with pytest.raises(trio.BrokenResourceError):
                    await read_all(stream)
            assert it.kinds() == ["Request", "End"]
            assert it.log[-1] == ServerEnd(1, "drop")

    run(main, kind)


@BOTH
def test_a_held_answer_goes_on_when_its_gate_opens(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(wait="g0", send=[4, Hold("g1")]), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            assert await it.noted(ServerHeld) == ServerHeld(1, "g0")
            assert it.kinds() == ["Request", "Held"]
            it.world.release("g0")
            it.world.release("g1")
            assert (await read_answer(stream)).body == content("/a", 1, 0, 16)
            # g1 was open before the answer came to it: nothing was held there.
            assert it.kinds() == ["Request", "Held", "Head", "Bytes", "Bytes", "End"]

    run(main, kind)


@BOTH
def test_a_held_answer_notices_that_the_client_went_away(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(send=[4, Hold("g")]), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await it.noted(ServerHeld)
            await stream.aclose()
            assert await it.noted(ServerLost) == ServerLost(1)
            it.world.release("g")
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert it.kinds() == ["Request", "Head", "Bytes", "Held", "Lost"]

    run(main, kind)


def test_a_client_that_leaves_in_the_middle_of_a_write_is_found_gone() -> None:
    async def main() -> None:
        # More than the sockets' buffers hold, so that the server is still writing.
        async with serving(one(size=1 << 23, send=[(1 << 23) - 1]), "loopback") as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await read_exactly(stream, 1000)
            await stream.aclose()
            await it.noted(ServerLost)
            assert it.kinds() == ["Request", "Head", "Bytes", "Lost"]

    run(main, "loopback")


def test_with_a_length_the_end_is_noted_before_the_last_byte_is_written() -> None:
    async def main() -> None:
        async with serving(one(send=["rest", Hold("g")])) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await read_answer(stream)
            await it.noted(ServerHeld)
            assert it.kinds() == ["Request", "Head", "Bytes", "End", "Held"]
            await stream.aclose()
            await trio.testing.wait_all_tasks_blocked()
            assert "Lost" not in it.kinds()

    run(main)


def test_without_a_body_the_end_is_noted_before_the_head_is_written() -> None:
    async def main() -> None:
        async with serving(one(status=204, send=[Hold("g")])) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            assert (await read_answer(stream)).status == 204
            await it.noted(ServerHeld)
            assert it.kinds() == ["Request", "Head", "End", "Held"]

    run(main)


def test_a_request_body_is_read_before_the_answer_and_logged() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", "POST", b"x" * 30))
            await read_answer(stream, "POST")
            assert it.log[1] == ServerRequestBody(1, 30, True)
            assert it.kinds()[:3] == ["Request", "RequestBody", "Head"]

    run(main)


@BOTH
def test_a_request_body_that_breaks_off_gets_no_answer(kind: Kind) -> None:
    async def main() -> None:
        async with serving(one(), kind) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", "POST", b"x" * 30)[:-10])
            await it.noted(ServerRequest)
            await stream.aclose()
            await it.noted(ServerLost)
            assert it.log[1:] == [ServerRequestBody(1, 20, False), ServerLost(1)]

    run(main, kind)


def test_a_client_that_expects_100_is_told_to_go_on() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            request = get("/a", "POST", b"x", Expect="100-continue")
            await stream.send_all(request[:-1])
            assert (await read_exactly(stream, 25)) == b"HTTP/1.1 100 Continue\r\n\r\n"
            await stream.send_all(b"x")
            assert (await read_answer(stream, "POST")).status == 200

    run(main)


@BOTH
def test_origins_are_told_apart_by_where_they_are_reached(kind: Kind) -> None:
    async def main() -> None:
        world = World(origins=["cdn"], resources={"cdn:/a?x=1": Resource(size=3)})
        async with serving(world, kind) as it:
            for origin, status in (("cdn", 200), ("app", 404)):
                stream = await it.connect(origin)
                await stream.send_all(get("/a?x=1"))
                assert (await read_answer(stream)).status == status
            keys = [e.key for e in it.log if isinstance(e, ServerRequest)]
            assert keys == ["cdn:/a?x=1", "/a?x=1"]

    run(main, kind)


def test_a_range_is_honoured_and_the_head_says_which_bytes_follow() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", Range="bytes=6-"))
            answer = await read_answer(stream)
            assert (answer.status, answer.body) == (206, content("/a", 1, 6, 10))
            head = next(e for e in it.log if isinstance(e, ServerHead))
            assert (head.status, head.first, head.length, head.framing) == (206, 6, 10, "length")
            assert ServerBytes(1, 10) in it.log

    run(main)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_ends_with_its_head(method: str, status: int) -> None:
    async def main() -> None:
        async with serving(one(status=status)) as it:
            stream = await it.connect()
            for _ in range(2):
                await stream.send_all(get("/a", method))
                assert (await read_answer(stream, method)).status == status
            assert it.kinds() == ["Request", "Head", "End"] * 2

    run(main)


def test_a_preflight_is_neither_logged_nor_counted() -> None:
    async def main() -> None:
        world = World(origins=["cdn"], resources={"cdn:/a": Resource(cors=True)})
        async with serving(world) as it:
            stream = await it.connect("cdn")
            ask = get("/a", "OPTIONS", Access_Control_Request_Method="GET")
            await stream.send_all(ask)
            answer = await read_answer(stream, "OPTIONS")
            assert answer.status == 204
            assert answer.headers["access-control-allow-origin"] == "*"
            await stream.send_all(get("/b", "OPTIONS", Access_Control_Request_Method="GET"))
            assert (await read_answer(stream, "OPTIONS")).status == 403
            assert it.log == []
            await stream.send_all(get("/a"))
            await read_answer(stream)
            assert isinstance(it.log[0], ServerRequest)
            assert it.log[0].attempt == 1

    run(main)


def test_a_preflight_for_what_has_no_cors_is_refused() -> None:
    async def main() -> None:
        world = World(origins=["cdn"], resources={"cdn:/a": Resource()})
        async with serving(world) as it:
            stream = await it.connect("cdn")
            await stream.send_all(get("/a", "OPTIONS", Access_Control_Request_Method="GET"))
            answer = await read_answer(stream, "OPTIONS")
            assert (answer.status, "access-control-allow-origin" in answer.headers) == (403, False)
            assert it.log == []

    run(main)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_an_end_after_the_whole_body_is_told_as_what_it_is(then: str) -> None:
    async def main() -> None:
        async with serving(one(send=["rest"], then=then)) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await read_answer(stream)
            await it.noted(ServerEnd)
            assert [e.how for e in it.log if isinstance(e, ServerEnd)] == [then]

    run(main)


def test_after_a_status_that_clients_differ_about_the_connection_is_closed() -> None:
    async def main() -> None:
        async with serving(one(status=205)) as it:
            stream = await it.connect()
            await stream.send_all(get("/a") + get("/a"))
            assert (await read_all(stream)).count(b"HTTP/1.1 205 ") == 1

    run(main)


def test_who_sends_ahead_without_end_counts_as_gone() -> None:
    async def main() -> None:
        async with serving(one(send=[Hold("g")])) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await it.noted(ServerHeld)
            for _ in range(18):
                await stream.send_all(b"x" * 65536)
            await it.noted(ServerLost)

    run(main)


def test_a_field_that_comes_twice_is_noted_with_both_values() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", X="1").replace(b"X: 1", b"X: 1\r\nx: 2"))
            await read_answer(stream)
            (request,) = (e for e in it.log if isinstance(e, ServerRequest))
            assert request.headers["x"] == "1, 2"

    run(main)


def test_harness_pages_are_served_and_never_logged() -> None:
    async def pages(path: str, method: str, body: bytes) -> Response | None:
        if path != "/.bgfetch/echo?1":
            return None
        return Response(200, (("X-Method", method),), body)

    async def main() -> None:
        async with serving(one(), pages=pages) as it:
            stream = await it.connect()
            await stream.send_all(get("/.bgfetch/echo?1", "POST", b"hello"))
            answer = await read_answer(stream, "POST")
            assert (answer.body, answer.headers["x-method"]) == (b"hello", "POST")
            assert answer.headers["cache-control"] == "no-store"
            for path in ("/.bgfetch/other", "/favicon.ico"):
                await stream.send_all(get(path))
                assert (await read_answer(stream)).status == 404
            assert it.log == []

    run(main)


def test_what_is_no_http_is_refused_and_not_logged() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            await stream.send_all(b"hello\r\n\r\n")
            assert (await read_all(stream)).startswith(b"HTTP/1.1 400 ")
            assert it.log == []

    run(main)


def test_requests_sent_ahead_are_answered_in_turn() -> None:
    async def main() -> None:
        async with serving(one(send=[Hold("g")])) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            await it.noted(ServerHeld)
            await stream.send_all(get("/a") + get("/a", Connection="close"))
            it.world.release("g")
            assert (await read_all(stream)).count(b"HTTP/1.1 200 OK") == 3
            attempts = [e.attempt for e in it.log if isinstance(e, ServerRequest)]
            assert attempts == [1, 2, 3]

    run(main)


def test_connections_are_counted_in_the_order_in_which_they_come() -> None:
    async def main() -> None:
        async with serving(one()) as it:
            for _ in range(2):
                stream = await it.connect()
                await stream.send_all(get("/a"))
                await read_answer(stream)
            assert [e.connection for e in it.log if isinstance(e, ServerRequest)] == [1, 2]

    run(main)


def test_of_a_coded_body_the_log_has_what_was_written_and_what_that_may_decode_to() -> None:
    async def main() -> None:
        async with serving(one(size=400, encoding="gzip", send=[10])) as it:
            stream = await it.connect()
            await stream.send_all(get("/a"))
            length = int((await read_answer(stream)).headers["content-length"])
            (head,) = (e for e in it.log if isinstance(e, ServerHead))
            assert (head.encoding, head.length) == ("gzip", 400)
            sent = [e for e in it.log if isinstance(e, ServerBytes)]
            assert sent == [ServerBytes(1, 400, 10), ServerBytes(1, 400, length)]

    run(main)


@pytest.mark.parametrize(("then", "last"), [("end", b"0\r\n\r\n"), ("close", b"")])
def test_only_a_chunked_answer_that_ends_has_a_last_chunk(then: str, last: bytes) -> None:
    async def main() -> None:
        async with serving(one(framing="chunked", send=["rest"], then=then)) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", Connection="close"))
            whole = await read_all(stream)
            assert whole.endswith(content("/a", 1, 0, 16) + b"\r\n" + last)

    run(main)


def test_options_that_are_no_preflight_and_an_icon_of_the_world_are_requests_like_others() -> None:
    async def main() -> None:
        world = World(resources={"/favicon.ico": Resource(size=3), "/a": Resource()})
        async with serving(world) as it:
            stream = await it.connect()
            for path, method in (("/a", "OPTIONS"), ("/favicon.ico", "GET")):
                await stream.send_all(get(path, method))
                assert (await read_answer(stream, method)).status == 200
            keys = [e.key for e in it.log if isinstance(e, ServerRequest)]
            assert keys == ["/a", "/favicon.ico"]

    run(main)


def test_a_preflight_permits_what_fetch_may_send_and_has_no_length() -> None:
    async def main() -> None:
        async with serving(World(resources={"/a": Resource(cors=True)})) as it:
            stream = await it.connect()
            await stream.send_all(get("/a", "OPTIONS", Access_Control_Request_Method="POST"))
            headers = (await read_answer(stream, "OPTIONS")).headers
            assert "content-length" not in headers
            assert headers["access-control-allow-methods"] == "*"
            # Browsers read no star where credentials are, and none for Range.
            assert {"Range", "Content-Type"} <= set(
                headers["access-control-allow-headers"].split(", ")
            )

    run(main)


@pytest.mark.parametrize("path", ["/.bgfetch/other", "/a"])
def test_who_wants_no_further_answer_gets_the_end(path: str) -> None:
    async def main() -> None:
        async with serving(one()) as it:
            stream = await it.connect()
            await stream.send_all(get(path, Connection="close"))
            assert (await read_all(stream)).startswith(b"HTTP/1.1 ")

    run(main)
