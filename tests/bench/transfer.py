"""How fast the engine moves bytes, beside curl, aria2 and httpx, from nginx on loopback.

    python -m tests.bench.transfer [--mib 1024] [--runs 7] [--only large,tls] [--out FILE]

Debian: ``apt-get install nginx-light aria2 curl``; Python: ``pip install '.[bench]'``.
All clients of a row run interleaved, so that a change of the machine's load meets all of
them; medians are given with the least and the most.  Bytes go to the page cache, as the
row says: what is compared is programs, not disks.  A command's time is that of its
process; a library's is that of the job, without the interpreter's start.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from tests.bench.transfer_server import Served, nginx

ROOT = Path(__file__).parent.parent.parent
SMALL = 65536
MOST_AT_ONCE = 16


@attrs.frozen
class Sample:
    """One run: wall and CPU seconds, most resident MiB, and what else the client said."""

    seconds: float
    cpu: float
    rss: float
    said: Mapping[str, Any]  # its JSON


@attrs.frozen
class Goal:
    """``ours`` must be ``factor`` times as fast as ``theirs``."""

    ours: str
    theirs: str
    factor: float


@attrs.frozen
class Row:
    """One comparison: clients by name, each run with a fresh directory."""

    name: str
    title: str
    clients: Mapping[str, Callable[[Path], Sequence[str]]]
    goals: Sequence[Goal] = ()
    most_runs: int = 99


def child(client: str, **given: object) -> list[str]:
    """The command of a library client."""
    return [sys.executable, "-m", "tests.bench.transfer_child", client, json.dumps(given)]


def measure(command: Sequence[str]) -> Sample:
    """Run it to its end.  Raises RuntimeError when it fails."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=complained, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if status:
            raise RuntimeError(f"{command[:4]}: {complained.read()[-2000:].decode()}")
        lines = said.read().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith(b"{") else {}
    cpu = usage.ru_utime + usage.ru_stime
    return Sample(told.get("seconds", seconds), cpu, usage.ru_maxrss / 1024, told)


def rows(served: Served, here: Path, mib: int, small: int) -> list[Row]:
    """Everything that is compared by speed."""
    size = mib << 20
    large = served.file("large", size)
    for number in range(small):
        served.file(f"s/{number}", SMALL)
    paths = [f"/s/{number}" for number in range(small)]
    origin = served.plain
    listed = here / "aria2.txt"
    listed.write_text("".join(f"{origin}{path}\n" for path in paths), "utf-8")

    def engine(paths: Sequence[str], **more: object) -> Callable[[Path], list[str]]:
        given = {"origin": origin, "paths": list(paths)} | more
        return lambda to: child("engine", directory=str(to), **given)

    def curls(to: Path) -> list[str]:
        config = to / "curl.txt"
        lines = (f'url = "{origin}{path}"\noutput = "{to}{path}"\n' for path in paths)
        (to / "s").mkdir()
        config.write_text("".join(lines), "utf-8")
        return ["curl", "-sf", "-Z", "--parallel-max", str(MOST_AT_ONCE), "-K", str(config)]

    def aria2(*more: str) -> Callable[[Path], list[str]]:
        return lambda to: ["aria2c", "-q", "--file-allocation=none", "-d", str(to), *more]

    def httpx(paths: Sequence[str]) -> Callable[[Path], list[str]]:
        return lambda to: child("httpx", directory=str(to), origin=origin, paths=list(paths))

    return [
        Row(
            "large",
            f"one file of {mib} MiB",
            {
                "engine": engine(["/large"]),
                "engine, power": engine(["/large"], durability="power"),
                "curl": lambda to: ["curl", "-sf", "-o", str(to / "o"), f"{origin}/large"],
                "aria2 -x1": aria2("-x1", "-s1", f"{origin}/large"),
            },
            [Goal("engine", "curl", 2.5), Goal("engine, power", "engine", 0.6)],
        ),
        Row(
            "small",
            f"{small} files of 64 KiB as one job, 16 at a time",
            {
                "engine": engine(paths),
                "curl -Z": curls,
                "aria2 -j16": aria2(f"-j{MOST_AT_ONCE}", "-i", str(listed)),
                "httpx": httpx(paths),
            },
            [
                Goal("engine", "aria2 -j16", 3),
                Goal("engine", "httpx", 4),
                Goal("engine", "curl -Z", 0.5),
            ],
        ),
        Row(
            "tls",
            f"one file of {mib} MiB over TLS",
            {
                "engine": lambda to: child(
                    "engine",
                    directory=str(to),
                    origin=served.secure,
                    paths=["/large"],
                    pem=str(served.pem),
                ),
                "curl": lambda to: [
                    *("curl", "-sf", "--http1.1", "--cacert", str(served.pem)),
                    *("-o", str(to / "o"), f"{served.secure}/large"),
                ],
            },
            [Goal("engine", "curl", 0.9)],
        ),
        Row(
            "upload",
            f"sending one file of {mib} MiB",
            {
                "engine": lambda to: child(
                    "engine-put",
                    directory=str(to),
                    origin=origin,
                    path="/put/engine",
                    file=str(large),
                ),
                "curl -T": lambda to: ["curl", "-sf", "-T", str(large), f"{origin}/put/curl"],
            },
            [Goal("engine", "curl -T", 0.8)],
        ),
        Row(
            "many",
            "10,000 files of 1 KiB registered and fetched as one job",
            {"engine": engine(_many(served), permission="prompt")},
            most_runs=3,  # compared with nobody
        ),
    ]


