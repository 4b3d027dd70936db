"""Body files: append-only, named by a counter, never by a server or a page.

``append`` is all or nothing.  What was appended but not synced may be gone after a
crash; what was synced is not.  Every file is opened for the one call, or for one batch
of the fast pump (an open costs microseconds; a table of descriptors costs limits and
locks), by a name that is checked, relative to a directory held open, never through a link.

*What a crash leaves.*  A killed process leaves every byte that it wrote: pages belong to
the kernel.  A power cut leaves what was synced.  Which of the two it was, the kernel's
boot id tells: if it is the one that the last owner of the directory noted, nothing has
been lost (``tail_survives``), and a body is exactly as long as its file, however old the
journal's note of it is.  If it is another one, the journal's lengths count at level
``power``, where they were synced before they were noted; at level ``kill`` nothing was
ever synced, so no length counts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from pathlib import Path
from typing import Literal, Protocol

from transfer_engine.errors import StoreFull, StoreUnusable

Durability = Literal["kill", "power"]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOTE = "boot"
_NAME = re.compile(r"b[0-9]{8,19}", re.ASCII)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def body_name(number: int) -> str:
    """The name of the body file with this number."""
    return f"b{number:08d}"


def body_number(name: str) -> int | None:
    """The number in a body's name, or None for any other name."""
    return int(name[1:]) if _NAME.fullmatch(name) else None


class BodyDisk(Protocol):
    """Synchronous; the engine calls it through ``offload``, never twice at once for one body.

    ``tail_survives``: bytes that the last owner appended and did not sync are all there.
    ``files``: bodies have descriptors.
    """

    files: bool

    @property
    def tail_survives(self) -> bool:
        """See above."""
        ...

    def create(self, name: str, data: bytes = b"") -> None:
        """A new body that begins with ``data``, or nothing.  Raises StoreFull."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """All of ``data`` at the end, or nothing.  Raises StoreFull."""
        ...

    def open(self, name: str, *, append: bool = False) -> int:
        """A descriptor to read from, or at the end to append with, for the caller to close.

        Raises NotImplementedError where bodies are not ``files``.
        """
        ...

    def read(self, name: str, offset: int, most: int) -> bytes:
        """At most ``most`` bytes from ``offset``; empty at the end."""
        ...

    def sync(self, name: str) -> None:
        """Everything appended so far survives a kill and a power cut."""
        ...

    def truncate(self, name: str, length: int) -> None:
        """Cut to ``length`` bytes and sync."""
        ...

    def delete(self, name: str) -> None:
        """Remove; nothing happens if it is not there."""
        ...

    def lengths(self) -> dict[str, int]:
        """The length of every body there is."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class FileBodyDisk:
    """Bodies as files of mode 0600 in one directory, locked for one process."""

    files = True

    def __init__(self, directory: Path, durability: Durability = "power") -> None:
        """Open or create the directory.  Raises StoreUnusable."""
        self._durability = durability
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._directory = os.open(directory, flags)
        except OSError as error:
            raise StoreUnusable(str(directory), str(error)) from error
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._directory)
            why = "another engine has it open" if error.errno == errno.EWOULDBLOCK else str(error)
            raise StoreUnusable(str(directory), why) from error
        self._unlisted: set[str] = set()
        try:
            self._tail_survives, self._lost = self._compare_boots()
        except OSError as error:
            os.close(self._directory)
            raise StoreUnusable(str(directory), str(error)) from error

    @property
    def tail_survives(self) -> bool:
        """See BodyDisk."""
        return self._tail_survives

    def _compare_boots(self) -> tuple[bool, bool]:
        """Whether all of the last owner's bytes are there; whether none can be trusted."""
        try:
            boot = BOOT_ID.read_text("ascii").strip()
        except OSError:
            boot = ""  # no such kernel: every crash counts as a power cut
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(_NOTE, flags, mode=0o600, dir_fd=self._directory)
        try:
            before, _, level = os.pread(fd, 200, 0).decode("ascii", "replace").partition(" ")
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{boot} {self._durability}".encode("ascii"), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        same = bool(boot) and before == boot
        return same, level == "kill" and not same

    def _open(self, name: str, flags: int) -> int:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a body's name: {name!r}")
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode=0o600, dir_fd=self._directory)

    def create(self, name: str, data: bytes = b"") -> None:
        """See BodyDisk."""
        try:
            fd = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except OSError as error:
            raise blame(error, len(data)) from error
        self._unlisted.add(name)
        try:
            _write(fd, data)
        except OSError as error:
            self.delete(name)
            raise blame(error, len(data)) from error
        finally:
            os.close(fd)

    def open(self, name: str, *, append: bool = False) -> int:
        """See BodyDisk.  Not O_APPEND, which splice refuses."""
        fd = self._open(name, os.O_WRONLY if append else os.O_RDONLY)
        if append:
            os.lseek(fd, 0, os.SEEK_END)
        return fd

    def append(self, name: str, data: bytes) -> None:
        """See BodyDisk."""
        fd = self._open(name, os.O_WRONLY | os.O_APPEND)
        try:
            before = os.fstat(fd).st_size
            try:
                _write(fd, data)
            except OSError as error:
                os.ftruncate(fd, before)
                raise blame(error, len(data)) from error
        finally:
            os.close(fd)

    def read(self, name: str, offset: int, most: int) -> bytes:
        """See BodyDisk."""
        fd = self._open(name, os.O_RDONLY)
        try:
            return os.pread(fd, most, offset)
        finally:
            os.close(fd)

    def sync(self, name: str) -> None:
        """See BodyDisk; at level ``kill`` the kernel has it already."""
        if self._durability == "kill":
            return
        fd = self._open(name, os.O_WRONLY)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if name in self._unlisted:
            os.fsync(self._directory)  # the name itself must survive, too
            self._unlisted.clear()

    def truncate(self, name: str, length: int) -> None:
        """See BodyDisk."""
        fd = self._open(name, os.O_WRONLY)
        try:
            os.ftruncate(fd, length)
            if self._durability == "power":
                os.fsync(fd)
        finally:
            os.close(fd)

    def delete(self, name: str) -> None:
        """See BodyDisk."""
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a body's name: {name!r}")
        self._unlisted.discard(name)
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            pass

    def lengths(self) -> dict[str, int]:
        """See BodyDisk; what cannot be trusted is cut off first."""
        lengths = {
            entry.name: entry.stat(follow_symlinks=False).st_size
            for entry in os.scandir(self._directory)
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        }
        if self._lost:
            for name in lengths:
                self.truncate(name, 0)
            return dict.fromkeys(lengths, 0)
        return lengths

    def close(self) -> None:
        """See BodyDisk."""
        os.close(self._directory)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def blame(error: OSError, wanted: int) -> Exception:
    """StoreFull if there was no room for ``wanted`` bytes, else the error itself."""
    return StoreFull(wanted) if error.errno in _FULL else error
