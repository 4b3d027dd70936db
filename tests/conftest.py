"""What holds for all tests: hypothesis profiles, the ``browser`` mark, and no silent skip."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Generator

import pytest

from conformance import profiles

REQUIRE_BROWSER = "BGFETCH_REQUIRE_BROWSER"
"""Set to 1 where a browser must be there: a browser test that is skipped is a failure then."""

profiles.register()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would each program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    browser = item.get_closest_marker("browser") is not None
    if browser and report.skipped and os.environ.get(REQUIRE_BROWSER) == "1":
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_BROWSER} is set, but this was skipped: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped, and why, in the last lines, whatever the verbosity."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(_reason(report) for report in skipped)
    if not reasons:
        terminalreporter.write_line("nothing was skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")
