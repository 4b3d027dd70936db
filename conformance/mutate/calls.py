"""Whether a change can matter to a run at all: asked of each call, without running anything.

The model's functions are pure: what one gives hangs on its arguments and on what its driver
answers.  Each call of a run of the true model is repeated by a changed function with the same
arguments and the same answers.  If it asks the same questions and gives the same every time,
then by induction over the calls the whole run of the changed model is the same: every step of
a play, every state of an exploration, every verdict of a judge.  To repeat one call is a
thousand times cheaper than to play a scenario, and most plays that pass a changed place do
not care.

The calls of a play are kept, for changes that are made later (``calls_made``).  An exploration
makes a million: there all changes are asked while it runs (``differing``).

A change that differs once only might matter there: that is then tried in earnest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType, FunctionType
from typing import Final, TypeAlias, TypeVar

import attrs

from conformance.mutate.mutants import Mutant, forget, function_of
from spec_model.decide import Decide

T = TypeVar("T")
Said: TypeAlias = tuple[str, object, object]
"""A question, what it was about, and the answer."""

Function: TypeAlias = Callable[..., object]

_DRIVER = "d"
"""What every algorithm calls its driver."""

_HOOK = "_heard_by"
"""The name under which a module finds, for a while, who has to hear of a call."""


@attrs.frozen
class Call:
    """One call: what a function was given, what its driver said, and what it gave or raised.

    In ``given`` and ``named`` the driver is ``THE_DRIVER``.
    """

    given: tuple[object, ...]
    named: tuple[tuple[str, object], ...]
    said: tuple[Said, ...]
    gave: object = attrs.field(eq=False)


Calls: TypeAlias = dict[FunctionType, list[Call]]
"""The calls of each function in one run, each of them once."""

THE_DRIVER: Final = object()


def repeats(function: Function, call: Call) -> bool:
    """Whether a changed function asks what the true one asked, and gives what it gave."""
    again = _Again(call.said)

    def put(value: object) -> object:
        return again if value is THE_DRIVER else value

    named = {name: put(value) for name, value in call.named}
    gave = _result(function, [put(value) for value in call.given], named)
    return bool(gave == call.gave) and again.at == len(call.said)


def _words(error: Exception) -> tuple[type, str]:
    return type(error), str(error)


@attrs.frozen
class _Raised:
    """Instead of a result."""

    error: Exception = attrs.field(eq=_words)


def _result(function: Function, given: Sequence[object], named: Mapping[str, object]) -> object:
    try:
        return function(*given, **named)
    except Exception as error:  # noqa: BLE001 - what it raises is compared, whatever it is
        return _Raised(error)


# --- drivers --------------------------------------------------------------------------


class _Deviates(Exception):
    """A changed function asks its driver something else than the true one did."""


@attrs.define(eq=False)
class _Heard:
    """A driver that remembers what was said."""

    driver: Decide
    said: list[Said] = attrs.field(factory=list)

    def take(self, *steps: str) -> None:
        self.driver.take(*steps)

    def repaired(self, cluster: str) -> bool:
        answer = self.driver.repaired(cluster)
        self.said.append(("repaired", cluster, answer))
        return answer

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        answer = self.driver.choose(key, options)
        self.said.append((key, tuple(options), answer))
        return answer


@attrs.define(eq=False)
class _Again:
    """A driver that says it again.  Raises _Deviates."""

    said: Sequence[Said]
    at: int = 0

    def take(self, *steps: str) -> None:
        pass

    def repaired(self, cluster: str) -> bool:
        return bool(self._next("repaired", cluster))

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        return str(self._next(key, tuple(options)))

    def _next(self, question: str, about: object) -> object:
        if self.at == len(self.said) or self.said[self.at][:2] != (question, about):
            raise _Deviates
        self.at += 1
        return self.said[self.at - 1][2]


# --- hearing of calls -----------------------------------------------------------------


@attrs.define(eq=False)
class _Stage:
    """Who repeats a call now, if anybody: a changed form of one of the functions."""

    of: object = None
    changed: Function | None = None


@attrs.define(eq=False)
class _Ear:
    """Hears the calls of one function, each of them once, as long as ``hear`` wants more.

    While one is repeated nothing is heard: a changed function then calls itself, and true others.
    """

    function: FunctionType
    true: FunctionType
    hear: Callable[[Call], bool]
    stage: _Stage
    known: set[Call] = attrs.field(factory=set)
    enough: bool = False

    def __call__(self, *given: object, **named: object) -> object:
        if self.stage.changed is not None:
            mine = self.stage.of is self.function
            return (self.stage.changed if mine else self.true)(*given, **named)
        if self.enough:
            return self.true(*given, **named)
        driver = self._driver(given, named)
        heard = driver if isinstance(driver, _Heard) else _Heard(driver)  # type: ignore[arg-type]  # whatever is called d is a driver
        begin = len(heard.said)

        def put(value: object, driver_too: object) -> object:
            return driver_too if driver is not None and value is driver else value

        gave = _result(
            self.true,
            [put(value, heard) for value in given],
            {name: put(value, heard) for name, value in named.items()},
        )
        self._tell(
            Call(
                tuple(put(value, THE_DRIVER) for value in given),
                tuple((name, put(value, THE_DRIVER)) for name, value in named.items()),
                tuple(heard.said[begin:]),
                gave,
            )
        )
        if isinstance(gave, _Raised):
            raise gave.error
        return gave

    def _driver(self, given: Sequence[object], named: Mapping[str, object]) -> object:
        if _DRIVER in named:
            return named[_DRIVER]
        code = self.true.__code__
        parameters = code.co_varnames[: min(code.co_argcount, len(given))]
        return given[parameters.index(_DRIVER)] if _DRIVER in parameters else None

    def _tell(self, call: Call) -> None:
        try:
            if call in self.known:
                return
            self.known.add(call)
        except TypeError:  # it cannot be told from others, and may be heard again
            pass
        self.enough = not self.hear(call)
        if self.enough:
            self.known.clear()


@contextmanager
def _heard(hear: Mapping[FunctionType, Callable[[Call], bool]], stage: _Stage) -> Iterator[None]:
    """Every call of these functions is heard, however they were imported."""
    with ExitStack() as stack:
        for function, each in hear.items():
            true = copied(function, function.__code__)
            stack.enter_context(_hooked(function, _Ear(function, true, each, stage)))
        forget()
        stack.callback(forget)
        yield


def copied(function: FunctionType, code: CodeType) -> FunctionType:
    """The same function with other code, which nobody calls."""
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


@contextmanager
def _hooked(function: FunctionType, ear: _Ear) -> Iterator[None]:
    held = function.__code__, function.__defaults__, function.__kwdefaults__
    hooks = function.__globals__.setdefault(_HOOK, {})
    number = len(hooks)
    hooks[number] = ear
    scope: dict[str, FunctionType] = {}
    exec(f"def hook(*a, **k): return {_HOOK}[{number}](*a, **k)", scope)
    function.__defaults__ = function.__kwdefaults__ = None
    function.__code__ = scope["hook"].__code__
    try:
        yield
    finally:
        function.__code__, function.__defaults__, function.__kwdefaults__ = held
        if number == 0:
            del function.__globals__[_HOOK]


# --- what it is for -------------------------------------------------------------------


@contextmanager
def calls_made(functions: Iterable[FunctionType]) -> Iterator[Calls]:
    """The calls of these functions in what is run meanwhile."""
    made: Calls = {}

    def keep(function: FunctionType) -> Callable[[Call], bool]:
        def hear(call: Call) -> bool:
            made.setdefault(function, []).append(call)
            return True

        return hear

    with _heard({function: keep(function) for function in functions}, _Stage()):
        yield made


def matters(function: Function, calls: Iterable[Call]) -> bool:
    """Whether a changed function does anything else than was done in one of these calls."""
    return not all(repeats(function, call) for call in calls)


def differing(mutants: Iterable[Mutant], run: Callable[[], T]) -> tuple[T, frozenset[str]]:
    """What a run of the true model gives, and the keys of the mutants that it might be other for.

    ``run`` must depend on the model only through calls of its functions.
    """
    changed: dict[FunctionType, dict[str, Function]] = {}
    for mutant in mutants:
        function = function_of(mutant)
        changed.setdefault(function, {})[mutant.key] = copied(function, mutant.code)
    differ: set[str] = set()
    stage = _Stage()

    def ask(function: FunctionType) -> Callable[[Call], bool]:
        left = changed[function]

        def hear(call: Call) -> bool:
            for key in [*left]:
                stage.of, stage.changed = function, left[key]
                try:
                    if not repeats(left[key], call):
                        differ.add(key)
                        del left[key]
                finally:
                    stage.of = stage.changed = None
            return bool(left)

        return hear

    with _heard({function: ask(function) for function in changed}, stage):
        gave = run()
    return gave, frozenset(differ)
