"""What names mean to one program: realms, instances, records, events.

Waiting for a name to be bound, and for the call behind it to settle, is part of
using it: so the script may use what a handler will read.
"""

from __future__ import annotations

import attrs

from conformance.judge.names import (
    EVENT,
    FIRST_PAGE,
    Binding,
    Names,
    ScenarioError,
    split_index,
)
from conformance.judge.run_session import Session
from conformance.protocol import WORKER, Settled, WorkerEvent


@attrs.frozen
class Absent(Exception):
    """A name has no value: its call was rejected, or gave undefined."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"a value of {self.name} ({self.why})"


@attrs.define(eq=False)
class Values:
    """The names of one program; ``event`` is the event that it handles, None for the script.

    ``where`` says in messages which step is at work.
    """

    session: Session
    names: Names
    event: WorkerEvent | None = None
    where: str = ""

    @classmethod
    def of(cls, session: Session, event: WorkerEvent | None) -> Values:
        names = Names(session.shared)
        if event is not None:
            life = session.realms.life(WORKER) or 0
            names.own[EVENT] = Binding(WORKER, life, instance=event.instance)
        return cls(session, names, event)

    def default_realm(self) -> str:
        """Where a step runs that does not say: the first page, or the handler's worker."""
        return FIRST_PAGE if self.event is None else WORKER

    def realm(self, named: str | None) -> str:
        """The realm of a step.  Raises ScenarioError when it is not there."""
        realm = named or self.default_realm()
        self.life(realm)
        return realm

    def life(self, realm: str) -> int:
        """The present life of a realm.  Raises ScenarioError when it is not there."""
        life = self.session.realms.life(realm)
        if life is None:
            raise ScenarioError(self.where, f"{realm} is not there now")
        return life

    def settled(self, name: str) -> Settled | None:
        """What the call behind a name settled with, if it did."""
        binding = self.names.find(name)
        return None if binding is None else self.session.log.facts.settled.get(binding.call or "")

    async def _value(self, name: str, *, dead: bool) -> tuple[Binding, Settled]:
        """What the call behind a name settled with; ``dead``: its realm may be gone."""
        await self.session.until(
            f"a value of {name} in {self.where}", lambda: self.settled(name) is not None
        )
        binding, settled = self.names.find(name), self.settled(name)
        assert binding is not None, "a settled name is bound"
        assert settled is not None, "nothing was awaited since"
        if not dead and self.session.realms.life(binding.realm) != binding.life:
            raise ScenarioError(self.where, f"{name} belongs to {binding.realm}, which is gone")
        if settled.error is not None:
            raise Absent(name, f"its call was rejected with {settled.error}")
        return binding, settled

    async def instance(self, name: str, *, dead: bool = False) -> tuple[str, str]:
        """An instance and its realm."""
        own = self.names.own.get(name)
        if own is not None and own.call is None:
            if own.instance is None:
                raise Absent(name, "the event has no registration")
            return own.instance, own.realm
        binding, settled = await self._value(name, dead=dead)
        if settled.instance is None:
            raise Absent(name, "its call gave no registration")
        return settled.instance, binding.realm

    async def records(self, name: str, *, dead: bool = False) -> list[str]:
        """Records by name; ``name[i]`` is one of them."""
        base, index = split_index(name)
        _, settled = await self._value(base, dead=dead)
        records = [one.record for one in settled.records or []]
        if index is None:
            return records
        if index >= len(records):
            raise Absent(name, f"there are {len(records)} records")
        return [records[index]]

    async def event_named(self, name: str | None) -> str:
        """An event: the handler's own, a synthetic one by its name, or the newest of a type."""
        if name is None:
            if self.event is None:
                raise ScenarioError(self.where, "the script handles no event: name one")
            return self.event.event
        if self.names.find(name) is not None:
            _, settled = await self._value(name, dead=False)
            if settled.event is None:
                raise Absent(name, "its call gave no event")
            return settled.event
        facts = self.session.log.facts
        await self.session.until(f"event {name}", lambda: facts.count_events(name) > 0)
        return next(one.event for one in reversed(facts.events) if one.name == name)
