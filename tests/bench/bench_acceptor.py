"""How long the acceptor takes for a trace: ``python -m tests.bench.bench_acceptor``.

Prints the median of some runs, in milliseconds, beside what it should stay below on an
idle core, the number of entries and the largest set of explanations held.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import attrs

from conformance import protocol as p
from conformance.judge.acceptor import Acceptor
from tests.conformance.judge.traces import Script

RUNS = 9


@attrs.frozen
class Bench:
    """A trace and the milliseconds that it may take."""

    name: str
    make: Callable[[], Script]
    below: float


def many_records() -> Script:
    """One fetch of forty records, every body in two pieces."""
    keys = [f"/{i}" for i in range(40)]
    script = Script().begin().fetch("a", *keys)
    for key in keys:
        script.request(key)
    for key in keys:
        script.head(key).bytes(key, 8)
    for key in keys:
        script.bytes(key, 16).end(key)
    return script.settle("a", "", 640).close("a")


def interrupted() -> Script:
    """Three records that are paused, resumed and live through a restart."""
    keys = ["/x", "/y", "/z"]
    script = Script().begin().fetch("a", *keys)
    for key in keys:
        script.request(key).head(key, etag='"v1"').bytes(key, 8)
    script.send(p.User, action="pause", id="a").quiet()
    script.send(p.User, action="resume", id="a")
    for key in keys:
        script.request(key, "bytes=8-")
    script.send(p.Quit).send(p.Launch)
    for key in keys:
        script.request(key, "bytes=8-")
        script.serve(key, 206, 8, first=8, content_range="bytes 8-15/16", etag='"v1"')
    shown = p.Snapshot("a", downloaded=48, result="success")
    event = p.WorkerEvent("e-a", "backgroundfetchsuccess", "w-a", shown, can_update_ui=True)
    return script.seen(event).close("a")


def shared() -> Script:
    """Two fetches of the same three URLs through two restarts: whose request is whose?"""
    keys = ["/x", "/y", "/z"]
    script = Script().begin().fetch("a", *keys).fetch("b", *keys)
    for _ in range(2):
        for key in (*keys, *keys):
            script.request(key).head(key, etag='"v1"').bytes(key, 8)
        script.send(p.Quit, kill=True).send(p.Launch)
    return script


BENCHES = (
    Bench("40 records", many_records, 100),
    Bench("3 records, pause, resume, restart", interrupted, 50),
    Bench("2 fetches of the same URLs, 2 restarts", shared, 5000),
)


def measured(bench: Bench) -> tuple[float, Acceptor, int]:
    """The median in milliseconds, one of the acceptors, and the entries of the trace."""
    entries = bench.make().entries
    times = []
    for _ in range(RUNS):
        acceptor = Acceptor()
        began = time.process_time()
        for entry in entries:
            acceptor.feed(entry)
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times), acceptor, len(entries)


def main() -> None:
    """Print a line for each."""
    for bench in BENCHES:
        median, acceptor, entries = measured(bench)
        said = "accepted" if acceptor.rejection is None else f"rejected {acceptor.rejection}"
        said = "overflowed" if acceptor.overflowed else said
        print(
            f"{bench.name}: {median:.0f} ms (below {bench.below:.0f}), "
            f"{entries} entries, largest set {acceptor.largest}, {said}"
        )


if __name__ == "__main__":
    main()
