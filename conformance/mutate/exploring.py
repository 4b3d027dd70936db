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
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import attrs

from conformance.explore.background_fetch import FIXED, Compiled, compiled, space
from conformance.explore.compiled import CompiledSpace
from conformance.explore.desk import Desk, Surroundings
from conformance.explore.memory import Memory
from conformance.explore.plain import Move, Watch
from conformance.explore.scope import SCOPES, SMALL, Scope
from conformance.explore.search import explore
from conformance.explore.space import Marks, Sentences
from conformance.mutate.playing import Noticed, raised
from conformance.mutate.tracing import lines_passed
from spec_model.editions import AMENDED, Edition
from spec_model.kernel import NeverSettles
from spec_model.messages import Input, Output
from spec_model.state import State
from spec_model.tasks import Task

GROWTH = 3
"""A scope that grows beyond so many times its size is left there: nothing was noticed."""

MORE = 500
"""States that any scope may grow by."""

PATIENCE = 20.0
"""Seconds of processor time that a scope of one second may take in a changed model."""

MOST = 12
"""Explorations of each sort, with all amendments and without one, that one mutant meets."""


EXPLORING = "scope "
"""How the name of every exploration begins."""


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


@attrs.frozen
class Charted:
    """What exploring finds in the true model.

    ``breaks``: the sentence that breaks first, "" for none.  ``reached``: its goals.  ``lines``:
    those passed.  ``picture``: of the whole graph, for comparison within this process and its
    forks only.
    """

    ask: Ask
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


def asks(scopes: Iterable[str] = SMALL, contrasts: Path | None = None) -> list[Ask]:
    """Scopes with all amendments, and what ``contrasts`` (a report) says of one left out.

    Without those in which anything may come between any two tasks: they are the largest.
    """
    wanted = [Ask(SCOPES[name]) for name in scopes]
    if contrasts is not None:
        found = json.loads(contrasts.read_text("utf-8"))["found"]
        wanted += [Ask(SCOPES[each["scope"]], each["cluster"]) for each in found]
    return [ask for ask in wanted if ask.scope.order != "all"]


def chart(ask: Ask, files: frozenset[str]) -> Charted:
    """Explore the true model.  ``files``: those whose lines are of interest."""
    with lines_passed(files) as passed:
        found = explore(compiled(ask.scope, ask.edition), first_flaw=bool(ask.without))
    breaks = found.flaws[0].name if found.flaws else ""
    return Charted(
        ask,
        found.states,
        breaks,
        frozenset(found.reached),
        frozenset(passed),
        _picture(ask, GROWTH * found.states + MORE),
        found.progress.seconds,
    )


def nearest(known: Iterable[Charted], place: set[tuple[str, int]]) -> list[Charted]:
    """The explorations that pass a place: the smallest of each sort, smallest first."""
    passing = sorted((each for each in known if each.lines & place), key=lambda each: each.states)
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
            with _impatient(each):
                if _picture(each.ask, each.most) == each.picture:
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
    tables = compiled(ask.scope, ask.edition)
    found = explore(tables, first_flaw=True, most_states=known.most)
    broken = found.flaws[0].name if found.flaws else ""
    if broken and broken != known.breaks:
        said = tables.sentences.always.get(broken) or tables.sentences.eventually[broken]
        return Noticed("explored", known.name, f"{broken}: {said}")
    if found.complete and known.breaks and not broken:
        return Noticed("explored", known.name, f"{known.breaks} does not break any more")
    lost = known.reached - {*found.reached}
    if found.complete and lost and not ask.without:
        return Noticed("explored", known.name, f"goal not reached: {min(lost)}")
    return None


# --- the whole graph ------------------------------------------------------------------


@attrs.frozen
class _Telling:
    """A watch that marks each step with all that it shows."""

    watch: Watch[State, Desk, Input, Task, Output, Memory]

    @property
    def sentences(self) -> Sentences:
        return self.watch.sentences

    def begin(self) -> Memory:
        return self.watch.begin()

    def see(
        self, memory: Memory, move: Move[State, Desk, Input, Task, Output]
    ) -> tuple[Memory, Marks]:
        after, marks = self.watch.see(memory, move)
        return after, marks | {f"shows {each}" for each in enumerate(move.outputs)}

    def owes(self, state: State, env: Desk, memory: Memory) -> Marks:
        return self.watch.owes(state, env, memory)


def _picture(ask: Ask, most_states: int) -> str:
    """A digest of every state, step and output; of the beginning only if they are too many.

    States are told by ``hash``, so that it means something in this process and its forks only.
    """
    plain = space(ask.scope, ask.edition)
    telling = attrs.evolve(plain, watch=_Telling(plain.watch))
    tables: Compiled = CompiledSpace(telling, Surroundings(ask.scope).parts, FIXED)
    numbers = {state: number for number, state in enumerate(tables.initial())}
    seen = hashlib.sha256()
    queue = list(numbers)
    for state in queue:
        seen.update(str(hash(tables.node(state))).encode())
        for label, target, marks in tables.successors(state):
            if target not in numbers:
                numbers[target] = len(queue)
                queue.append(target)
            seen.update(f"{tables.labels[label]} {numbers[target]} {sorted(marks)}".encode())
        if len(queue) > most_states:
            break
    return seen.hexdigest()


@contextmanager
def _impatient(known: Charted) -> Iterator[None]:
    seconds = PATIENCE * (1 + known.seconds)

    def over(signal: int, frame: FrameType | None) -> None:
        raise NeverSettles(f"exploring is not over in {seconds:.0f} s")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
