"""Resume and integrity against servers that others wrote, on loopback, in a directory each.

A kill in the middle leaves a prefix; the next engine must ask the real server for the rest and
end with the file's bytes.  What is not installed is skipped, and says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import trio

from tests.transfer_engine.world import until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    EngineConfig,
    FastPump,
    Seams,
    open_engine,
    real_seams,
)

BODY = b"".join(i.to_bytes(8, "big") for i in range(1 << 20))
SERVERS = ("nginx", "apache2", "lighttpd", "http.server")

NGINX = """
daemon off; master_process off; error_log {root}/error.log; pid {root}/pid;
events {{}}
http {{
    access_log {root}/access.log; client_body_temp_path {root}/t; proxy_temp_path {root}/t;
    fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;
    server {{ listen 127.0.0.1:{port}; root {root}/www; }}
}}
"""
LIGHTTPD = """
server.document-root = "{root}/www"
server.bind = "127.0.0.1"
server.port = {port}
"""
APACHE = """
ServerName localhost
ServerRoot "{root}"
Listen 127.0.0.1:{port}
PidFile "{root}/pid"
ErrorLog "{root}/error.log"
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User www-data
Group www-data
DocumentRoot "{root}/www"
<Directory "{root}/www">
    Require all granted
</Directory>
"""


def command(server: str, root: Path, port: int) -> list[str]:
    """How it is started in the foreground with its own configuration."""
    if server == "http.server":
        where = ["--bind", "127.0.0.1", "--directory", str(root / "www"), str(port)]
        return [sys.executable, "-m", "http.server", *where]
    program = shutil.which(server, path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip(f"{server} is not installed")
    text = {"nginx": NGINX, "lighttpd": LIGHTTPD, "apache2": APACHE}[server]
    config = root / "server.conf"
    config.write_text(text.format(root=root, port=port))
    if server == "lighttpd":
        return [program, "-D", "-f", str(config)]
    if server == "apache2":
        return [program, "-X", "-f", str(config)]
    return [program, "-c", str(config)]


@contextmanager
def serving(server: str, root: Path) -> Iterator[str]:
    """Its origin, while it runs."""
    (root / "www").mkdir()
    (root / "www" / "file").write_bytes(BODY)
    for path in (root, *root.parents):
        if path.is_relative_to(Path("/tmp")) and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o055)  # servers give up their rights
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (root / "out").open("wb") as out:
        process = subprocess.Popen(
            command(server, root, port), stdout=out, stderr=out, start_new_session=True
        )
    try:
        _await_port(process, root, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_port(process: subprocess.Popen[bytes], root: Path, port: int) -> None:
    for _ in range(1000):
        if process.poll() is not None:
            raise ChildProcessError((root / "out").read_text())
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)  # a server that starts tells nobody
    raise TimeoutError("the server does not listen")


def resumed(origin: str, store: Path) -> tuple[int, str, bool]:
    """Downloaded at the kill; digest in the end; whether the fast pump did it."""
    at_kill, digest, fast = 0, hashlib.sha256(), False

    async def main() -> None:
        nonlocal at_kill, fast
        config = EngineConfig(app_origin=origin, directory=store, policy=OPEN, chunk_size=65536)
        delivered = trio.Event()

        async def handle(event: BackgroundFetchEvent) -> None:
            (record,) = await event.registration.match_all()
            response = await record.response_ready()
            assert response.body is not None
            async for piece in response.body:
                digest.update(piece)
            delivered.set()

        first, second, third = FastPump(), FastPump(), FastPump()

        def seams(pump: FastPump) -> Seams:
            return attrs.evolve(real_seams(config), pump=pump)

        async with open_engine(config, seams(first)) as engine:
            registration = await engine.fetch("f", "/file")
            await until_downloaded(registration, 1)
            engine.kill()
        async with open_engine(config, seams(second)) as engine:
            again = await engine.get("f")
            assert again is not None
            at_kill = again.downloaded
            await engine.interface.pause("f")
        handlers = {"backgroundfetchsuccess": handle}
        last = attrs.evolve(config, handlers=handlers)
        async with open_engine(last, seams(third)) as engine:
            await engine.interface.resume("f")
            await delivered.wait()
        fast = any(pump.calls["turn"] for pump in (first, second, third))

    async def within() -> None:
        with trio.fail_after(30):
            await main()

    trio.run(within)
    return at_kill, digest.hexdigest(), fast


@pytest.mark.parametrize("server", SERVERS)
def test_a_killed_download_is_resumed_from_a_real_server(server: str, tmp_path: Path) -> None:
    root = tmp_path / "server"
    root.mkdir()
    with serving(server, root) as origin:
        at_kill, digest, fast = resumed(origin, tmp_path / "store")
    assert at_kill > 0
    assert digest == hashlib.sha256(BODY).hexdigest()
    assert fast
