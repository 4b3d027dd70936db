"""The server of a recorded trace, doing again what its log says.

A request meets the answer that the same attempt for the same resource met then, with the
same gates between its parts.  What the log does not tell stays out: an answer that was not
finished then is never finished, and a request that was not made then is never answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

import attrs

from conformance.scenario.format import World
from conformance.trace import (
    AnyServerEntry,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerRequest,
    Trace,
)
from conformance.world.content import content, encode_gzip
from conformance.world.scripted import Action, Finish, Plan, ScriptedWorld, Send, Wait

_NEVER = "(never)"
"""A gate that nobody opens."""

_SILENCE = Plan(False, 0, (), "none", "identity", 0, 0, 0, b"", _NEVER, (Finish("drop"),))

Plans = Mapping[tuple[str, int], Plan]
"""What became of each attempt for each resource key."""


@attrs.define
class _Answer:
    """One exchange of the log, as far as it has been read."""

    request: ServerRequest
    head: ServerHead | None = None
    wait: str | None = None
    body: bytes = b""
    at: int = 0
    actions: list[Action] = attrs.field(factory=list)

    def add(self, line: AnyServerEntry) -> None:
        """The next line about it."""
        match line:
            case ServerHead():
                self.head = line
                whole = content(self.request.key, line.version, line.first, line.length)
                self.body = encode_gzip(whole) if line.encoding == "gzip" else whole
            case ServerBytes():
                # Of a coded body a log may only tell that bytes came: they were all there were.
                plain = self.head is None or self.head.encoding == "identity"
                coded = len(self.body) if line.written is None else line.written
                end = line.decoded if plain else coded
                if end > self.at:
                    self.actions.append(Send(self.at, end, line.decoded))
                    self.at = end
            case ServerHeld() if self.head is None:
                self.wait = line.gate
            case ServerHeld():
                self.actions.append(Wait(line.gate))
            case ServerEnd():
                self.actions.append(Finish(line.how))

    def plan(self) -> Plan:
        """The same as a plan."""
        actions = tuple(self.actions)
        if not actions or not isinstance(actions[-1], Finish):
            actions = (*actions, Wait(_NEVER), Finish("close"))
        head = self.head
        if head is None:
            last = actions[-1]
            assert isinstance(last, Finish)
            ended = len(actions) == 1
            wait = self.wait if ended or self.wait else _NEVER
            drop = cast("Literal['reset', 'close']", last.how if last.how == "reset" else "close")
            return attrs.evolve(_SILENCE, wait=wait, actions=actions, drop=drop)
        return Plan(
            True, head.status, tuple((n, v) for n, v in head.headers), head.framing,
            head.encoding, head.version, head.first, head.length, self.body, self.wait, actions,
        )  # fmt: skip


def plans_of(trace: Trace) -> Plans:
    """What the server of a trace did with each request."""
    answers: dict[int, _Answer] = {}
    for entry in trace.entries:
        line = entry.server
        if isinstance(line, ServerRequest):
            answers[line.exchange] = _Answer(line)
        elif line is not None and line.exchange in answers:
            answers[line.exchange].add(line)
    return {(each.request.key, each.request.attempt): each.plan() for each in answers.values()}


@attrs.define
class LoggedWorld(ScriptedWorld):
    """A scripted world whose script is a log."""

    plans: Plans = attrs.field(factory=dict, kw_only=True)

    @classmethod
    def of(
        cls, plans: Plans, origins: dict[str, str], note: Callable[[AnyServerEntry], None]
    ) -> LoggedWorld:
        """A fresh one."""
        return cls(World(), origins, note, plans=plans)

    def copied(self, note: Callable[[AnyServerEntry], None]) -> LoggedWorld:
        """Another one that has come as far; nobody watches it."""
        return LoggedWorld(
            self.world, self.origins, note, dict(self._attempts), self._exchanges,
            set(self._open), plans=self.plans,
        )  # fmt: skip

    def plan(self, key: str, attempt: int, method: str, headers: dict[str, str]) -> Plan:
        """What the server did with this attempt then."""
        return self.plans.get((key, attempt), _SILENCE)
