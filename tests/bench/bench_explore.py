"""The explorer: states a second, of a whole search and of one that knows every step by now.

A whole search runs the model for each step that it meets for the first time; that part grows much
more slowly than the number of states, so a large scope shows the rate that a search tends to.
All figures count what bounds cost in the end, the search for what is never paid included.

``python -m tests.bench.bench_explore [SCOPE]`` says more of one search.
"""

from __future__ import annotations

import sys
from functools import cache

import attrs

from conformance.explore.background_fetch import Compiled, compiled
from conformance.explore.scope import SCOPES, Scope
from conformance.explore.search import explore
from tests.bench.measuring import Bench

DEFAULT = SCOPES["default"]
LARGE = attrs.evolve(DEFAULT, name="large", methods=("GET",) * 3, attempts=2, pauses=3)
"""Three records with two attempts and three pauses: more than a million states."""


@cache
def tables() -> Compiled:
    made = compiled(DEFAULT)
    explore(made)
    return made


def states_of(made: Compiled) -> int:
    found = explore(made)
    assert found.complete and not found.flaws
    return found.states


FIGURES = (
    Bench(
        "explore",
        "states of the default scope, from nothing",
        lambda: states_of(compiled(DEFAULT)),
        "per second",
        goal=20_000,
    ),
    Bench(
        "explore",
        "states of the default scope, every step known",
        lambda: states_of(tables()),
        "per second",
    ),
    Bench(
        "exploration",
        "states of a large scope, from nothing",
        lambda: states_of(compiled(LARGE)),
        "per second",
        goal=20_000,
        once=True,
    ),
)


def main(scope: Scope) -> None:
    """Print one search."""
    made = compiled(scope)
    found = explore(made)
    at = found.progress
    print(f"scope        {scope.name} ({found.states:,} states, {found.transitions:,} transitions)")
    print(f"states/s     {at.rate:,.0f}")
    print(f"seconds      {at.seconds:.1f}")
    print(f"memory       {at.memory >> 20} MB")
    print(f"model runs   {made.misses:,}")


if __name__ == "__main__":
    main({**SCOPES, "large": LARGE}[sys.argv[1] if len(sys.argv) > 1 else "default"])
