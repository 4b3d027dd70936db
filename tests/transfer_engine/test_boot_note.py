"""What a note of boot and level says, and that it is written at the end of a recovery only."""

from __future__ import annotations

import ctypes
import errno
import itertools
import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from transfer_engine import FileBodyDisk, boot_note
from transfer_engine.boot_note import Trust, note, read_note


@pytest.mark.parametrize(
    ("text", "boot", "trust"),
    [
        ("b1 power", "b1", Trust("in memory", lost=False, unsynced=False)),
        ("b1 kill", "b1", Trust("there", lost=False, unsynced=True)),
        ("b1 power", "b2", Trust("gone", lost=False, unsynced=False)),
        ("b1 kill", "b2", Trust("gone", lost=True, unsynced=False)),
        (note("", "power"), "", Trust("gone", lost=False, unsynced=False)),
        (note("", "kill"), "", Trust("gone", lost=True, unsynced=False)),
        *[
            (text, "b1", Trust("gone", lost=True, unsynced=False))
            for text in ("", " ", "b1", "b1 ", " power", "b1 powe", "b1 power power")
        ],
    ],
)
def test_a_note_is_trusted_as_far_as_its_boot_and_level_go(
    text: str, boot: str, trust: Trust
) -> None:
    assert read_note(text, boot) == trust


def booted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text(name)
    monkeypatch.setattr(boot_note, "BOOT_ID", boot)


def disk_with_a_body(tmp_path: Path, level: boot_note.Durability) -> None:
    disk = FileBodyDisk(tmp_path / "bodies", level)
    disk.recovered()
    disk.create("b00000001", b"12345")
    disk.close()


def test_a_recovery_that_is_killed_leaves_the_next_one_as_careful(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    disk_with_a_body(tmp_path, "kill")
    booted(monkeypatch, tmp_path, "second")
    for _ in range(3):
        killed = FileBodyDisk(tmp_path / "bodies", "kill")
        assert killed.trusted("b00000001", 0) == 0
        killed.close()
    whole = FileBodyDisk(tmp_path / "bodies", "kill")
    whole.recovered()
    whole.close()
    again = FileBodyDisk(tmp_path / "bodies", "kill")
    again.create("b00000002", b"12")
    again.close()
    assert FileBodyDisk(tmp_path / "bodies", "kill").trusted("b00000002", 0) == 2


def test_after_a_power_cut_at_level_kill_no_length_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    disk_with_a_body(tmp_path, "kill")
    booted(monkeypatch, tmp_path, "second")
    assert FileBodyDisk(tmp_path / "bodies", "kill").lengths() == {"b00000001": 0}


def killed_after_a_checkpoint(tmp_path: Path, tail: bytes) -> None:
    disk = FileBodyDisk(tmp_path / "bodies", "power")
    disk.recovered()
    disk.create("b00000001", b"12345")
    disk.sync("b00000001")
    disk.append("b00000001", tail)
    disk.close()


TAIL = bytes(range(256)) * 10_000  # of more pages, and more than is read at once


def test_after_a_kill_at_level_power_what_is_in_memory_is_taken_over(tmp_path: Path) -> None:
    killed_after_a_checkpoint(tmp_path, TAIL)
    disk = FileBodyDisk(tmp_path / "bodies", "power")
    assert disk.trusted("b00000001", 5) == 5 + len(TAIL)
    assert disk.read("b00000001", 0, 1 << 22) == b"12345" + TAIL


def test_after_a_power_cut_at_level_power_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    killed_after_a_checkpoint(tmp_path, TAIL)
    booted(monkeypatch, tmp_path, "second")
    assert FileBodyDisk(tmp_path / "bodies", "power").trusted("b00000001", 5) == 5


def test_what_is_taken_over_is_written_again_before_anything_is_synced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed_after_a_checkpoint(tmp_path, TAIL)
    disk = FileBodyDisk(tmp_path / "bodies", "power")
    done: list[str] = []

    def noted(name: str, real: Callable[..., int | None]) -> Callable[..., int | None]:
        def call(*args: int) -> int | None:
            done.append(name)
            return real(*args)

        return call

    for name in ("fdatasync", "pwrite", "fsync"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    disk.trusted("b00000001", 5)
    disk.sync("b00000001")
    assert [name for name, _ in itertools.groupby(done)] == ["pwrite", "fdatasync", "fsync"]


def test_a_tail_that_cannot_be_synced_is_not_taken_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed_after_a_checkpoint(tmp_path, TAIL)
    disk = FileBodyDisk(tmp_path / "bodies", "power")

    def fails(_fd: int) -> None:
        raise OSError(errno.EIO, "planted")

    monkeypatch.setattr(os, "fdatasync", fails)
    assert disk.trusted("b00000001", 5) == 5


def in_memory(file: int) -> bool:
    """Whether the kernel has any page of a file.  Unlike a read this does not fetch them."""
    with mmap.mmap(file, 0, access=mmap.ACCESS_COPY) as view:
        pages = ctypes.create_string_buffer(-(-len(view) // mmap.PAGESIZE))
        first = ctypes.c_char.from_buffer(view)
        address = ctypes.c_void_p(ctypes.addressof(first))
        del first  # the map cannot be closed while something points into it
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mincore(address, ctypes.c_size_t(len(view)), pages):
            raise OSError(ctypes.get_errno(), "mincore")
        return any(page[0] & 1 for page in pages)


def put_out_of_memory(path: Path) -> bool:
    """Whether that could be done: a file system may itself be in memory.

    A page that the kernel holds for a moment, to sort or to write it, is passed over by the
    advice, so it is given again.
    """
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
        for _ in range(1_000):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            if not in_memory(file):
                return True
        return False
    finally:
        os.close(file)


def test_of_what_memory_has_no_more_nothing_is_taken_over(tmp_path: Path) -> None:
    killed_after_a_checkpoint(tmp_path, TAIL)
    if not put_out_of_memory(tmp_path / "bodies" / "b00000001"):
        pytest.skip("this file system is in memory itself: it forgets nothing")
    for _ in range(3):  # the first look makes the kernel read it in
        disk = FileBodyDisk(tmp_path / "bodies", "power")
        assert disk.trusted("b00000001", 5) == 5
        disk.close()


def test_up_to_the_first_page_that_memory_has_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed_after_a_checkpoint(tmp_path, TAIL)
    kept = iter([1 << 20, 4096, 1 << 20])

    def some(_fd: int, _buffers: object, _offset: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        return next(kept)

    monkeypatch.setattr(os, "preadv", some)
    disk = FileBodyDisk(tmp_path / "bodies", "power")
    assert disk.trusted("b00000001", 5) == 5 + (1 << 20) + 4096


def test_from_level_kill_to_level_power_everything_is_synced_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    disk_with_a_body(tmp_path, "kill")
    synced: list[str] = []
    monkeypatch.setattr(FileBodyDisk, "sync", lambda _disk, name: synced.append(name))
    FileBodyDisk(tmp_path / "bodies", "power").recovered()
    assert synced == ["b00000001"]
