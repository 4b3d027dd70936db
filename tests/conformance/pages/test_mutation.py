"""The page of spec mutation says what the report says, and why each survivor survives."""

from __future__ import annotations

from pathlib import Path

from conformance.mutate.campaign import Row
from conformance.mutate.report import Report
from conformance.pages.mutation import mutation_page

ROWS = [
    Row(
        "f.g/drop/1", "spec_model/f.py:3 g", "leave out: a | b", how="outcome", by="SC-1 (amended)"
    ),
    Row("f.g/drop/2", "spec_model/f.py:4 g", "leave out: c", met=2),
    Row("f.h/swap/3", "spec_model/f.py:9 h", "swap: d  <->  e", met=2, explored=4),
]

SURVIVORS = """\
[[survivor]]
key = "f.g/drop/2"
kind = "gap"
reason = "No scenario asks."
"""


def test_the_page_has_both_shares_and_the_reasons(tmp_path: Path) -> None:
    report = Report("m", {"spec_model/f.py": "d"}, {"SC-1": "d1"}, 2, 0, None)
    report.add(ROWS)
    report.save(tmp_path / "mutation.json")
    (tmp_path / "mutation.toml").write_text(SURVIVORS, "utf-8")
    page = mutation_page(tmp_path)
    assert "Noticed: **33.3%** of them" in page
    assert "equal or equivalent: **50.0%**" in page
    assert "| f `g` | `leave out: c` | gap | No scenario asks. |" in page
    assert "| `spec_model/f.py` | 3 | 2 |" in page
    assert "swap: d" not in page  # equal: it has no line
