"""How fast the explorer is: ``python tests/bench/bench_explore.py [SCOPE]``.

Prints distinct states, states a second of one processor, seconds and peak memory.
"""

from __future__ import annotations

import sys

from conformance.explore.background_fetch import compiled
from conformance.explore.scope import SCOPES
from conformance.explore.search import explore


def main(name: str) -> None:
    tables = compiled(SCOPES[name])
    found = explore(tables)
    at = found.progress
    print(f"scope        {name} ({found.states:,} states, {found.transitions:,} transitions)")
    print(f"states/s     {at.rate:,.0f}")
    print(f"seconds      {at.seconds:.1f}")
    print(f"memory       {at.memory >> 20} MB")
    print(f"model runs   {tables.misses:,}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default")
