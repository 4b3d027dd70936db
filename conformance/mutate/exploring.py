"""Exploration of a changed model: what no scenario writes down.

A scenario is one run.  The sentences that every run of the amended text must keep (S, L) and
those of which one run must exist (goals) are also checked in every state that can be reached
within a scope.  A changed model that breaks one of them there, or that reaches a goal of the
scope no more, has been noticed.

It works the other way round, too: where an amendment is left out, the exploration finds what
it was needed for (``reports/explore-each.json``).  That is a statement about the text as
written, and a changed model in which something else breaks has been noticed as well.

Where nothing is noticed the whole graph is compared with that of the true model: every
state, every step out of it and everything that is shown.  If all are the same there is no run
within these bounds by which anybody could tell.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeAlias

import attrs

from conformance.explore import sync
from conformance.explore.background_fetch import FIXED, Compiled, compiled, space
from conformance.explore.compiled import CompiledSpace
from conformance.explore.desk import Surroundings
from conformance.explore.plain import EnvT, MemoryT, Move, Watch
from conformance.explore.scope import SCOPES, SMALL, Scope
from conformance.explore.search import Found, explore
from conformance.explore.space import LabelT, Marks, Sentences, Space
from conformance.explore.space import StateT as NodeT
from conformance.mutate.playing import Noticed, at_most, raised
from conformance.mutate.tracing import lines_passed
from spec_model.editions import AMENDED, Edition
from spec_model.kernel import InputT, OutputT, StateT, TaskT

GROWTH = 3
"""A scope that grows beyond so many times its size is left there: nothing was noticed."""

MORE = 500
"""States that any scope may grow by."""

PATIENCE = 60.0
"""Seconds of processor time that a scope of one second may take in a changed model.

Only a step that never ends takes so long: how far a search goes is bounded in states.
"""

LARGEST = 20_000
"""States of the largest exploration that mutants are tried in."""

MOST = 5
"""Explorations of each sort, with all amendments and without one, that one mutant is tried in."""


EXPLORING = "scope "
"""How the name of every exploration begins."""

_AnyFound: TypeAlias = Found[Any, Any]  # of either text: states and labels are not looked at


@attrs.frozen
class Ask:
    """A scope to be explored, without one cluster of amendments or (``""``) with all."""

    scope: Scope
    without: str = ""

    @property
    def edition(self) -> Edition:
        """What is explored."""
        return AMENDED.without(self.without) if self.without else AMENDED

    def __str__(self) -> str:
        literal = f" without {self.without}" if self.without else ""
        return f"{EXPLORING}{self.scope.name}{literal}"

    def space(self) -> Compiled:
        """What is searched."""
        return compiled(self.scope, self.edition)

    def search(self, *, first_flaw: bool = False, most_states: int = sys.maxsize) -> _AnyFound:
        """Search it."""
        return explore(self.space(), first_flaw=first_flaw, most_states=most_states)

    def search_plainly(self) -> _AnyFound:
        """The same by calling the model's functions, every time and with all of a state."""
        return explore(space(self.scope, self.edition), first_flaw=bool(self.without))

    def picture(self, most_states: int) -> str:
        """A digest of the graph: see ``_picture``."""
        plain = space(self.scope, self.edition)
        telling = attrs.evolve(plain, watch=_Telling(plain.watch))
        tables: Compiled = CompiledSpace(telling, Surroundings(self.scope).parts, FIXED)
        return _picture(tables, most_states, tables.node, lambda label: tables.labels[label])


@attrs.frozen
class SyncAsk:
    """Background Sync within a budget; ``choose_all``: every choice of a user agent is a step."""

    title: str
    budget: sync.Budget
    without: str = ""
    choose_all: bool = False

    def __str__(self) -> str:
        literal = f" without {self.without}" if self.without else ""
        return f"{EXPLORING}{self.title}{literal}"

    def space(self) -> sync.SyncSpace:
        """What is searched."""
        edition = AMENDED.without(self.without) if self.without else AMENDED
        return sync.sync_space(self.budget, edition, choose_all=self.choose_all)

    def search(self, *, first_flaw: bool = False, most_states: int = sys.maxsize) -> _AnyFound:
        """Search it."""
        return explore(self.space(), first_flaw=first_flaw, most_states=most_states)

    def search_plainly(self) -> _AnyFound:
        """The same as far as it is looked at."""
        return self.search(first_flaw=bool(self.without))

    def picture(self, most_states: int) -> str:
        """A digest of the graph: see ``_picture``."""
        plain = self.space()
        telling = attrs.evolve(plain, watch=_Telling(plain.watch))
        return _picture(telling, most_states, lambda node: node, lambda label: label)


SYNC = (
    SyncAsk("sync", sync.Budget(calls=3)),
    SyncAsk("sync-ends", sync.Budget(kills=1, quits=1, failures=2)),
    SyncAsk("sync-tags", sync.Budget(("a", "b"), failures=2)),
    SyncAsk("sync-kill-choices", sync.Budget(kills=1, failures=2), choose_all=True),
    SyncAsk("sync-quit-choices", sync.Budget(quits=1, failures=2), choose_all=True),
    SyncAsk("sync-page", sync.Budget(others=2, failures=1)),
    SyncAsk("sync", sync.Budget(), "BS01"),
    SyncAsk("sync-ends", sync.Budget(kills=1), "BS02"),
    SyncAsk("sync", sync.Budget(), "BS03"),
)
"""Scopes of Background Sync."""


