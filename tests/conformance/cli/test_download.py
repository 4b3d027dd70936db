"""``bgfetch download`` as a process: over real sockets and a real disk, through real signals."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import socket
import stat
from pathlib import Path

import pytest
import trio

from conformance.cli.downloads.control import Refused, ask
from conformance.cli.downloads.planning import (
    Plan,
    PlanBook,
    WantedFile,
    name_of,
    safe_path,
    unique,
)
from conformance.cli.downloads.taking import _finish
from conformance.cli.root import run
from conformance.scenario.format import Attempt, Hold, Resource
from conformance.world.content import content
from tests.conformance.cli.downloading import (
    Served,
    bgfetch,
    running,
    serving,
    stopped_at,
    with_deadline,
)
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    EngineConfig,
    open_at_rest,
    open_engine,
)

SIZE = 10_000
BODY = content("/a", 1, 0, SIZE)
HELD = Resource(size=SIZE, attempts=[Attempt(send=[4000, Hold("never")]), Attempt()])


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_files_come_and_nothing_else_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE), b=Resource(size=10)) as served:
            urls = [f"{served.base}/a", f"{served.base}/b"]
            done = await bgfetch("download", *urls, "--allow-private", cwd=tmp_path)
        assert (done.code, done.out) == (0, "a: downloaded\nb: downloaded\n")
        assert done.err == "a: beginning, 2 files\n"
        assert (tmp_path / "a").read_bytes() == BODY
        assert files(tmp_path) == ["a", "b"]

    with_deadline(main)


def test_no_more_files_than_asked_for_come_at_the_same_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD, b=HELD, c=Resource(size=10)) as served:
            urls = [f"{served.base}/{name}" for name in "abc"]
            async with running(*urls, "--files", "2", cwd=tmp_path) as download:
                await download.until_downloaded(8000)
                assert {one.key for one in served.asked()} == {"/a", "/b"}

    with_deadline(main)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_arrived_before_a_signal_is_not_fetched_again(
    number: signal.Signals, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", cwd=tmp_path) as first:
                await first.until_downloaded(4000)
                code = await first.end(number)
            assert code == (-9 if number == signal.SIGKILL else 130)
            assert files(tmp_path / ".bgfetch" / "plans") != []
            done = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "a: downloaded\n"), done.err
            assert (tmp_path / "a").read_bytes() == BODY
            assert served.ranges() == ["", "bytes=4000-"]
        assert files(tmp_path) == ["a"]

    with_deadline(main)


def test_a_terminal_that_hangs_up_leaves_and_a_paused_download_goes_on_if_it_is_named(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", cwd=tmp_path) as first:
                await first.until_downloaded(4000)
                assert await first.end(signal.SIGHUP) == 130
            with open_at_rest(tmp_path / ".bgfetch") as store:
                store.pause("a")
            done = await bgfetch("download", "--resume", "a", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "a: downloaded\n"), done.err

    with_deadline(main)


def test_the_same_command_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            url = f"{served.base}/a"
            async with running(url, cwd=tmp_path) as first:
                await first.until_downloaded(4000)
                await first.end(signal.SIGKILL)
            async with running(url, cwd=tmp_path) as second:
                begun = await second.event(lambda e: e["event"] == "begin")
                assert begun["note"] == "going on"
                assert begun["files"] == [{"url": url, "name": "a"}]
                taken = await second.event(lambda e: e["event"] == "file")
                assert taken == {
                    "event": "file",
                    "id": "a",
                    "url": url,
                    "outcome": "downloaded",
                    "path": "a",
                    "length": SIZE,
                    "good": True,
                }
                ended = await second.event(lambda e: e["event"] == "end")
                assert ended == {"event": "end", "id": "a", "good": True}
                assert await second.end() == 0
            assert served.ranges() == ["", "bytes=4000-"]

    with_deadline(main)


def test_a_store_that_another_process_has_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", cwd=tmp_path) as first:
                await first.until_downloaded(4000)
                second = await bgfetch("download", "http://x.test/b", "--allow-http", cwd=tmp_path)
        assert second.code == 78
        assert "another engine has it open; see bgfetch jobs --store .bgfetch" in second.err

    with_deadline(main)


def test_another_process_pauses_resumes_and_aborts(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", cwd=tmp_path) as download:
                await download.until_downloaded(4000)
                done = await bgfetch("pause", "a", cwd=tmp_path)
                assert (done.code, done.out) == (0, "a: paused, 4000 of 10000 bytes\n")
                await download.event(lambda e: e.get("state") == "paused")
                store = tmp_path / ".bgfetch"
                modes = [stat.S_IMODE(one.stat().st_mode) for one in (store, store / "control")]
                assert modes == [0o700, 0o600]
                with pytest.raises(Refused, match="unknown request"):
                    await trio.to_thread.run_sync(ask, store, {"do": "dance"})
                again = await bgfetch("pause", "a", cwd=tmp_path)
                assert (again.code, "it is paused" in again.err) == (66, True)
                assert (await bgfetch("resume", "a", cwd=tmp_path)).code == 0
                assert await download.end() == 0
            assert served.ranges() == ["", "bytes=4000-"]
            assert (tmp_path / "a").read_bytes() == BODY

    with_deadline(main)


def test_an_abort_from_another_process_ends_with_1(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", cwd=tmp_path) as download:
                await download.until_downloaded(4000)
                assert (await bgfetch("abort", "a", cwd=tmp_path)).code == 0
                ended = await download.event(lambda e: e["event"] == "file")
                assert (ended["outcome"], ended["good"]) == ("aborted", False)
                assert not (await download.event(lambda e: e["event"] == "end"))["good"]
                assert await download.end() == 1
        assert files(tmp_path) == []

    with_deadline(main)


def test_without_a_process_the_store_itself_is_changed(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            await stopped_at(4000, f"{served.base}/a", cwd=tmp_path)
            jobs = await bgfetch("jobs", cwd=tmp_path)
            assert jobs.out == "a: stopped, 4000 of 10000 bytes\n"
            paused = await bgfetch("pause", "a", "--json", cwd=tmp_path)
            assert json.loads(paused.out)[0]["state"] == "paused"
            all_paused = await bgfetch("download", "--resume", cwd=tmp_path)
            assert (all_paused.code, "all downloads are paused" in all_paused.err) == (78, True)
            assert (await bgfetch("resume", "a", cwd=tmp_path)).code == 0
            assert (await bgfetch("abort", "a", cwd=tmp_path)).code == 0
            assert (
                await bgfetch("jobs", cwd=tmp_path)
            ).out == "nothing is unfinished in .bgfetch\n"
            assert len(served.asked()) == 1

    with_deadline(main)


def test_what_is_unfinished_beside_it_is_kept_when_a_download_has_ended(tmp_path: Path) -> None:
    async def main() -> None:
        held = Resource(size=SIZE, attempts=[Attempt(send=[4000, Hold("never")])])
        async with serving(a=held, b=Resource(size=10)) as served:
            await stopped_at(4000, f"{served.base}/a", cwd=tmp_path)
            done = await bgfetch("download", f"{served.base}/b", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "b: downloaded\n"), done.err
        with open_at_rest(tmp_path / ".bgfetch") as store:
            assert [one.id for one in store.shown()] == ["a"]

    with_deadline(main)


def test_a_server_that_says_not_now_is_asked_again_and_a_store_of_ones_own_stays(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        busy = Attempt(status=503, headers={"Retry-After": "0"})
        async with serving(a=Resource(size=SIZE, attempts=[busy, Attempt()])) as served:
            options = ("--allow-private", "--store", "mine", "--quiet")
            done = await bgfetch("download", f"{served.base}/a", *options, cwd=tmp_path)
            assert (done.code, done.out, done.err) == (0, "a: downloaded\n", "")
            assert len(served.asked()) == 2
        assert (tmp_path / "mine").is_dir()

    with_deadline(main)


def test_a_name_that_leads_to_this_machine_is_refused_with_what_allows_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            done = await bgfetch("download", f"{served.base}/a", cwd=tmp_path)
            assert served.log == []
        assert (done.code, "allow it with --allow-private" in done.err) == (1, True)

    with_deadline(main)


def test_a_missing_file_does_not_fail_the_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            urls = [f"{served.base}/a", f"{served.base}/b"]
            done = await bgfetch("download", *urls, "--allow-private", cwd=tmp_path)
        assert (done.code, done.out) == (1, "a: downloaded\n")
        assert "/b: the server answered 404 Not Found\n" in done.err
        assert files(tmp_path) == ["a"]

    with_deadline(main)


def test_a_redirect_to_another_origin_is_followed(tmp_path: Path) -> None:
    async def main() -> None:
        away = Resource(attempts=[Attempt(status=302, redirect="other:/a")])
        async with serving(**{"r": away, "other:/a": Resource(size=SIZE)}) as served:
            done = await bgfetch("download", f"{served.base}/r", "--allow-private", cwd=tmp_path)
        assert (done.code, done.out) == (0, "r: downloaded\n"), done.err
        assert (tmp_path / "r").stat().st_size == SIZE

    with_deadline(main)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            done = await bgfetch("download", f"{served.base}/a", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "a: already there\n")
            assert served.log == []
        assert (tmp_path / "a").read_text() == "mine"

    with_deadline(main)


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            await stopped_at(4000, f"{served.base}/a", cwd=tmp_path)
            (tmp_path / "a").write_text("mine")
            done = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "a-2: downloaded\n")
        assert (tmp_path / "a").read_text() == "mine"
        assert (tmp_path / "a-2").read_bytes() == BODY

    with_deadline(main)


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_checksum_is_compared_before_a_file_appears(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            common = ["download", f"{served.base}/a", "--allow-private", "--checksum"]
            wrong = await bgfetch(*common, sha256(b""), cwd=tmp_path)
            assert (wrong.code, "/a: wrong checksum: sha256:" in wrong.err) == (1, True)
            assert files(tmp_path) == []
            right = await bgfetch(*common, sha256(BODY), cwd=tmp_path)
            assert (right.code, right.out) == (0, "a: downloaded\n")

    with_deadline(main)


def test_a_checksum_that_is_given_later_is_compared_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            await stopped_at(4000, f"{served.base}/a", cwd=tmp_path)
            arguments = [f"{served.base}/a", "--allow-private", "--checksum", sha256(b"")]
            done = await bgfetch("download", *arguments, cwd=tmp_path)
            assert (done.code, "/a: wrong checksum: sha256:" in done.err) == (1, True)
            assert served.ranges() == ["", "bytes=4000-"]
        assert files(tmp_path) == []

    with_deadline(main)


def test_more_than_the_download_total_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            arguments = [f"{served.base}/a", "--allow-private", "--download-total", "9999"]
            done = await bgfetch("download", *arguments, cwd=tmp_path)
        assert (done.code, "more came than --download-total allows" in done.err) == (1, True)

    with_deadline(main)


def test_headers_are_sent_along(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            arguments = [f"{served.base}/a", "--allow-private", "--header", "Cookie: k=v"]
            await bgfetch("download", *arguments, "--header", "X-Y: z", cwd=tmp_path)
            (asked,) = served.asked()
        assert (asked.headers["cookie"], asked.headers["x-y"]) == ("k=v", "z")

    with_deadline(main)


def test_what_is_tried_again_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/a"
            async with running(url, json=False, cwd=tmp_path) as first:
                assert first.process.stderr is not None
                said = b""
                while b"trying again" not in said:
                    said += bytes(await first.process.stderr.receive_some())
                await first.end(signal.SIGINT)
        assert b"a: no connection to 127.0.0.1:" in said
        odd = await bgfetch("abort", "b", "--store", ".bgfetch", cwd=tmp_path)
        assert (odd.code, odd.err.startswith("bgfetch: abort of 'b' is not offered")) == (66, True)
        (tmp_path / "file").touch()
        odd = await bgfetch("download", url, "-o", "file", "--allow-private", cwd=tmp_path)
        assert (odd.code, "--output names the folder" in odd.err) == (64, True)

    with_deadline(main)


def test_the_line_that_an_interrupt_leaves_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with running(f"{served.base}/a", "-o", "some where", cwd=tmp_path) as first:
                await first.until_downloaded(4000)
                assert await first.end(signal.SIGINT) == 130
                line = (await first.said()).splitlines()[-1].partition("go on with: bgfetch ")[2]
            done = await bgfetch(*shlex.split(line), cwd=tmp_path)
            assert (done.code, done.out) == (0, "some where/a: downloaded\n"), done.err

    with_deadline(main)


def test_a_file_is_made_as_others_may_read_it_and_no_draft_of_others_is_touched(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            (tmp_path / "a.part").write_text("of somebody else")
            (tmp_path / "a.bgfetch-part").write_text("of a killed process")
            url = f"{served.base}/a"
            done = await bgfetch("download", url, "--allow-private", cwd=tmp_path)
            assert done.code == 0, done.err
        (tmp_path / "own").touch()
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "own").stat().st_mode
        assert files(tmp_path) == ["a", "a.part", "own"]
        assert (tmp_path / "a").read_bytes() == BODY

    with_deadline(main)


def test_a_store_is_verified_and_what_is_damaged_is_fetched_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE), b=HELD) as served:
            urls = [f"{served.base}/a", f"{served.base}/b"]
            async with running(*urls, cwd=tmp_path) as first:
                await first.until_downloaded(SIZE + 4000)
                await first.end(signal.SIGKILL)
            fine = await bgfetch("jobs", "--verify", cwd=tmp_path)
            (one, other) = fine.out.splitlines()
            assert (fine.code, one.endswith("compare it with")) == (0, True)
            assert other == f"a: {urls[1]}: unfinished"
            stored = tmp_path / ".bgfetch" / "bodies"
            large = max(stored.glob("b0*"), key=lambda path: path.stat().st_size)
            large.write_bytes(b"short")
            bad = await bgfetch("jobs", "--verify", cwd=tmp_path)
            assert (bad.code, bad.out.splitlines()[0]) == (1, f"a: {urls[0]}: damaged")
            assert bad.err == "fetch damaged files again: bgfetch jobs --verify --refetch\n"
            again = await bgfetch("jobs", "--verify", "--refetch", "--json", cwd=tmp_path)
            assert [one["state"] for one in json.loads(again.out)] == ["damaged", "unfinished"]
            done = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert done.code == 0, done.err
            assert (tmp_path / "a").read_bytes() == BODY
            odd = await bgfetch("jobs", "--refetch", cwd=tmp_path)
            assert (odd.code, "--verify" in odd.err) == (64, True)

    with_deadline(main)


def test_cookies_of_a_browser_go_where_they_belong(tmp_path: Path) -> None:
    async def main() -> None:
        away = Resource(attempts=[Attempt(status=302, redirect="other:/a")])
        async with serving(**{"r": away, "other:/a": Resource(size=SIZE)}) as served:
            host = served.base.split("//")[1].partition(":")[0]
            lines = [f"{host}\tFALSE\t/\tFALSE\t4102444800\tid\t7"]
            lines += ["elsewhere.example\tFALSE\t/\tFALSE\t4102444800\tother\t8"]
            jar = tmp_path / "cookies.txt"
            jar.write_text("\n".join(["# Netscape HTTP Cookie File", *lines, ""]))
            options = ("--allow-private", "--cookies", "cookies.txt")
            done = await bgfetch("download", f"{served.base}/r", *options, cwd=tmp_path)
            assert done.code == 0, done.err
            assert [one.headers["cookie"] for one in served.asked()] == ["id=7", "id=7"]
            assert files(tmp_path) == ["cookies.txt", "r"]
            jar.write_text("no cookies")
            bad = await bgfetch("download", f"{served.base}/b", *options, cwd=tmp_path)
        assert (bad.code, "is no cookies.txt" in bad.err) == (78, True), bad.err

    with_deadline(main)


def test_a_manifest_made_from_a_folder_brings_the_folder(tmp_path: Path) -> None:
    async def main() -> None:
        source = tmp_path / "season"
        (source / "sub").mkdir(parents=True)
        (source / "a").write_bytes(BODY)
        (source / ".hidden").write_bytes(b"x")
        async with serving(a=Resource(size=SIZE)) as served:
            made = await bgfetch("manifest", "season", "--base-url", served.base, cwd=tmp_path)
            (tmp_path / "m.json").write_text(made.out)
            arguments = ["--manifest", "m.json", "--allow-private", "-o", "got"]
            done = await bgfetch("download", *arguments, cwd=tmp_path)
        assert (done.code, done.out) == (0, "got/a: downloaded\n"), done.err
        manifest = json.loads(made.out)
        assert (manifest["id"], manifest["downloadTotal"]) == ("season", SIZE)
        assert [one["checksum"] for one in manifest["urls"]] == [sha256(BODY)]

    with_deadline(main)


def test_an_id_in_use_by_other_urls_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            await stopped_at(4000, f"{served.base}/a", cwd=tmp_path)
            arguments = [f"{served.base}/b", "--id", "a", "--allow-private"]
            done = await bgfetch("download", *arguments, cwd=tmp_path)
        assert (done.code, "the id 'a' is in use by other URLs" in done.err) == (78, True)

    with_deadline(main)


def test_what_was_whole_and_not_yet_in_its_place_is_not_taken_for_another_of_its_id(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE), b=Resource(size=SIZE)) as served:
            await whole_and_killed(tmp_path / ".bgfetch", f"{served.base}/a")
            arguments = [f"{served.base}/b", "--id", "a", "--allow-private"]
            other = await bgfetch("download", *arguments, cwd=tmp_path)
            assert (other.code, "the id 'a' is in use by other URLs" in other.err) == (78, True)
            assert files(tmp_path)[0] == ".bgfetch"
            done = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert (done.code, done.out) == (0, "a: downloaded\n"), done.err
        assert (tmp_path / "a").read_bytes() == BODY

    with_deadline(main)


async def whole_and_killed(store: Path, url: str) -> None:
    """A store with one finished download, whose process was killed before it could take it."""
    handled = trio.Event()

    async def handler(_: BackgroundFetchEvent) -> None:
        handled.set()
        await trio.sleep_forever()

    handlers = {"backgroundfetchsuccess": handler}
    config = EngineConfig(app_origin=None, directory=store, policy=OPEN, handlers=handlers)
    async with open_engine(config) as engine:
        await engine.fetch("a", url)
        await handled.wait()
        engine.kill()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def main(served: Served) -> None:
        arguments = [f"{served.base}/a", "--allow-private", "-o", "file/x"]
        done = await bgfetch("download", *arguments, cwd=tmp_path)
        assert (done.code, "file/x" in done.err) == (78, True)
        assert served.log == []

    async def serve() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            await main(served)

    with_deadline(serve)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://h.test/a"], "neither http nor https"),
        (["a"], "absolute http or https URL"),
        (["https://u:p@h.test/a"], "give --header 'Authorization: ...'"),
        (["http://h.test/a"], "--allow-http"),
        (["http://127.0.0.1/a"], "--allow-private"),
        (["https://10.0.0.1/a"], "--allow-private"),
        (["https://h.test/a", "--checksum", "sha256:12"], "64 hexadecimal digits"),
        (["https://h.test/a", "https://h.test/b", "--checksum", "x"], "one for each URL"),
        (["https://h.test/a", "--header", "x"], "write Name: value"),
        (["https://h.test/a", "--header", "Host: x"], "set by bgfetch itself"),
        (["https://h.test/a", "--header", "X: \x00"], "cannot be sent"),
        ([], "give URLs"),
        (["https://h.test/a", "--manifest", "m"], "give URLs"),
    ],
)
def test_bad_usage_is_told_with_the_next_move(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["download", *arguments]) == 64
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pause", "resume", "abort"])
def test_a_store_that_is_not_there_is_told(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "x", "--store", str(tmp_path / "none")]) == 66
    assert "name their store with --store" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_put_in_its_place_is_kept_and_put_there_next_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            manifest = {"urls": [{"url": f"{served.base}/a", "name": "sub/a"}]}
            (tmp_path / "m.json").write_text(json.dumps(manifest))
            await stopped_at(4000, "--manifest", "m.json", cwd=tmp_path)
            (tmp_path / "sub").write_text("in the way")
            second = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert (second.code, "sub" in second.err) == (78, True)
            (tmp_path / "sub").unlink()
            third = await bgfetch("download", "--resume", "--allow-private", cwd=tmp_path)
            assert (third.code, third.out) == (0, "sub/a: downloaded\n"), third.err
            assert served.ranges() == ["", "bytes=4000-"]
        assert (tmp_path / "sub" / "a").read_bytes() == BODY

    with_deadline(main)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("{", "m.json"),
        ("[]", 'a list "urls"'),
        ('{"urls": []}', 'a list "urls"'),
        ('{"urls": ["https://h.test/"], "size": 1}', "unknown: size"),
        ('{"urls": [1]}', "urls[0]"),
        ('{"urls": ["https://h.test/", "x"]}', "urls[1]"),
        ('{"urls": [{"url": "https://h.test/", "checksum": "x"}]}', "urls[0]: 'x' is no checksum"),
        ('{"urls": ["https://h.test/"], "downloadTotal": -1}', "downloadTotal"),
        ('{"urls": ["https://h.test/"], "title": 1}', "title: a string"),
    ],
)
def test_a_bad_manifest_is_told_with_its_place(
    manifest: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.json").write_text(manifest)
    assert run(["download", "--manifest", str(tmp_path / "m.json")]) == 78
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/b.iso", "b.iso"),
        ("http://h/", "h"),
        ("http://h/%2e%2e%2f.ssh", "_.ssh"),
        ("http://h/..%2f..%2fetc", "_.._etc"),
        ("http://h/..", "h"),
        ("http://h/x?y=/z", "x"),
        ("http://h/.hidden", "hidden"),
        ("http://h/a%00b%0a", "a_b_"),
        ("http://h/" + "%C3%A9" * 300, "é" * 100),
    ],
)
def test_a_name_stays_in_its_folder(url: str, name: str) -> None:
    assert name_of(url) == name


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("a/b", "a/b"),
        ("../../a", "a"),
        ("/etc/passwd", "etc/passwd"),
        ("a/../.b", "a/b"),
        ("..", ""),
    ],
)
def test_a_path_of_a_manifest_stays_in_its_folder(given: str, path: str) -> None:
    assert safe_path(given) == path


def test_names_are_told_apart_also_where_cases_are_not() -> None:
    assert unique(["a", "A", "a", "b"]) == ["a", "A-2", "a-3", "b"]


def test_a_name_that_is_told_apart_keeps_what_tells_its_kind() -> None:
    names = ["x/a.txt", "a.tar.gz", "v1.2.iso", "v1.2", "b.7z", "x/.gz"]
    kept = ["x/a-2.txt", "a-2.tar.gz", "v1.2-2.iso", "v1.2-2", "b-2.7z", "x/.gz-2"]
    assert unique([*names, *names]) == [*names, *kept]


def test_a_files_name_is_durable_before_the_store_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    synced: list[int] = []

    def fsync(fd: int) -> None:
        if os.path.sameopenfile(fd, folder) and (tmp_path / "x").exists():
            synced.append(fd)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    draft = tmp_path / "x.part"
    draft.write_bytes(b"1")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert _finish(draft, tmp_path / "x", WantedFile("http://h/x", "x")).good
    finally:
        os.close(folder)
    assert synced


def test_a_plan_survives_a_power_cut_name_and_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, folder = os.fsync, tmp_path / "plans"
    synced: list[tuple[str, int]] = []

    def noted(fd: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"
        synced.append((kind, len(list(folder.glob("*.json")))))
        real(fd)

    monkeypatch.setattr(os, "fsync", noted)
    PlanBook(folder).write(PLAN)
    assert synced == [("file", 0), ("folder", 1)]


PLAN = Plan(
    "season",
    Path("/some/where"),
    (
        WantedFile("http://h/a", "sub/a", sha256(b"a")),
        WantedFile("http://h/b", "b"),
    ),
    "A title",
    7,
)
URLS = ["http://h/a", "http://h/b"]


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    book = PlanBook(tmp_path / "plans")
    book.write(PLAN)
    assert book.read("season", URLS, tmp_path) == PLAN
    book.forget("season")
    made = book.read("season", URLS, tmp_path)
    assert (made.output, [one.name for one in made.files]) == (tmp_path, ["a", "b"])


def test_a_plan_that_somebody_has_changed_leads_nowhere_else(tmp_path: Path) -> None:
    book = PlanBook(tmp_path / "plans")
    book.write(PLAN)
    (file,) = (tmp_path / "plans").iterdir()
    plan = json.loads(file.read_text())
    plan["files"][0]["name"] = "../../etc/passwd"
    file.write_text(json.dumps(plan))
    assert book.read("season", URLS, tmp_path).files[0].name == "etc/passwd"
    plan["files"][0]["name"] = ".."
    for spoilt in (json.dumps(plan), json.dumps(plan | {"files": plan["files"][1:]}), "{", "[]"):
        file.write_text(spoilt)
        assert [one.name for one in book.read("season", URLS, tmp_path).files] == ["a", "b"]
