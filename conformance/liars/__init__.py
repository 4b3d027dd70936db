"""Implementations that are broken on purpose, each in one place: who judges the judge?

Six are the engine with one fault, put in through its seams; one is silent.  A judge
that lets one of them pass is worth nothing, so each names scenarios that must catch it,
and the steps of which at least one must be blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from conformance.adapter import AdapterFactory
from conformance.adapters.engine_session import Wrap
from conformance.adapters.engine_sim import EngineSimFactory
from conformance.liars import (
    forgets_at_quit,
    joins_other_version,
    no_quota,
    second_post,
    silent,
    success_after_404,
    trusts_ranges,
)


@attrs.frozen
class Liar:
    """A broken implementation.

    ``breaks``: what it does wrong, in a few words; ``steps``: the steps and properties that
    may be blamed for it, where it shows or where it is wrong; ``caught_by``: ids of
    scenarios, each of which catches it.
    """

    name: str
    breaks: str
    make: Callable[[], AdapterFactory]
    steps: frozenset[str]
    caught_by: tuple[str, ...]

    def factory(self) -> AdapterFactory:
        """A fresh one, simulated."""
        return self.make()


def _engine(name: str, breaks: str, wrap: Wrap, steps: str, caught_by: str) -> Liar:
    def make() -> AdapterFactory:
        return EngineSimFactory(f"liar:{name}", wrap)

    return Liar(name, breaks, make, frozenset(steps.split()), tuple(caught_by.split()))


_ALL = (
    _engine(
        "joins-other-version",
        "joins a 206 with a changed ETag",
        joins_other_version.wrap,
        "UPDATE-6.6 UPDATE-6.8 VALIDATE-4.1.1",
        "SC-135",
    ),
    _engine(
        "success-after-404",
        "settles with success after a record was answered 404",
        success_after_404.wrap,
        "UPDATE-6.8 RECORD-11.R.7.2",
        "SC-57",
    ),
    _engine(
        "second-post",
        "sends a POST again after a reset",
        second_post.wrap,
        "RECORD-15 RECORD-11.R.1.2 S21",
        "SC-61-upload",
    ),
    _engine(
        "no-quota",
        "does not enforce the quota",
        no_quota.wrap,
        "UPDATE-6.8 RECORD-11.R.6.3",
        "SC-70",
    ),
    _engine(
        "trusts-ranges",
        "does not validate the answer to a Range request",
        trusts_ranges.wrap,
        "UPDATE-6.6 UPDATE-6.8 VALIDATE-2 VALIDATE-3",
        "SC-135-wrong-first SC-135-unparsable",
    ),
    _engine(
        "forgets-at-quit",
        "skips the recovery after a restart",
        forgets_at_quit.wrap,
        "GET-4.1.2 PERFORM-8",
        "SC-49 NT-206-after-kill",
    ),
    Liar(
        "silent",
        "acknowledges every command and never shows anything",
        lambda: silent.SilentFactory("liar:silent"),
        frozenset({"FETCH-8.14.1", "RECORD-11"}),
        ("SC-25",),
    ),
)

LIARS: Mapping[str, Liar] = MappingProxyType({one.name: one for one in _ALL})
"""All of them, by name."""
