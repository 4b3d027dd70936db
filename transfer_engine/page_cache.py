"""What a killed process wrote and had not synced, taken over while the kernel still has it.

After kill -9 every page that was written is in the page cache.  But which of them will also
be found on the medium is not known: a write-back may have failed, and who was told of that
is dead.  So the tail of a body is neither believed nor thrown away.  It is *written again*:

1. The tail is read from memory alone (``RWF_NOWAIT``), up to the first page that is not
   there: what comes from the medium is what is in doubt.  From there on it is cut off, at
   once, since the kernel now fetches that page, and the next look would find it in memory.
2. The same bytes are written over themselves.  So the kernel has to write them again,
   whatever it took for written before.
3. The file is synced, and then they are as good as any others.  A write-back that failed
   before, and of which nobody was told yet, is told here: then nothing is taken over.

*Read before anything is synced.*  A page that was never written to the medium cannot be
given up; one that was can be gone at any moment.  Usually memory must be short for that,
but some virtual machines give back to their host whatever was not used for a minute
(DAMON's ``pageout``), and choose by the place in memory, however new what lies there is: of
thirty MiB that had been written back and not counted, some pages were gone after every
fourth kill, six seconds later.  Therefore little may be in that state (``running.MOST_AT_STAKE``).

*Why a page that is gone is not read from the medium.*  It was written there, but whether
that failed only a sync can tell, and tells it once.  If the process that was told died of
the kill in that very call, no later sync of the file says so; a sync of the whole file
system does (``syncfs``), once as well: to the first of several engines that ask.

Nothing is asked of the process that died, and it need not have noted anything.  A container
that starts again on the same machine has the same page cache.  After a reboot there is none;
but a program that reads files early may have filled one, so the boot id is asked first
(``boot_note``).  Where the kernel or the file system cannot read without waiting, nothing is
taken over.
"""

from __future__ import annotations

import os

_STEP = 1 << 20


def take_over(fd: int, start: int) -> int:
    """Write again what is in memory of a file from ``start`` on; where it ends now.

    Raises OSError: then nothing from ``start`` on can be trusted.
    """
    end, piece, count = start, memoryview(bytearray(_STEP)), _STEP
    while count == _STEP:
        count = _in_memory(fd, piece, end)
        if count < _STEP:
            os.ftruncate(fd, end + count)
        written = 0
        while written < count:
            written += os.pwrite(fd, piece[written:count], end + written)
        end += count
    os.fdatasync(fd)
    return end


def _in_memory(fd: int, piece: memoryview, offset: int) -> int:
    """Read without waiting; 0 if not even the first byte can be had so."""
    try:
        return os.preadv(fd, [piece], offset, os.RWF_NOWAIT)
    except OSError:
        return 0
