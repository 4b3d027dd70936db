"""The repository keeps its own promises: set-up, packaging, and what no file may say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ROOMS = ("spec_model", "transfer_engine", "conformance")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[all]'"

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def closure(names: list[str]) -> set[str]:
    """The installed distributions that these requirements need, themselves included."""
    found: set[str] = set()
    todo = [Requirement(name) for name in names]
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if name in found:
            continue
        if name == "bgfetch-spec":
            todo += [Requirement(each) for extra in wanted.extras for each in EXTRAS[extra]]
            continue
        found.add(name)
        for each in metadata.requires(name) or []:
            needed = Requirement(each)
            extras = {"", *wanted.extras}
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            ):
                todo.append(needed)
    return found


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    rows = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in rows}


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_readme_has_its_two_commands_each_with_the_whole_set_up() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"{SET_UP} && .venv/bin/bgfetch run\n" in readme
    assert f"{SET_UP} && .venv/bin/pytest -n auto --dist worksteal\n" in readme


def test_the_check_sets_up_as_the_readme_does_and_insists_on_a_browser() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text("utf-8")
    assert os.access(script, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert SET_UP in text
    assert "BGFETCH_REQUIRE_BROWSER=1 .venv/bin/pytest -n auto --dist worksteal" in text


def test_without_extras_only_the_engine_s_own_needs_are_installed() -> None:
    assert {Requirement(each).name for each in PROJECT["dependencies"]} == {"attrs", "h11", "trio"}


def test_every_needed_distribution_is_pinned_and_is_what_is_installed() -> None:
    needed = closure([*PROJECT["dependencies"], *EXTRAS["all"]])
    assert needed - set(pins()) == set()
    for name in needed:
        assert pins()[name] == metadata.version(name), name


def test_every_room_is_typed() -> None:
    for room in ROOMS:
        assert (ROOT / room / "py.typed").is_file()


LIGHT = """
import sys
import transfer_engine
heavy = {"click", "hypothesis", "jinja2", "msgspec", "playwright", "rich", "ruamel", "transitions",
         "spec_model", "conformance"}
print(sorted(heavy & set(sys.modules)))
"""


def test_importing_the_engine_imports_nothing_else(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", LIGHT, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


BARE = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"click", "hypothesis", "jinja2", "jsonschema", "msgspec",
                                  "packaging", "playwright", "rich", "ruamel", "transitions"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from conformance.cli import main
main()
"""


def test_without_extras_the_script_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", BARE, cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "bgfetch-spec[all]" in done.stderr


def test_every_extra_that_is_recommended_exists() -> None:
    named = set()
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/**/*.py")]:
        if ROOT / ".venv" not in path.parents:
            for extras in re.findall(r"bgfetch-spec\[([a-z,]+)\]", path.read_text("utf-8")):
                named |= set(extras.split(","))
    assert named and named <= EXTRAS.keys()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_all_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for room in ROOMS:
        assert f"{room}/py.typed" in names
    for data in ("spec_model/steps.tsv", "spec_model/errata.tsv"):
        assert data in names
    for path in (ROOT / "scenarios").rglob("*.yaml"):
        assert f"conformance/_data/{path.relative_to(ROOT).as_posix()}" in names
    for path in (ROOT / "reports" / "expected").rglob("*.toml"):
        assert f"conformance/_data/expected/{path.name}" in names
    for path in (ROOT / "conformance").rglob("*"):
        if path.suffix in (".j2", ".css", ".js", ".tsv", ".json", ".html"):
            assert path.relative_to(ROOT).as_posix() in names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)


@pytest.mark.slow
def test_the_wheel_alone_runs_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(installed)
    empty.mkdir()
    # The unpacked wheel comes before the checkout; the first line proves it.
    where = run(
        sys.executable, "-c", "import conformance; print(conformance.__file__)",
        cwd=empty, PYTHONPATH=str(installed),
    )  # fmt: skip
    assert where.stdout.startswith(str(installed))
    main = "import sys; from conformance.cli import main; sys.exit(main())"
    done = run(
        sys.executable, "-c", main, "run", "--on", "model", cwd=empty, PYTHONPATH=str(installed)
    )
    assert done.returncode == 0, done.stdout + done.stderr


SECRETS = [
    # A registry's host, a path of some machine, an issue's number: in pieces, to pass itself.
    "py" + r"pi\.org",
    "files\\." + "pythonhosted",
    "/wo" + r"rk/(main|shared|\.)",
    r"\bissue" + r" #?\d+\b",
]


def test_no_file_names_a_registry_a_machine_s_path_or_an_issue() -> None:
    skip = {".venv", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    pattern = re.compile("|".join(SECRETS), re.IGNORECASE)
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in skip and each != "__pycache__"]
        for name in files:
            path = Path(folder) / name
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue
            found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in pattern.finditer(text)]
    assert found == []
