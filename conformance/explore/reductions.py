"""Every reduction compared with the search that has none.

Three things make a search small or fast, and each could be wrong:

- the *compiled* space remembers steps (``compiled``): it must have the edges of the plain one, at
  every node, in the same order, with the same marks and debts;
- *folding* takes records that are alike for each other (``packing``): its states must be the
  orbits of the plain ones, and everything else must be the same;
- the order ``news`` takes what only carries news to pages at once, ``settled`` takes everything
  at once (``scope``): what is broken must be the same as where any order is tried.

The first two hold for every edition.  The third holds for the amended text.  As written the order
of news is itself at fault (E48, E67), so that an order of it that is left out may hide what it
breaks; ``hidden`` says what.  The orders of a scope that says ``settled`` are left out on purpose.

``python -m conformance.explore.reductions [SCOPE...]`` compares these scopes, or all small ones,
and writes ``reports/explore-reductions.json``.  ``--count`` counts them instead, as they are and
in every order, there to at most ``--most`` folded states: how many there are, folded and not,
goes to ``reports/explore-counts.json``.  In every order the default scope has millions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic

import attrs
import click
import msgspec

from conformance.explore.background_fetch import Compiled, Full, Step, compiled, space
from conformance.explore.compiled import Packed
from conformance.explore.scope import SCOPES, SMALL, Scope
from conformance.explore.search import Found, explore
from conformance.explore.space import Edge, LabelT, Marks, Sentences, Space, StateT
from spec_model.editions import AMENDED, AS_WRITTEN, Edition

REPORT = Path(__file__).parents[2] / "reports" / "explore-reductions.json"
COUNTS = REPORT.with_name("explore-counts.json")

MOST = 15_000
"""States of a search of all orders: beyond it there is nothing to compare."""

MOST_PLAIN = 10_000
"""States of the plain search, which runs the model for every edge: some minutes."""


@attrs.define(eq=False)
class Noting(Generic[StateT, LabelT]):
    """A space that keeps every edge it gives."""

    space: Space[StateT, LabelT]
    edges: dict[StateT, list[Edge[LabelT, StateT]]] = attrs.field(factory=dict)

    @property
    def sentences(self) -> Sentences:
        """As the space says."""
        return self.space.sentences

    def initial(self) -> Iterable[StateT]:
        """As the space says."""
        return self.space.initial()

    def successors(self, state: StateT) -> Iterable[Edge[LabelT, StateT]]:
        """As the space says."""
        edges = self.edges[state] = list(self.space.successors(state))
        return edges

    def owes(self, state: StateT) -> Marks:
        """As the space says."""
        return self.space.owes(state)

    def fair(self, label: LabelT) -> bool:
        """As the space says."""
        return self.space.fair(label)


@attrs.frozen
class Agreement:
    """One scope, searched in all ways.

    ``states`` and ``transitions`` of the plain space; ``folded``: states up to the exchange of
    records, 0 where none are alike.  ``all``: states where every order is tried, 0 where that is
    too many; ``hidden``: what only that search breaks.  ``wrong``: where they do not agree.
    ``compared``: whether the plain search came to its end; else nothing was compared.
    """

    scope: str
    edition: str
    order: str
    states: int
    transitions: int
    folded: int
    all: int
    hidden: tuple[str, ...]
    wrong: tuple[str, ...]
    compared: bool = True


def compare(scope: Scope, edition: Edition, *, orders: bool = True) -> Agreement:
    """Search a scope plainly, compiled, folded and, with ``orders``, in every order."""
    plain = Noting(space(scope, edition))
    whole = explore(plain, most_states=MOST_PLAIN)
    if not whole.complete:
        return Agreement(scope.name, edition.name, scope.order, 0, 0, 0, 0, (), (), compared=False)
    wrong = list(_compiled(scope, edition, plain, whole))
    folded = 0
    if scope.interchangeable:
        tables = compiled(scope, edition)
        found = explore(tables)
        folded = found.states
        wrong += _verdicts("folded", _verdict(whole), _verdict(found))
        if len({tables.form(node) for node in plain.edges}) != folded:
            wrong.append("the folded states are not the orbits")
    every = None
    if orders:
        every = explore(compiled(attrs.evolve(scope, order="all"), edition), most_states=MOST)
    everywhere = {flaw.name for flaw in every.flaws} if every is not None else set()
    flaws = {flaw.name for flaw in whole.flaws}
    if every is not None and every.complete and not flaws <= everywhere:
        wrong.append(f"broken only in the order {scope.order}: {sorted(flaws - everywhere)}")
    return Agreement(
        scope=scope.name,
        edition=edition.name,
        order=scope.order,
        states=whole.states,
        transitions=whole.transitions,
        folded=folded,
        all=every.states if every is not None and every.complete else 0,
        hidden=tuple(sorted(everywhere - flaws)),
        wrong=tuple(wrong),
    )


def _compiled(
    scope: Scope, edition: Edition, plain: Noting[Full, Step], whole: Found[Full, Step]
) -> Iterator[str]:
    """How the compiled space differs from the plain one."""
    tables = compiled(scope, edition, symmetric=False)
    states = Noting(tables)
    found = explore(states)
    yield from _verdicts("compiled", _verdict(whole), _verdict(found))
    if whole.transitions != found.transitions:
        yield f"compiled: {found.transitions} transitions, not {whole.transitions}"
    if {tables.form(node) for node in plain.edges} != set(states.edges):
        yield "compiled: other states"
    for node, expected in plain.edges.items():
        state = tables.form(node)
        given = [(tables.labels[n], tables.node(to), m) for n, to, m in tables.successors(state)]
        if tables.node(state) != node or given != expected:
            yield f"compiled: other edges at {node}"
        if tables.owes(state) != plain.owes(node):
            yield f"compiled: other debts at {node}"


_Verdict = tuple[int, Mapping[str, int], Mapping[str, int]]


def _verdict(found: Found[StateT, LabelT]) -> _Verdict:
    """What every exact search of a scope must agree in: depths, flaws and goals."""
    return found.depth, {flaw.name: flaw.depth for flaw in found.flaws}, found.reached


def _verdicts(name: str, one: _Verdict, other: _Verdict) -> Iterator[str]:
    for what, this, that in zip(("depth", "broken", "reached"), one, other, strict=True):
        if this != that:
            yield f"{name}: {what} is {that}, not {this}"


@attrs.frozen
class Count:
    """A scope in one order: states and transitions, folded and as many as they stand for."""

    scope: str
    order: str
    folded: int
    folded_transitions: int
    states: int
    transitions: int
    broken: tuple[str, ...]
    complete: bool


@attrs.define(eq=False)
class _Unfolding(Noting[Packed, int]):
    """Counts what each folded state stands for, and keeps nothing."""

    tables: Compiled = attrs.field(kw_only=True)
    states: int = 0
    transitions: int = 0

    def successors(self, state: Packed) -> Iterable[Edge[int, Packed]]:
        """As the space says."""
        edges = list(self.space.successors(state))
        orbit = self.tables.orbit(state)
        self.states += orbit
        self.transitions += orbit * len(edges)
        return edges


def count(scope: Scope, edition: Edition = AMENDED, most_states: int = sys.maxsize) -> Count:
    """Count a scope, folded if it can be, and what that stands for; to a bound of folded states."""
    tables = compiled(scope, edition)
    unfolding = _Unfolding(tables, tables=tables)
    found = explore(unfolding, most_states=most_states)
    return Count(
        scope=scope.name,
        order=scope.order,
        folded=found.states,
        folded_transitions=found.transitions,
        states=unfolding.states,
        transitions=unfolding.transitions,
        broken=tuple(sorted({flaw.name for flaw in found.flaws})),
        complete=found.complete,
    )


@click.command()
@click.argument("names", nargs=-1)
@click.option("--count", "counting", is_flag=True, help="Count instead of comparing.")
@click.option("--most", type=int, default=sys.maxsize, help="Folded states in every order.")
def main(names: tuple[str, ...], counting: bool, most: int) -> None:
    """Compare scopes under both editions, or count them; ends with 1 if something is wrong.

    All orders are tried with the amended text only: as written many scopes have too many.
    What is known of scopes that are not named is kept.
    """
    scopes = [SCOPES[name] for name in names or SMALL]
    if counting:
        counts = [
            counted
            for scope in scopes
            for counted in (count(scope), count(attrs.evolve(scope, order="all"), AMENDED, most))
        ]
        _write(COUNTS, counts)
        return
    done: list[Agreement] = []
    for scope in scopes:
        for edition in (AMENDED, AS_WRITTEN):
            # Where the scope's own order is all of them, there is nothing else to try.
            done.append(compare(scope, edition, orders=edition is AMENDED and scope.order != "all"))
            click.echo(str(done[-1]))
            _write(REPORT, _with_known(done))
    if any(each.wrong or (each.hidden and each.order == "news") for each in done):
        sys.exit(1)


def _with_known(done: Sequence[Agreement]) -> list[Agreement]:
    """These in the order of the scopes, among the others that the report has already."""
    fresh = {each.scope for each in done}
    kept = msgspec.json.decode(REPORT.read_bytes(), type=list[Agreement])
    among = [*(each for each in kept if each.scope not in fresh), *done]
    return sorted(among, key=lambda each: SMALL.index(each.scope))


def _write(path: Path, found: Sequence[Agreement] | Sequence[Count]) -> None:
    path.write_text(json.dumps([attrs.asdict(each) for each in found], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