def _many(served: Served) -> list[str]:
    served.file("k", 1024)
    return [f"/k?{number}" for number in range(10_000)]


def run_row(row: Row, here: Path, runs: int) -> dict[str, list[Sample]]:
    """All clients in turn, so many times."""
    found: dict[str, list[Sample]] = {name: [] for name in row.clients}
    runs = min(runs, row.most_runs)
    for number in range(runs):
        for name, command in row.clients.items():
            to = Path(tempfile.mkdtemp(dir=here))
            found[name].append(measure(command(to)))
            shutil.rmtree(to)
            print(f"{row.name} {number + 1}/{runs} {name}: {found[name][-1].seconds:.3f} s",
                  file=sys.stderr)  # fmt: skip
    return found


def pauses(served: Served, here: Path, samples: int) -> list[float]:
    """Milliseconds from pause() to the last byte."""
    to = Path(tempfile.mkdtemp(dir=here))
    given = {"origin": served.plain, "paths": ["/large"], "directory": str(to), "seed": 1}
    told = measure(child("engine-pauses", samples=samples, **given)).said
    shutil.rmtree(to)
    return list(told["milliseconds"])


def refetched(served: Served, here: Path, kills: int) -> list[int]:
    """Bytes that were on the disk at a kill -9 and are asked for again all the same."""
    lost: list[int] = []
    for number in range(kills):
        to = Path(tempfile.mkdtemp(dir=here))
        given = {"origin": served.plain, "paths": ["/large"], "directory": str(to)}
        command = child("engine-until-killed", **given)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        size, wanted = (served.files / "large").stat().st_size, 0
        while wanted < size * (number + 1) / (kills + 2):
            wanted = json.loads(process.stdout.readline())["downloaded"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        stored = sum(path.stat().st_size for path in (to / "bodies").glob("b*[0-9]"))
        lost.append(stored - measure(child("engine-resumes", **given)).said["kept"])
        shutil.rmtree(to)
    return lost


def versions() -> dict[str, str]:
    """What was compared."""

    def first(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).splitlines()[0]

    found = {"curl": first("curl", "--version"), "aria2": first("aria2c", "--version")}
    found |= {"nginx": first(shutil.which("nginx") or "/usr/sbin/nginx", "-v")}
    found |= {name: metadata.version(name) for name in ("httpx", "trio", "h11")}
    return found | {"python": platform.python_version(), "kernel": platform.release()}


def summary(samples: Sequence[Sample]) -> dict[str, object]:
    """Medians, and the raw seconds."""
    seconds = [sample.seconds for sample in samples]
    found: dict[str, object] = {
        "median": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "cpu": statistics.median(sample.cpu for sample in samples),
        "rss": max(sample.rss for sample in samples),
        "seconds": seconds,
    }
    registered = [s.said["registered"] for s in samples if "registered" in s.said]
    return found | ({"registered": statistics.median(registered)} if registered else {})


def table(report: Mapping[str, Any]) -> str:
    """The report for people, in Markdown."""
    lines = ["| row | client | median s | least to most | CPU s | RSS MiB |", "|" + " --- |" * 6]
    for row in report["rows"]:
        for name, one in row["clients"].items():
            spread = f"{one['least']:.2f} to {one['most']:.2f}"
            numbers = f"{one['median']:.3f} | {spread} | {one['cpu']:.2f} | {one['rss']:.0f}"
            lines.append(f"| {row['title']} | {name} | {numbers} |")
    lines += ["", "| goal | wanted | measured | |", "| --- | --- | --- | --- |"]
    for goal in report["goals"]:
        verdict = "met" if goal["met"] else "missed"
        lines.append(f"| {goal['what']} | {goal['wanted']} | {goal['measured']} | {verdict} |")
    return "\n".join(lines) + "\n"


def at_least(what: str, factor: float, measured: float) -> dict[str, object]:
    """A goal that is a ratio of speeds."""
    met = measured >= factor
    return {"what": what, "wanted": f"≥ {factor}×", "measured": f"{measured:.2f}×", "met": met}


def at_most(what: str, limit: float, measured: float, unit: str) -> dict[str, object]:
    """A goal that is a limit."""
    told = f"{measured:.3g} {unit}"
    return {"what": what, "wanted": f"≤ {limit} {unit}", "measured": told, "met": measured <= limit}


def main(arguments: Sequence[str]) -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.transfer", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the large file")
    parser.add_argument("--small", type=int, default=1000, help="number of small files")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--pauses", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="large,small,tls,upload,many,pause,kill")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench.json")
    chosen = parser.parse_args(arguments)
    only = chosen.only.split(",")
    report: dict[str, Any] = {"versions": versions(), "rows": [], "goals": []}
    report |= {"runs": chosen.runs, "load": os.getloadavg()[0], "cpus": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        here = Path(temporary)
        with nginx(here) as served:
            for row in rows(served, here, chosen.mib, chosen.small):
                if row.name in only:
                    _add_row(report, row, run_row(row, here, chosen.runs))
            if "pause" in only:
                samples = sorted(pauses(served, here, chosen.pauses))
                p99 = samples[min(len(samples) - 1, len(samples) * 99 // 100)]
                report["pauses"] = samples
                report["goals"].append(at_most("pause until the last byte, p99", 50, p99, "ms"))
            if "kill" in only:
                lost = refetched(served, here, chosen.kills)
                report["refetched"] = lost
                most = max(lost) / (1 << 20)
                report["goals"].append(at_most("fetched again after kill -9", 1, most, "MiB"))
    report["load_after"] = os.getloadavg()[0]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(table(report))


def _add_row(report: dict[str, Any], row: Row, found: Mapping[str, Sequence[Sample]]) -> None:
    clients: dict[str, Any] = {name: summary(samples) for name, samples in found.items()}
    report["rows"].append({"name": row.name, "title": row.title, "clients": clients})
    for goal in row.goals:
        measured = clients[goal.theirs]["median"] / clients[goal.ours]["median"]
        what = f"{row.title}: {goal.ours} against {goal.theirs}"
        report["goals"].append(at_least(what, goal.factor, measured))
    ours = clients["engine"]
    if row.name == "large":
        report["goals"].append(at_most(f"memory for {row.title}", 64, ours["rss"], "MiB"))
    if row.name == "many":
        report["goals"].append(at_most("memory for 10,000 files", 96, ours["rss"], "MiB"))
        report["goals"].append(at_most("10,000 files registered", 0.5, ours["registered"], "s"))


if __name__ == "__main__":
    main(sys.argv[1:])
