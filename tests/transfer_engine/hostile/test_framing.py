"""Answers that lie about where they end: one specified reason, whole or cut anywhere."""

from __future__ import annotations

import pytest

from tests.transfer_engine.hostile.answers import FRAMING, NUMBERS
from tests.transfer_engine.hostile.world import Heard, cuts, hear, meet, run

ALL = FRAMING + NUMBERS
NAMES = [name for name, *_ in ALL]


@pytest.mark.parametrize(("answer", "reason"), [row[1:3] for row in ALL], ids=NAMES)
def test_the_page_sees_one_of_the_specified_reasons(answer: bytes, reason: str) -> None:
    met = meet(answer)
    assert met.reason == reason
    assert len(met.asked) == 1  # what is broken is not asked for again


@pytest.mark.parametrize(("answer", "end"), [(row[1], row[3]) for row in ALL], ids=NAMES)
def test_an_answer_cut_at_any_byte_means_what_it_means_whole(answer: bytes, end: str) -> None:
    heard: dict[Heard, int] = {}

    async def main() -> None:
        whole = await hear(answer)
        assert whole[2] == end
        pieces = [[answer[:at], answer[at:]] for at in range(1, 40)] if len(answer) > 2000 else []
        for cut in pieces or cuts(answer):
            status, body, said = await hear(cut)
            # How much of a broken body is handed out before the break is seen may differ.
            same = (status, body if said == "end" else b"", said)
            heard[same] = heard.get(same, 0) + 1
            assert body == whole[1][: len(body)]
        assert list(heard) == [(whole[0], whole[1] if end == "end" else b"", end)]

    run(main)


def test_a_head_request_has_no_body_whatever_the_head_says() -> None:
    async def main() -> None:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",):
            assert await hear(answer, method="HEAD") == (200, b"", "end")

    run(main)
