"""How fast the engine moves bytes, beside curl, aria2 and httpx, from nginx on loopback.

    python -m tests.bench.transfer

Debian: ``apt-get install nginx-light aria2 curl``; Python: ``pip install '.[bench]'``.
Bytes go to the page cache: what is compared is programs, not disks.  A command's time is
that of its process; a library's is that of the job, without the interpreter's start.
``interleaved`` says how a run is kept fair and how it ends in time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from tests.bench.interleaved import ROOT, Clock, Row, Sample, Warmth, measure, run_row, spread
from tests.bench.transfer_rows import child, rows
from tests.bench.transfer_server import Served, nginx

PARTS = "large,small,tls,upload,many,pause,kill"
PAUSE_SHARE, KILL_SHARE = 0.06, 0.04


def pauses(served: Served, here: Path, samples: int, seconds: float) -> list[float]:
    """Milliseconds from pause() to the last byte, as many as there is time for."""
    to = Path(tempfile.mkdtemp(dir=here))
    given = {"origin": served.plain, "paths": ["/large"], "directory": str(to), "seed": 1}
    told = measure(child("engine-pauses", samples=samples, most=seconds, **given)).said
    shutil.rmtree(to)
    return sorted(told["milliseconds"])


def refetched(served: Served, here: Path, kills: int, level: str, clock: Clock) -> list[int]:
    """Bytes that were on the disk at a kill -9 and are asked for again all the same."""
    lost: list[int] = []
    size, slowest = (served.files / "large").stat().st_size, 0.0
    for number in range(kills):
        if number and not clock.has(slowest):
            break
        begun = clock.passed
        to = Path(tempfile.mkdtemp(dir=here))
        given = {"origin": served.plain, "paths": ["/large"], "directory": str(to)}
        given["durability"] = level
        command = child("engine-until-killed", **given)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        wanted = 0
        while wanted < size * (number + 1) / (kills + 2):
            wanted = json.loads(process.stdout.readline())["downloaded"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        stored = sum(path.stat().st_size for path in (to / "bodies").glob("b*[0-9]"))
        lost.append(stored - measure(child("engine-resumes", **given)).said["kept"])
        clock.say(f"kill {number + 1}/{kills} at level {level}: {lost[-1]} bytes")
        shutil.rmtree(to)
        slowest = max(slowest, clock.passed - begun)
    return lost


def versions() -> dict[str, str]:
    """What was compared."""

    def first(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        number = re.search(r"[0-9]+(\.[0-9]+)+", done.stdout or done.stderr)
        return number[0] if number else "unknown"

    found = {"curl": first("curl", "--version"), "aria2": first("aria2c", "--version")}
    found |= {"nginx": first(shutil.which("nginx") or "/usr/sbin/nginx", "-v")}
    found |= {name: metadata.version(name) for name in ("httpx", "trio", "h11")}
    kernel = ".".join(platform.release().split(".")[:2])
    return found | {"python": platform.python_version(), "kernel": kernel}


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


def at_least(what: str, factor: float, measured: float) -> dict[str, object]:
    """A goal that is a ratio of speeds."""
    met = measured >= factor
    return {"what": what, "wanted": f"≥ {factor}×", "measured": f"{measured:.2f}×", "met": met}


def at_most(what: str, limit: float, measured: float, unit: str) -> dict[str, object]:
    """A goal that is a limit."""
    told = f"{measured:.3g} {unit}"
    return {"what": what, "wanted": f"≤ {limit} {unit}", "measured": told, "met": measured <= limit}


def judged(row: Row, clients: Mapping[str, Mapping[str, Any]]) -> list[dict[str, object]]:
    """The goals of a row, against its summaries."""
    found = []
    for goal in row.goals:
        measured = clients[goal.theirs]["median"] / clients[goal.ours]["median"]
        what = f"{row.title}: {goal.ours} against {goal.theirs}"
        found.append(at_least(what, goal.factor, measured))
    ours = clients["engine"]
    if row.name == "large":
        found.append(at_most(f"memory for {row.title}", 64, ours["rss"], "MiB"))
    if row.name == "many":
        found.append(at_most("memory for 10,000 files", 96, ours["rss"], "MiB"))
        found.append(at_most("10,000 files registered", 0.5, ours["registered"], "s"))
    return found


def lines(report: Mapping[str, Any]) -> str:
    """The goals, for whoever has waited."""
    return "\n".join(
        f"{'met   ' if goal['met'] else 'MISSED'} {goal['what']}: "
        f"{goal['measured']} (wanted {goal['wanted']})"
        for goal in report["goals"]
    )


@click.command()
@click.option("--mib", default=1024, show_default=True, help="Size of the large file.")
@click.option("--small", default=1000, show_default=True, help="Number of small files.")
@click.option("--runs", default=7, show_default=True, type=click.IntRange(1))
@click.option("--minutes", default=10.0, show_default=True, help="Rounds end early after that.")
@click.option("--pauses", "pausing", default=200, show_default=True)
@click.option("--kills", default=10, show_default=True)
@click.option("--only", default=PARTS, show_default=True, help="Parts to measure.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "reports" / "bench.json",
    help="The report; docs/reference/transfers.md is made of it.",
)
def main(
    mib: int,
    small: int,
    runs: int,
    minutes: float,
    pausing: int,
    kills: int,
    only: str,
    out: Path,
) -> None:
    """Measure, print the goals, write the report."""
    parts, clock = only.split(","), Clock(minutes)
    report: dict[str, Any] = {"versions": versions(), "cpus": os.cpu_count(), "runs": runs}
    report |= {"load": round(os.getloadavg()[0], 2), "rows": [], "goals": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        here = Path(temporary)
        spread(here)
        warmth = Warmth(here)
        with nginx(here) as served:
            clock.say("making files")
            for row in rows(served, here, mib, small):
                if row.name in parts:
                    found = run_row(row, here, runs, clock, warmth)
                    clients = {name: summary(samples) for name, samples in found.items()}
                    shown = {"name": row.name, "title": row.title, "clients": clients}
                    report["rows"].append(shown)
                    report["goals"] += judged(row, clients)
            if "pause" in parts:
                clock.grant(PAUSE_SHARE)
                clock.say(f"pausing {pausing} times")
                seconds = PAUSE_SHARE * minutes * 60
                samples = report["pauses"] = pauses(served, here, pausing, seconds)
                p99 = samples[min(len(samples) - 1, len(samples) * 99 // 100)]
                report["goals"].append(at_most("pause until the last byte, p99", 50, p99, "ms"))
            if "kill" in parts:
                report["refetched"] = {}
                for level in ("kill", "power"):
                    clock.grant(KILL_SHARE / 2)
                    lost = report["refetched"][level] = refetched(served, here, kills, level, clock)
                    what, most = f"fetched again after kill -9, level {level}", max(lost)
                    report["goals"].append(at_most(what, 1, most / (1 << 20), "MiB"))
    report |= {"load_after": round(os.getloadavg()[0], 2), "minutes": round(clock.passed / 60, 1)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    click.echo(lines(report))


if __name__ == "__main__":
    main()
