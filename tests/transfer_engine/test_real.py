"""Real loopback sockets, real SQLite, real files, a real SIGKILL."""

from __future__ import annotations

import json
import signal
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from tests.transfer_engine.server import Server, listening, ranged, stall, status, whole
from tests.transfer_engine.world import finished, read_all, until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Decisions,
    Engine,
    EngineConfig,
    Registration,
    Request,
    StoreUnusable,
    offload_to_thread,
    open_engine,
    real_seams,
)
from transfer_engine.plan import Again, Finish

BODY = bytes(range(256)) * 4000
T = TypeVar("T")


def test_files_and_an_upload_over_sockets_end_in_one_event(tmp_path: Path) -> None:
    found: list[tuple[int, bytes] | str] = []

    async def handler(event: BackgroundFetchEvent) -> None:
        found.extend(await read_all(event.registration))

    async def main() -> None:
        async with listening() as (server, origin):
            server.on("/a", whole(BODY))
            server.on("/p", status(201, b"thanks"))
            config = EngineConfig(
                policy=OPEN,
                app_origin=origin,
                directory=tmp_path,
                handlers={"backgroundfetchsuccess": handler},
            )
            async with open_engine(config) as engine:
                upload = Request("/p", method="POST", body=b"z" * 300_000)
                reg = await engine.fetch("s", ["/a", upload])
                assert await finished(reg) == ("success", "")
                assert (reg.uploaded, reg.downloaded) == (300_000, len(BODY) + 6)
                await closed(reg)
        assert found == [(200, BODY), (201, b"thanks")]
        assert server.log[1].body == b"z" * 300_000 or server.log[0].body == b"z" * 300_000

    with_deadline(main)
    assert [path.name for path in (tmp_path / "bodies").iterdir()] == ["boot"]


def test_a_clean_restart_goes_on_from_what_was_stored(tmp_path: Path) -> None:
    async def main() -> None:
        async with listening() as (server, origin):
            server.on("/a", stall(BODY, 500_000, etag='"v1"'), ranged(BODY))
            config = EngineConfig(policy=OPEN, app_origin=origin, directory=tmp_path)
            async with open_engine(config) as engine:
                await until_downloaded(await engine.fetch("s", "/a"), 500_000)
                try:
                    async with open_engine(config):
                        raise AssertionError("two engines on one store")
                except StoreUnusable as error:
                    assert "another engine" in str(error)
            async with open_engine(config) as engine:
                reg = await engine.get("s")
                assert reg is not None
                assert reg.downloaded == 500_000
                assert await finished(reg) == ("success", "")
            assert server.ranges("/a") == ["", "bytes=500000-"]

    with_deadline(main)


CHILD = """
import sys, trio
from contextlib import closing
from pathlib import Path
from transfer_engine import OPEN, EngineConfig, Request, open_engine

async def main():
    config = EngineConfig(
        app_origin=sys.argv[2], directory=Path(sys.argv[1]), policy=OPEN
    )
    async with open_engine(config) as engine:
        await engine.fetch("post", Request("/p", method="POST", body=b"once"))
        await engine.fetch("get", "/a")
        await trio.sleep_forever()

trio.run(main)
"""


async def closed(registration: Registration) -> None:
    """Until the settle event has ended: no event of its own tells."""
    while registration.records_available:  # noqa: ASYNC110 - the API has nothing to wait for
        await trio.sleep(0.001)


async def committed(journal: Path) -> None:
    """Until the journal shows a body that has grown."""
    while True:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT data FROM record").fetchall()
        if any(json.loads(data)["length"] > 10 for (data,) in rows):
            return
        await trio.sleep(0.005)  # SQLite tells nobody


def test_after_kill_9_a_get_resumes_with_206_and_a_post_is_not_repeated(tmp_path: Path) -> None:
    found: list[tuple[int, bytes] | str] = []
    events: list[str] = []
    both = trio.Event()

    async def handler(event: BackgroundFetchEvent) -> None:
        events.append(f"{event.registration.id} {event.registration.failure_reason}")
        found.extend(await read_all(event.registration))
        if len(found) == 2:
            both.set()

    async def main() -> None:
        async with listening() as (server, origin):
            server.on("/a", stall(BODY, 500_000, etag='"v1"'), ranged(BODY, least=1))
            server.on("/p", stall(BODY, 10))
            command = [sys.executable, "-c", CHILD, str(tmp_path), origin]
            child = await trio.lowlevel.open_process(command)
            await server.asked("/p")
            await server.asked("/a")
            await committed(tmp_path / "journal.sqlite")
            child.kill()
            assert await child.wait() == -signal.SIGKILL
            config = EngineConfig(
                policy=OPEN,
                app_origin=origin,
                directory=tmp_path,
                handlers={"backgroundfetchsuccess": handler, "backgroundfetchfail": handler},
            )
            async with open_engine(config):
                with trio.move_on_after(20):
                    await both.wait()
            assert len(server.ranges("/p")) == 1
            first, second = server.ranges("/a")
            assert first == ""
            assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 500_000

    with_deadline(main)
    assert sorted(events) == ["get ", "post fetch-error"]
    assert (200, BODY) in found


