"""Every amendment left out in turn: which property shows that it was needed.

The amended edition without one cluster has one defect, so whatever breaks is laid at its door
without any search for causes: the same scope breaks nothing when the cluster is there.  That
complements the rounds (``conformance.explore.rounds``), where defects hide each other.

Some amendments hide behind another one: as amended nothing asks about them any more.  Such a
one is left out *beside* another, and found if then more is broken than without the other alone.

A scope in which the amended edition never asks whether the cluster is repaired is not searched
again: up to the first question both editions do the same, and there is none.  The others are
searched smallest first, and the first that breaks something is the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from conformance.explore.background_fetch import Compiled, compiled
from conformance.explore.scope import Scope
from conformance.explore.search import explore, whole
from spec_model.editions import AMENDED, CLUSTERS, Edition


@attrs.frozen
class Asking(Edition):
    """An edition that notes which clusters it was asked about."""

    asked: set[str] = attrs.field(factory=set, eq=False)

    def repairs(self, cluster: str) -> bool:
        """As the edition says."""
        self.asked.add(cluster)
        return super().repairs(cluster)


@attrs.frozen
class Base:
    """A scope under the amended edition: its size, and the clusters that were asked about."""

    scope: Scope
    states: int
    asked: frozenset[str]


@attrs.frozen
class Finding:
    """What is broken without one cluster: in which scope, and how soon.

    ``beside``: the cluster that has to be left out, too, or "".
    """

    cluster: str
    scope: str
    property: str
    kind: str
    depth: int
    beside: str = ""


@attrs.frozen
class Missed:
    """A cluster whose lack breaks nothing: the scopes that ask about it, searched to their end.

    ``partial``: those that became larger than the bound.
    """

    cluster: str
    asked_in: tuple[str, ...]
    partial: tuple[str, ...]


@attrs.frozen
class Each:
    """What was found; one of the two for each cluster."""

    found: tuple[Finding, ...]
    missed: tuple[Missed, ...]


def bases(scopes: Iterable[Scope]) -> list[Base]:
    """The amended edition in every scope, smallest first.  Raises ValueError if one breaks."""
    found = []
    for scope in scopes:
        edition = Asking(AMENDED.name, AMENDED.clusters)
        tables: Compiled = compiled(scope, edition)
        result = whole(explore(tables))
        if result.flaws:
            raise ValueError(f"{scope.name} breaks {result.flaws[0].name} when amended")
        found.append(Base(scope, result.states, frozenset(edition.asked)))
    return sorted(found, key=lambda base: base.states)


def each(
    scopes: Sequence[Scope],
    *,
    clusters: Iterable[str] = tuple(CLUSTERS),
    growth: int = 4,
    say: Callable[[str], None] = lambda line: None,
) -> Each:
    """Leave out one cluster after the other.  A KeyboardInterrupt ends it: half is no table.

    ``growth``: a scope that grows beyond so many times its amended size is left there.
    """
    known = bases(scopes)
    found: list[Finding] = []
    missed: list[Missed] = []
    for cluster in clusters:
        asking = [base for base in known if cluster in base.asked]
        result = _without(cluster, asking, growth) if asking else _beside(cluster, known)
        say(str(result))
        if isinstance(result, Finding):
            found.append(result)
        else:
            missed.append(result)
    return Each(tuple(found), tuple(missed))


def _without(cluster: str, known: Sequence[Base], growth: int) -> Finding | Missed:
    edition = AMENDED.without(cluster)
    partial = []
    for base in known:
        tables: Compiled = compiled(base.scope, edition)
        most = growth * base.states + 1000
        result = whole(explore(tables, first_flaw=True, most_states=most))
        if result.flaws:
            flaw = result.flaws[0]
            return Finding(cluster, base.scope.name, flaw.name, flaw.kind, flaw.depth)
        if not result.complete:
            partial.append(base.scope.name)
    return Missed(cluster, tuple(base.scope.name for base in known), tuple(partial))


NEAR = 300
"""States of a scope, as amended, that is searched for a cluster that hides behind another."""


def _beside(cluster: str, known: Sequence[Base]) -> Finding | Missed:
    """Nothing asks about the cluster as amended: who else has to be left out for that?"""
    for other in CLUSTERS:
        for base in known:
            if other == cluster or other not in base.asked or base.states > NEAR:
                continue
            without = AMENDED.without(other)
            edition = Asking(without.name, without.clusters)
            tables: Compiled = compiled(base.scope, edition)
            alone = whole(explore(tables))
            if cluster not in edition.asked:
                continue
            both: Compiled = compiled(base.scope, without.without(cluster))
            broken = {flaw.name for flaw in alone.flaws}
            for flaw in whole(explore(both)).flaws:
                if flaw.name not in broken:
                    found = flaw.name, flaw.kind, flaw.depth
                    return Finding(cluster, base.scope.name, *found, beside=other)
    return Missed(cluster, (), ())
