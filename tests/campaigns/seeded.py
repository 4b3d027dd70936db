"""Trio's scheduler, seeded: one seed, one order of tasks, every time.

Trio runs the tasks that are ready in an order that it shuffles with a private random
generator; with a private flag set it sorts them first, so that the shuffle depends on the
seed alone.  ``test_seeded`` guards that both still exist and still do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import trio
from trio._core import _run

FLAG, RANDOM = "_ALLOW_DETERMINISTIC_SCHEDULING", "_r"


@contextmanager
def seeded_scheduler(seed: int) -> Iterator[None]:
    """Every ``trio.run`` inside replays exactly, as far as its tasks do."""
    before, rng = getattr(_run, FLAG), getattr(_run, RANDOM)
    assert isinstance(rng, Random), f"trio {trio.__version__} has another scheduler"
    state = rng.getstate()
    setattr(_run, FLAG, True)
    rng.seed(seed)
    try:
        yield
    finally:
        setattr(_run, FLAG, before)
        rng.setstate(state)
