"""What the engine's adapters say, command by command, in simulation."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

import conformance.protocol as p
from conformance.adapters.engine_sim import EngineSimFactory, SimulatedGround
from conformance.scenario.format import Attempt, Hold, Resource, World
from tests.conformance.adapters.engine_desk import Desk, desk, simulated

FILM = Resource(size=1000)
HELD = Resource(size=1000, attempts=[Attempt(send=[400, Hold("half")])])
WORLD = World(
    resources={
        "/film": FILM,
        "/held": HELD,
        "/late": Resource(size=10, attempts=[Attempt(wait="late")]),
        "/part": Resource(size=10, attempts=[Attempt(status=206, content_range="bytes 0-9/10")]),
        "/large": Resource(size=p.WHOLE_BODY_LIMIT + 1),
        "/all": Resource(size=p.WHOLE_BODY_LIMIT),
    }
)


def test_an_instance_has_one_name_in_a_realm_and_another_in_each_other() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(p.OpenPage(page="p2"))
            first = await it.fetch("/held")
            again = await it.call(p.Get(call="", realm="p1", id="f"))
            other = await it.call(p.Get(call="", realm="p2", id="f"))
            assert again.instance == first
            assert other.instance not in (None, first)
            it.world.release("half")
            event = await it.event("backgroundfetchsuccess")
            assert event.instance not in (None, first, other.instance)

    simulated(main)


def test_progress_comes_with_the_attributes_of_that_moment() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.fetch("/held")
            await it.until(p.Progress, lambda one: one.snapshot.downloaded == 400)
            it.world.release("half")
            await it.event("backgroundfetchsuccess")
            shown = [(o.snapshot.downloaded, o.snapshot.result) for o in it.all(p.Progress)]
            assert shown == [(400, ""), (1000, ""), (1000, "success")]

    simulated(main)


def test_a_call_is_answered_before_its_promise_settles() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(
                p.Fetch(call="c9", realm="p1", id="f", requests=[p.RequestInit(it.url("/film"))])
            )
            assert it.all(p.Settled) == []
            await it.until(p.Settled)

    simulated(main)


def test_a_refused_fetch_settles_with_the_error_that_a_page_would_see() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin(permission="denied")
            requests = [p.RequestInit(it.url("/film"))]
            denied = await it.call(p.Fetch(call="", realm="p1", id="f", requests=requests))
            empty = await it.call(p.Fetch(call="", realm="p1", id="f", requests=[]))
            odd = [p.RequestInit(it.url("/film"), mode="sideways")]
            mode = await it.call(p.Fetch(call="", realm="p1", id="f", requests=odd))
            errors = denied.error, empty.error, mode.error
            assert errors == ("NotAllowedError", "TypeError", "TypeError")

    simulated(main)


def test_what_the_interface_does_not_offer_is_refused_with_a_reason() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            nobody = await it.do(p.User(action="pause", id="f"))
            await it.fetch("/held")
            pause = await it.do(p.User(action="pause", id="f"))
            again = await it.do(p.User(action="pause", id="f"))
            assert (pause.refused, again.refused) == (None, "it is paused")
            assert nobody.refused

    simulated(main)


# --- events ---------------------------------------------------------------------------


def test_an_event_is_active_until_the_judge_ends_it() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            instance = await it.fetch("/film")
            event = await it.event("backgroundfetchsuccess")
            assert event.can_update_ui
            done = await it.call(p.UpdateUI(call="", event=event.event, title="t"))
            twice = await it.call(p.UpdateUI(call="", event=event.event, title="t"))
            assert (done.error, twice.error) == (None, "InvalidStateError")
            assert (await look(it, instance)).records_available
            await it.do(p.EndEvent(event=event.event))
            await trio.testing.wait_all_tasks_blocked()
            assert not (await look(it, instance)).records_available
            late = await it.call(p.UpdateUI(call="", event=event.event, title="t"))
            assert late.error == "InvalidStateError"

    simulated(main)


async def look(it: Desk, instance: str) -> p.Snapshot:
    answer = await it.do(p.Look(instance=instance))
    assert answer.snapshot is not None
    return answer.snapshot


def test_a_handler_that_rejects_ends_its_event(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            instance = await it.fetch("/film")
            event = await it.event("backgroundfetchsuccess")
            await it.do(p.EndEvent(event=event.event, outcome="reject"))
            await trio.testing.wait_all_tasks_blocked()
            assert not (await look(it, instance)).records_available

    simulated(main)
    assert "the handler failed" in caplog.text, "the engine was told that it rejected"


def test_what_the_engine_logs_does_not_reach_standard_error() -> None:
    log = logging.getLogger("transfer_engine")

    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD):
            assert log.handlers, "without any, Python prints it"

    simulated(main)
    assert log.handlers == []


def test_an_abort_event_has_no_update_ui() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            instance = await it.fetch("/held")
            assert (await it.call(p.Abort(call="", instance=instance))).boolean is True
            event = await it.event("backgroundfetchabort")
            assert not event.can_update_ui
            refused = await it.call(p.UpdateUI(call="", event=event.event))
            assert refused.error == "TypeError"

    simulated(main)


def test_a_synthetic_event_has_a_name_and_cannot_update_the_ui() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.fetch("/film")
            event = await it.event("backgroundfetchsuccess")
            made = await it.call(p.Synthesize(call="", name="x", instance=event.instance))
            assert made.event is not None
            refused = await it.call(p.UpdateUI(call="", event=made.event, title="t"))
            nothing = await it.call(p.Synthesize(call="", name="x"))
            assert (refused.error, nothing.error) == ("InvalidStateError", "TypeError")

    simulated(main)


def test_a_push_reaches_the_worker_until_that_is_unregistered() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(p.Push(data="hello"))
            (event,) = it.all(p.WorkerEvent)
            assert (event.name, event.data, event.instance) == ("push", "hello", None)
            await it.do(p.EndEvent(event=event.event))
            assert (await it.call(p.Unregister(call=""))).boolean is True
            await it.do(p.Push(data="again"))
            assert len(it.all(p.WorkerEvent)) == 1

    simulated(main)


# --- records and caches ---------------------------------------------------------------


def test_a_body_comes_back_whole_up_to_the_limit_and_as_a_digest_beyond() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            for record in await it.records(await it.fetch("/all", "/large")):
                await it.do(p.Read(record=record))
            await it.until(p.Body, lambda body: body.length == p.WHOLE_BODY_LIMIT)
            await it.until(p.Body, lambda body: body.length == p.WHOLE_BODY_LIMIT + 1)
            whole, digested = sorted(it.all(p.Body), key=lambda body: body.length)
            assert whole.text is not None and len(whole.text) == p.WHOLE_BODY_LIMIT
            assert (whole.sha256, digested.text) == (None, None)
            assert digested.sha256 is not None

    simulated(main)


def test_a_record_that_still_arrives_is_read_as_it_comes() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            (record,) = await it.records(await it.fetch("/held"))
            await it.do(p.Read(record=record))
            await it.until(p.Received, lambda one: one.length == 400)
            assert [type(one) for one in it.seen if isinstance(one, p.Ready | p.Body)] == [p.Ready]
            it.world.release("half")
            assert (await it.until(p.Body)).length == 1000

    simulated(main)


def test_a_record_is_read_once_however_often_that_is_asked() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            (record,) = await it.records(await it.fetch("/held"))
            for _ in range(3):
                await it.do(p.Read(record=record))
            it.world.release("half")
            await it.until(p.Body)
            await it.event("backgroundfetchsuccess")
            told = [type(one) for one in it.seen if isinstance(one, p.Ready | p.Body)]
            assert told == [p.Ready, p.Body]

    simulated(main)


def test_a_record_can_be_read_and_put_into_a_cache() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            (record,) = await it.records(await it.fetch("/film"))
            await it.do(p.Read(record=record))
            put = await it.call(p.CachePut(call="", realm="p1", cache="films", record=record))
            assert put.error is None
            assert (await it.until(p.Body)).length == 1000
            keys = await it.call(p.CacheKeys(call="", realm="p1", cache="films"))
            assert keys.strings == [it.url("/film")]

    simulated(main)


def test_what_an_aborted_record_had_is_not_put_into_a_cache() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            instance = await it.fetch("/held")
            (record,) = await it.records(instance)
            await it.until(p.Progress)
            await it.do(p.CachePut(call="put", realm="p1", cache="films", record=record))
            await it.call(p.Abort(call="", instance=instance))
            put = await it.until(p.Settled, lambda one: one.call == "put")
            assert put.error == "AbortError"
            keys = await it.call(p.CacheKeys(call="", realm="p1", cache="films"))
            assert keys.strings == []

    simulated(main)


def test_only_a_whole_get_can_be_put_into_a_cache() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            requests = [
                p.RequestInit(it.url("/film"), method="POST"),
                p.RequestInit(it.url("/part"), headers={"Range": "bytes=0-9"}),
            ]
            settled = await it.call(p.Fetch(call="", realm="p1", id="f", requests=requests))
            assert settled.instance is not None
            for record in await it.records(settled.instance):
                put = await it.call(p.CachePut(call="", realm="p1", cache="c", record=record))
                assert put.error == "TypeError"

    simulated(main)


# --- pages, quitting, launching -------------------------------------------------------


def test_a_closed_page_says_nothing_more_and_what_it_asked_for_goes_on() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(p.OpenPage(page="p2"))
            (record,) = await it.records(await it.fetch("/held", realm="p2"))
            await it.do(p.Read(record=record))
            await it.until(p.Received)
            await it.do(p.ClosePage(page="p2"))
            before = len(it.seen)
            it.world.release("half")
            event = await it.event("backgroundfetchsuccess")
            assert it.seen[before:] == [event]

    simulated(main)


def test_the_reader_of_a_closed_page_keeps_no_bytes() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(p.OpenPage(page="p2"))
            (record,) = await it.records(await it.fetch("/held", realm="p2"))
            await it.do(p.Read(record=record))
            await it.until(p.Received)
            await it.do(p.ClosePage(page="p2"))
            it.world.release("half")
            event = await it.event("backgroundfetchsuccess")
            await it.do(p.EndEvent(event=event.event))
            await trio.testing.wait_all_tasks_blocked()
            assert (await it.do(p.Storage())).stored == 0

    simulated(main)


@pytest.mark.parametrize("kill", [False, True])
def test_after_a_launch_the_fetch_goes_on_and_no_name_is_used_again(kill: bool) -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            before = await it.fetch("/held")
            await it.until(p.Progress)
            await it.do(p.Quit(kill=kill))
            said = len(it.seen)
            it.world.release("half")
            await trio.testing.wait_all_tasks_blocked()
            assert len(it.seen) == said, "a user agent that is gone says nothing"
            await it.do(p.Launch())
            event = await it.event("backgroundfetchsuccess")
            assert event.instance not in (None, before)
            assert event.snapshot is not None and event.snapshot.downloaded == 1000

    simulated(main)


@pytest.mark.parametrize("kill", [False, True])
def test_the_objects_of_a_dead_user_agent_are_unknown_to_the_next(kill: bool) -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            instance = await it.fetch("/held")
            await it.do(p.Quit(kill=kill))
            await it.do(p.Launch())
            with pytest.raises(KeyError):
                await it.do(p.Look(instance=instance))

    simulated(main)


async def _no_streams(host: str, port: int) -> trio.abc.Stream:
    raise ConnectionRefusedError


def test_a_kill_loses_what_was_not_synced() -> None:
    ground = SimulatedGround(_no_streams)
    ground.disk.create("body")
    ground.disk.append("body", b"ab")
    ground.disk.sync("body")
    ground.disk.append("body", b"c")
    ground.crash()
    assert ground.disk.lengths() == {"body": 2}


def test_what_the_user_agent_itself_keeps_outlives_it() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            (record,) = await it.records(await it.fetch("/film"))
            await it.call(p.CachePut(call="", realm="p1", cache="films", record=record))
            await it.do(p.SetPermission(state="denied"))
            await it.do(p.Quit(kill=True))
            await it.do(p.Launch())
            keys = await it.call(p.CacheKeys(call="", realm="p1", cache="films"))
            assert keys.strings == [it.url("/film")]
            requests = [p.RequestInit(it.url("/film"))]
            denied = await it.call(p.Fetch(call="", realm="p1", id="g", requests=requests))
            assert denied.error == "NotAllowedError"

    simulated(main)


def test_a_pending_promise_dies_with_the_user_agent() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            (record,) = await it.records(await it.fetch("/late"))
            await it.do(p.CachePut(call="put", realm="p1", cache="c", record=record))
            await it.do(p.Quit())
            await it.do(p.Launch())
            it.world.release("late")
            await it.event("backgroundfetchsuccess")
            assert [one for one in it.all(p.Settled) if one.call == "put"] == []

    simulated(main)


def test_another_specification_is_not_supported() -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            answer = await it.do(p.SyncRegister(call="c", realm="p1", tag="t"))
            assert answer.unsupported

    simulated(main)


@pytest.mark.parametrize("moment", range(0, 60, 2))
def test_a_settle_event_is_seen_whenever_the_user_agent_is_quit(moment: int) -> None:
    async def main() -> None:
        async with desk(EngineSimFactory(), WORLD) as it:
            await it.begin()
            await it.do(
                p.Fetch(call="c", realm="p1", id="f", requests=[p.RequestInit(it.url("/film"))])
            )
            await it.until(p.Settled)
            for _ in range(moment):
                await trio.lowlevel.checkpoint()
            await it.do(p.Quit())
            await it.do(p.Launch())
            await it.event("backgroundfetchsuccess")

    simulated(main)
