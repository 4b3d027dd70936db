"""All crash campaigns in full: ``python -m tests.campaigns.crash [PART ...]``.

Each part writes what it counted to ``reports/crashes.json`` and says it.  A part that is
already whole there, for the engine as it is now, is not run again (``--again`` does).  Real kills
and system calls take longer than an engine stays the same: they go on where they stopped, and
note how many trials each engine had.  So the command may be interrupted and repeated.  Ends
with 1 if a promise broke.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import attrs
import trio

import transfer_engine
from tests.campaigns import simulated
from tests.campaigns.calls import Calls, fail_every_call
from tests.campaigns.ends import cancel_everywhere, end_everywhere
from tests.campaigns.failures import fail_everywhere
from tests.campaigns.huge import huge
from tests.campaigns.kills import Kills, kill_everywhere
from tests.campaigns.pace import pace
from tests.campaigns.recoveries import Recoveries, crash_everywhere
from tests.campaigns.simulated import Count
from transfer_engine.boot_note import Durability

REPORT = Path(__file__).parents[2] / "reports" / "crashes.json"
Found = dict[str, object]
Keep = Callable[[Found], None]


@attrs.frozen
class Given:
    """The command line.  ``until``: when a part ends at the latest, in ``time.monotonic``."""

    kills: int
    seed: int
    until: float


def _counted(run: Callable[[float], Count]) -> Callable[[Given, Found, Keep], None]:
    def part(given: Given, _before: Found, keep: Keep) -> None:
        began = time.process_time()
        count = run(given.until)
        keep(
            {
                **{name: value for name, value in attrs.asdict(count).items() if value},
                "broken": count.broken,
                "cpu_seconds": round(time.process_time() - began, 1),
                "whole": time.monotonic() < given.until,
            }
        )

    return part


def _crashes(level: Durability) -> Callable[[Given, Found, Keep], None]:
    def part(given: Given, before: Found, keep: Keep) -> None:
        began = time.process_time()
        found = Recoveries(**_known(Recoveries, before))  # type: ignore[arg-type] # as it was written
        crash_everywhere(levels=(level,), found=found, until=given.until)
        spent = round(_number(before, "cpu_seconds") + time.process_time() - began, 1)
        whole = time.monotonic() < given.until
        keep({**attrs.asdict(found), "cpu_seconds": spent, "whole": whole})

    return part


def _speed(_given: Given, _before: Found, keep: Keep) -> None:
    keep({**attrs.asdict(pace()), "whole": True})


def _huge(_given: Given, _before: Found, keep: Keep) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = huge(Path(directory))
    fine = found["prefix right"] and found["resumed exactly"] and found["delivered whole"]
    keep({**found, "broken": [] if fine else ["a body over 2 GiB"], "whole": True})


def _kills(given: Given, before: Found, keep: Keep) -> None:
    found = Kills(**_known(Kills, before))  # type: ignore[arg-type] # as it was written
    tried = _tried(before, found.next)

    def save(found: Kills) -> None:
        whole = found.kills >= given.kills
        keep({**attrs.asdict(found), "engines": tried(found.next), "whole": whole})

    with tempfile.TemporaryDirectory() as directory:
        kill_everywhere(
            Path(directory), given.kills, given.seed, found=found, until=given.until, save=save
        )


def _calls(given: Given, before: Found, keep: Keep) -> None:
    found = Calls(**_known(Calls, before))  # type: ignore[arg-type] # as it was written
    tried = _tried(before, found.next)

    def save(found: Calls) -> None:
        whole = found.next >= found.of
        keep({**attrs.asdict(found), "engines": tried(found.next), "whole": whole})

    with tempfile.TemporaryDirectory() as directory:
        fail_every_call(Path(directory), found=found, until=given.until, save=save)


def _tried(before: Found, earlier: int) -> Callable[[int], dict[str, int]]:
    """How many of so many were tried on which engine; ``earlier`` ones on those before."""
    engines = _engines(before)
    return lambda now: engines | {engine(): engines.get(engine(), 0) + now - earlier}


def _known(kind: type[Kills | Calls | Recoveries], before: Found) -> Found:
    names = {field.name for field in attrs.fields(kind)}
    return {name: value for name, value in before.items() if name in names}


def _number(before: Found, name: str) -> float:
    value = before.get(name, 0)
    assert isinstance(value, int | float)
    return value


def _engines(before: Found) -> dict[str, int]:
    engines = before.get("engines", {})
    assert isinstance(engines, dict)
    return engines


PARTS: dict[str, Callable[[Given, Found, Keep], None]] = {
    "crashes at level power": _crashes("power"),
    "crashes at level kill": _crashes("kill"),
    "failures": _counted(lambda until: fail_everywhere(until=until)),
    "ends": _counted(lambda until: end_everywhere(until=until)),
    "cancelled calls": _counted(lambda until: cancel_everywhere(until=until)),
    "seeds": _counted(lambda until: simulated.seeds(range(2000), until=until)),
    "speed": _speed,
    "huge": _huge,
    "kills": _kills,
    "calls": _calls,
}


LONG = ("kills", "calls")


@cache
def engine() -> str:
    """A digest of the engine's source: what was found is said of it alone."""
    hashed = hashlib.sha256()
    for path in sorted(Path(transfer_engine.__file__).parent.glob("*.py")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--minutes", type=float, default=15.0, help="most that a part may take")
    parser.add_argument("--kills", type=int, default=1000, help="real kills to reach")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="from the beginning")
    parser.add_argument("--out", type=Path, default=REPORT)
    given = parser.parse_args()
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    logging.disable(logging.CRITICAL)
    broken = []
    for name in given.parts or PARTS:
        found = _run(name, given)
        broken += [f"{name}: {line}" for line in _lines(found)]
    for line in broken[:20]:
        print(line)
    return 1 if broken else 0


def _lines(found: Found) -> list[object]:
    lines = found.get("broken", [])
    return lines if isinstance(lines, list) else [lines]


def _run(name: str, given: argparse.Namespace) -> Found:
    before = _read(given.out).get(name, {})
    if given.again or (name not in LONG and before.get("engine") != engine()):
        before = {}
    if before.get("whole") and before.get("kills", given.kills) >= given.kills:
        print(name, "is whole:", before, flush=True)
        return before
    latest: Found = before

    def keep(found: Found) -> None:
        nonlocal latest
        latest = {"engine": engine(), **found}
        _write(given.out, name, latest)

    PARTS[name](Given(given.kills, given.seed, time.monotonic() + given.minutes * 60), before, keep)
    print(name, latest, flush=True)
    return latest


def _read(path: Path) -> dict[str, Found]:
    if not path.exists():
        return {}
    found = json.loads(path.read_text())["parts"]
    assert isinstance(found, dict)
    return found


def _write(path: Path, name: str, found: Found) -> None:
    """All parts in their order; the file is never half."""
    parts = {**_read(path), name: found}
    report = {
        "command": "python -m tests.campaigns.crash",
        "machine": f"Python {platform.python_version()}, trio {trio.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}",
        "parts": {part: parts[part] for part in PARTS if part in parts},
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(report, indent=2) + "\n")
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(main())
