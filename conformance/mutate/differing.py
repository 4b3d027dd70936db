"""Which of many changes could matter to a run: asked of every call, in one run of the true model.

``calls`` asks this of one change after the run; here all changes are asked while the true
model runs, so that an exploration with a million calls need not be kept.  The argument is the
same.  The model's functions are pure: what one gives hangs on its arguments and on what its
driver answers.  Each call is repeated by the changed functions with the same arguments and
the same answers.  If a changed function asks the same questions and gives the same every time,
then by induction over the calls the whole run of the changed model is the same: every
state of an exploration, every verdict of a judge.

A change that differs once only might matter there: that is then tried in earnest.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType, FunctionType
from typing import TypeAlias, TypeVar

import attrs

from conformance.mutate.mutants import Mutant, forget, function_of
from spec_model.decide import Decide

T = TypeVar("T")
Said: TypeAlias = tuple[str, object, object]
"""A question, what it was about, and the answer."""

Function: TypeAlias = Callable[..., object]

_DRIVER = "d"
"""What every algorithm calls its driver."""

_HOOK = "_asked_of_all"
"""The name under which a module finds, for a while, who has to hear of a call."""


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


@attrs.define(eq=False)
class _Trial:
    """Who is being tried now, if anybody: a changed function calls itself, and true others."""

    function: Function | None = None
    changed: Function | None = None


@attrs.define(eq=False)
class _Watched:
    """One function whose calls all its changed forms have to repeat."""

    function: FunctionType
    true: FunctionType
    changed: dict[str, Function]
    trial: _Trial
    differ: set[str]
    asked: set[int] = attrs.field(factory=set)
    """Hashes of the calls that were repeated: most come again and again."""

    def __call__(self, *arguments: object, **named: object) -> object:
        if self.trial.changed is not None:
            mine = self.trial.function is self.function
            return (self.trial.changed if mine else self.true)(*arguments, **named)
        if not self.changed:
            return self.true(*arguments, **named)
        if inspect.isgeneratorfunction(self.true):
            self._differs(*self.changed)  # what it gives cannot be compared
            return self.true(*arguments, **named)
        heard, begin, (arguments, named) = self._hearing(arguments, named)
        gave = self.true(*arguments, **named)
        said = heard.said[begin:] if heard is not None else ()
        if self._asked_before(arguments, named, said):
            return gave
        for key, changed in list(self.changed.items()):
            if not self._gives(changed, gave, said, arguments, named):
                self._differs(key)
        return gave

    def _asked_before(
        self, arguments: tuple[object, ...], named: dict[str, object], said: Sequence[Said]
    ) -> bool:
        """Whether this call has been repeated already, with the same answers of its driver."""
        given = (*arguments, *named.items())
        bare = tuple(_DRIVER if isinstance(each, _Heard) else each for each in given)
        try:
            call = hash((bare, tuple(said)))
        except TypeError:
            return False
        before = call in self.asked
        self.asked.add(call)
        return before

    def _hearing(
        self, arguments: tuple[object, ...], named: dict[str, object]
    ) -> tuple[_Heard | None, int, tuple[tuple[object, ...], dict[str, object]]]:
        """The same arguments with a driver that remembers, from which place on."""
        driver = named.get(_DRIVER)
        at = None
        if driver is None and _DRIVER in self._parameters:
            at = self._parameters.index(_DRIVER)
            driver = arguments[at] if at < len(arguments) else None
        if driver is None:
            return None, 0, (arguments, named)
        heard = driver if isinstance(driver, _Heard) else _Heard(driver)  # type: ignore[arg-type]  # whatever is called d is a driver
        if heard is not driver:
            if at is None:
                named = {**named, _DRIVER: heard}
            else:
                arguments = (*arguments[:at], heard, *arguments[at + 1 :])
        return heard, len(heard.said), (arguments, named)

    @functools.cached_property
    def _parameters(self) -> tuple[str, ...]:
        code = self.true.__code__
        return code.co_varnames[: code.co_argcount]

    def _gives(
        self,
        changed: Function,
        gave: object,
        said: Sequence[Said],
        arguments: tuple[object, ...],
        named: dict[str, object],
    ) -> bool:
        again = _Again(said)
        put = tuple(again if isinstance(each, _Heard) else each for each in arguments)
        put_named = {n: again if isinstance(v, _Heard) else v for n, v in named.items()}
        self.trial.function, self.trial.changed = self.function, changed
        try:
            return bool(changed(*put, **put_named) == gave) and again.at == len(said)
        except Exception:  # noqa: BLE001 - the true one did not raise
            return False
        finally:
            self.trial.function = self.trial.changed = None

    def _differs(self, *keys: str) -> None:
        self.differ.update(keys)
        for key in keys:
            del self.changed[key]


def differing(mutants: Iterable[Mutant], run: Callable[[], T]) -> tuple[T, frozenset[str]]:
    """What a run of the true model gives, and the keys of the mutants that it might be other for.

    ``run`` must depend on the model only through calls of its functions.
    """
    of: dict[FunctionType, list[Mutant]] = {}
    for mutant in mutants:
        of.setdefault(function_of(mutant), []).append(mutant)
    differ: set[str] = set()
    trial = _Trial()
    with ExitStack() as stack:
        for function, some in of.items():
            true = _copy(function, function.__code__)
            changed: dict[str, Function] = {each.key: _copy(function, each.code) for each in some}
            watched = _Watched(function, true, changed, trial, differ)
            stack.enter_context(_watching(function, watched))
        forget()
        stack.callback(forget)
        gave = run()
    return gave, frozenset(differ)


def _copy(function: FunctionType, code: CodeType) -> FunctionType:
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


@contextmanager
def _watching(function: FunctionType, watched: _Watched) -> Iterator[None]:
    """Every call of the function goes to ``watched``, however the function was imported."""
    held = function.__code__, function.__defaults__, function.__kwdefaults__
    hooks = function.__globals__.setdefault(_HOOK, {})
    number = len(hooks)
    hooks[number] = watched
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
