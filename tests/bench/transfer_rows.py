"""What is compared: the engine beside curl, aria2 and httpx, from nginx on loopback."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.bench.interleaved import Goal, Row
from tests.bench.transfer_server import Served

SMALL = 65536
MANY = 10_000
MOST_AT_ONCE = 16

Client = Callable[[Path], list[str]]


def child(client: str, **given: object) -> list[str]:
    """The command of a library client."""
    return [sys.executable, "-m", "tests.bench.transfer_child", client, json.dumps(given)]


def rows(served: Served, here: Path, mib: int, small: int) -> list[Row]:
    """Everything that is compared by speed."""
    large = served.file("large", mib << 20)
    makers = (_large, _small, _tls, partial(_upload, large=large), _many)
    return [make(served, here, mib, small) for make in makers]


def _engine(origin: str, paths: Sequence[str], **more: object) -> Client:
    given = {"origin": origin, "paths": list(paths)} | more
    return lambda to: child("engine", directory=str(to), **given)


def _httpx(origin: str, paths: Sequence[str]) -> Client:
    return lambda to: child("httpx", directory=str(to), origin=origin, paths=list(paths))


def _aria2(*more: str) -> Client:
    return lambda to: ["aria2c", "-q", "--file-allocation=none", "-d", str(to), *more]


def _large(served: Served, here: Path, mib: int, small: int) -> Row:
    origin = served.plain
    return Row(
        "large",
        f"one file of {mib:,} MiB",
        {
            "engine": _engine(origin, ["/large"]),
            "engine, power": _engine(origin, ["/large"], durability="power"),
            "curl": lambda to: ["curl", "-sf", "-o", str(to / "o"), f"{origin}/large"],
            "aria2 -x1": _aria2("-x1", "-s1", f"{origin}/large"),
            "httpx": _httpx(origin, ["/large"]),
        },
        0.40,
        mib,
        [
            Goal("engine", "curl", 2.5),
            Goal("engine", "httpx", 4),
            Goal("engine", "aria2 -x1", 2.5),
            Goal("engine, power", "engine", 0.6),
        ],
    )


def _small(served: Served, here: Path, mib: int, small: int) -> Row:
    for number in range(small):
        served.file(f"s/{number}", SMALL)
    paths, origin = [f"/s/{number}" for number in range(small)], served.plain
    listed = here / "aria2.txt"
    listed.write_text("".join(f"{origin}{path}\n" for path in paths), "utf-8")

    def curls(to: Path) -> list[str]:
        config = to / "curl.txt"
        lines = (f'url = "{origin}{path}"\noutput = "{to}{path}"\n' for path in paths)
        (to / "s").mkdir()
        config.write_text("".join(lines), "utf-8")
        return ["curl", "-sf", "-Z", "--parallel-max", str(MOST_AT_ONCE), "-K", str(config)]

    return Row(
        "small",
        f"{small:,} files of 64 KiB as one job, 16 at a time",
        {
            "engine": _engine(origin, paths),
            "curl -Z": curls,
            "aria2 -j16": _aria2(f"-j{MOST_AT_ONCE}", "-i", str(listed)),
            "httpx": _httpx(origin, paths),
        },
        0.12,
        small * SMALL >> 20,
        [
            Goal("engine", "aria2 -j16", 3),
            Goal("engine", "httpx", 4),
            Goal("engine", "curl -Z", 0.5),
        ],
    )


def _tls(served: Served, here: Path, mib: int, small: int) -> Row:
    url, pem = f"{served.secure}/large", str(served.pem)
    return Row(
        "tls",
        f"one file of {mib:,} MiB over TLS",
        {
            "engine": _engine(served.secure, ["/large"], pem=pem),
            "curl": lambda to: [
                *("curl", "-sf", "--http1.1", "--cacert", pem, "-o", str(to / "o"), url)
            ],
        },
        0.16,
        mib,
        [Goal("engine", "curl", 0.9)],
    )


def _upload(served: Served, here: Path, mib: int, small: int, *, large: Path) -> Row:
    origin = served.plain

    def engine(to: Path) -> list[str]:
        file, path = str(large), "/put/engine"
        return child("engine-put", directory=str(to), origin=origin, path=path, file=file)

    return Row(
        "upload",
        f"sending one file of {mib:,} MiB",
        {
            "engine": engine,
            "curl -T": lambda to: ["curl", "-sf", "-T", str(large), f"{origin}/put/curl"],
        },
        0.16,
        2 * mib,
        [Goal("engine", "curl -T", 0.8)],
        after=lambda: _empty(served.uploads / "put"),
    )


def _empty(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.mkdir()


def _many(served: Served, here: Path, mib: int, small: int) -> Row:
    served.file("k", 1024)
    paths = [f"/k?{number}" for number in range(MANY)]
    return Row(
        "many",
        f"{MANY:,} files of 1 KiB registered and fetched as one job",
        {"engine": _engine(served.plain, paths, permission="prompt")},
        0.06,
        MANY >> 8,
        most_runs=3,  # compared with nobody
    )
