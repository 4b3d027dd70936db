"""What a note of boot and level says, and that it is written at the end of a recovery only."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_engine import FileBodyDisk, boot_note
from transfer_engine.boot_note import Trust, note, read_note


@pytest.mark.parametrize(
    ("text", "boot", "trust"),
    [
        ("b1 power", "b1", Trust(tail_survives=False, lost=False, unsynced=False)),
        ("b1 kill", "b1", Trust(tail_survives=True, lost=False, unsynced=True)),
        ("b1 power", "b2", Trust(tail_survives=False, lost=False, unsynced=False)),
        ("b1 kill", "b2", Trust(tail_survives=False, lost=True, unsynced=False)),
        (note("", "power"), "", Trust(tail_survives=False, lost=False, unsynced=False)),
        (note("", "kill"), "", Trust(tail_survives=False, lost=True, unsynced=False)),
        *[
            (text, "b1", Trust(tail_survives=False, lost=True, unsynced=False))
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
        assert not killed.tail_survives
        killed.close()
    whole = FileBodyDisk(tmp_path / "bodies", "kill")
    whole.recovered()
    whole.close()
    assert FileBodyDisk(tmp_path / "bodies", "kill").tail_survives


def test_after_a_power_cut_at_level_kill_no_length_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    disk_with_a_body(tmp_path, "kill")
    booted(monkeypatch, tmp_path, "second")
    assert FileBodyDisk(tmp_path / "bodies", "kill").lengths() == {"b00000001": 0}


def test_from_level_kill_to_level_power_everything_is_synced_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booted(monkeypatch, tmp_path, "first")
    disk_with_a_body(tmp_path, "kill")
    synced: list[str] = []
    monkeypatch.setattr(FileBodyDisk, "sync", lambda _disk, name: synced.append(name))
    FileBodyDisk(tmp_path / "bodies", "power").recovered()
    assert synced == ["b00000001"]
