"""Whole background fetches in simulation: what pages, workers, users and servers see."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import cut, partial, ranged, stall, status, whole
from tests.transfer_engine.world import App, finished, read_all, simulate, until_downloaded
from transfer_engine import (
    AfterClose,
    BackgroundFetchEvent,
    BackgroundFetchUpdateUIEvent,
    FetchOptions,
    NotOffered,
    Request,
    Response,
    ScriptError,
    Snapshot,
)

TEN = b"0123456789"


def test_a_season_of_four_files_succeeds_with_one_event_and_records_in_order() -> None:
    async def test(app: App) -> None:
        for n in range(4):
            app.server.on(f"/{n}", whole(TEN * n))
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            assert await engine.get("s") is None
            assert event.registration.result == "success"
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", [f"/{n}" for n in range(4)])
            assert reg.result == ""
            assert await engine.get_ids() == ["s"]
            assert await finished(reg) == ("success", "")
            await app.seen("success")
            await trio.testing.wait_all_tasks_blocked()
            assert found == [(200, TEN * n) for n in range(4)]
            assert not reg.records_available
            assert engine.storage().responses == 0
            assert app.disk.lengths() == {}
            assert await engine.get_ids() == []

    simulate(test)


def test_one_404_fails_as_bad_status_and_both_records_stay_readable() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(404, b"gone"))
        app.server.on("/b", whole(TEN))
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["fail"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", ["/a", "/b"])
            assert await finished(reg) == ("failure", "bad-status")
            assert reg.downloaded == 14
            await app.seen("fail")
            await trio.testing.wait_all_tasks_blocked()
            assert found == [(404, b"gone"), (200, TEN)]

    simulate(test)


def test_pause_keeps_bytes_and_resume_asks_for_the_rest() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5, etag='"v1"'), ranged(TEN))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            await engine.interface.pause("s")
            await trio.sleep(600)
            assert app.server.ranges("/a") == [""]
            assert reg.downloaded == 5
            await engine.interface.resume("s")
            assert await finished(reg) == ("success", "")
            assert app.server.ranges("/a") == ["", "bytes=5-"]
            assert app.server.log[1].headers["accept-encoding"] == "identity"

    simulate(test)


def test_abort_while_paused_is_true_once_and_gives_the_abort_event() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        app.server.on("/b", whole(TEN))
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            assert not isinstance(event, BackgroundFetchUpdateUIEvent)
            found.extend(await read_all(event.registration))

        app.then["abort"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", ["/a", "/b"])
            await until_downloaded(reg, 15)
            await trio.testing.wait_all_tasks_blocked()
            await engine.interface.pause("s")
            assert await reg.abort() is True
            assert await engine.get("s") is None
            assert await reg.abort() is False
            assert await finished(reg) == ("failure", "aborted")
            await app.seen("abort")
            await trio.testing.wait_all_tasks_blocked()
            assert found == ["AbortError", (200, TEN)]
            assert app.server.ranges("/a") == [""]

    simulate(test)


def test_offline_gets_wait_and_go_on_while_a_post_in_flight_fails() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), ranged(TEN))
        app.server.on("/p", stall(TEN, 5))
        async with app.open() as engine:
            get = await engine.fetch("g", "/a")
            post = await engine.fetch("p", Request("/p", method="POST", body=b"x"))
            await until_downloaded(get, 5)
            await until_downloaded(post, 5)
            engine.set_online(False)
            assert await finished(post) == ("failure", "fetch-error")
            await trio.sleep(86400 / 48)
            assert get.result == ""
            engine.set_online(True)
            assert await finished(get) == ("success", "")
            assert app.server.ranges("/p") == [""]
            assert app.server.ranges("/a") == ["", "bytes=5-"]

    simulate(test)


def test_started_offline_a_get_waits_for_the_network() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open(online=False) as engine:
            reg = await engine.fetch("s", "/a")
            await trio.sleep(60)
            assert (reg.result, app.server.log) == ("", [])
            engine.set_online(True)
            assert await finished(reg) == ("success", "")

    simulate(test)


def test_a_loss_while_online_is_a_fetch_error_unless_the_policy_retries() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(TEN, 5), ranged(TEN))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            record = (await reg.match_all())[0]
            assert await finished(reg) == ("failure", "fetch-error")
            response = await record.response_ready()
            assert response.status == 200
        app.server.on("/a", cut(TEN, 5), cut(TEN, 0), ranged(TEN))
        app.server.log.clear()
        async with app.open(unavailability="network-loss") as engine:
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("success", "")

    simulate(test)


def test_network_loss_gives_up_after_futile_attempts() -> None:
    async def test(app: App) -> None:
        app.server.refuse = True
        async with app.open(unavailability="network-loss") as engine:
            start = trio.current_time()
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("failure", "fetch-error")
            # Full jitter: each wait is anything up to 1, 2, 4, ... seconds.
            assert 0 < trio.current_time() - start < 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60

    simulate(test)


def test_a_server_that_breaks_off_at_the_same_byte_for_ever_is_given_up() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(TEN, 1, etag='W/"no resuming"'))
        async with app.open(unavailability="network-loss") as engine:
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("failure", "fetch-error")
            assert len(app.server.ranges("/a")) == 9

    simulate(test)


def test_download_total_is_strict_and_stops_the_siblings() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        app.server.on("/b", whole(TEN))
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["fail"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/b", FetchOptions(download_total=10))
            assert await finished(reg) == ("success", "")
            reg = await engine.fetch("t", ["/a", "/b"], FetchOptions(download_total=9))
            assert await finished(reg) == ("failure", "download-total-exceeded")
            assert reg.downloaded <= 9
            await app.seen("success", "fail")
            await trio.testing.wait_all_tasks_blocked()
            assert found == ["AbortError", "TypeError"]

    simulate(test)


def test_quota_stores_nothing_of_the_batch_and_lets_siblings_finish() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x" * 100))
        app.server.on("/b", whole(TEN))
        async with app.open(quota=50) as engine:
            try:
                await engine.fetch("s", "/b", FetchOptions(download_total=51))
            except ScriptError as error:
                assert error.name == "QuotaExceededError"
            else:
                raise AssertionError("admitted")
            reg = await engine.fetch("s", ["/a", "/b"])
            assert await finished(reg) == ("failure", "quota-exceeded")
            assert reg.downloaded == 10
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == 0

    simulate(test)


def test_all_that_is_free_may_be_announced_and_used_and_comes_back() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", status(201, TEN))
        async with app.open(quota=15) as engine:
            upload = Request("/p", method="POST", body=b"12345")
            reg = await engine.fetch("s", upload, FetchOptions(download_total=15))
            assert (engine.storage().requests, engine.storage().responses) == (5, 0)
            assert await finished(reg) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
            assert (engine.storage().requests, engine.storage().responses) == (0, 0)

    simulate(test)


def test_a_restart_gives_back_the_room_of_what_it_replaces() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(TEN, 7), whole(TEN))
        async with app.open(quota=10, unavailability="network-loss") as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")

    simulate(test)


def test_a_denied_permission_is_told_before_a_missing_worker() -> None:
    async def test(app: App) -> None:
        async with app.open(permission="denied", active_worker=False) as engine:
            with pytest.raises(ScriptError, match="NotAllowedError"):
                await engine.fetch("s", "/a")
            engine.set_permission("granted")
            with pytest.raises(ScriptError, match="no active worker"):
                await engine.fetch("s", "/a")

    simulate(test)


def test_a_server_that_ignores_the_range_restarts_the_record() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), whole(b"ABCDEFGHIJ"))
        found: list[object] = []
        shown: list[int] = []

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            reg.on_progress(lambda r: shown.append(r.downloaded))
            await until_downloaded(reg, 5)
            record = (await reg.match_all())[0]
            unread = (await reg.match_all())[0]
            response = await record.response_ready()
            assert response.body is not None
            assert await response.body.read() == b"01234"
            engine.set_online(False)
            engine.set_online(True)
            assert await finished(reg) == ("success", "")
            await app.seen("success")
            again = await unread.response_ready()
            assert again.body is not None
            assert await again.body.read() == b"ABCDEFGHIJ"
            try:
                await response.body.read()
            except ScriptError as error:
                assert error.name == "TypeError"
            else:
                raise AssertionError("read on")
            await trio.testing.wait_all_tasks_blocked()
            assert found == [(200, b"ABCDEFGHIJ")]
            assert shown == [5, 0, 10, 10]

    simulate(test)


def test_parts_that_stop_short_are_asked_for_until_the_resource_is_whole() -> None:
    async def test(app: App) -> None:
        app.server.on(
            "/a",
            partial(TEN[:4], "bytes 0-3/10", etag='"v1"'),
            partial(TEN[4:8], "bytes 4-7/10", etag='"v1"'),
            partial(TEN[8:], "bytes 8-9/10", etag='"v1"'),
        )
        found: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        async with app.open() as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
            assert app.server.ranges("/a") == ["", "bytes=4-", "bytes=8-"]
            assert found == [(200, TEN)]

    simulate(test)


def test_a_204_settles_and_uploads_are_counted_once() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", status(307, location="/q"))
        app.server.on("/q", status(204))
        async with app.open() as engine:
            reg = await engine.fetch("s", Request("/p", method="POST", body=b"x" * 1000))
            assert (reg.upload_total, reg.uploaded) == (1000, 0)
            assert await finished(reg) == ("success", "")
            assert reg.uploaded == 1000
            assert [len(asked.body) for asked in app.server.log] == [1000, 1000]

    simulate(test)


def test_what_was_sent_never_shrinks_though_a_redirect_sends_it_again() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", status(307, location="/q"))
        app.server.on("/q", status(204))
        shown: list[int] = []
        async with app.open() as engine:
            upload = Request("/p", method="POST", body=b"x" * 600_000)
            reg = await engine.fetch("s", upload)
            reg.on_progress(lambda one: shown.append(one.uploaded))
            assert await finished(reg) == ("success", "")
        assert shown == sorted(shown)
        assert shown[-1] == 600_000
        assert [len(asked.body) for asked in app.server.log] == [600_000] * 2

    simulate(test)


def test_a_restart_leaves_one_body_and_tells_who_waits_for_more_of_the_old_one() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), stall(b"ABCDEFGHIJ", 7))
        told: list[str] = []

        async def read(response: Response) -> None:
            assert response.body is not None
            assert await response.body.read() == b"01234"
            with pytest.raises(ScriptError, match="restarted"):
                await response.body.read()
            told.append("restarted")

        async with app.open() as engine, trio.open_nursery() as nursery:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            (record,) = await reg.match_all()
            nursery.start_soon(read, await record.response_ready())
            await trio.testing.wait_all_tasks_blocked()
            engine.set_online(False)
            engine.set_online(True)
            await trio.testing.wait_all_tasks_blocked()
            assert told == ["restarted"]
            assert list(app.disk.lengths().values()) == [7]

    simulate(test)


def test_another_origin_needs_cors_or_nothing_is_shown_or_counted() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN, secret="1"))
        app.server.on("/b", whole(TEN, access_control_allow_origin="*", secret="1", etag='"e"'))
        seen: list[dict[str, str]] = []

        async def then(event: BackgroundFetchEvent) -> None:
            for record in await event.registration.match_all():
                seen.append((await record.response_ready()).headers)

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "http://cdn.test/a")
            assert await finished(reg) == ("failure", "fetch-error")
            assert reg.downloaded == 0
            reg = await engine.fetch("s", "http://cdn.test/b")
            assert await finished(reg) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
            assert seen == [{}]
            assert app.server.log[0].headers["origin"] == "http://app.test"

    simulate(test)


def test_a_prompt_waits_for_the_user() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", status(204))
        async with app.open(permission="prompt") as engine:
            reg = await engine.fetch("s", Request("/p", method="POST", body=b"x"))
            await trio.sleep(60)
            assert app.server.log == []
            await engine.interface.accept("s")
            assert await finished(reg) == ("success", "")
            reg = await engine.fetch("t", "/p")
            await engine.interface.refuse("t")
            assert await finished(reg) == ("failure", "aborted")
            assert len(app.server.log) == 1
            engine.set_permission("denied")
            try:
                await engine.fetch("u", "/p")
            except ScriptError as error:
                assert error.name == "NotAllowedError"
            else:
                raise AssertionError("admitted")

    simulate(test)


def test_pause_is_not_offered_when_a_request_is_not_a_get() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", stall(TEN, 5))
        async with app.open() as engine:
            reg = await engine.fetch("s", Request("/p", method="POST", body=b"x"))
            await until_downloaded(reg, 5)
            try:
                await engine.interface.pause("s")
            except NotOffered:
                pass
            else:
                raise AssertionError("paused")

    simulate(test)


def test_of_concurrent_calls_with_one_id_exactly_one_wins() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        outcomes: list[str] = []

        async def call() -> None:
            try:
                await engine.fetch("s", "/a")
                outcomes.append("ok")
            except ScriptError as error:
                outcomes.append(error.name)

        async with app.open() as engine:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(call)
            assert sorted(outcomes) == ["TypeError", "TypeError", "ok"]

    simulate(test)


def test_an_id_is_free_while_its_settle_event_still_runs() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        again: list[object] = []

        async def then(event: BackgroundFetchEvent) -> None:
            if not again:
                again.append(await engine.worker.fetch("s", "/a"))
                assert again[0] is not event.registration

        app.then["success"] = then
        async with app.open() as engine:
            await engine.fetch("s", "/a")
            await app.seen("success", "success")

    simulate(test)


def test_progress_changes_something_each_time_and_ends_with_the_result() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x" * 200000))
        shown: list[Snapshot] = []
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            reg.on_progress(lambda r: shown.append(r.snapshot))
            await finished(reg)
            await app.seen("success")
            await trio.testing.wait_all_tasks_blocked()
            assert all(a != b for a, b in pairwise(shown))
            assert [s.result for s in shown[-2:]] == ["", "success"]
            assert all(s.records_available for s in shown)
            assert not reg.records_available
            assert reg.downloaded == 200000

    simulate(test)


def test_without_a_handler_records_become_unavailable_at_once() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open(handlers={}) as engine:
            reg = await engine.fetch("s", "/a")
            await finished(reg)
            await trio.testing.wait_all_tasks_blocked()
            assert not reg.records_available
            try:
                await reg.match_all()
            except ScriptError as error:
                assert error.name == "InvalidStateError"
            else:
                raise AssertionError("matched")

    simulate(test)


def test_after_a_kill_a_get_goes_on_and_the_event_comes() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5, etag='"v1"'), ranged(TEN))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            await trio.testing.wait_all_tasks_blocked()
            engine.kill()
        app.crash()
        async with app.open() as engine:
            back = await engine.get("s")
            assert back is not None
            assert back is not reg
            assert await finished(back) == ("success", "")
            assert app.server.ranges("/a") == ["", "bytes=5-"]
            await app.seen("success")

    simulate(test)


def test_a_post_in_flight_at_a_kill_is_not_sent_again() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", stall(TEN, 5))
        async with app.open() as engine:
            await engine.fetch("s", Request("/p", method="POST", body=b"x"))
            await app.server.asked("/p")
            engine.kill()
        app.crash()
        async with app.open() as engine:
            back = await engine.get("s")
            assert back is not None
            assert await finished(back) == ("failure", "fetch-error")
            assert len(app.server.log) == 1

    simulate(test)


@pytest.mark.parametrize(
    ("interrupted", "times"),
    [pytest.param("again", 4, id="again"), pytest.param("over", 2, id="over")],
)
def test_a_true_abort_and_an_event_that_was_cut_off_survive_a_kill_and_a_close_as_asked(
    interrupted: AfterClose, times: int
) -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))

        async def hang(_: BackgroundFetchEvent) -> None:
            await trio.sleep_forever()

        app.then["abort"] = hang
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            assert await reg.abort()
            engine.kill()
        app.crash()
        async with app.open() as engine:
            assert await engine.get("s") is None
            await app.seen("abort")
            await trio.testing.wait_all_tasks_blocked()
            engine.kill()
        app.crash()
        async with app.open(interrupted=interrupted):
            await app.seen("abort", "abort")  # it had not ended: at least once
        app.crash()
        async with app.open(interrupted=interrupted) as engine:
            await trio.testing.wait_all_tasks_blocked()
            engine.kill()
        app.crash()
        app.then.clear()
        async with app.open():
            await trio.testing.wait_all_tasks_blocked()
            await app.seen(*["abort"] * times)
            assert app.disk.lengths() == {}

    simulate(test)
