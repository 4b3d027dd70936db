"""The model behind the adapter door: the world in its head, the log, bodies, and gates."""

from __future__ import annotations

import hashlib

import attrs
import pytest
import trio

import conformance.protocol as p
from conformance import trace as t
from conformance.adapter import Surroundings
from conformance.adapters.model import Explained, ModelAdapter, ModelFactory
from conformance.adapters.model_world import Endless
from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.world import content
from conformance.world.scripted import ScriptedWorld
from spec_model.editions import AMENDED

ORIGINS = {"app": "http://app.test", "cdn": "http://cdn.test"}
EVENTS = ["backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort"]


@attrs.define
class Bench:
    """A model in a world; ``log`` is all that was seen, by the judge and by the server."""

    world: ScriptedWorld
    model: ModelAdapter
    log: list[p.AnyObservation | t.AnyServerEntry]
    seq: int = 0

    def do(self, command: p.AnyCommand) -> p.Answer:
        return self.model.do(command)

    def fetch(self, *keys: str, body: str | None = None, total: int = 0) -> None:
        method = "GET" if body is None else "POST"
        requests = [p.RequestInit(_url(key), method, body=body) for key in keys]
        self.do(p.Fetch(call="c1", realm="p1", id="a", requests=requests, download_total=total))

    def every(self, kind: type) -> list[object]:
        return [each for each in self.log if isinstance(each, kind)]

    def server(self) -> list[t.AnyServerEntry]:
        return [each for each in self.log if isinstance(each, t.ServerEntry)]

    @property
    def event(self) -> p.WorkerEvent:
        (event,) = [each for each in self.log if isinstance(each, p.WorkerEvent)]
        return event

    def read(self) -> p.Body:
        """Read the only record of the settled fetch."""
        assert self.event.instance is not None
        self.do(p.MatchAll(call="m", instance=self.event.instance))
        settled = next(e for e in self.log if isinstance(e, p.Settled) and e.call == "m")
        assert settled.records is not None
        self.do(p.Read(record=settled.records[0].record))
        (body,) = [each for each in self.log if isinstance(each, p.Body)]
        return body


def _url(key: str) -> str:
    return ORIGINS["app"] + key if key.startswith("/") else ORIGINS["cdn"] + key.split(":")[1]


def bench(
    factory: ModelFactory | None = None, *, online: bool = True, **resources: Resource
) -> Bench:
    log: list[p.AnyObservation | t.AnyServerEntry] = []
    keys = {"cdn:/z" if name == "z" else f"/{name}": one for name, one in resources.items()}
    world = ScriptedWorld(World(["cdn"], keys), ORIGINS, log.append)
    model = ModelAdapter(factory or ModelFactory(checked=True), log.append, Surroundings(world))
    made = Bench(world, model, log)
    made.do(p.Begin(scenario="s", origins=ORIGINS, listen=EVENTS, online=online))
    return made


def test_a_fetch_is_one_exchange_and_the_server_s_log_says_so() -> None:
    made = bench(x=Resource(size=16))
    made.fetch("/x")
    request, head, sent, end = made.server()
    assert isinstance(request, t.ServerRequest)
    assert (request.key, request.method, request.attempt) == ("/x", "GET", 1)
    assert isinstance(head, t.ServerHead)
    assert (head.status, head.length) == (200, 16)
    assert (sent, end) == (t.ServerBytes(1, 16), t.ServerEnd(1, "end"))


def test_bytes_are_noted_before_anybody_knows_them() -> None:
    made = bench(x=Resource(size=16))
    made.fetch("/x")
    kinds = [type(each).__name__ for each in made.log]
    assert kinds.index("ServerBytes") < kinds.index("Progress") < kinds.index("WorkerEvent")
    assert kinds.index("ServerEnd") < kinds.index("Progress"), "the last byte tells the end"


def test_the_body_is_what_the_server_had() -> None:
    made = bench(x=Resource(size=20, version=3))
    made.fetch("/x")
    body = made.read()
    assert body.text is not None
    assert body.text.encode("latin-1") == content.content("/x", 3, 0, 20)


def test_a_foreign_body_is_that_of_its_own_resource() -> None:
    made = bench(z=Resource(size=20, cors=True))
    made.fetch("cdn:/z")
    body = made.read()
    assert body.text is not None
    assert body.text.encode("latin-1") == content.content("cdn:/z", 1, 0, 20)


