"""Room kept for the last word.

Whoever fails because a disk is full must write that down, and for this there is no room either:
bodies have taken all of it.  So a store keeps a file of ``SPARE`` bytes that nobody reads.
When a row that cannot be refused any more finds no room, the file is removed and the row
written.  From then on no body gets a byte until the file can be made again, so the bodies that
are on their way fail (``quota-exceeded``), their fetches settle, what they had stored is given
back, and there is room again.

``SPARE`` is enough for the rows of thousands of records: SQLite writes its log over and over
into the same 256 KiB then (``Journal.save_room``).
"""

from __future__ import annotations

import errno
import os

SPARE = 1 << 20
NAME = "spare"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spare:
    """The file in one directory, given as its descriptor; another owner may have left it."""

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self._there = False

    def keep(self) -> bool:
        """Make it if it is not there; false if there is no room for it."""
        if not self._there:
            try:
                self._make()
            except OSError as error:
                self.spend()
                if error.errno in FULL:
                    return False
            # Made, or impossible for a reason that concerns nobody else.
            self._there = True
        return True

    def _make(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(NAME, flags, mode=0o600, dir_fd=self._directory)
        try:
            os.posix_fallocate(fd, 0, SPARE)
        finally:
            os.close(fd)

    def spend(self) -> bool:
        """Remove it; true if it was there."""
        self._there = False
        try:
            os.unlink(NAME, dir_fd=self._directory)
        except OSError:
            return False
        return True
