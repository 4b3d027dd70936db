"""What ``bgfetch download`` is made of, without a process: manifests, places, words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import attrs
import pytest

from conformance.cli.download import _go_on
from conformance.cli.downloads.control import entry
from conformance.cli.downloads.manifests import MOST, make_manifest, read_manifest
from conformance.cli.downloads.planning import BadPlan, Plan, WantedFile, plan_urls
from conformance.cli.downloads.running import Settings
from conformance.cli.downloads.taking import _finish, already, why
from conformance.cli.root import run
from transfer_engine import OPEN, Policy, Shown, ShownRecord

URL = "https://h.test/a"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- manifests ------------------------------------------------------------------------


def test_a_manifest_of_a_folder_has_its_files_with_odd_names_and_nothing_hidden_or_linked(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "my season"
    for name in ("a b", "sub/ä#?%.txt", os.fsdecode(b"sub/\xff"), ".hid/x", "sub/.y"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1")
    (folder / "link").symlink_to(folder / "a b")
    for base in ("https://h.test/x", "https://h.test/x/"):
        made = make_manifest(folder, base, title="T")
        assert (made["id"], made["title"], made["downloadTotal"]) == ("my season", "T", 3)
        assert made["urls"] == [
            {"url": f"https://h.test/x/{url}", "name": name, "checksum": sha256(b"1")}
            for url, name in [
                ("a%20b", "a b"),
                ("sub/%C3%A4%23%3F%25.txt", "sub/ä#_%.txt"),
                ("sub/%FF", "sub/_"),
            ]
        ]
        (tmp_path / "m.json").write_text(json.dumps(made))
        plan = read_manifest(tmp_path / "m.json", tmp_path, OPEN)
        assert [one.name for one in plan.files] == ["a b", "sub/ä#_%.txt", "sub/_"]


def test_a_folder_without_files_makes_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(BadPlan, match="there is no file in it"):
        make_manifest(tmp_path, "https://h.test/")


def read(tmp_path: Path, **data: object) -> Plan:
    (tmp_path / "m.json").write_text(json.dumps({"urls": [URL]} | data))
    return read_manifest(tmp_path / "m.json", tmp_path, Policy())


def test_a_manifest_is_read_with_all_that_it_says(tmp_path: Path) -> None:
    checksum = "sha256:" + sha256(b"1").removeprefix("sha256:").upper()
    wanted = {"url": URL, "name": "../../etc/x", "checksum": checksum}
    icon = {"src": "/i.png", "sizes": "1x1"}
    plan = read(
        tmp_path, id="i", title="T", downloadTotal=7, icons=[icon], urls=[wanted, URL, URL + "?2"]
    )
    assert plan == Plan(
        "i",
        tmp_path,
        (
            WantedFile(URL, "etc/x", sha256(b"1")),
            WantedFile(URL, "a"),
            WantedFile(URL + "?2", "a-2"),
        ),
        "T",
        7,
        (icon,),
    )
    assert read(tmp_path).id == "m", "the name of the file, if it says none"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"downloadTotal": True}, "downloadTotal is a number"),
        ({"downloadTotal": 2**63}, "downloadTotal is a number"),
        ({"downloadTotal": 1.0}, "downloadTotal is a number"),
        ({"icons": {}}, "icons is a list"),
        ({"icons": [{"src": 1}]}, "icons.src: a string"),
        ({"id": "\ud800"}, "id: half of a surrogate pair"),
        ({"urls": [{"url": URL, "name": "\udcff"}]}, "name: half of a surrogate pair"),
        ({"urls": [{"url": URL, "size": 1}]}, "a URL, or an object with"),
        ({"urls": ["http://h.test/"]}, "--allow-http"),
        ({"urls": ["https://127.0.0.1/"]}, "--allow-private"),
    ],
)
def test_what_no_manifest_may_say_is_told(
    tmp_path: Path, data: dict[str, object], said: str
) -> None:
    with pytest.raises(BadPlan, match=said):
        read(tmp_path, **data)


def test_a_manifest_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(MOST + 1)
    with pytest.raises(BadPlan, match="larger than"):
        read_manifest(path, tmp_path, Policy())


def test_a_url_that_is_given_twice_is_one_file(tmp_path: Path) -> None:
    plan = plan_urls([URL, URL], tmp_path, policy=Policy(), checksums=[sha256(b"1")])
    assert plan.files == (WantedFile(URL, "a", sha256(b"1")),)


# --- what is there already ------------------------------------------------------------


def test_what_is_there_is_told_from_what_is_missing_and_from_what_is_in_the_way(
    tmp_path: Path,
) -> None:
    (tmp_path / "same").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    (tmp_path / "folder").mkdir()
    names = ("same", "other", "folder", "missing")
    wanted = tuple(WantedFile(f"{URL}/{name}", name, sha256(b"1")) for name in names)
    left, there = already(Plan("p", tmp_path, wanted))
    assert left.files == wanted[3:]
    assert [one.good for one in there] == [True, False, False]
    assert "another checksum; move it away" in there[1].outcome
    assert "is no file; move it away" in there[2].outcome
    bare = tuple(attrs.evolve(one, checksum="") for one in wanted)
    assert [one.good for one in already(Plan("p", tmp_path, bare))[1]] == [True, True, False]


def test_a_file_with_another_checksum_ends_with_1_and_nothing_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_bytes(b"2")
    assert run(["download", URL, "-o", str(tmp_path), "--checksum", sha256(b"1")]) == 1
    assert "another checksum" in capsys.readouterr().err
    assert (tmp_path / "a").read_bytes() == b"2"


# --- to its place ---------------------------------------------------------------------


def placed(folder: Path, data: bytes = b"1") -> str:
    draft = folder / "draft"
    draft.write_bytes(data)
    taken = _finish(draft, folder / "x.txt", WantedFile(URL, "x.txt"))
    draft.unlink(missing_ok=True)
    assert taken.good and taken.path is not None
    assert taken.path.read_bytes() == data
    return taken.path.name


def test_the_same_bytes_are_placed_once_and_others_beside_them(tmp_path: Path) -> None:
    assert [placed(tmp_path) for _ in range(2)] == ["x.txt"] * 2
    assert [placed(tmp_path, b"2") for _ in range(2)] == ["x-2.txt"] * 2
    assert placed(tmp_path) == "x.txt"


def test_a_link_is_not_taken_for_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"1")
    (tmp_path / "x.txt").symlink_to(tmp_path / "elsewhere")
    assert placed(tmp_path) == "x-2.txt"
    assert (tmp_path / "x.txt").is_symlink()


def test_where_there_are_no_links_a_file_is_placed_and_none_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        code = errno.EEXIST if target.exists() else errno.EPERM
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    assert placed(tmp_path) == "x.txt"
    assert placed(tmp_path, b"2") == "x-2.txt"
    assert (tmp_path / "x.txt").read_bytes() == b"1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-2.txt", "x.txt"]
    monkeypatch.setattr(Path, "exists", lambda _: False)  # it comes between the look and the deed
    assert placed(tmp_path, b"3") == "x-3.txt"
    assert [(tmp_path / f"x{n}.txt").read_bytes() for n in ("", "-2", "-3")] == [b"1", b"2", b"3"]


def test_a_file_is_synced_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    there: list[bool] = []

    def fsync(fd: int) -> None:
        there.append((tmp_path / "x.txt").exists())
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    placed(tmp_path)
    assert there == [False, True]


# --- words ----------------------------------------------------------------------------


RECORD = ShownRecord("https://h.test/a", "GET", 4, 10, 0, 0, 200, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"result": "bad-status", "status": 404}, "the server answered 404 Not Found"),
        ({"result": "bad-status", "status": 499}, "the server answered 499"),
        ({"result": "quota-exceeded"}, "no room is left for it"),
        ({"result": "aborted"}, "aborted"),
        ({"result": ""}, "stopped"),
        ({"result": "fetch-error"}, "it could not be fetched"),
        ({"result": "fetch-error", "why": "no answer"}, "it could not be fetched: no answer"),
        (
            {"result": "fetch-error", "why": "no public Internet"},
            "it could not be fetched: no public Internet; allow it with --allow-private",
        ),
        (
            {"result": "fetch-error", "why": "plain http to another machine"},
            "it could not be fetched: plain http to another machine; allow it with --allow-http",
        ),
    ],
)
def test_why_there_is_no_file_is_said_with_the_next_move(
    changes: dict[str, object], said: str
) -> None:
    assert why(attrs.evolve(RECORD, **changes)) == said  # type: ignore[arg-type] # fields


def test_a_length_is_told_only_if_all_are_known() -> None:
    shown = Shown("s", "", "T", (), True, False, False, False, True, False, True, 8, 100)
    both = entry(shown, [RECORD, RECORD])
    assert (both["length"], both["downloaded"], both["downloadTotal"]) == (20, 8, 100)
    assert (both["id"], both["title"], both["state"]) == ("s", "T", "downloading")
    assert entry(shown, [RECORD, attrs.evolve(RECORD, length=None)])["length"] is None


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        (Policy(), ""),
        (Policy(allow_http=True), " --allow-http"),
        (OPEN, " --allow-http --allow-private"),
    ],
)
def test_the_line_that_goes_on_allows_what_was_allowed(policy: Policy, options: str) -> None:
    line = _go_on(Settings(store=Path("my store"), policy=policy))
    assert line == f"bgfetch download --resume --store 'my store'{options}"
