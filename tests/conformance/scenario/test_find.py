"""Where scenario files are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.scenario import find as module
from conformance.scenario.find import find, packaged


def test_a_folder_stands_for_its_files_sorted_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b/z.yaml", "a.yaml", "notes.txt", ".git/x.yaml", ".hidden.yaml"):
        (tmp_path / name).touch()
    expected = [tmp_path / "a.yaml", tmp_path / "b/z.yaml"]
    assert find([tmp_path]) == expected
    assert find([tmp_path / "b/z.yaml", tmp_path, str(tmp_path / "a.yaml")]) == expected


def test_a_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "trace.txt").touch()
    assert find([tmp_path / "trace.txt"]) == [tmp_path / "trace.txt"]


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such scenario file or folder"):
        find([tmp_path / "nowhere"])


def test_nothing_named_means_the_packaged_ones() -> None:
    assert find(None) == find([packaged()])
    assert len(find()) >= 34


def test_an_installed_wheel_carries_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, beside = tmp_path / "conformance/_data/scenarios", tmp_path / "scenarios"
    wheel.mkdir(parents=True)
    beside.mkdir()
    monkeypatch.setattr(module, "_PLACES", (wheel, beside))
    assert packaged() == wheel
    wheel.rmdir()
    assert packaged() == beside
    beside.rmdir()
    with pytest.raises(FileNotFoundError, match="no scenarios came with this installation"):
        packaged()


def test_only_what_is_hidden_inside_the_folder_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / ".work" / "own"
    (folder / "folder.yaml").mkdir(parents=True)
    (folder / "a.yaml").touch()
    assert find([folder]) == [folder / "a.yaml"]


def test_in_a_wheel_the_scenarios_of_the_wheel_come_first() -> None:
    wheel, checkout = module._PLACES
    assert wheel.parts[-3:] == ("conformance", "_data", "scenarios")
    assert checkout.name == "scenarios"
    assert "conformance" not in checkout.relative_to(wheel.parents[2]).parts
