"""What a body was put together from."""

from __future__ import annotations

from conformance.judge.properties.pieces import described
from conformance.world.content import content

SENT = [("/x", 1), ("/x", 2)]
X, NEWER = content("/x", 1, 0, 64), content("/x", 2, 0, 64)


def test_a_whole_body_is_one_piece() -> None:
    assert described(X, SENT) == "bytes 0-63 of version 1 of /x"
    assert described(b"", SENT) == "nothing"


def test_pieces_need_not_begin_or_end_at_a_word() -> None:
    assert described(X[3:24] + NEWER[24:37], SENT) == (
        "bytes 3-23 of version 1 of /x, bytes 24-36 of version 2 of /x"
    )


def test_a_byte_in_which_two_pieces_agree_is_of_the_first() -> None:
    assert described(X[:13] + NEWER[13:], SENT) == (
        "bytes 0-15 of version 1 of /x, bytes 16-63 of version 2 of /x"
    )


def test_a_byte_that_was_lost_or_doubled_shows_where() -> None:
    assert described(X[:30] + X[31:], SENT) == (
        "bytes 0-29 of version 1 of /x, bytes 31-63 of version 1 of /x"
    )
    assert described(X[:31] + X[16:], SENT) == (
        "bytes 0-30 of version 1 of /x, bytes 16-63 of version 1 of /x"
    )


def test_what_was_not_sent_is_only_counted() -> None:
    assert described(b"Not Found\n" + X[:16], SENT) == (
        "10 bytes that no answer carried, bytes 0-15 of version 1 of /x"
    )
    assert described(content("/z", 1, 0, 64), SENT) == "64 bytes that no answer carried"


def test_only_the_first_pieces_are_told() -> None:
    told = described((X[:16] + NEWER[16:32]) * 3, SENT).split(", ")
    assert told == [
        *("bytes 0-15 of version 1 of /x", "bytes 16-31 of version 2 of /x") * 2,
        "...",
    ]
