"""The tables as text and as diagrams."""

from __future__ import annotations

from spec_model import diagrams, lifecycle, phases
from spec_model.background_sync.lifecycle import SYNC_REGISTRATION

TABLES = (lifecycle.REGISTRATION, lifecycle.RECORD, phases.REGISTRATION, phases.RECORD)


def test_a_terminal_gets_every_move_of_every_table() -> None:
    lines = diagrams.states_text().splitlines()
    moves = [line for line in lines if line.startswith("    ")]
    assert len(moves) == sum(len(table.rows()) for table in TABLES)
    assert [line for line in lines if line.isupper()] == [t.name.upper() for t in TABLES]


def test_a_move_says_which_defect_or_repair_it_needs() -> None:
    text = diagrams.table_text(phases.REGISTRATION)
    assert "[only with E05 repaired]" in text
    assert "[only while E05 stands]" in text


def test_an_end_says_so() -> None:
    assert "  closed  (an end)" in diagrams.table_text(lifecycle.REGISTRATION).splitlines()


def test_a_diagram_shows_the_amended_text_unless_asked_for_all() -> None:
    amended = diagrams.mermaid(phases.REGISTRATION)
    everything = diagrams.mermaid(phases.REGISTRATION, amended=False)
    assert "overflow-at-once" not in amended
    assert "running --> deciding: all-settled, overflow-at-once (E05)" in everything


def test_a_diagram_begins_and_ends_and_leaves_out_what_stays() -> None:
    drawn = diagrams.mermaid(phases.RECORD).splitlines()
    assert "    [*] --> waiting_unpaused" in drawn
    assert "    settled --> [*]" in drawn
    assert not any("waiting_unpaused --> waiting_unpaused" in line for line in drawn)


def test_the_page_has_a_section_for_each_table_and_every_other_wait() -> None:
    page = diagrams.lifecycle_page()
    assert page.count("```mermaid") == len(TABLES)
    assert "(stays)" in page
    assert "## Where the other waits are" in page


def test_background_sync_is_drawn_from_its_own_table() -> None:
    assert diagrams.sync_states_text() == diagrams.table_text(SYNC_REGISTRATION)
    assert diagrams.mermaid(SYNC_REGISTRATION) in diagrams.sync_lifecycle()
