"""The runner against a toy: steps become commands, waits are bounded, every run ends in a trace."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing

from conformance.adapter import Adapter, AdapterGone, CannotStart, Sink, Surroundings
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, ScenarioError, Unsupported, run_scenario
from conformance.judge.verdict import Verdict
from conformance.protocol import (
    Abort,
    Answer,
    AnyCommand,
    Begin,
    CachePut,
    End,
    EndEvent,
    Fetch,
    Get,
    Launch,
    Log,
    Look,
    MatchAll,
    Quit,
    Read,
    RequestInit,
    Settled,
    Snapshot,
    User,
    WorkerEvent,
)
from conformance.trace import Bound, Broken, Entry, GaveUp, Quiet, Released, dump
from tests.conformance.judge.toy import (
    FETCH,
    WORLD,
    Content,
    Toy,
    ToyFactory,
    Waits,
    notes,
    play,
    scenario,
    told,
)


async def nothing(toy: Toy, command: AnyCommand) -> Answer | None:
    """A command that is answered and does nothing."""
    return None


@pytest.mark.parametrize("network", ["memory", "loopback"])
def test_a_whole_run_is_in_the_trace_in_order(network: str) -> None:
    factory = ToyFactory(network=network)  # type: ignore[arg-type]  # parametrized by string
    trace = play(scenario([FETCH], world=WORLD), factory, Waits())
    assert [kind for kind in told(trace) if kind != "Answer"] == [
        *("Begin", "Bound", "Fetch", "Settled", "Bound"),
        *("ServerRequest", "ServerHead", "ServerBytes", "ServerEnd"),
        *("WorkerEvent", "EndEvent", "Quiet", "End"),
    ]
    assert [entry.earliest for entry in trace.entries] == sorted(
        entry.earliest for entry in trace.entries
    )
    assert trace.virtual == (network == "memory")
    begin = trace.entries[0].sent
    assert isinstance(begin, Begin)
    assert begin.origins == trace.origins
    assert {entry.sent.seq for entry in trace.entries if entry.sent} == {1, 2, 3, 4}


def test_the_same_run_gives_the_same_bytes() -> None:
    what = scenario([FETCH, {"quiet": True}], world=WORLD)
    assert dump(play(what, oracle=Waits())) == dump(play(what, oracle=Waits()))


def test_requests_become_absolute_and_bodies_are_made() -> None:
    factory = ToyFactory(capabilities=frozenset({"uploads"}), on={Fetch: nothing})
    requests = ["/a", {"url": "cdn:/b", "method": "POST", "body": 10, "headers": {"x": "y"}}]
    step = {"fetch": {"id": "f", "requests": requests, "wait": False}}
    trace = play(scenario([step], world={"origins": ["cdn"]}), factory)
    assert isinstance(factory.sent[1], Fetch)
    assert factory.sent[1].requests == [
        RequestInit("http://app.test/a"),
        RequestInit("http://cdn.test/b", "POST", {"x": "y"}, "bgfetch-bg"),
    ]
    assert trace.origins == {"app": "http://app.test", "cdn": "http://cdn.test"}


def test_a_handler_runs_for_its_event_and_ends_it() -> None:
    program = [
        {"match_all": {"on": "event", "as": "recs"}},
        {"read": {"records": "recs"}},
        {"cache_put": {"cache": "c", "records": "recs[0]"}},
    ]
    worker = {"on": {"backgroundfetchsuccess": program}}
    factory = ToyFactory()
    trace = play(scenario([FETCH], world=WORLD, worker=worker), factory, Waits())
    assert factory.kinds()[2:] == ["MatchAll", "Read", "CachePut", "EndEvent", "End"]
    _, _, match, read, put, end, _ = factory.sent
    assert isinstance(match, MatchAll)
    assert match.instance == "i1"
    assert isinstance(read, Read)
    assert read.record == "r:http://app.test/a"
    assert isinstance(put, CachePut)
    assert put.realm == "worker"
    assert isinstance(end, EndEvent)
    assert end.outcome == "resolve"
    assert Bound("recs", match.call, ["r:http://app.test/a"]) in notes(trace)


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ([{"throw": True}], "reject"),
        ([{"cache_put": {"cache": "c", "records": "r"}}], "reject"),
        ([{"cache_put": {"cache": "c", "records": "r", "each": True}}], "resolve"),
        ([{"get": {"id": "f", "as": "no"}}, {"abort": {"on": "no"}}], "reject"),
        ([], "resolve"),
    ],
    ids=["throw", "put fails", "put fails but is caught", "undefined", "no program"],
)
def test_how_a_handler_ends_settles_its_event(program: list[object], outcome: str) -> None:
    async def fails(toy: Toy, command: AnyCommand) -> None:
        assert isinstance(command, CachePut)
        toy.sink(Settled(command.call, error="TypeError"))

    factory = ToyFactory(on={CachePut: fails})
    steps = [{"match_all": {"on": "event", "as": "r"}}, *program]
    play(
        scenario([FETCH], world=WORLD, worker={"on": {"backgroundfetchsuccess": steps}}),
        factory,
        Waits(),
    )
    (end,) = (command for command in factory.sent if isinstance(command, EndEvent))
    assert end.outcome == outcome


def test_each_occurrence_has_its_program_and_the_last_repeats() -> None:
    async def thrice(toy: Toy, command: AnyCommand) -> None:
        for _ in range(3):
            toy.dispatch("sync")

    factory = ToyFactory(on={Fetch: thrice})
    step = {"fetch": {"id": "f", "requests": ["/a"], "wait": False}}
    worker = {"each": {"sync": [[{"throw": True}], []]}}
    play(scenario([step], worker=worker), factory)
    ends = {c.event: c.outcome for c in factory.sent if isinstance(c, EndEvent)}
    assert ends == {"e1": "reject", "e2": "resolve", "e3": "resolve"}


def test_a_handler_waits_at_its_gate_while_the_script_goes_on() -> None:
    worker = {"on": {"backgroundfetchsuccess": [{"hold": "g"}]}}
    script = [FETCH, {"until": {"held": "g"}}, {"look": {"on": "bg"}}, {"release": "g"}]
    factory = ToyFactory()
    trace = play(scenario(script, world=WORLD, worker=worker), factory)
    assert factory.kinds()[2:] == ["Look", "EndEvent", "End"]
    assert Released("g") in notes(trace)


def test_a_handler_at_a_gate_that_never_opens_does_not_hold_up_the_end() -> None:
    worker = {"on": {"backgroundfetchsuccess": [{"hold": "g"}]}}
    factory = ToyFactory()
    trace = play(scenario([FETCH], world=WORLD, worker=worker), factory, Waits())
    assert EndEvent not in map(type, factory.sent)
    assert notes(trace)[-1] == Quiet(bounded=True, discharged=True)


def test_nothing_is_sent_after_the_end() -> None:
    async def wake_handlers(toy: Toy, command: AnyCommand) -> None:
        toy.surroundings.world.release("g")
        toy.sink(Log("the gate is open"))
        await trio.testing.wait_all_tasks_blocked()

    worker = {"on": {"backgroundfetchsuccess": [{"hold": "g"}]}}
    factory = ToyFactory(on={End: wake_handlers})
    play(scenario([FETCH], world=WORLD, worker=worker), factory, Waits())
    assert factory.kinds() == ["Begin", "Fetch", "End"]


def test_the_script_can_wait_for_what_a_handler_reads() -> None:
    worker = {"on": {"backgroundfetchsuccess": [{"match_all": {"on": "event", "as": "recs"}}]}}
    script = [FETCH, {"read": {"records": "recs"}}]
    factory = ToyFactory()
    trace = play(scenario(script, world=WORLD, worker=worker), factory)
    assert not any(isinstance(note, GaveUp) for note in notes(trace))
    assert "Read" in factory.kinds()


def test_a_held_answer_is_waited_for_and_released() -> None:
    attempt = {"send": [4, {"hold": "g"}]}
    world = {"resources": {"/a": {"attempts": [attempt]}}}
    script = [
        FETCH,
        {"until": {"held": "g"}},
        {"release": "g"},
        {"until": {"sent": "/a"}},
        {"until": {"event": "backgroundfetchsuccess"}},
    ]
    trace = play(scenario(script, world=world))
    kinds = [kind for kind in told(trace) if kind.startswith(("ServerH", "Rel", "ServerE"))]
    assert kinds == ["ServerHead", "ServerHeld", "Released", "ServerEnd"]


@pytest.mark.parametrize(("network", "discharged"), [("memory", True), ("loopback", False)])
def test_an_answer_held_to_the_end_leaves_real_silence_undecided(
    network: str, discharged: bool
) -> None:
    world = {"resources": {"/a": {"attempts": [{"wait": "g"}]}}}
    factory = ToyFactory(network=network)  # type: ignore[arg-type]  # parametrized by string
    trace = play(scenario([FETCH, {"until": {"held": "g"}}], world=world), factory)
    quiet = notes(trace)[-1]
    assert isinstance(quiet, Quiet)
    assert quiet.discharged is discharged


def test_an_unmet_wait_ends_the_script_but_not_the_run() -> None:
    factory = ToyFactory()
    script = [FETCH, {"until": {"event": "never"}}, {"get_ids": {}}]
    trace = play(scenario(script, world=WORLD), factory)
    assert GaveUp("event never in script, step 2 (until)") in notes(trace)
    assert "GetIds" not in factory.kinds()
    assert told(trace)[-3:] == ["Quiet", "End", "Answer"]


def test_a_call_that_never_settles_is_given_up() -> None:
    trace = play(scenario([FETCH]), ToyFactory(on={Fetch: nothing}))
    assert GaveUp("c1 (bg) to settle in script, step 1 (fetch)") in notes(trace)


def test_a_name_without_a_value_ends_the_script() -> None:
    script = [{"get": {"id": "f", "as": "no"}}, {"abort": {"on": "no"}}, {"get_ids": {}}]
    factory = ToyFactory()
    trace = play(scenario(script), factory)
    assert GaveUp("a value of no (its call gave no registration)") in notes(trace)
    assert factory.kinds() == ["Begin", "Get", "End"]


def test_a_wait_in_a_handler_that_is_not_met_ends_the_script_too() -> None:
    worker = {"on": {"backgroundfetchsuccess": [{"until": {"request": "/never"}}]}}
    # The script would give up too, ten seconds later.
    script = [FETCH, {"pass": 10}, {"hold": "never"}]
    trace = play(scenario(script, world=WORLD, worker=worker))
    given_up = [note.waiting_for for note in notes(trace) if isinstance(note, GaveUp)]
    assert given_up == ["request /never in handler of backgroundfetchsuccess, step 1 (until)"]
    assert told(trace)[-3:] == ["Quiet", "End", "Answer"]


def test_quiet_waits_in_virtual_time_for_what_is_due() -> None:
    async def late(toy: Toy, command: AnyCommand) -> None:
        async def later() -> None:
            await trio.sleep(300)
            toy.dispatch("sync")

        toy.nursery.start_soon(later)

    factory = ToyFactory(on={Fetch: late})
    step = {"fetch": {"id": "f", "requests": ["/a"], "wait": False}}
    due = play(scenario([step]), factory, Waits())
    assert due.entries[-1].latest == 300
    free = play(scenario([step]), factory, Content())
    assert free.entries[-1].latest == 0


def test_silence_where_something_is_due_ends_at_the_bound() -> None:
    trace = play(scenario([]), oracle=Waits())
    assert notes(trace) == [Quiet(bounded=True, discharged=True)]
    assert trace.entries[-1].latest == 3600


def test_in_real_time_a_rest_is_believed_after_a_grace_period_but_is_not_final() -> None:
    factory = ToyFactory(network="loopback")
    assert notes(play(scenario([]), factory)) == [Quiet(bounded=False)]
    hasty = Bounds.real(wait=0.05, grace=0.01)
    assert notes(play(scenario([]), factory, Waits(), hasty)) == [Quiet(bounded=True)]


def test_passing_time_is_told_only_to_who_asked_for_it() -> None:
    told_so = ToyFactory(capabilities=frozenset({"virtual-time"}))
    trace = play(scenario([{"pass": 86400}]), told_so)
    assert told_so.kinds() == ["Begin", "Advance", "End"]
    assert trace.entries[-1].latest == 86400
    untold = ToyFactory()
    assert play(scenario([{"pass": 86400}]), untold).entries[-1].latest == 86400
    assert untold.kinds() == ["Begin", "End"]


def test_time_that_the_scenario_lets_pass_does_not_use_up_a_wait() -> None:
    worker = {"on": {"backgroundfetchsuccess": [{"until": {"request": "/a", "attempt": 2}}]}}
    script = [FETCH, {"pass": 86400}, {"fetch": {"id": "g", "requests": ["/a"]}}]
    trace = play(scenario(script, world=WORLD, worker=worker))
    assert not any(isinstance(note, GaveUp) for note in notes(trace))


def test_looking_again_and_again_shows_in_the_trace_only_when_something_changed() -> None:
    shown = iter([0, 0, 0, 0, 0, 5, 5, 5, 5, 9, 9])

    async def look(toy: Toy, command: AnyCommand) -> Answer:
        return Answer(0, snapshot=Snapshot("f", downloaded=next(shown)))

    factory = ToyFactory(on={Look: look})
    script = [FETCH, {"until": {"shows": "bg", "downloaded": 9}}]
    trace = play(scenario(script, world=WORLD), factory)
    looks = [entry.answered.snapshot for entry in trace.entries if entry.answered]
    assert [one.downloaded for one in looks if one] == [0, 5, 9]


def test_what_is_looked_for_in_vain_is_looked_at_once_more_after_a_final_silence() -> None:
    script = [FETCH, {"until": {"shows": "bg", "closed": True}}]
    trace = play(scenario(script, world=WORLD), ToyFactory())
    end = ["Look", "Answer", "GaveUp", "Quiet", "End", "Answer"]
    assert told(trace)[-7:] == ["Quiet", *end]
    final = notes(trace)[-3]
    assert isinstance(final, Quiet)
    assert final.bounded


def test_a_kill_ends_handlers_and_a_redelivered_event_starts_anew() -> None:
    async def again(toy: Toy, command: AnyCommand) -> None:
        toy.dispatch("backgroundfetchsuccess", "i2")

    worker = {"on": {"backgroundfetchsuccess": [{"hold": "g"}, {"abort": {"on": "event"}}]}}
    script = [
        FETCH,
        {"until": {"held": "g"}},
        {"quit": "kill"},
        {"release": "g"},
        {"launch": True},
        {"until": {"event": "backgroundfetchsuccess", "count": 2}},
    ]
    factory = ToyFactory(on={Launch: again})
    play(scenario(script, world=WORLD, worker=worker), factory)
    assert factory.kinds()[2:] == ["Quit", "Launch", "Abort", "EndEvent", "End"]
    assert isinstance(factory.sent[2], Quit)
    assert factory.sent[2].kill
    assert isinstance(factory.sent[4], Abort)
    assert factory.sent[4].instance == "i2"


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([{"quit": "clean"}, {"launch": True}, {"abort": {"on": "bg"}}], "bg belongs to p1"),
        ([{"quit": "clean"}, {"get_ids": {}}], "p1 is not there now"),
        ([{"close_page": "p1"}, {"abort": {"on": "bg"}}], "bg belongs to p1"),
        ([{"get_ids": {"in": "p2"}}], "p2 is not there now"),
        ([{"throw": True}], "only a handler can throw"),
        ([{}], "exactly one action"),
        ([{"match": {"on": "bg"}}], "match needs a url"),
        ([{"match": {"on": "bg", "url": "cdn:/x"}}], "neither a path nor on a declared origin"),
        ([{"update_ui": {"title": "x"}}], "the script handles no event"),
        ([{"until": {}}], "until names no observer"),
    ],
)
def test_what_makes_no_sense_is_a_mistake_of_the_scenario(steps: list[object], why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        play(scenario([FETCH, *steps], world=WORLD))


def test_after_a_quit_and_launch_the_first_page_is_there_again() -> None:
    factory = ToyFactory()
    script = [FETCH, {"quit": "clean"}, {"launch": True}, {"get": {"id": "f"}}]
    play(scenario(script, world=WORLD), factory)
    assert factory.kinds()[2:] == ["Quit", "Launch", "Get", "End"]


def test_a_second_page_has_its_own_realm() -> None:
    factory = ToyFactory()
    script = [{"open_page": "p2"}, {"get": {"id": "f", "in": "p2"}}, {"close_page": "p2"}]
    play(scenario(script), factory)
    assert factory.kinds() == ["Begin", "OpenPage", "Get", "ClosePage", "End"]
    assert isinstance(factory.sent[2], Get)
    assert factory.sent[2].realm == "p2"


def test_what_cannot_be_done_is_known_before_anything_is_run() -> None:
    factory = ToyFactory(capabilities=frozenset({"pause"}))
    with pytest.raises(Unsupported) as caught:
        play(scenario([{"user": {"action": "click", "id": "f"}}, {"quit": "kill"}]), factory)
    assert caught.value.missing == ("click", "kill")
    assert factory.sent == []


def test_what_turns_out_unsupported_in_mid_run_stops_it_cleanly() -> None:
    async def cannot(toy: Toy, command: AnyCommand) -> Answer:
        return Answer(0, unsupported="not here")

    factory = ToyFactory(on={Get: cannot})
    with pytest.raises(Unsupported, match="not here"):
        play(scenario([{"get": {"id": "f"}}, {"get_ids": {}}]), factory)
    assert factory.kinds() == ["Begin", "Get", "End"]


def test_a_refused_user_action_is_logged_and_the_script_goes_on() -> None:
    async def refuse(toy: Toy, command: AnyCommand) -> Answer:
        return Answer(0, refused="no such button")

    factory = ToyFactory(capabilities=frozenset({"pause"}), on={User: refuse})
    trace = play(
        scenario([{"user": {"action": "pause", "id": "f"}}, {"get": {"id": "f"}}]), factory
    )
    assert [e.answered.refused for e in trace.entries if e.answered and e.answered.refused] == [
        "no such button"
    ]
    assert factory.kinds() == ["Begin", "User", "Get", "End"]


@pytest.mark.parametrize("where", ["in a command", "between commands"])
def test_an_adapter_that_dies_leaves_a_trace_that_says_so(where: str) -> None:
    async def die(toy: Toy, command: AnyCommand) -> None:
        async def bang() -> None:
            raise AdapterGone("toy", "killed by signal 9")

        if where == "in a command":
            await bang()
        toy.nursery.start_soon(bang)

    script = [{"get": {"id": "f", "wait": False}}, {"until": {"event": "x"}}]
    trace = play(scenario(script), ToyFactory(on={Get: die}))
    assert notes(trace) == [Broken("toy is gone: killed by signal 9")]
    assert told(trace)[-1] == "Broken"


def test_what_nobody_can_say_breaks_the_adapter_and_is_no_verdict() -> None:
    async def slip(toy: Toy, command: AnyCommand) -> None:
        toy.sink(Settled("c7", boolean=True))

    trace = play(scenario([{"get": {"id": "f", "wait": False}}]), ToyFactory(on={Get: slip}))
    (broken,) = notes(trace)
    assert isinstance(broken, Broken)
    assert broken.why == (
        "toy does not speak the protocol: no call 'c7' was made "
        '(see "settled" in docs/reference/protocol.md): '
        '{"observation":"settled","call":"c7","boolean":true}'
    )
    assert told(trace)[-2:] == ["Settled", "Broken"]
    assert judge(trace).verdict is Verdict.BROKEN_ADAPTER


def test_an_adapter_that_never_answers_is_broken() -> None:
    async def hang(toy: Toy, command: AnyCommand) -> None:
        await trio.sleep_forever()

    trace = play(scenario([{"get": {"id": "f"}}]), ToyFactory(on={Get: hang}))
    late = "toy has not answered get (seq 2) within 3600 s"
    assert notes(trace) == [Broken(f'{late} (see "Lines" in docs/reference/protocol.md)')]


def test_an_adapter_that_will_not_start_is_no_verdict() -> None:
    class Missing(AbstractAsyncContextManager[Adapter]):
        async def __aenter__(self) -> Adapter:
            raise CannotStart("toy", "not installed", "install it")

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError("never entered")

    class Absent(ToyFactory):
        # The toy's own is a generator-based manager; the protocol asks for any manager.
        def open(self, sink: Sink, surroundings: Surroundings) -> Missing:  # type: ignore[override]
            return Missing()

    with pytest.raises(CannotStart, match="not installed"):
        play(scenario([]), Absent())


def test_a_run_without_end_stops_at_the_limit_of_its_entries() -> None:
    async def chatter(toy: Toy, command: AnyCommand) -> None:
        async def forever() -> None:
            while True:
                toy.sink(Log("and on"))
                await trio.lowlevel.checkpoint()

        toy.nursery.start_soon(forever)

    factory = ToyFactory(on={Get: chatter})
    bounds = Bounds.simulated(entries=50)
    trace = play(scenario([{"get": {"id": "f"}}]), factory, bounds=bounds)
    assert len(trace.entries) == 51
    assert notes(trace) == [GaveUp("the end of a run of more than 50 entries")]
    assert factory.kinds() == ["Begin", "Get", "End"]


def test_a_bug_in_the_oracle_is_loud_and_does_not_hit_the_adapter() -> None:
    class Buggy(Content):
        def feed(self, entry: Entry) -> None:
            if isinstance(entry.seen, WorkerEvent):
                raise ZeroDivisionError("oracle")

    with pytest.raises(ZeroDivisionError, match="oracle"):
        play(scenario([FETCH, {"hold": "never"}], world=WORLD), oracle=Buggy())


def test_cancelling_a_run_leaves_nothing_running() -> None:
    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        world = {"resources": {"/a": {"attempts": [{"wait": "g"}]}}}
        what = scenario([FETCH, {"hold": "never"}], world=world)
        with trio.move_on_after(5) as scope:
            await run_scenario(what, ToyFactory(), lambda *_: Content(), bounds=Bounds.simulated())
        assert scope.cancelled_caught
        assert trio.lowlevel.current_statistics().tasks_living == before

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_looks_and_storage_are_named_by_the_number_of_their_command() -> None:
    trace = play(scenario([FETCH, {"look": {"on": "bg", "as": "now"}}], world=WORLD))
    (number,) = (e.sent.seq for e in trace.entries if isinstance(e.sent, Look))
    assert Bound("now", f"#{number}") in notes(trace)
