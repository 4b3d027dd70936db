"""Every system call that makes SQLite and bodies durable, as a place to die: by strace.

``strace`` sends SIGKILL at the nth call of a kind, the engine's and SQLite's own; the next
engine must then keep every promise.  Skipped, with the reason, where strace may not be used.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.kills import judged
from tests.campaigns.origin import origin
from tests.campaigns.trial import Trial, evidence

LIFE = """
import sys, trio
from pathlib import Path
from tests.campaigns.trial import Trial
trial = Trial(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
trio.run(trial.live, True, 60.0)
"""
CALLS = [
    ("pwrite64", 2, "kill"),
    ("pwrite64", 4, "power"),
    ("fdatasync", 7, "power"),
    ("splice", 3, "kill"),
]


@pytest.fixture(scope="module")
def strace() -> str:
    """Its path."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run([found, "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"strace may not be used here: {tried.stderr.strip()}")
    return found


@pytest.mark.parametrize(("call", "number", "level"), CALLS)
def test_no_promise_breaks_by_a_kill_at_a_system_call(
    tmp_path: Path, strace: str, call: str, number: int, level: str
) -> None:
    record, prefix = tmp_path / "requests", "/s"
    with origin(record) as places:
        trial = Trial(tmp_path / "t", prefix, places.plain, "power" if level == "power" else "kill")
        trial.directory.mkdir()
        inject = f"inject={call}:signal=SIGKILL:when={number}"
        command = [strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        command += [sys.executable, "-c", LIFE, str(trial.directory), prefix, places.plain, level]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=90)
        assert ended.returncode in (-9, 137), "the call was made, and killed it"
        record.touch()
        scene = evidence(trial, record)
        scene.crash(cut=False)
        trial.run(False, None)
    assert judged(scene, trial) == []
