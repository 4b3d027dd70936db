"""The report as JUnit XML, for the machines that read nothing else.

A known difference is *skipped* (so a suite stays green and the count shows the
debt), an unexpected one a *failure*, a missing verdict or a fault of our own an
*error*.  An unexpected pass is a failure: it has to be looked at.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from conformance.judge.expectations import UNEXPECTED, Standing
from conformance.judge.verdict import Verdict
from conformance.report import terminal
from conformance.report.cells import cell
from conformance.report.results import ColumnInfo, Report, Result

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, not even escaped; an implementation may say them."""


def render(report: Report) -> str:
    """One suite for each implementation, one case for each scenario and attempt."""
    root = ET.Element("testsuites", name="bgfetch")
    for column in report.columns:
        _suite(root, report, column)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode", xml_declaration=True)
    return _FORBIDDEN.sub(lambda found: f"\\x{ord(found[0]):02x}", text) + "\n"


def _suite(root: ET.Element, report: Report, column: ColumnInfo) -> None:
    results = [one for one in report.results if one.column == column.name]
    suite = ET.SubElement(root, "testsuite", name=column.name, package=column.implementation)
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="version", value=column.version)
    ET.SubElement(properties, "property", name="complete", value=str(report.complete).lower())
    counts = {"tests": len(results), "failures": 0, "errors": 0, "skipped": 0}
    for result in results:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"bgfetch.{column.name}",
            name=result.judgement.scenario
            + (f" run {result.attempt}" if result.attempt > 1 else ""),
            time=f"{result.judgement.seconds:.3f}",
        )
        kind = _kind(result)
        if kind:
            counts[{"failure": "failures", "error": "errors"}.get(kind, kind)] += 1
            lines = terminal.lines_of(report, result)
            element = ET.SubElement(case, kind, message=_message(result, column))
            if kind != "skipped":
                element.text = "\n".join(lines)
        ET.SubElement(case, "system-out").text = result.replay
    if column.absent and column.asked:
        case = ET.SubElement(suite, "testcase", classname=f"bgfetch.{column.name}", name="starts")
        ET.SubElement(case, "error", message=column.absent)
        counts["tests"] += 1
        counts["errors"] += 1
    for name, number in counts.items():
        suite.set(name, str(number))


def _kind(result: Result) -> str:
    if result.bug or result.standing is Standing.NO_VERDICT:
        return "error"
    if result.standing in UNEXPECTED:
        return "failure"
    unsupported = result.judgement.verdict is Verdict.UNSUPPORTED
    return "skipped" if unsupported or result.standing is Standing.KNOWN else ""


def _message(result: Result, column: ColumnInfo) -> str:
    words = cell([result], column).text
    more = result.reason if result.standing is Standing.KNOWN else result.judgement.why
    return f"{words}: {more}" if more else words
