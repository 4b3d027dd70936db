"""The errata found again, in rounds, by nothing but search.

A search explores one scope under the edition that has been repaired so far, up to the first
property that it breaks.  The breach is laid at a cluster's door if applying that one cluster to
the edition removes it: the property holds in the scope, or its shortest counterexample becomes
longer.  The clusters found are applied and the scope is searched again, until it breaks nothing
that a cluster removes; then comes the next scope, lightest first.  One round is a pass over all
scopes, and the rounds end with one that finds nothing.  What hides behind a defect appears later,
in the same scope or in the next round.

Only clusters that the search asked about before the breach are tried: nothing else can remove it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from conformance.explore.background_fetch import Compiled, compiled
from conformance.explore.compiled import Packed
from conformance.explore.each import Asking
from conformance.explore.scope import Scope
from conformance.explore.search import Flaw, Found, explore, whole
from spec_model.editions import AS_WRITTEN, CLUSTERS, Edition

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
    """What the rounds found; ``left``: clusters that no breach was laid at.

    ``stopped``: where the rounds were interrupted, "" if they went to their end.
    """

    edition: str
    hits: tuple[Hit, ...]
    unexplained: tuple[Unexplained, ...]
    left: tuple[str, ...]
    stopped: str = ""


def rounds(
    scopes: Sequence[Scope],
    edition: Edition = AS_WRITTEN,
    *,
    clusters: Iterable[str] = tuple(CLUSTERS),
    say: Callable[[str], None] = lambda line: None,
) -> Rounds:
    """Search, blame, repair, until nothing new is found, or a KeyboardInterrupt."""
    finding = _Finding(edition, [each for each in clusters if not edition.repairs(each)], say)
    ordered = sorted(scopes, key=lambda scope: scope.weight)
    number = 0
    while finding.candidates:
        number += 1
        known, finding.unexplained = len(finding.hits), []
        for scope in ordered:
            try:
                finding.exhaust(number, scope)
            except KeyboardInterrupt:
                return finding.result(f"in round {number}, at {scope.name}")
        if len(finding.hits) == known:
            break
    return finding.result()


@attrs.define
class _Finding:
    edition: Edition
    candidates: list[str]
    say: Callable[[str], None]
    hits: list[Hit] = attrs.field(factory=list)
    unexplained: list[Unexplained] = attrs.field(factory=list)

    def result(self, stopped: str = "") -> Rounds:
        """What there is."""
        hits, unexplained = tuple(self.hits), tuple(self.unexplained)
        return Rounds(self.edition.name, hits, unexplained, tuple(self.candidates), stopped)

    def exhaust(self, number: int, scope: Scope) -> None:
        """Search one scope until it breaks nothing that a cluster removes."""
        stuck: set[str] = set()
        while True:
            found, asked = search(scope, self.edition, first_flaw=not stuck)
            flaws = [flaw for flaw in found.flaws if flaw.name not in stuck]
            if not flaws:
                return
            if not self._blame(number, scope, flaws[0], asked):
                stuck.add(flaws[0].name)
                one = flaws[0]
                self.unexplained.append(Unexplained(number, scope.name, one.name, one.depth))

    def _blame(self, number: int, scope: Scope, flaw: Flaw[Packed, int], asked: set[str]) -> bool:
        """Apply every cluster that alone removes the breach; whether there is one."""
        guilty = [
            cluster
            for cluster in self.candidates
            if cluster in asked and self._removed(scope, flaw, cluster)
        ]
        self.say(f"round {number}, {scope.name}: {flaw.name} at {flaw.depth}: {' '.join(guilty)}")
        what = scope.name, flaw.name, flaw.kind, flaw.depth
        self.hits += (Hit(number, cluster, *what) for cluster in guilty)
        self.edition = Edition(self.edition.name, self.edition.clusters | set(guilty))
        self.candidates = [each for each in self.candidates if each not in guilty]
        return bool(guilty)

    def _removed(self, scope: Scope, flaw: Flaw[Packed, int], cluster: str) -> bool:
        """Whether the breach is gone, or has gone deeper, once the cluster is applied.

        A breach of an *always* needs no deeper search than to its depth; what is owed for ever
        needs the whole space, and what was not searched to its end has not been seen to hold.
        """
        repaired = Edition(self.edition.name, self.edition.clusters | {cluster})
        if flaw.kind == "always":
            tables = compiled(scope, repaired)
            found = whole(explore(tables, deepest=flaw.depth, liveness=False))
        else:
            found, _ = search(scope, repaired)
            if not found.complete:
                return False
        return all(each.name != flaw.name or each.depth > flaw.depth for each in found.flaws)


def search(
    scope: Scope, edition: Edition, *, first_flaw: bool = False
) -> tuple[Found[Packed, int], set[str]]:
    """One scope, to its end or to where it is too large; and the clusters it asked about."""
    asking = Asking(edition.name, edition.clusters)
    tables: Compiled = compiled(scope, asking)
    found = explore(tables, most_states=MOST_STATES, first_flaw=first_flaw)
    return whole(found), asking.asked