def test_a_connection_refused_is_a_fetch_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with listening() as (_, origin):
            pass
        config = EngineConfig(policy=OPEN, app_origin=origin, directory=tmp_path)
        async with open_engine(config) as engine:
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("failure", "fetch-error")

    with_deadline(main)


def with_deadline(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        with trio.fail_after(20):
            await main()

    trio.run(run)


def anonymous(purpose: ssl.Purpose) -> ssl.SSLContext:
    """TLS without certificates (anonymous Diffie-Hellman): enough to see that it is TLS."""
    context = ssl.create_default_context(purpose)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    return context


def test_https_is_spoken_over_tls_and_a_peer_that_cannot_is_a_fetch_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = Server(nursery)
            server.on("/a", whole(BODY))
            listeners = await trio.open_ssl_over_tcp_listeners(
                0, anonymous(ssl.Purpose.CLIENT_AUTH), host="127.0.0.1", https_compatible=True
            )
            nursery.start_soon(trio.serve_listeners, server.serve, listeners)
            plain = listeners[0].transport_listener
            assert isinstance(plain, trio.SocketListener)
            port = plain.socket.getsockname()[1]
            origin = f"https://127.0.0.1:{port}"
            trusting = anonymous(ssl.Purpose.SERVER_AUTH)
            config = EngineConfig(
                policy=OPEN, app_origin=origin, directory=tmp_path, ssl_context=trusting
            )
            async with open_engine(config) as engine:
                reg = await engine.fetch("s", "/a")
                assert await finished(reg) == ("success", "")
                assert reg.downloaded == len(BODY)
            config = EngineConfig(policy=OPEN, app_origin=origin, directory=tmp_path)
            async with open_engine(config) as engine:
                assert await finished(await engine.fetch("s", "/a")) == ("failure", "fetch-error")
            nursery.cancel_scope.cancel()

    with_deadline(main)


def test_what_was_sent_is_counted_though_the_answer_is_faster(tmp_path: Path) -> None:
    async def main() -> None:
        settled = False

        async def late(fn: Callable[..., T], *args: object) -> T:
            """A thread whose result comes when the answer has long been read."""
            with trio.CancelScope(shield=True):
                result = await offload_to_thread(fn, *args)
                if fn.__name__ == "_sendfile":
                    for _ in range(5000):
                        if settled:
                            break
                        await trio.lowlevel.checkpoint()
            return result

        def look(shown: Registration) -> None:
            nonlocal settled
            settled = bool(shown.result)

        async with listening() as (server, origin):
            server.on("/p", status(201, b"thanks"))
            config = EngineConfig(policy=OPEN, app_origin=origin, directory=tmp_path)
            seams = attrs.evolve(real_seams(config), offload=late)
            async with open_engine(config, seams) as engine:
                reg = await engine.fetch("s", Request("/p", method="POST", body=b"z" * 1000))
                reg.on_progress(look)
                assert await finished(reg) == ("success", "")
                assert reg.uploaded == 1000

    with_deadline(main)


def test_an_attempt_that_is_stopped_too_late_has_ended_and_the_next_record_begins(
    tmp_path: Path,
) -> None:
    """A pause, just when the last byte of the first file is stored."""

    class Late(Decisions):
        def judge_end(self, *args: Any) -> Finish | Again:
            step = super().judge_end(*args)
            for job in engines[0]._runner.jobs:
                job.interrupt()
            return step

    engines: list[Engine] = []

    async def main() -> None:
        async with listening() as (server, origin):
            for path in ("/a", "/b", "/c"):
                server.on(path, whole(b"x"))
            config = EngineConfig(policy=OPEN, app_origin=origin, directory=tmp_path, concurrency=1)
            seams = attrs.evolve(real_seams(config), decisions=Late())
            async with open_engine(config, seams) as engine:
                engines.append(engine)
                reg = await engine.fetch("s", ["/a", "/b", "/c"])
                assert await finished(reg) == ("success", "")
                assert server.heads == ["/a", "/b", "/c"]

    with_deadline(main)
