"""Scenarios on a changed model, and who notices the change.

The judge's acceptor cannot judge these runs: it is made of the model that is being changed.
(``replaying`` uses that the other way round.)
What notices a mutant must know better than the model does:

- *stated outcomes*: what a scenario says each edition of the text does (``expect``);
- *properties* of a trace, which know no model (as amended only, whatever a user agent
  chooses: as written many are broken, which is why there are amendments);
- *invariants* that the model checks of its own states, and asserts in its own code;
- the machine: the model crashes, or never comes to rest.

The text leaves open in which order much of it happens, and what is stated has to be so in any.
So what survives is played in three other orders, too: the last task that can be performed is
taken, not the first; tasks wait until the network has said all that it has to say; both.
Where the true model comes out otherwise than stated in such an order, that is no matter.

That the trace is another one is not enough: nobody said what it should be.  Such a
mutant is *visible*, and a scenario could state it.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Literal
from unittest import mock

import attrs

from conformance.adapters.model import CAPABILITIES
from conformance.judge.explain import run_on_model
from conformance.judge.outcomes import disagreements
from conformance.judge.properties import check_all
from conformance.judge.run_needs import required_capabilities
from conformance.mutate.calls import Calls, calls_made
from conformance.mutate.tracing import lines_passed
from conformance.readings import Reading, reading
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import Trace, dump
from spec_model import decide, kernel
from spec_model.background_sync.system import BrokenSyncInvariant
from spec_model.choices import AS_WRITTEN_READING, CHOICES
from spec_model.editions import AMENDED
from spec_model.invariants import BrokenInvariant
from spec_model.kernel import NeverSettles

SETTLES_WITHIN = 2_000
"""Tasks after which a changed model counts as never coming to rest: scenarios take fewer."""

PATIENCE = 8.0
"""Seconds of processor time after which a play is given up: most take a twentieth of one."""

MOST_FOR_AN_ANSWER = 3
"""Plays that are taken for one answer that is not the default one."""

MOST_SAID = 160
"""Characters of a reason that are kept."""

USUAL = ""
ORDERS = ("backwards", "late", "late and backwards")
"""In which order tasks are performed, beside the usual one: see ``ModelFactory``."""

How = Literal["outcome", "property", "invariant", "explored", "crash", "endless", "verdict"]


@attrs.frozen
class Play:
    """A scenario under one reading of the text, in one ``order`` of the tasks."""

    scenario: Scenario
    reading: Reading
    order: str = USUAL

    def __str__(self) -> str:
        order = f"; {self.order}" if self.order else ""
        return f"{self.scenario.scenario} ({self.reading.name}{order})"

    def run(self) -> Trace:
        """Run it on the model as it is now, its invariants checked."""
        read, order = self.reading, self.order
        return run_on_model(
            self.scenario,
            read.edition,
            profile=read.answers,
            checked=True,
            backwards="backwards" in order,
            late="late" in order,
        )

    def broken(self, trace: Trace) -> frozenset[str]:
        """The properties that a trace breaks."""
        if self.reading.edition != AMENDED:
            return frozenset()
        return frozenset(each.name for each in check_all(trace) if each.holds is False)


@attrs.frozen
class Known:
    """A play on the true model: its trace (``plain``), the properties it breaks, its lines.

    ``amiss``: what comes out otherwise than stated.  Under answers of which a scenario does not
    speak its script may wait for what never comes; that shows nothing about a mutant.
    """

    play: Play
    trace: bytes
    broken: frozenset[str]
    lines: frozenset[tuple[str, int]]
    amiss: frozenset[str] = frozenset()
    calls: Calls = attrs.field(factory=dict, eq=False, repr=False)


@attrs.frozen
class Noticed:
    """Who noticed a change: ``by`` names the play, ``why`` says what it saw."""

    how: How
    by: str
    why: str


@attrs.frozen
class Found:
    """What came of one mutant: who noticed it first, else what it changed.

    ``visible``: the plays with another trace, ``apart``: the explorations with another graph.
    """

    noticed: Noticed | None
    visible: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


def plays(paths: Iterable[Path | str] | None = None) -> tuple[Play, ...]:
    """Every scenario that the model can play, as amended and as each reading it speaks of."""
    found = []
    for scenario in map(load, find(paths)):
        if required_capabilities(scenario) - {*CAPABILITIES}:
            continue
        names = dict.fromkeys(("amended", *scenario.expect))
        found += [Play(scenario, reading(name)) for name in names]
    return tuple(found)


def reordered(plays: Iterable[Play]) -> Iterator[Play]:
    """The plays again in the other orders."""
    for play in plays:
        if play.scenario.api == "background-fetch":
            yield from (attrs.evolve(play, order=order) for order in ORDERS)


def otherwise(plays: Iterable[Play]) -> tuple[Play, ...]:
    """The plays again with each open question answered otherwise, where that can be seen.

    Of the plays that show an answer the shortest few are taken.  Registered choices are
    those of the amended text: what else an edition leaves open it asks by itself.
    """
    shown: dict[tuple[str, str], list[tuple[int, Play]]] = {}
    for play in plays:
        if play.reading.answers or play.scenario.api != "background-fetch":
            continue
        usual, questions = _questions(play)
        for key, option in questions:
            name = f"{play.reading.name} + {key}={option}"
            if name in play.scenario.expect or (key in CHOICES and play.reading.name != "amended"):
                continue
            other = Play(play.scenario, reading(name))
            trace = other.run()
            if trace.entries != usual.entries:
                here = shown.setdefault((play.reading.name, f"{key}={option}"), [])
                here.append((len(trace.entries), other))
    few = (sorted(each, key=_shortest)[:MOST_FOR_AN_ANSWER] for each in shown.values())
    return tuple(play for each in few for _, play in each)


def _shortest(play: tuple[int, Play]) -> tuple[int, str]:
    return play[0], str(play[1])


def _questions(play: Play) -> tuple[Trace, list[tuple[str, str]]]:
    """What the model asks in a play, with each answer that is not the default one."""
    asked: dict[tuple[str, str], None] = {}
    chosen, repaired = decide.Explain.choose, decide.Explain.repaired

    def choose(self: decide.Explain, key: str, options: Sequence[str] = ()) -> str:
        asked.update(((key, each), None) for each in (options or CHOICES[key].options)[1:])
        return chosen(self, key, options)

    def repairs(self: decide.Explain, cluster: str) -> bool:
        if cluster in CHOICES:
            asked[cluster, AS_WRITTEN_READING] = None
        return repaired(self, cluster)

    with mock.patch.multiple(decide.Explain, choose=choose, repaired=repairs):
        return play.run(), list(asked)


def know(
    play: Play, files: frozenset[str], functions: frozenset[FunctionType] = frozenset()
) -> Known:
    """Play it on the true model.

    ``files``: those whose lines are of interest; ``functions``: those whose calls are.
    """
    with lines_passed(files) as passed, calls_made(functions) as calls:
        trace = play.run()
    amiss = map(_subject, disagreements(trace, play.scenario, play.reading.name))
    return Known(play, plain(trace), play.broken(trace), frozenset(passed), frozenset(amiss), calls)


def _subject(said: str) -> str:
    """What a disagreement is about: where the true model disagrees nobody says what is right."""
    return said.partition(": expected ")[0]


def notice(known: Iterable[Known]) -> Found:
    """Play on the changed model until something is noticed."""
    visible = []
    for each in known:
        noticed, differs = _play(each)
        if noticed is not None:
            return Found(noticed)
        if differs:
            visible.append(str(each.play))
    return Found(None, tuple(visible))


def _play(known: Known) -> tuple[Noticed | None, bool]:
    play, by = known.play, str(known.play)
    try:
        with impatient():
            trace = play.run()
    except Exception as error:  # noqa: BLE001 - whatever a changed model does, it was noticed
        return raised(error, by), True
    for said in disagreements(trace, play.scenario, play.reading.name):
        if _subject(said) not in known.amiss:
            return Noticed("outcome", by, said), True
    if newly := play.broken(trace) - known.broken:
        return Noticed("property", by, min(newly)), True
    return None, plain(trace) != known.trace


_HANDLE = re.compile(rb'"(?:instance|record|event)":"([^"]+)"')


def plain(trace: Trace) -> bytes:
    """What a trace shows, whatever an implementation calls its objects: nobody compares that."""
    told = dump(trace)
    known = {each.group(1) for each in _HANDLE.finditer(told)}
    names: dict[bytes, bytes] = {}

    def renamed(found: re.Match[bytes]) -> bytes:
        word = found.group(1)
        return b'"%s"' % names.setdefault(word, b"#%d" % len(names)) if word in known else found[0]

    return re.sub(rb'"([^"]*)"', renamed, told)


def raised(error: BaseException, by: str) -> Noticed:
    """A changed model ended in an error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error.__cause__, NeverSettles):
        error = error.__cause__
    how: How = "crash"
    if isinstance(error, (BrokenInvariant, BrokenSyncInvariant)):
        how = "invariant"
    elif isinstance(error, NeverSettles):
        how = "endless"
    return Noticed(how, by, f"{type(error).__name__}: {error}".split("\n")[0][:MOST_SAID])


@contextmanager
def impatient() -> Iterator[None]:
    """A model that goes on and on is given up on early."""
    patience = kernel.LIMIT
    kernel.LIMIT = SETTLES_WITHIN
    try:
        with at_most(PATIENCE):
            yield
    finally:
        kernel.LIMIT = patience


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises NeverSettles within, once so many seconds of processor time have gone."""

    def over(signal: int, frame: FrameType | None) -> None:
        raise NeverSettles(f"not over in {seconds:.0f} s of processor time")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
