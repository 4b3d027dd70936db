"""The documentation says what is true: commands run, links lead somewhere, examples hold.

In a page a fenced block

- ``console`` holds commands after ``$``; those that begin with ``bgfetch`` are run by the
  installed script, in a folder of the page's own, and must end with 0;
- with ``file=NAME`` after its language is written to that file first;
- may ask ``http://localhost:8000``: what the page has put into ``site/`` is served there;
- ``python`` with ``>>>`` is a doctest.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import attrs
import pytest

from conformance import docs

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
SITE = "http://localhost:8000"
SECONDS = 400
"""A bound on one command of the documentation, far beyond what any of them takes."""


@attrs.frozen
class Block:
    language: str
    file: str | None
    text: str


def blocks(page: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\w+)([^\n]*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        language, rest, text = match.groups()
        file = re.search(r"\bfile=(\S+)", rest)
        yield Block(language, file[1] if file else None, text)


def commands(page: str) -> list[list[str]]:
    return [
        shlex.split(line[2:])
        for block in blocks(page)
        if block.language == "console"
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The origin at which the files of a folder are served."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("localhost", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


WITH_COMMANDS = [page for page in PAGES if commands(page.read_text("utf-8"))]
EVERY = pytest.mark.parametrize("page", PAGES, ids=relative)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=relative)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    with served(tmp_path / "site") as origin:
        text = text.replace(SITE, origin)
        for block in blocks(text):
            if block.file:
                file = tmp_path / block.file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, "utf-8")
        for command in commands(text):
            assert command[0] == "bgfetch", f"a test cannot run {command[0]}: use a block of sh"
            script = Path(sys.executable).parent / "bgfetch"
            done = subprocess.run(
                [script, *command[1:]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            said = f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, said
            assert done.stdout.strip(), said


@EVERY
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@EVERY
def test_every_example_in_python_holds(page: Path) -> None:
    source = "\n".join(
        block.text for block in blocks(page.read_text("utf-8")) if block.language == "python"
    )
    test = doctest.DocTestParser().get_doctest(source, {}, relative(page), str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    heard: list[str] = []
    runner.run(test, out=heard.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(heard)


def test_every_page_can_be_reached_from_the_index() -> None:
    reached: set[Path] = set()
    todo = [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#]+\.md)", page.read_text("utf-8"))
        todo.extend((page.parent / link).resolve() for link in links if "://" not in link)
    assert {relative(page) for page in DOCS.rglob("*.md")} <= {relative(page) for page in reached}


def test_the_generated_pages_are_fresh() -> None:
    assert docs.stale(DOCS) == []


def test_a_changed_or_missing_page_is_found_stale(tmp_path: Path) -> None:
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []
    (tmp_path / "reference" / "lifecycle.md").write_text("by hand")
    (tmp_path / "reference" / "errata" / "E13.md").unlink()
    (tmp_path / "reference" / "errata" / "E999.md").write_text("no such erratum")
    assert docs.stale(tmp_path) == [
        "reference/lifecycle.md",
        "reference/errata/E13.md",
        "reference/errata/E999.md",
    ]
    assert docs.main(["--check", str(tmp_path)]) == 1
    assert docs.main([str(tmp_path)]) == 0
    assert docs.main(["--check", str(tmp_path)]) == 0


def test_the_examples_of_the_readme_are_short() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    examples = [block for block in blocks(readme) if block.language == "python"]
    assert len(examples) == 1
    assert len(examples[0].text.splitlines()) <= 12


def test_blocks_are_found_with_their_files() -> None:
    page = "a\n```yaml file=x/y.yaml\nk: v\n```\n```console\n$ bgfetch run 'a b'\nout\n```\n"
    assert list(blocks(page)) == [
        Block("yaml", "x/y.yaml", "k: v\n"),
        Block("console", None, "$ bgfetch run 'a b'\nout\n"),
    ]
    assert commands(page) == [["bgfetch", "run", "a b"]]
