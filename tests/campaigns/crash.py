"""All crash campaigns in full: ``python -m tests.campaigns.crash [--minutes 10] [--kills 1000]``.

Writes what it counted to ``reports/crashes.json`` and says it.  Ends with 1 if a promise
broke.  The simulated campaigns come first and share a quarter of the time, each until its
enumeration is over; the kills have the rest.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from tests.campaigns import simulated
from tests.campaigns.failures import fail_everywhere
from tests.campaigns.huge import huge
from tests.campaigns.kills import kill_everywhere
from tests.campaigns.simulated import Count, crash_everywhere, end_everywhere

REPORT = Path(__file__).parents[2] / "reports" / "crashes.json"


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="wall time, about")
    parser.add_argument("--kills", type=int, default=1000, help="real kills to reach")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disks", type=int, default=6, help="most disks tried after a power cut")
    parser.add_argument("--no-huge", action="store_true", help="without the body over 2 GiB")
    parser.add_argument("--out", type=Path, default=REPORT)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    share = given.minutes * 60 / 20
    found: dict[str, object] = {
        "machine": f"Python {platform.python_version()}, trio {trio.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}",
        "command": " ".join(["python -m tests.campaigns.crash", *sys.argv[1:]]),
    }
    bad: list[str] = []

    def campaign(name: str, run: Callable[[float], Count]) -> None:
        began, cpu = time.monotonic(), time.process_time()
        count = run(began + share)
        bad.extend(count.broken)
        found[name] = {
            **{k: v for k, v in attrs.asdict(count).items() if v and k != "broken"},
            "broken": len(count.broken),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "whole": time.monotonic() < began + share,
        }
        print(name, found[name], flush=True)

    campaign(
        "crash at every operation, any disk after it, nested once",
        lambda until: crash_everywhere(disks=given.disks, until=until + share),
    )
    campaign("every operation fails", lambda until: fail_everywhere(until=until))
    campaign("end after steps of tasks", lambda until: end_everywhere(7, until=until))
    campaign("random seeds", lambda until: simulated.seeds(range(given.seed, 10**9), until=until))
    found["speed"] = simulated.speed()
    print(found["speed"], flush=True)
    with tempfile.TemporaryDirectory() as directory:
        if not given.no_huge:
            found["a body over 2 GiB"] = huge(Path(directory))
            print(found["a body over 2 GiB"], flush=True)
        began = time.monotonic()
        count, turns = kill_everywhere(Path(directory), given.kills, given.seed, began + share * 15)
        bad.extend(count.broken)
        found["real kills"] = {
            "kills": count.crashes,
            "trials": count.trials,
            "lives": count.lives,
            "turns of the fast pump in last lives": turns,
            "broken": len(count.broken),
            "seconds": round(time.monotonic() - began, 1),
        }
        print(found["real kills"], flush=True)
    found["broken"] = bad
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    for line in bad[:20]:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
