"""An implementation that is a child process and speaks the protocol over its standard streams.

One process serves a whole session: it is started for the first scenario, kept
between scenarios, and started anew after it has died or done what the protocol
does not allow.  Outside of ``session()`` every ``open()`` has a process of its own.

Order.  Lines are taken in the order in which they come.  An observation is given
to the sink at once; after an answer nothing more is taken until the task that
waits for it has it, so that whoever keeps a log can note the answer before the
observations that followed it.

Trust.  The child may be anything.  A line, and all that is said in one
scenario, are bounded; every answer has a deadline; what it writes to its standard
error is kept for the error message, the last 16 KiB of it, and is never a verdict.
It leads a process group of its own, and the group is killed in the end.
"""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Literal

import attrs
import msgspec
import trio

from conformance.adapter import (
    AdapterError,
    AdapterGone,
    AdapterNonsense,
    CannotStart,
    EndedBadly,
    Sink,
    Surroundings,
)
from conformance.adapters.child import Child
from conformance.protocol import (
    PROTOCOL_VERSION,
    Answer,
    AnyCommand,
    AnyReply,
    Begin,
    End,
    Implementation,
    Log,
    Start,
    Stop,
    decode_reply,
    encode,
    readable,
    section_of,
)

ANSWER_DEADLINE = 30.0  # seconds
END_DEADLINE = 10.0  # seconds, when the scenario was broken off
START_DEADLINE = 60.0  # seconds: a browser on a busy machine
LINE_LIMIT = 1 << 20  # bytes: a body of 64 KiB, escaped as JSON, is at most six times as long
SCENARIO_LIMIT = 1 << 26  # bytes said in one scenario