@attrs.frozen
class Charted:
    """What exploring finds in the true model.

    ``breaks``: the sentence that breaks first, "" for none.  ``reached``: its goals.  ``lines``:
    those passed.  ``picture``: of the whole graph, for comparison within this process and its
    forks only.
    """

    ask: Ask | SyncAsk
    states: int
    breaks: str
    reached: frozenset[str]
    lines: frozenset[tuple[str, int]]
    picture: str
    seconds: float

    @property
    def name(self) -> str:
        """How it is called in reports."""
        return str(self.ask)

    @property
    def most(self) -> int:
        """States beyond which the search of a changed model is given up."""
        return GROWTH * self.states + MORE


def asks(scopes: Iterable[str] = SMALL, contrasts: Path | None = None) -> list[Ask | SyncAsk]:
    """Scopes with all amendments, and what ``contrasts`` (a report) says of one left out."""
    wanted = [Ask(SCOPES[name]) for name in scopes]
    if contrasts is not None:
        found = json.loads(contrasts.read_text("utf-8"))["found"]
        wanted += [Ask(SCOPES[each["scope"]], each["cluster"]) for each in found]
    return [*SYNC, *wanted]


def chart(ask: Ask | SyncAsk, files: frozenset[str]) -> Charted | None:
    """Explore the true model; None if that takes too many states.

    ``files``: those whose lines are of interest.
    """
    with lines_passed(files) as passed:
        found = ask.search(first_flaw=bool(ask.without), most_states=LARGEST)
    if not found.complete and not found.flaws:
        return None
    breaks = found.flaws[0].name if found.flaws else ""
    return Charted(
        ask,
        found.states,
        breaks,
        frozenset(found.reached),
        frozenset(passed),
        ask.picture(GROWTH * found.states + MORE),
        found.progress.seconds,
    )


def nearest(known: Iterable[Charted]) -> list[Charted]:
    """Of these the smallest of each sort, smallest first."""
    passing = sorted(known, key=lambda each: each.states)
    whole = [each for each in passing if not each.ask.without][:MOST]
    literal = [each for each in passing if each.ask.without][:MOST]
    return sorted((*whole, *literal), key=lambda each: each.states)


def look(known: Iterable[Charted]) -> tuple[Noticed | None, tuple[str, ...]]:
    """Explore the changed model until something is noticed.

    The second value: the explorations whose graph is another one.
    """
    apart = []
    for each in known:
        try:
            with at_most(PATIENCE * (1 + each.seconds)):
                if each.ask.picture(each.most) == each.picture:
                    continue
                apart.append(each.name)
                noticed = _explore(each)
        except Exception as error:  # noqa: BLE001 - whatever a changed model does, it was noticed
            noticed = raised(error, each.name)
        if noticed is not None:
            return noticed, ()
    return None, tuple(apart)


def _explore(known: Charted) -> Noticed | None:
    ask = known.ask
    found = ask.search(first_flaw=True, most_states=known.most)
    broken = found.flaws[0].name if found.flaws else ""
    if broken and broken != known.breaks:
        said = ask.space().sentences
        return Noticed(
            "explored",
            known.name,
            f"{broken}: {said.always.get(broken) or said.eventually[broken]}",
        )
    if found.complete and known.breaks and not broken:
        return Noticed("explored", known.name, f"{known.breaks} does not break any more")
    lost = known.reached - {*found.reached}
    if found.complete and lost and not ask.without:
        return Noticed("explored", known.name, f"goal not reached: {min(lost)}")
    return None


# --- the whole graph ------------------------------------------------------------------


@attrs.frozen
class _Telling(Generic[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]):
    """A watch that marks each step with all that it shows."""

    watch: Watch[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]

    @property
    def sentences(self) -> Sentences:
        return self.watch.sentences

    def begin(self) -> MemoryT:
        return self.watch.begin()

    def see(
        self, memory: MemoryT, move: Move[StateT, EnvT, InputT, TaskT, OutputT]
    ) -> tuple[MemoryT, Marks]:
        after, marks = self.watch.see(memory, move)
        return after, marks | {f"shows {each}" for each in enumerate(move.outputs)}

    def owes(self, state: StateT, env: EnvT, memory: MemoryT) -> Marks:
        return self.watch.owes(state, env, memory)


def _picture(
    space: Space[NodeT, LabelT],
    most_states: int,
    node: Callable[[NodeT], Hashable],
    name: Callable[[LabelT], object],
) -> str:
    """A digest of every state, step and output; of the beginning only if they are too many.

    ``node`` and ``name``: what a state and a label of the space stand for.  States are told by
    ``hash``, so that the digest means something in this process and its forks only.
    """
    numbers = {state: number for number, state in enumerate(space.initial())}
    seen = hashlib.sha256()
    queue = list(numbers)
    for state in queue:
        seen.update(str(hash(node(state))).encode())
        for label, target, marks in space.successors(state):
            if target not in numbers:
                numbers[target] = len(queue)
                queue.append(target)
            seen.update(f"{name(label)} {numbers[target]} {sorted(marks)}".encode())
        if len(queue) > most_states:
            break
    return seen.hexdigest()
