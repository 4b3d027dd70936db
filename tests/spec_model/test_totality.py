"""Nothing that can be done falls through: in every state that a walk reaches, each kind of
input makes a move that the tables have, or leaves everything exactly as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, Rejected
from spec_model.editions import Edition
from spec_model.fetch_boundary import Wire
from spec_model.invariants import check
from spec_model.state import State
from spec_model.system import inject
from spec_model.tasks import SettlePromise
from tests.spec_model.playing import Play, get, post
from tests.spec_model.test_walks import EDITIONS, SIZE, Walk, start

ACTIONS = ("pause", "resume", "abort", "click", "accept", "refuse", "dismiss")
BEFORE_HEAD = Wire(0, 200, (), "length", length=SIZE)


def everything(state: State) -> Iterator[m.Input]:
    """An input of every kind, whether or not anybody would think of it in this state.

    What is named exists, if anything of its kind does: other names are refused loudly.
    """
    call = "last"
    for requests, unread in (((get("/x"),), ()), ((post("/y"),), (0,)), ((), ())):
        yield m.CallFetch(call, "p1", FetchCall("a", requests, unread=unread))
    yield m.CallGet(call, "p1", "a")
    yield m.CallGetIds(call, "p1")
    yield m.CallCacheKeys(call, "p1", "films")
    yield m.CallUnregister(call, "p1")
    for realm in state.realms:
        yield m.RealmBusy(realm.name, True)
        for instance in realm.instances:
            yield m.CallAbort(call, instance.name)
            yield m.CallMatch(call, instance.name)
            yield m.CallSynthesize(call, "backgroundfetchsuccess", instance.name)
    for item in state.objects:
        yield m.CallRead(item.name)
        yield m.CallCachePut(call, "p1", "films", item.name)
    for event in state.events:
        yield m.EventEnded(event.name)
        yield m.CallUpdateUI(call, event.name, "title")
    for action in ACTIONS:
        yield m.UserDid(action, "a")
        yield m.UserDid(action, "nobody")
    yield m.UserLooked("a")
    yield m.AutomationClicked("p1", "a")
    yield m.BodyRead("c1", 0)
    yield m.PageOpened("p3")
    yield m.PageClosed("p1")
    yield from (m.WentOnline(True), m.WentOnline(False), m.PermissionSet("denied"))
    yield from (m.UserAgentQuit(), m.UserAgentQuit(kill=True), m.UserAgentLaunched("p1"))
    yield from (m.TimePassed(), m.Pushed("news"))
    for fetch, row in enumerate(state.records):
        for index in range(len(row)):
            yield m.Accepted(fetch, index, 1, 99)
    answers = {record.exchange for row in state.records for record in row} - {0}
    for number in (*sorted(answers), 98):
        wire = attrs.evolve(BEFORE_HEAD, exchange=number)
        yield m.Uploaded(number, 3)
        yield m.Responded(number, wire)
        yield m.BytesArrived(number, SIZE)
        yield m.Ended(number, "end", wire, SIZE)
        yield m.Ended(number, "drop")


def put_to_the_test(walk: Walk) -> None:
    """Every input at this point of the walk, which does not go on from any of them."""
    before = walk.state
    for news in everything(before):
        if isinstance(news, m.UserAgentLaunched) == before.agent.running:
            continue  # a machine that runs is not switched on, nothing reaches one that does not
        after = inject(before, news, walk.decide)
        check(before, after, walk.decide.edition)
        outputs, left = after.taken()
        if any(isinstance(each, m.Refused) for each in outputs):
            assert left == before, news
        elif isinstance(rejected(before, after), Rejected):
            assert after.agent == before.agent, news
            assert after.records == before.records, news


def rejected(before: State, after: State) -> m.Value:
    """What the call that was made is going to be settled with, if that is known already."""
    for old, new in zip(before.realms, after.realms, strict=False):
        added = new.tasks[len(old.tasks) :]
        for task in added:
            if isinstance(task, SettlePromise) and task.call == "last":
                return task.value
    return None


@settings(max_examples=25, deadline=None)
@given(st.data(), EDITIONS)
def test_whatever_is_done_is_a_move_of_the_tables_or_changes_nothing(
    data: st.DataObject, edition: Edition
) -> None:
    walk = start(data, edition)
    for _ in range(data.draw(st.integers(1, 10), label="steps")):
        walk.tell(walk.draw(walk.possible()))
        walk.perform_some()
        walk.accept()
        put_to_the_test(walk)


def test_no_kind_of_input_is_left_out() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.records(instance)
    play.whole()
    play.started(get("/x"), id="b")
    running = {type(each) for each in everything(play.state)}
    assert running == set(get_args(m.Input))