@attrs.define(eq=False)
class Talk:
    """The conversation with one process; it survives scenarios, and ends with the process."""

    name: str
    child: Child
    deadline: float
    implementation: Implementation | None = None
    begun: bool = False
    failure: AdapterError | None = None
    _buffer: bytearray = attrs.field(factory=bytearray)
    _turn: trio.Lock = attrs.field(factory=trio.Lock)
    _asked: AnyCommand | None = None
    _answer: Answer | None = None
    _changed: trio.Event = attrs.field(factory=trio.Event)
    _taken: trio.Event = attrs.field(factory=trio.Event)

    async def ask(self, command: AnyCommand, deadline: float | None = None) -> Answer:
        """Send a command and wait for its answer; ``listen`` must be running.

        Raises AdapterGone or AdapterNonsense.
        """
        limit = self.deadline if deadline is None else deadline
        async with self._turn:
            self._check()
            self._asked, self._changed = command, trio.Event()
            try:
                with trio.move_on_after(limit):
                    await self._write(encode(command))
                    await self._changed.wait()
            except trio.Cancelled:
                # Its answer would be taken for that of the next command.
                self.failure = self.failure or AdapterGone(self.name, "a command was given up")
                raise
            self._check()
            if self._answer is None:
                kind = encode(command).decode().strip()[:100]
                why = f"no answer in {limit:g} s to {kind}{self._unfinished()}"
                self.failure = AdapterGone(self.name, why, "Lines")
                raise self.failure
            answer, self._answer, self._asked = self._answer, None, None
            self._note(command)
            self._taken.set()
            return answer

    async def _write(self, line: bytes) -> None:
        try:
            await self.child.write(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it is gone: whoever listens says how

    def _note(self, command: AnyCommand) -> None:
        if isinstance(command, Begin | End):
            self.begun = isinstance(command, Begin)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def listen(self, sink: Sink, on_failure: Callable[[], None]) -> None:
        """Take lines until cancelled or until something is wrong with them.

        Then the command that waits fails; where none waits, ``on_failure`` is called.
        """
        try:
            said = 0
            while True:
                line = await self._line()
                said += len(line)
                if said > SCENARIO_LIMIT:
                    much = f"more than {SCENARIO_LIMIT:,} bytes said in one scenario"
                    raise AdapterNonsense(self.name, readable(line), much, "Lines")
                await self._take(line, sink)
        except AdapterError as failure:
            self.failure = failure
            if self._asked is None:
                on_failure()
            self._changed.set()

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LINE_LIMIT:
                long = f"a line over {LINE_LIMIT:,} bytes"
                raise AdapterNonsense(self.name, readable(bytes(self._buffer)), long, "Lines")
            data = await self.child.read()
            if not data:
                last = await self.child.obituary()
                raise AdapterGone(self.name, last + self._unfinished(), "A session")
            self._buffer += data
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _unfinished(self) -> str:
        """What it began to say and has not ended with a line feed."""
        return f"; a line has no end: {readable(bytes(self._buffer))}" if self._buffer else ""

    async def _take(self, line: bytes, sink: Sink) -> None:
        try:
            reply = decode_reply(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            # What is JSON and no message belongs to what it is nearly a message of.
            section = section_of(line) if isinstance(error, msgspec.ValidationError) else "Lines"
            raise AdapterNonsense(self.name, readable(line), _fault(error), section) from None
        if isinstance(reply, Answer):
            await self._take_answer(reply, line)
        elif self.begun and not isinstance(self._asked, End):
            sink(reply)
        else:
            self._take_aside(reply, line)

    async def _take_answer(self, answer: Answer, line: bytes) -> None:
        if self._asked is None:
            raise AdapterNonsense(self.name, readable(line), "nothing was asked", "Answers")
        if answer.seq != self._asked.seq:
            wanted = f"expected the answer to seq {self._asked.seq}"
            raise AdapterNonsense(self.name, readable(line), wanted, "Answers")
        self._answer, self._taken = answer, trio.Event()
        self._changed.set()
        await self._taken.wait()

    def _take_aside(self, reply: AnyReply, line: bytes) -> None:
        """Outside of a scenario there is nothing to observe; what ``end`` stops is not judged."""
        if not self.begun and not isinstance(reply, Log):
            outside = "an observation outside a scenario"
            raise AdapterNonsense(self.name, readable(line), outside, "A session")


def _only_cancelled(problem: BaseException | None) -> bool:
    """Whether nothing else went wrong: nurseries inside raise several Cancelled as a group."""
    if isinstance(problem, BaseExceptionGroup):
        return problem.split(trio.Cancelled)[1] is None
    return problem is None


def _words(argv: Iterable[str]) -> tuple[str, ...]:
    return tuple(argv)


@attrs.define(eq=False)
class StdioAdapter:
    """One scenario's view of the process."""

    implementation: Implementation
    _talk: Talk

    async def send(self, command: AnyCommand) -> Answer:
        """Do one command.  Raises AdapterGone or AdapterNonsense."""
        return await self._talk.ask(command)


@attrs.define(eq=False)
class StdioFactory:
    """``stdio:COMMAND``.  ``argv`` is executed without a shell; ``deadline`` in seconds per answer.

    ``environment`` is added to this process's own.
    """

    name: str
    argv: tuple[str, ...] = attrs.field(converter=_words)
    deadline: float = ANSWER_DEADLINE
    environment: dict[str, str] = attrs.field(factory=dict)
    network: Literal["loopback", "memory", "none"] = "loopback"
    remedy: str = ""
    _talk: Talk | None = None
    _kept: bool = False
    _unclean: str = ""
    """What was wrong with how a process ended that nobody had given up, the first time."""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Inside of it the process is kept between scenarios; it is ended with it.

        Raises EndedBadly when that, or an end between two scenarios, was not as it should be.
        """
        if self._talk is not None:  # left by a trio run that was broken off
            self._talk.child.abandon()
            self._talk = None
        self._kept = True
        self._unclean = ""
        try:
            yield
        finally:
            self._kept = False
            with trio.CancelScope(shield=True):
                await self._end()
        if self._unclean:
            raise EndedBadly(self.name, self._unclean)

    @asynccontextmanager
    async def open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[StdioAdapter]:
        """The process, ready for ``begin``.

        Raises CannotStart, and AdapterGone or AdapterNonsense when the process fails while
        no command waits for an answer.
        """
        if self._talk is not None and self._talk.child.ended:
            await self._end()  # it died of its own between two scenarios
        talk = self._talk = self._talk or Talk(self.name, self._spawn(), self.deadline)
        problem: BaseException | None = None
        interrupted = False
        try:
            async with trio.open_nursery() as nursery:

                def interrupt() -> None:
                    nonlocal interrupted
                    interrupted = True
                    nursery.cancel_scope.cancel()

                nursery.start_soon(talk.listen, sink, interrupt)
                try:
                    yield StdioAdapter(talk.implementation or await self._greet(talk), talk)
                except trio.Cancelled:
                    raise
                except BaseException as error:  # noqa: BLE001 - raised again, in no group
                    problem = error
                    if isinstance(error, AdapterError) and talk.failure is None:
                        talk.failure = error  # whoever listens to it trusts it no more
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await self._leave(talk)
        if interrupted and talk.failure is not None and _only_cancelled(problem):
            raise talk.failure
        if problem is not None:
            raise problem

    async def _leave(self, talk: Talk) -> None:
        """Nothing of this scenario may go on in the next one."""
        if talk.begun and talk.failure is None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk.listen, _ignore, _ignore)
                try:
                    await talk.ask(End(), END_DEADLINE)
                except AdapterError:
                    pass  # noted in the talk: the process is ended below
                nursery.cancel_scope.cancel()
        if talk.failure is not None or not self._kept:
            await self._end()

    def _spawn(self) -> Child:
        try:
            return Child.spawn(self.argv, self.environment)
        except OSError as error:
            why = f"{shlex.join(self.argv)}: {error.strerror or error}"
            raise CannotStart(self.name, why, self.remedy) from None

    async def _greet(self, talk: Talk) -> Implementation:
        try:
            answer = await talk.ask(Start(versions=[PROTOCOL_VERSION]), START_DEADLINE)
        except AdapterGone as gone:
            raise CannotStart(self.name, gone.why, self.remedy) from None
        if answer.refused is not None or answer.unsupported is not None:
            why = answer.refused or answer.unsupported or "it refused to start"
            raise CannotStart(self.name, why, self.remedy)
        known = answer.implementation
        if known is None:
            missing = "no implementation in the answer to start"
            raise AdapterNonsense(self.name, readable(encode(answer)), missing, "start")
        if known.protocol != PROTOCOL_VERSION:
            why = f"it speaks protocol {known.protocol}, not {PROTOCOL_VERSION}"
            raise CannotStart(self.name, why, self.remedy)
        talk.implementation = known
        return known

    async def _end(self) -> None:
        talk, self._talk = self._talk, None
        if talk is not None:
            # A process that may still be obeyed is asked to stop; one that failed is not.
            farewell = encode(Stop()) if talk.failure is None else None
            wrong = await talk.child.end(farewell)
            self._unclean = self._unclean or wrong


def stdio_factory(command: str) -> StdioFactory:
    """The factory for ``stdio:COMMAND``.  Raises ValueError when the quotes do not match."""
    return StdioFactory(f"stdio:{command}", tuple(shlex.split(command)))


def _ignore(*_: object) -> None:
    pass


def _fault(error: Exception) -> str:
    """What is wrong with a line that could not be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 ({error.reason} 0x{error.object[error.start]:02x})"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, msgspec.ValidationError) or "truncated" not in str(error):
        return str(error)
    return "it ends in the middle of something, or has half of a surrogate pair"
