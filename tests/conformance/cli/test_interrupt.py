"""Ctrl-C in mid-run: a real process, a real signal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path


def test_an_interrupted_run_leaves_a_readable_partial_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.cli", "run", "--on", "model", "--repeat", "500"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path), "SC-56"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"model SC-56: conforms\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"PARTIAL: stopped after" in out
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["complete"] is False
    assert 1 <= len(report["results"]) < 500
    assert "<strong>Partial:</strong>" in (tmp_path / "report.html").read_text()
