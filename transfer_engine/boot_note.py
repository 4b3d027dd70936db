"""What a crash may have taken, told from a note of two words: the boot and the level.

A killed process leaves every byte that it wrote: pages belong to the kernel.  A power cut
leaves what was synced.  Which of the two ended the last owner of a store, the kernel's boot
id tells; what the last owner had synced, its level of durability tells.  So each owner notes
both, and the next one reads from the note how far lengths can be trusted:

====================  =====================  =====================================
the note              the boot is the same   the boot is another one
====================  =====================  =====================================
of level ``power``    the journal's lengths  the journal's lengths are the truth
                      are the truth, and
                      what is in memory
of level ``kill``     files are the truth    nothing was ever synced: no length is
none, or unreadable   no length is           no length is
====================  =====================  =====================================

*When a note may be written.*  Only once the recovery is over, and all at once (a new file,
synced, renamed).  A note of this boot says "the files are the truth", and until the tails
that a power cut tore have been cut off, they are not: a recovery that is killed half way
must find the old note again.  And a note of level ``power`` says "what the journal counts
was synced"; after an owner of level ``kill`` in the same boot that is made true first.

*Why files are not the truth at level* ``power``, though after a kill they look it: once
a sync has failed, the kernel may take pages for written that are not, and on a disk where
nothing can be written nobody could note that.  So what was synced counts.  What came after
the last checkpoint counts as far as it is still in memory, once it has been written again
and synced (``page_cache``); the price of a kill is what memory no longer had room for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

Durability = Literal["kill", "power"]
Tail = Literal["there", "in memory", "gone"]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NO_BOOT = "-"


@attrs.frozen
class Trust:
    """What a note says of the bodies beside it.

    ``tail``: what was written and not synced is ``there``, or what is ``in memory`` of it
    may be taken over, or it is ``gone``.  ``lost``: no length counts.  ``unsynced``: some of
    what counts may still be in the kernel only.
    """

    tail: Tail
    lost: bool
    unsynced: bool


def this_boot() -> str:
    """The kernel's boot id; empty where there is none, and then every crash is a power cut."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def note(boot: str, durability: Durability) -> str:
    """What an owner notes once its store is whole."""
    return f"{boot or NO_BOOT} {durability}"


def read_note(text: str, boot: str) -> Trust:
    """See the table."""
    noted, _, level = text.partition(" ")
    if level not in ("kill", "power") or not noted:
        return Trust("gone", lost=True, unsynced=False)
    same = bool(boot) and noted == boot
    kept: Tail = "there" if level == "kill" else "in memory"
    return Trust(
        kept if same else "gone",
        lost=level == "kill" and not same,
        unsynced=level == "kill" and same,
    )
