"""Body files: append-only, named by a counter, never by a server or a page.

``append`` is all or nothing.  What was appended but not synced may be gone after a
crash; what was synced is not.  Every file is opened for the one call, or for one batch
of the fast pump (an open costs microseconds; a table of descriptors costs limits and
locks), by a name that is checked, relative to a directory held open, never through a link.

What a crash leaves of them, and how the next owner knows, is the subject of ``boot_note``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

from transfer_engine.boot_note import Durability, note, read_note, this_boot
from transfer_engine.errors import StoreBusy, StoreFailed, StoreFull, StoreUnusable
from transfer_engine.page_cache import take_over
from transfer_engine.spare import FULL, Spare

_NOTE = "boot"
_NEW_NOTE = "boot.new"
_DRAFT = "body.new"
_STEP = 1 << 20
_NAME = re.compile(r"b[0-9]{8,19}", re.ASCII)


def body_name(number: int) -> str:
    """The name of the body file with this number."""
    return f"b{number:08d}"


def body_number(name: str) -> int | None:
    """The number in a body's name, or None for any other name."""
    return int(name[1:]) if _NAME.fullmatch(name) else None


class BodyDisk(Protocol):
    """Synchronous; the engine calls it through ``offload``, never twice at once for one body.

    ``files``: bodies have descriptors.
    """

    files: bool

    def trusted(self, name: str, counted: int) -> int:
        """How long a body is of which the last owner's journal counts so many bytes.

        More than that if what it appended later has survived it.
        """
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
        """Everything appended so far survives a kill and a power cut.

        Raises OSError; then what was appended since the last sync must not be trusted.
        """
        ...

    def recovered(self) -> None:
        """What is there now is the truth: from here on the next owner may be told so."""
        ...

    def make_room(self) -> bool:
        """Give up what is kept for the last word; false if there is nothing (see ``spare``)."""
        ...

    def check_room(self, wanted: int) -> None:
        """Raise StoreFull if what was given up cannot be had back: then no body may grow."""
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
        """Open or create the directory; lengths that do not count are cut to 0.

        Raises StoreUnusable.
        """
        self.durability = durability
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
            if error.errno == errno.EWOULDBLOCK:
                raise StoreBusy(str(directory)) from error
            raise StoreUnusable(str(directory), str(error)) from error
        self._unlisted: set[str] = set()
        self._spare: Spare | None = None
        self._boot = this_boot()
        try:
            self._trust = read_note(self._noted(), self._boot)
            if self._trust.lost:
                for name in self.lengths():
                    self.truncate(name, 0)
        except OSError as error:
            os.close(self._directory)
            raise StoreUnusable(str(directory), str(error)) from error

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk."""
        if self._trust.tail == "gone":
            return counted
        try:
            fd = self._open(name, os.O_RDWR)
            try:
                if self._trust.tail == "there":
                    return os.fstat(fd).st_size
                length = take_over(fd, counted)
            finally:
                os.close(fd)
        except OSError:
            return counted  # the rest of it is cut off and fetched again
        self._unlisted.add(name)  # who made the file may not have come to sync its name
        return length

    def _noted(self) -> str:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(_NOTE, flags, dir_fd=self._directory)
        except FileNotFoundError:
            return ""
        try:
            return os.read(fd, 200).decode("ascii", "replace")
        finally:
            os.close(fd)

    def _note(self, text: str) -> None:
        """The old note or the new one, never a half."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(_NEW_NOTE, flags, mode=0o600, dir_fd=self._directory)
        try:
            _write(fd, text.encode("ascii"))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(_NEW_NOTE, _NOTE, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        os.fsync(self._directory)

    def recovered(self) -> None:
        """See BodyDisk."""
        if self._trust.unsynced and self.durability == "power":
            for name in self.lengths():
                self.sync(name)
        text = note(self._boot, self.durability)
        if text != self._noted():
            self._note(text)
        self._spare = Spare(self._directory)
        self._spare.keep()

    def make_room(self) -> bool:
        """See BodyDisk."""
        return self._spare is not None and self._spare.spend()

    def check_room(self, wanted: int) -> None:
        """See BodyDisk."""
        if self._spare is not None and not self._spare.keep():
            raise StoreFull(wanted)

    @staticmethod
    def _check_name(name: str) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a body's name: {name!r}")

    def _open(self, name: str, flags: int) -> int:
        self._check_name(name)
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode=0o600, dir_fd=self._directory)

    def create(self, name: str, data: bytes = b"") -> None:
        """See BodyDisk."""
        self.check_room(len(data))
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
        if append:
            self.check_room(0)
        fd = self._open(name, os.O_WRONLY if append else os.O_RDONLY)
        if append:
            os.lseek(fd, 0, os.SEEK_END)
        return fd

    def append(self, name: str, data: bytes) -> None:
        """See BodyDisk."""
        self.check_room(len(data))
        try:
            fd = self._open(name, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise blame(error, len(data)) from error
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
        if self.durability == "kill":
            return
        fd = self._open(name, os.O_WRONLY)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if name in self._unlisted:
            listed = tuple(self._unlisted)  # meanwhile another thread may create another
            os.fsync(self._directory)  # the name itself must survive, too
            self._unlisted.difference_update(listed)

    def link(self, name: str, source: FileBodyDisk, original: str, length: int) -> None:
        """Give a complete body of another disk a second name here.

        Raises OSError where there are no links, or if the file has another length.
        """
        self._check_name(name)
        source._check_name(original)
        if source.durability != self.durability:
            raise OSError(errno.EXDEV, "what one store promises the other does not")
        before, after = source._directory, self._directory
        os.link(original, name, src_dir_fd=before, dst_dir_fd=after, follow_symlinks=False)
        self._unlisted.add(name)
        found = os.stat(name, dir_fd=after, follow_symlinks=False).st_size
        if found != length:
            self.delete(name)
            raise OSError(errno.EIO, f"the body has {found} bytes instead of {length}")

    def link_to(self, name: str, path: Path, length: int) -> None:
        """Give a complete body a second name anywhere.  Raises OSError as ``link``."""
        self._check_name(name)
        found = os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_size
        if found != length:
            raise OSError(errno.EIO, f"the body has {found} bytes instead of {length}")
        os.link(name, path, src_dir_fd=self._directory, follow_symlinks=False)

    def _unshare(self, name: str, length: int) -> None:
        """What has another name elsewhere is not cut: this name gets a file of its own."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(_DRAFT, flags, mode=0o600, dir_fd=self._directory)
        try:
            for offset in range(0, length, _STEP):
                _write(fd, self.read(name, offset, min(_STEP, length - offset)))
            if self.durability == "power":
                os.fsync(fd)  # what it replaces was synced
        finally:
            os.close(fd)
        os.rename(_DRAFT, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._unlisted.add(name)

    def truncate(self, name: str, length: int) -> None:
        """See BodyDisk."""
        self._check_name(name)
        if os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_nlink > 1:
            self._unshare(name, length)
        fd = self._open(name, os.O_WRONLY)
        try:
            os.ftruncate(fd, length)
            if self.durability == "power":
                os.fsync(fd)
        finally:
            os.close(fd)

    def delete(self, name: str) -> None:
        """See BodyDisk."""
        self._check_name(name)
        self._unlisted.discard(name)
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            pass

    def lengths(self) -> dict[str, int]:
        """See BodyDisk."""
        with os.scandir(self._directory) as entries:
            return {
                entry.name: entry.stat(follow_symlinks=False).st_size
                for entry in entries
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            }

    def close(self) -> None:
        """See BodyDisk."""
        if self._spare is not None:
            self._spare.spend()
        os.close(self._directory)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def blame(error: OSError, wanted: int) -> StoreFull | StoreFailed:
    """StoreFull if there was no room for ``wanted`` bytes, else StoreFailed."""
    if error.errno in FULL:
        return StoreFull(wanted)
    return StoreFailed(error.strerror or str(error))


def no_room(directory: Path) -> bool:
    """Whether 64 KiB more would be too many for this directory's disk, or for our quota there."""
    piece = bytes(65536)
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return os.pwrite(file.fileno(), piece, 0) < len(piece)
    except OSError as error:
        return error.errno in FULL
