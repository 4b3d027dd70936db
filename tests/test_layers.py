"""Imports point one way: read with ``ast`` from every module, top-level or inside a function.

    attrs, transitions  <-  spec_model  <-  conformance  ->  transfer_engine  ->  trio, h11, attrs

The judge and the judged share no code, or their agreement would prove nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("spec_model", "transfer_engine", "conformance")

MAY_IMPORT = {
    "spec_model": {"spec_model", "attrs", "transitions"},
    "transfer_engine": {"transfer_engine", "attrs", "trio", "h11"},
    "conformance": {
        "spec_model", "transfer_engine", "conformance", "attrs", "trio", "h11", "transitions",
        "click", "hypothesis", "jinja2", "jsonschema", "msgspec", "packaging", "playwright",
        "pytest", "rich", "ruamel", "websockets",
    },
}  # fmt: skip

IMPURE = {
    "asyncio", "datetime", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time", "uuid",
}  # fmt: skip
"""Of the standard library, what the model may not touch: the world and everything that varies."""

REACHES_THE_ENGINE = ("conformance/adapters/engine", "conformance/liars/", "conformance/cli")
"""Who in ``conformance`` may import the engine; everybody else is given an adapter."""

SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module
            yield node.module


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


EVERY = pytest.mark.parametrize("path", SOURCES, ids=relative)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@EVERY
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    for module in imported(path):
        top = module.split(".")[0]
        assert top in MAY_IMPORT[room] or top in sys.stdlib_module_names, module


@EVERY
def test_only_the_engines_own_adapters_the_liars_and_the_command_line_reach_it(path: Path) -> None:
    name = relative(path)
    if name.startswith("conformance/") and not name.startswith(REACHES_THE_ENGINE):
        assert [m for m in imported(path) if m.split(".")[0] == "transfer_engine"] == []


MODEL = [path for path in SOURCES if room_of(path) == "spec_model"]


@pytest.mark.parametrize("path", MODEL, ids=relative)
def test_the_model_is_pure(path: Path) -> None:
    assert [module for module in imported(path) if module.split(".")[0] in IMPURE] == []
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"open", "print", "input", "exec", "eval"} == set()


@pytest.mark.parametrize("path", MODEL, ids=relative)
def test_only_the_registries_read_package_data(path: Path) -> None:
    if "importlib" in {module.split(".")[0] for module in imported(path)}:
        assert path.name in ("steps.py", "errata.py", "profiles.py")


def test_states_move_only_through_the_table() -> None:
    """transitions is behind one door: nobody else imports it."""
    users = [
        relative(path)
        for path in SOURCES
        if "transitions" in {module.split(".")[0] for module in imported(path)}
    ]
    assert users == ["spec_model/table.py"]


def test_no_room_imports_the_tests() -> None:
    for path in SOURCES:
        assert "tests" not in {module.split(".")[0] for module in imported(path)}, relative(path)


def test_the_engine_installs_light() -> None:
    """What the engine imports is what the distribution depends on without extras."""
    used = {
        module.split(".")[0]
        for path in SOURCES
        if room_of(path) == "transfer_engine"
        for module in imported(path)
    }
    assert used - sys.stdlib_module_names - {"transfer_engine"} <= {"attrs", "trio", "h11"}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("def f():\n    from x.y import z", ["x.y"]),
    ],
)
def test_the_reader_sees_imports_wherever_they_stand(
    tmp_path: Path, source: str, modules: list[str]
) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert list(imported(path)) == modules
