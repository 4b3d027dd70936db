"""The errata found again, in rounds, by nothing but search.

A search explores one scope under the edition that has been repaired so far, and takes the
properties that it breaks.  A breach is laid at a cluster's door if applying that one cluster to
the edition removes it: the property holds in the scope, or its shortest counterexample becomes
longer.  The clusters found are applied and the scope is searched again, until that gives
nothing new; then comes the next scope, smallest first (as amended).  One round is a pass over
all scopes, and the rounds end with one that finds nothing.  What hides behind a defect
appears later, in the same scope or in the next round.

Only clusters that the scope asks about under that edition are tried: what nobody asks about
removes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from conformance.explore.background_fetch import Compiled, compiled
from conformance.explore.compiled import Packed
from conformance.explore.each import Asking
from conformance.explore.scope import Scope
from conformance.explore.search import Flaw, Found, explore
from spec_model.editions import AMENDED, AS_WRITTEN, CLUSTERS, Edition

MOST_STATES = 4_000
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
    """A breach that no single cluster removes, in the last round."""

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
    finding = _Finding(edition, [each for each in clusters if not edition.repairs(each)], say)
    ordered = sorted(scopes, key=lambda scope: search(scope, AMENDED)[0].states)
    number = 0
    while finding.candidates:
        number += 1
        known, finding.unexplained = len(finding.hits), []
        for scope in ordered:
            while finding.search(number, scope):
                pass
        if len(finding.hits) == known:
            break
    left = tuple(finding.candidates)
    return Rounds(edition.name, tuple(finding.hits), tuple(finding.unexplained), left)


@attrs.define
class _Finding:
    edition: Edition
    candidates: list[str]
    say: Callable[[str], None]
    hits: list[Hit] = attrs.field(factory=list)
    unexplained: list[Unexplained] = attrs.field(factory=list)

    def search(self, number: int, scope: Scope) -> bool:
        """One search of one scope; whether it gave a cluster, which has been applied then."""
        whole, asked = search(scope, self.edition)
        todo = {flaw.name: flaw for flaw in whole.flaws}
        self.say(f"round {number}, {scope.name}: {whole.states} states, broken: {', '.join(todo)}")
        found: dict[str, Hit] = {}
        for cluster in [each for each in self.candidates if each in asked]:
            if not todo:
                break
            repaired = Edition(self.edition.name, self.edition.clusters | {cluster})
            depths = _depths(scope, repaired, todo.values())
            for flaw in _removed(todo.values(), depths):
                self.say(f"  {cluster}: {flaw.name} at {flaw.depth}")
                hit = Hit(number, cluster, scope.name, flaw.name, flaw.kind, flaw.depth)
                if cluster not in found or flaw.depth < found[cluster].depth:
                    found[cluster] = hit
                if flaw.name not in depths:
                    del todo[flaw.name]
        self.hits += found.values()
        self.edition = Edition(self.edition.name, self.edition.clusters | set(found))
        self.candidates = [each for each in self.candidates if each not in found]
        if not found:
            left = todo.values()
            self.unexplained += (Unexplained(number, scope.name, f.name, f.depth) for f in left)
        return bool(found)


def _removed(flaws: Iterable[Flaw[Packed, int]], depths: dict[str, int]) -> list[Flaw[Packed, int]]:
    """The flaws that are gone, or have gone deeper."""
    return [flaw for flaw in flaws if depths.get(flaw.name, flaw.depth + 1) > flaw.depth]


def _depths(scope: Scope, edition: Edition, flaws: Iterable[Flaw[Packed, int]]) -> dict[str, int]:
    """At which depth a repaired edition still breaks these properties.

    A breach of an *always* cannot move up by a repair that removes it, so no deeper search than to
    the old depth is needed; what is owed for ever needs the whole space.
    """
    flaws = list(flaws)
    if any(flaw.kind == "eventually" for flaw in flaws):
        found, _ = search(scope, edition)
        left = {flaw.name: flaw.depth for flaw in found.flaws}
        if not found.complete:
            # What was not searched to its end has not been seen to hold.
            open_ = (f for f in flaws if f.kind == "eventually" or f.depth > found.depth)
            left = {**{flaw.name: flaw.depth for flaw in open_}, **left}
        return left
    deepest = max(flaw.depth for flaw in flaws)
    found = explore(compiled(scope, edition), deepest=deepest, liveness=False)
    return {flaw.name: flaw.depth for flaw in found.flaws}


def search(scope: Scope, edition: Edition) -> tuple[Found[Packed, int], set[str]]:
    """One scope, to its end or to where it is too large; and the clusters it asked about."""
    asking = Asking(edition.name, edition.clusters)
    tables: Compiled = compiled(scope, asking)
    return explore(tables, most_states=MOST_STATES), asking.asked
