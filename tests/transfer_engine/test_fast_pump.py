"""The pump that real sockets and files get: it runs, it is exact, and it can be stopped."""

from __future__ import annotations

import errno
import hashlib
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.transfer_engine.sockets import Far, Pairs, Talk, certificate, client_tls, server_tls
from tests.transfer_engine.world import finished, until_downloaded
from transfer_engine import (
    OPEN,
    Engine,
    EngineConfig,
    FastPump,
    FetchOptions,
    Registration,
    Request,
    RetryPolicy,
    open_engine,
    real_seams,
    resolve_to_itself,
)
from transfer_engine.pump import FIRST

LENGTH = 6_000_000
BODY = bytes(range(256)) * (LENGTH // 256)
HEAD = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(BODY)


@attrs.define(eq=False)
class Opened:
    """An engine over socket pairs and real files."""

    engine: Engine
    pump: FastPump
    pairs: Pairs
    directory: Path

    def bodies(self) -> list[bytes]:
        """What lies on the disk."""
        names = sorted((self.directory / "bodies").glob("b*[0-9]"))
        return [path.read_bytes() for path in names]


def with_engine(
    directory: Path,
    talk: Talk,
    test: Callable[[Opened], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
    **config: Any,
) -> None:
    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                pairs = Pairs(nursery, talk, tls)
                origin = "http://app.test" if tls is None else "https://localhost"
                settings: dict[str, Any] = {"policy": OPEN, "durability": "kill"} | config
                made = EngineConfig(app_origin=origin, directory=directory, **settings)
                seams = real_seams(made, pairs.connect)
                pump = seams.pump
                assert isinstance(pump, FastPump)
                seams = attrs.evolve(seams, resolve=resolve_to_itself)
                async with open_engine(made, seams) as engine:
                    await test(Opened(engine, pump, pairs, directory))
                nursery.cancel_scope.cancel()

    trio.run(main)


async def whole(far: Far) -> None:
    """The body, as often as it is asked for."""
    while await far.head():
        await far.say(HEAD + BODY)


def test_a_long_body_moves_in_turns_and_arrives_exactly(tmp_path: Path) -> None:
    async def test(opened: Opened) -> None:
        held: list[bytes] = []

        def look(shown: Registration) -> None:
            if shown.result:
                held.extend(opened.bodies())

        registration = await opened.engine.fetch("x", "/x")
        registration.on_progress(look)
        assert await finished(registration) == ("success", "")
        assert held == [BODY]
        assert opened.pump.calls["turn"] > 0
        assert registration.downloaded == len(BODY)

    with_engine(tmp_path, whole, test)


def test_small_bodies_take_no_thread(tmp_path: Path) -> None:
    async def talk(far: Far) -> None:
        while await far.head():
            await far.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked()
            await far.say(b"x" * 100_000)

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", ["/1", "/2", "/3"])
        assert await finished(registration) == ("success", "")
        assert opened.pump.calls["first"] > 0
        assert opened.pump.calls["turn"] == 0

    with_engine(tmp_path, talk, test)


def test_over_tls_all_records_that_came_are_taken_together(tmp_path: Path) -> None:
    pem = certificate(tmp_path)

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", ["/x", "/y"])
        assert await finished(registration) == ("success", "")
        assert registration.downloaded == 2 * len(BODY)
        # One turn a record would be hundreds of them.
        assert 0 < opened.pump.calls["turn"] < len(BODY) // 16384

    with_engine(tmp_path / "store", whole, test, tls=server_tls(pem), ssl_context=client_tls(pem))


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown issuer", "another name"])
def test_a_certificate_that_does_not_fit_ends_the_record(tmp_path: Path, trusted: bool) -> None:
    pem = certificate(tmp_path, "other.test")

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", "/x")
        assert await finished(registration) == ("failure", "fetch-error")
        assert opened.pairs.count == 1, "it will not fit the next time either"

    trust: dict[str, Any] = {"ssl_context": client_tls(pem)} if trusted else {}
    trust |= {"unavailability": "network-loss", "retry": RetryPolicy(first=0.0)}
    with_engine(tmp_path / "store", whole, test, tls=server_tls(pem), **trust)


def test_tls_that_is_cut_is_no_end_of_a_body(tmp_path: Path) -> None:
    pem = certificate(tmp_path)

    async def talk(far: Far) -> None:
        await far.head()
        await far.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
        assert isinstance(far.stream, trio.SSLStream)
        await trio.testing.wait_all_tasks_blocked()
        await trio.aclose_forcefully(far.stream.transport_stream)

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", "/x")
        assert await finished(registration) == ("failure", "fetch-error")

    with_engine(tmp_path / "store", talk, test, tls=server_tls(pem), ssl_context=client_tls(pem))


def test_an_early_end_in_a_turn_is_an_interruption_and_goes_on_from_there(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def talk(far: Far) -> None:
        head = await far.head()
        asked.append(head)
        if far.number == 1:
            await far.say(HEAD + BODY[:2_000_000])
            return
        start = int(head.partition(b"range: bytes=")[2].partition(b"-")[0])
        said = b"bytes %d-%d/%d" % (start, len(BODY) - 1, len(BODY))
        await far.say(b'HTTP/1.1 206 P\r\nETag: "v1"\r\nContent-Range: ' + said)
        await far.say(b"\r\nContent-Length: %d\r\n\r\n" % (len(BODY) - start) + BODY[start:])
        await far.head()

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", "/x")
        held: list[bytes] = []
        registration.on_progress(lambda one: held.extend(opened.bodies() if one.result else []))
        assert await finished(registration) == ("success", "")
        assert held == [BODY]
        assert b"range: bytes=2000000-" in asked[1]

    with_engine(tmp_path, talk, test, unavailability="network-loss")


def test_limits_are_exact_though_turns_reserve_room(tmp_path: Path) -> None:
    async def test(opened: Opened) -> None:
        exact = FetchOptions(download_total=2 * len(BODY))
        registration = await opened.engine.fetch("x", ["/1", "/2"], exact)
        assert await finished(registration) == ("success", "")
        less = FetchOptions(download_total=2 * len(BODY) - 1)
        registration = await opened.engine.fetch("y", ["/1", "/2"], less)
        assert await finished(registration) == ("failure", "download-total-exceeded")
        assert registration.downloaded < 2 * len(BODY)

    with_engine(tmp_path, whole, test)


def test_the_quota_is_exact_though_turns_reserve_room(tmp_path: Path) -> None:
    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", ["/1", "/2"])
        assert await finished(registration) == ("success", "")
        opened.engine.set_quota(2 * len(BODY) - 1)
        registration = await opened.engine.fetch("y", ["/1", "/2"])
        assert await finished(registration) == ("failure", "quota-exceeded")
        assert opened.engine.storage().responses == 0

    with_engine(tmp_path, whole, test, quota=2 * len(BODY))


def test_a_full_disk_within_a_turn_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, files = os.splice, 0

    def splice(src: int, dst: int, count: int) -> int:
        nonlocal files
        if os.fstat(dst).st_mode & 0o170000 == 0o100000:
            files += 1
            if files > 3:
                raise OSError(errno.ENOSPC, "full")
        return real(src, dst, count)

    monkeypatch.setattr(os, "splice", splice)

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", "/x")
        counted: list[tuple[int, int]] = []

        def look(shown: Registration) -> None:
            if shown.result:
                counted.append((shown.downloaded, len(opened.bodies()[0])))

        registration.on_progress(look)
        assert await finished(registration) == ("failure", "quota-exceeded")
        assert counted[0][0] == counted[0][1] > 0

    with_engine(tmp_path, whole, test)


def test_pause_ends_a_turn_and_what_is_shown_is_what_is_stored(tmp_path: Path) -> None:
    big = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % (1 << 40)

    async def talk(far: Far) -> None:
        await far.head()
        await far.say(big)
        while True:
            await far.say(BODY)

    async def test(opened: Opened) -> None:
        registration = await opened.engine.fetch("x", "/x")
        await until_downloaded(registration, 4 * FIRST)
        await opened.engine.interface.pause("x")
        await trio.sleep(0.2)  # longer than any turn: nothing tells that nothing happens
        shown = registration.downloaded
        (stored,) = opened.bodies()
        assert len(stored) == shown
        digest = hashlib.sha256((BODY * (shown // len(BODY) + 1))[:shown]).digest()
        assert hashlib.sha256(stored).digest() == digest
        assert await registration.abort()

    with_engine(tmp_path, talk, test)


def test_an_upload_goes_out_by_sendfile_and_arrives_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[bytes] = []
    sent: list[int] = []
    real = os.sendfile

    def sendfile(out: int, source: int, offset: int | None, count: int) -> int:
        sent.append(real(out, source, offset, count))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", sendfile)

    async def talk(far: Far) -> None:
        head = await far.head()
        assert b"content-length: %d" % len(BODY) in head
        got.append(await far.take(len(BODY)))
        await far.say(b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n")
        await far.head()

    async def test(opened: Opened) -> None:
        upload = Request("/x", method="PUT", body=BODY)
        registration = await opened.engine.fetch("x", upload)
        assert await finished(registration) == ("success", "")
        assert got == [BODY]
        assert sum(sent) == len(BODY) == registration.uploaded

    with_engine(tmp_path, talk, test)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("left", [None, 0, 1_000_000])
def test_an_upload_whose_file_goes_while_it_is_sent_fails_alone(
    tmp_path: Path, tls: bool, left: int | None
) -> None:
    pem = certificate(tmp_path) if tls else None

    async def talk(far: Far) -> None:
        if (await far.head()).startswith(b"PUT"):
            await far.take(100)
            for body in (tmp_path / "bodies").glob("b*[0-9]"):
                os.truncate(body, left or 0)
                if left is None:
                    body.unlink()
            while await far.stream.receive_some(65536):
                pass
        else:
            await far.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await far.head()

    async def test(opened: Opened) -> None:
        upload = Request("/x", method="PUT", body=BODY)
        with trio.fail_after(10):  # it does not wait for an answer that cannot come
            registration = await opened.engine.fetch("x", upload)
            assert await finished(registration) == ("failure", "fetch-error")
        other = await opened.engine.fetch("y", "/y")
        assert await finished(other) == ("success", "")

    secured = {} if pem is None else {"tls": server_tls(pem), "ssl_context": client_tls(pem)}
    with_engine(tmp_path, talk, test, **secured)


def test_a_connection_whose_upload_was_answered_early_carries_nothing_else(tmp_path: Path) -> None:
    async def talk(far: Far) -> None:
        if (await far.head()).startswith(b"PUT"):
            await far.say(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")
            await trio.sleep_forever()  # the rest of it was never read
        await far.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await far.head()

    async def test(opened: Opened) -> None:
        upload = Request("/x", method="PUT", body=BODY)
        registration = await opened.engine.fetch("x", upload)
        assert await finished(registration) == ("failure", "bad-status")
        with trio.fail_after(10):
            assert await finished(await opened.engine.fetch("y", "/y")) == ("success", "")
        assert opened.pairs.count == 2

    with_engine(tmp_path, talk, test)


def test_descriptors_do_not_pile_up(tmp_path: Path) -> None:
    async def test(opened: Opened) -> None:
        before = None
        for n in range(6):
            registration = await opened.engine.fetch(f"x{n}", ["/1", "/2"])
            assert await finished(registration) == ("success", "")
            now = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no paths are wanted
            before = now if n == 1 else before
            assert before is None or now <= before

    with_engine(tmp_path, whole, test)
