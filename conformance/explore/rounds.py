"""The errata found again, in rounds, by nothing but search.

One round explores every scope under the edition that has been repaired so far, and takes
the properties that it breaks.  A breach is laid at a cluster's door if applying that one
cluster to the edition removes it: the property holds in the scope, or its shortest
counterexample becomes longer.  The clusters found are applied, and the next round begins,
until one finds nothing new.  What hides behind a defect appears in a later round.

Scopes are explored in the order in which they are given, smallest first; within a scope a
shortest counterexample is the search's first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from conformance.explore.background_fetch import Compiled, compiled
from conformance.explore.compiled import Packed
from conformance.explore.scope import Scope
from conformance.explore.search import Flaw, Found, explore
from spec_model.editions import AS_WRITTEN, CLUSTERS, Edition

MOST_STATES = 60_000
"""Of one scope in one round: beyond it the search is called partial."""


@attrs.frozen
class Hit:
    """A cluster found: in which round and scope, by which property, how deep."""

    round: int
    cluster: str
    scope: str
    property: str
    kind: str
    depth: int


@attrs.frozen
class Unexplained:
    """A breach that no single cluster removes in the round in which it was seen."""

    round: int
    scope: str
    property: str
    depth: int


@attrs.frozen
class Rounds:
    """What the rounds found; ``left``: clusters that no breach was laid at."""

    edition: str
    hits: tuple[Hit, ...]
    unexplained: tuple[Unexplained, ...]
    left: tuple[str, ...]


def rounds(
    scopes: Sequence[Scope],
    edition: Edition = AS_WRITTEN,
    *,
    clusters: Iterable[str] = tuple(CLUSTERS),
    say: Callable[[str], None] = lambda line: None,
) -> Rounds:
    """Search, blame, repair, until nothing new is found."""
    candidates = [cluster for cluster in clusters if not edition.repairs(cluster)]
    hits: list[Hit] = []
    unexplained: list[Unexplained] = []
    number = 0
    while True:
        number += 1
        found, missed = _round(number, scopes, edition, candidates, say)
        hits += found
        new = {hit.cluster for hit in found}
        if not new:
            unexplained += missed
            break
        edition = Edition(edition.name, edition.clusters | new)
        candidates = [cluster for cluster in candidates if cluster not in new]
    return Rounds(edition.name, tuple(hits), tuple(unexplained), tuple(candidates))


def _round(
    number: int,
    scopes: Sequence[Scope],
    edition: Edition,
    candidates: list[str],
    say: Callable[[str], None],
) -> tuple[list[Hit], list[Unexplained]]:
    hits: dict[str, Hit] = {}
    missed: list[Unexplained] = []
    for scope in scopes:
        whole = search(scope, edition)
        todo = {flaw.name: flaw for flaw in whole.flaws}
        say(f"round {number}, {scope.name}: {whole.states} states, broken: {', '.join(todo)}")
        for cluster in candidates:
            if not todo:
                break
            if cluster in hits and hits[cluster].scope == scope.name:
                continue
            repaired = Edition(edition.name, edition.clusters | {cluster})
            depths = _depths(scope, repaired, todo.values())
            for flaw in _removed(todo.values(), depths):
                say(f"  {cluster}: {flaw.name} at {flaw.depth}")
                hit = Hit(number, cluster, scope.name, flaw.name, flaw.kind, flaw.depth)
                if cluster not in hits or flaw.depth < hits[cluster].depth:
                    hits[cluster] = hit
                if flaw.name not in depths:
                    del todo[flaw.name]
        missed += (Unexplained(number, scope.name, f.name, f.depth) for f in todo.values())
    return list(hits.values()), missed


def _removed(flaws: Iterable[Flaw[Packed, int]], depths: dict[str, int]) -> list[Flaw[Packed, int]]:
    """The flaws that are gone, or have gone deeper."""
    return [flaw for flaw in flaws if depths.get(flaw.name, flaw.depth + 1) > flaw.depth]


def _depths(scope: Scope, edition: Edition, flaws: Iterable[Flaw[Packed, int]]) -> dict[str, int]:
    """At which depth a repaired edition still breaks these properties.

    A breach of an *always* cannot move up by a repair that removes it, so no deeper search than to
    the old depth is needed; what is owed for ever needs the whole space.
    """
    if any(flaw.kind == "eventually" for flaw in flaws):
        found = search(scope, edition)
    else:
        deepest = max(flaw.depth for flaw in flaws)
        found = explore(compiled(scope, edition), deepest=deepest, liveness=False)
    return {flaw.name: flaw.depth for flaw in found.flaws}


def search(scope: Scope, edition: Edition) -> Found[Packed, int]:
    """One scope, to its end or to where it is too large."""
    tables: Compiled = compiled(scope, edition)
    return explore(tables, most_states=MOST_STATES)
