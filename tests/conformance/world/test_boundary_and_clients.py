"""The Fetch boundary against two clients that know nothing of it: curl, and h11.

Each answer is really served over a socket. What ``boundary`` and ``ending`` say of the
server's log must be what a client makes of the bytes: a response or none, a body that
ends or breaks, and how long it is.
"""

from __future__ import annotations

import shutil
import subprocess

import attrs
import h11
import pytest
import trio

from conformance.judge.facts import Facts
from conformance.scenario.format import Attempt, Resource, World
from conformance.trace import ServerEnd
from spec_model.fetch_boundary import Redirect, boundary, ending
from spec_model.values import RequestSpec
from tests.conformance.world.serving import Serving, get, serving

SIZE = 64

ANSWERS = {
    "length": Attempt(),
    "chunked": Attempt(framing="chunked"),
    "close": Attempt(framing="close"),
    "gzip": Attempt(encoding="gzip"),
    "gzip-chunked": Attempt(encoding="gzip", framing="chunked"),
    "404": Attempt(status=404, body=9),
    "500-chunked": Attempt(status=500, body=9, framing="chunked"),
    "204": Attempt(status=204),
    "304": Attempt(status=304),
    "empty": Attempt(body=0),
    "short-length": Attempt(send=[10], then="close"),
    "short-chunked": Attempt(framing="chunked", send=[10], then="close"),
    "short-close-framed": Attempt(framing="close", send=[10], then="close"),
    "all-but-one": Attempt(send=[SIZE - 1], then="close"),
    "chunked-without-its-end": Attempt(framing="chunked", send=["rest"], then="close"),
    "length-then-close": Attempt(send=["rest"], then="close"),
    "no-answer": Attempt(drop="close"),
    "two-lengths": Attempt(headers={"Content-Length": "7"}),
    "length-and-chunked": Attempt(headers={"Transfer-Encoding": "chunked"}),
    "redirect": Attempt(redirect="/other"),
}

LENIENT = ("two-lengths", "length-and-chunked")
"""Errors by RFC 9112, 6.3, and so the boundary says; these two clients guess."""


@attrs.frozen
class Seen:
    """What came of a request: "none" (no response), or how the body ended and its bytes."""

    how: str
    length: int = 0


def by_boundary(serving: Serving) -> Seen:
    """What the model is told, from the server's log alone."""
    facts = Facts(origins=dict(serving.network.origins))
    for entry in serving.log:
        facts.server(entry)
    (exchange,) = facts.exchanges.values()
    if exchange.wire is None:
        return Seen("none")
    home = facts.origins["app"]
    head = boundary(RequestSpec(exchange.url), exchange.url, "GET", 0, home, exchange.wire)
    if head is None:
        return Seen("none")
    if isinstance(head, Redirect):
        return Seen("redirect")
    how = ending(exchange.wire, exchange.how, exchange.sent, head.null_body)
    return Seen(how, 0 if head.null_body else exchange.sent)


def by_curl(url: str) -> Seen:
    """curl's exit status: 0 done, 18 partial, 52 empty reply, others nonsense."""
    done = subprocess.run(
        ["curl", "--silent", "--compressed", "--max-time", "5", "--dump-header", "-", url],
        capture_output=True,
        check=False,
    )
    _, _, body = done.stdout.partition(b"\r\n\r\n")
    if done.returncode in (0, 18):
        return Seen("end" if done.returncode == 0 else "error", len(body))
    return Seen("none")


async def by_h11(serving: Serving) -> Seen:
    """The client that the engine is built on, fed with whatever comes."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/x", headers=[("Host", "app.test")]))
    client.send(h11.EndOfMessage())
    stream = await serving.connect()
    await stream.send_all(get("/x"))
    head = False
    length = 0
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError:
            return Seen("error" if head else "none", length)
        match event:
            case h11.NEED_DATA:
                client.receive_data(bytes(await stream.receive_some()))
            case h11.Response():
                head = True
            case h11.Data():
                length += len(event.data)
            case h11.EndOfMessage():
                return Seen("end", length)
            case h11.ConnectionClosed():
                return Seen("error" if head else "none", length)


def world(name: str) -> World:
    return World(resources={"/x": Resource(size=SIZE, attempts=[ANSWERS[name]])})


@pytest.mark.parametrize("name", LENIENT)
def test_ambiguous_framing_is_no_response(name: str) -> None:
    async def main() -> None:
        async with serving(world(name), "loopback") as served:
            stream = await served.connect()
            await stream.send_all(get("/x"))
            await served.noted(ServerEnd)
            assert by_boundary(served) == Seen("none")

    trio.run(main)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("name", sorted(ANSWERS.keys() - {"redirect", *LENIENT}))
def test_curl_sees_what_the_boundary_says(name: str) -> None:
    async def main() -> None:
        async with serving(world(name), "loopback") as served:
            url = served.network.origins["app"] + "/x"
            seen = await trio.to_thread.run_sync(by_curl, url)
            await served.noted(ServerEnd)
            told = by_boundary(served)
            assert seen.how == told.how
            if told.how == "end":
                assert seen.length == told.length

    trio.run(main)


@pytest.mark.parametrize("name", sorted(ANSWERS.keys() - {"gzip", "gzip-chunked", *LENIENT}))
def test_h11_sees_what_the_boundary_says(name: str) -> None:
    # Content codings are no business of h11, so those answers are left to curl.
    async def main() -> None:
        async with serving(world(name), "loopback") as served:
            seen = await by_h11(served)
            await served.noted(ServerEnd)
            told = by_boundary(served)
            if told.how == "redirect":
                assert seen.how == "end"
            elif told.how == "none":
                assert seen.how in ("none", "error")
            else:
                assert (seen.how, seen.length) == (told.how, told.length)

    trio.run(main)