def test_a_redirected_body_is_that_of_the_target() -> None:
    made = bench(x=Resource(attempts=[Attempt(redirect="/y")]), y=Resource(size=8))
    made.fetch("/x")
    body = made.read()
    assert body.text is not None
    assert body.text.encode("latin-1") == content.content("/y", 1, 0, 8)


def test_a_large_body_comes_as_a_digest() -> None:
    made = bench(x=Resource(size=70_000))
    made.fetch("/x")
    body = made.read()
    assert (body.length, body.text) == (70_000, None)
    assert body.sha256 == hashlib.sha256(content.content("/x", 1, 0, 70_000)).hexdigest()


def test_an_answer_waits_at_a_gate_until_that_is_opened() -> None:
    made = bench(x=Resource(size=16, attempts=[Attempt(send=[8, Hold("half")])]))
    made.fetch("/x")
    assert made.every(t.ServerHeld) == [t.ServerHeld(1, "half")]
    assert made.every(p.WorkerEvent) == []
    made.world.release("half")
    assert made.event.name == "backgroundfetchsuccess"


def test_a_gate_before_the_head_holds_everything() -> None:
    made = bench(x=Resource(attempts=[Attempt(wait="go")]))
    made.fetch("/x")
    assert [type(each).__name__ for each in made.server()] == ["ServerRequest", "ServerHeld"]


def test_answers_at_gates_do_not_hold_up_others() -> None:
    made = bench(x=Resource(attempts=[Attempt(wait="go")]), y=Resource())
    made.fetch("/x", "/y")
    assert made.every(t.ServerEnd) == [t.ServerEnd(2, "end")]


def test_a_client_that_leaves_is_found_gone() -> None:
    made = bench(x=Resource(size=16, attempts=[Attempt(send=[8, Hold("half")])]))
    made.fetch("/x")
    made.do(p.User(action="abort", id="a"))
    assert made.every(t.ServerLost) == [t.ServerLost(1)]
    made.world.release("half")
    assert made.every(t.ServerEnd) == []


def test_a_complete_answer_that_is_held_before_its_end_is_over_for_the_client() -> None:
    attempt = Attempt(send=["rest", Hold("late")], then="close")
    made = bench(x=Resource(size=16, attempts=[attempt]))
    made.fetch("/x")
    assert made.event.name == "backgroundfetchsuccess"
    assert made.every(t.ServerEnd) == []
    made.world.release("late")
    assert made.every(t.ServerEnd) == [t.ServerEnd(1, "close")]


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (Attempt(send=[8], then="close"), "fetch-error"),
        (Attempt(send=[8], then="reset"), "fetch-error"),
        (Attempt(drop="reset"), "fetch-error"),
        (Attempt(framing="chunked", send=["rest"], then="close"), "fetch-error"),
        (Attempt(framing="close", send=[8], then="close"), ""),
        (Attempt(headers={"Content-Length": "3"}), "fetch-error"),
        (Attempt(status=500), "bad-status"),
        (Attempt(status=204), ""),
    ],
)
def test_an_end_is_what_the_boundary_makes_of_it(attempt: Attempt, reason: str) -> None:
    made = bench(x=Resource(attempts=[attempt]))
    made.fetch("/x")
    assert made.event.snapshot is not None
    assert made.event.snapshot.failure_reason == reason


def test_a_compressed_answer_counts_what_it_decodes_to() -> None:
    made = bench(x=Resource(size=4000, attempts=[Attempt(encoding="gzip")]))
    made.fetch("/x")
    assert made.event.snapshot is not None
    assert made.event.snapshot.downloaded == 4000


def test_an_upload_is_noted_with_its_body() -> None:
    made = bench(x=Resource())
    made.fetch("/x", body="hello")
    assert made.server()[1] == t.ServerRequestBody(1, 5, complete=True)
    assert made.event.snapshot is not None
    assert (made.event.snapshot.uploaded, made.event.snapshot.upload_total) == (5, 5)


def test_offline_nothing_reaches_a_server() -> None:
    made = bench(online=False, x=Resource())
    made.fetch("/x")
    assert made.server() == []
    made.do(p.Online(online=True))
    assert made.event.name == "backgroundfetchsuccess"


def test_a_resumed_answer_is_joined_and_its_request_has_a_range() -> None:
    made = bench(x=Resource(size=20, attempts=[Attempt(send=[8, Hold("cut")]), Attempt()]))
    made.fetch("/x")
    made.do(p.Online(online=False))
    made.do(p.Online(online=True))
    again = made.server()[5]
    assert isinstance(again, t.ServerRequest)
    assert (again.attempt, again.headers["range"]) == (2, "bytes=8-")
    body = made.read()
    assert body.text is not None
    assert body.text.encode("latin-1") == content.content("/x", 1, 0, 20)


