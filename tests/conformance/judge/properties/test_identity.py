"""Which fetch an instance or an event is tied to."""

from __future__ import annotations

from conformance.judge.properties.identity import Identity, identify
from conformance.judge.properties.reading import read
from conformance.protocol import Settled
from tests.conformance.judge.properties.traces import ABORT, ABORTED, Log, shows


def who(log: Log) -> Identity:
    return identify(read(log.trace()))


def of(log: Log, instance: str) -> set[int]:
    return set(who(log).of_instance(instance))


def events(log: Log) -> list[set[int]]:
    reading = read(log.trace())
    return [set(who(log).of_event(event)) for event in reading.events]


def twice() -> Log:
    """Two fetches of one id, the first of them aborted."""
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.fetch("c3", instance="i2")
    return log


def test_fetch_names_its_instance() -> None:
    log = twice()
    assert (of(log, "i1"), of(log, "i2")) == ({0}, {1})


def test_an_instance_that_nobody_named_is_nobodys() -> None:
    assert of(twice(), "i9") == set()


def test_an_instance_of_two_fetches_is_a_contradiction() -> None:
    log = Log().begin()
    log.fetch("c1")
    log.fetch("c2")
    assert of(log, "i1") == set()


def test_a_rejected_fetch_is_none() -> None:
    log = Log().begin()
    log.fetch(instance=None)
    log.see(Settled("c1", error="TypeError"))
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1")
    assert [fetch.asked.call for fetch in who(log).fetched] == ["c2"]
    assert of(log, "i1") == {0}


def test_get_does_not_return_what_was_aborted_before() -> None:
    log = twice()
    log.get("c4", "a", "i3")
    assert of(log, "i3") == {1}


def test_get_does_not_return_what_was_settled_before() -> None:
    log = Log().begin()
    log.fetch()
    log.event(instance="i1")
    log.fetch("c2", instance="i2")
    log.get("c3", "a", "i3")
    assert of(log, "i3") == {1}


def test_get_returns_nothing_that_was_asked_for_later_or_by_another_id() -> None:
    log = Log().begin()
    log.fetch("c1", "b")
    log.fetch("c2", "a", instance="i2")
    log.get("c3", "a", "i3")
    log.fetch("c4", "a", instance="i4")
    assert of(log, "i3") == {1}


def test_get_may_return_either_of_two_pending_fetches() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1")
    assert of(log, "i1") == {0, 1}


def test_get_of_a_known_instance_tells_nothing_new() -> None:
    log = twice()
    log.get("c4", "a", "i1")
    assert of(log, "i1") == {0}


def test_an_event_may_come_before_its_fetch_settles() -> None:
    log = Log().begin()
    log.fetch(instance=None)
    log.fetch("c2", instance=None)
    log.event(instance="i2")
    log.see(Settled("c2", instance="i2", snapshot=shows()))
    assert events(log) == [{1}]


def test_an_event_with_a_new_instance_may_be_either_live_fetchs() -> None:
    log = twice()
    log.event(ABORT, ABORTED)
    assert events(log) == [{0, 1}]
    assert of(log, "w1") == {0, 1}


def test_a_settle_event_is_not_that_of_a_fetch_whose_own_was_seen() -> None:
    log = twice()
    log.event(ABORT, ABORTED, instance="i1")
    log.event(event="e2", instance="w2")
    assert events(log) == [{0}, {1}]


def test_after_a_kill_it_may_be() -> None:
    log = twice()
    log.event(ABORT, ABORTED, instance="i1")
    log.quit(kill=True)
    log.event(ABORT, ABORTED, event="e2", instance="w2")
    assert events(log) == [{0}, {0, 1}]


def test_a_click_may_be_that_of_a_settled_fetch() -> None:
    log = twice()
    log.event(ABORT, ABORTED, instance="i1")
    log.event("backgroundfetchclick", shows(), "w2", "e2")
    assert events(log) == [{0}, {0, 1}]


def test_a_known_instance_is_believed_whatever_id_it_shows() -> None:
    log = twice()
    log.event(instance="i2", snapshot=shows("b", "success"))
    assert events(log) == [{1}]


def test_an_event_without_an_instance_is_told_by_its_id() -> None:
    log = Log().begin()
    log.fetch()
    log.fetch("c2", "b", instance="i2")
    log.event(instance=None, snapshot=shows("b", "success"))
    assert events(log) == [{1}]
