"""nginx on loopback, in a directory of its own: files, TLS, and a place to put uploads."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from tests.transfer_engine.sockets import certificate

CONFIG = """
daemon off; worker_processes 1; pid {here}/nginx.pid; error_log {here}/error.log; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000; client_max_body_size 0;
    client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl;
        ssl_certificate {pem}; ssl_certificate_key {pem};
        root {files};
        location /put/ {{ root {uploads}; dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


@attrs.frozen
class Served:
    """Where the server is: ``plain`` and ``secure`` origins, its certificate, its files."""

    plain: str
    secure: str
    pem: Path
    files: Path
    uploads: Path

    def file(self, name: str, size: int) -> Path:
        """A file of random bytes, made once."""
        path = self.files / name
        if not path.exists() or path.stat().st_size != size:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                for _ in range(size >> 20):
                    out.write(os.urandom(1 << 20))
                out.write(os.urandom(size & ((1 << 20) - 1)))
        return path


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(here: Path) -> Iterator[Served]:
    """A server for the block.  Raises RuntimeError if there is no nginx or it does not start."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(binary).exists():
        raise RuntimeError("no nginx; on Debian: apt-get install nginx-light aria2 curl")
    plain, secure = _free_port(), _free_port()
    pem = certificate(here)
    files, uploads = here / "files", here / "uploads"
    files.mkdir()
    (uploads / "put").mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""
    config = here / "nginx.conf"
    config.write_text(CONFIG.format(**locals()), "utf-8")
    server = subprocess.Popen([binary, "-c", str(config), "-e", str(here / "error.log")])
    try:
        _await_port(plain, server)
        yield Served(
            f"http://127.0.0.1:{plain}", f"https://localhost:{secure}", pem, files, uploads
        )
    finally:
        server.terminate()
        server.wait()


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")