def test_a_temporary_loss_is_tried_again_by_itself() -> None:
    factory = ModelFactory(profile={"temporary-loss": "temporary"}, checked=True)
    made = bench(factory, x=Resource(attempts=[Attempt(drop="reset"), Attempt()]))
    made.fetch("/x")
    assert made.event.name == "backgroundfetchsuccess"


def order(factory: ModelFactory) -> list[str]:
    """What is seen of two records: the server's requests, heads and bytes, and progress."""
    made = bench(factory, x=Resource(size=16), y=Resource(size=16))
    made.fetch("/x", "/y")
    assert made.event.name == "backgroundfetchsuccess"
    return [type(each).__name__ for each in made.log]


def test_the_text_leaves_open_which_task_comes_first() -> None:
    usual = order(ModelFactory(checked=True))
    for factory in (
        ModelFactory(checked=True, backwards=True),
        ModelFactory(checked=True, late=True),
    ):
        other = order(factory)
        assert other != usual
        assert set(other) <= set(usual)


def test_tasks_that_are_late_come_after_the_network() -> None:
    seen = order(ModelFactory(checked=True, late=True))
    assert seen.index("Progress") > seen.index("ServerEnd")


def test_a_refusal_of_the_interface_is_in_the_answer() -> None:
    made = bench()
    assert made.do(p.User(action="pause", id="a")).refused is not None
    assert made.do(p.Online(online=True)).refused is None


def test_storage_is_what_is_kept_until_the_settle_event_is_over() -> None:
    made = bench(x=Resource(size=16))
    made.fetch("/x")
    assert made.do(p.Storage()).stored == 16
    made.do(p.EndEvent(event=made.event.event))
    assert made.do(p.Storage()).stored == 0


def test_a_command_of_another_specification_is_unsupported() -> None:
    repeating = p.SyncRegister(call="c", realm="p1", tag="t", api="periodic-sync")
    assert bench().do(repeating).unsupported is not None
    cache = p.BgCacheRegister(call="c", realm="p1", cache="films", requests=[])
    assert bench().do(cache).unsupported is not None


def test_a_sync_is_registered_fired_and_ended_beside_background_fetch() -> None:
    made = bench(x=Resource(size=16))
    made.do(p.Begin(scenario="s", origins=ORIGINS, listen=["sync"]))
    made.do(p.SyncRegister(call="c", realm="p1", tag="t"))
    assert made.event.tag == "t"
    made.do(p.EndEvent(event=made.event.event))
    made.do(p.SyncGetTags(call="g", realm="p1"))
    assert p.Settled("g", strings=[]) in made.log


def test_answers_carry_the_number_of_their_command() -> None:
    assert bench().do(p.OpenPage(seq=7, page="p2")).seq == 7


def test_after_the_end_a_gate_moves_nothing() -> None:
    made = bench(x=Resource(attempts=[Attempt(wait="go")]))
    made.fetch("/x")
    made.do(p.End())
    before = len(made.log)
    made.world.release("go")
    assert len(made.log) == before


def test_requests_without_an_end_are_said_to_be_that() -> None:
    empty = Attempt(status=206, content_range="bytes 0-9/10", count=0)
    made = bench(ModelFactory(AMENDED.without("E24")), x=Resource(size=10, attempts=[empty]))
    with pytest.raises(Endless, match="requests"):
        made.fetch("/x")


def test_it_tells_which_steps_led_to_what_was_shown() -> None:
    heard: list[Explained] = []
    made = bench(ModelFactory(listen=heard.append), x=Resource(attempts=[Attempt(status=404)]))
    made.fetch("/x")
    assert heard == made.model.explanation
    steps = [step for each in heard for step in each.steps]
    assert steps.index("FETCH-8.13") < steps.index("RECORD-11.R.7.2") < steps.index("PERFORM-8.5.2")


def test_its_factory_opens_a_fresh_one_each_time() -> None:
    world = ScriptedWorld(World(), ORIGINS, lambda entry: None)

    async def versions() -> list[str]:
        found = []
        for name in ("E01", "E13"):
            factory = ModelFactory(AMENDED.without(name))
            async with factory.open(lambda seen: None, Surroundings(world)) as adapter:
                answer = await adapter.send(p.Start(versions=[1]))
                assert answer.implementation == adapter.implementation
                found.append(adapter.implementation.version)
        return found

    assert trio.run(versions) == ["1 (amended - E01)", "1 (amended - E13)"]
