"""Work on many jobs, each in a process of its own that a bad job cannot hurt.

Each job is done by a fork of this process: what is loaded and known already need not be
loaded again, and a job that changes the model, never ends or eats all memory changes
nobody else's.  So the caller must not be inside ``trio.run`` and should have no threads.
"""

from __future__ import annotations

import gc
import os
import resource
import selectors
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import attrs

JobT = TypeVar("JobT")

MOST_MEMORY = 2 << 30
"""Bytes of address space that one job may use."""


@attrs.define
class _Child:
    pid: int
    said: bytearray = attrs.field(factory=bytearray)


def in_processes(
    jobs: Iterable[JobT],
    work: Callable[[JobT], bytes],
    *,
    processes: int,
    seconds: int,
) -> Iterator[tuple[JobT, bytes | None]]:
    """Each job with what its work gave, as they are finished.

    ``processes``: how many at once.  ``seconds``: processor time for one job.  None: the
    process ended before its work did, at that limit or otherwise.
    """
    waiting = iter(jobs)
    gc.collect()
    gc.freeze()
    with selectors.DefaultSelector() as ears:
        running: dict[int, tuple[JobT, _Child]] = {}
        try:
            while True:
                while len(running) < processes and (job := next(waiting, None)) is not None:
                    pipe, child = _fork(job, work, seconds)
                    running[pipe] = (job, child)
                    ears.register(pipe, selectors.EVENT_READ)
                if not running:
                    return
                for key, _ in ears.select():
                    pipe = key.fd
                    job, child = running[pipe]
                    if heard := os.read(pipe, 1 << 16):
                        child.said += heard
                        continue
                    ears.unregister(pipe)
                    os.close(pipe)
                    del running[pipe]
                    _, status = os.waitpid(child.pid, 0)
                    yield job, bytes(child.said) if status == 0 else None
        finally:
            gc.unfreeze()
            for pipe, (_, child) in running.items():
                os.kill(child.pid, 9)
                os.waitpid(child.pid, 0)
                os.close(pipe)


def _fork(job: JobT, work: Callable[[JobT], bytes], seconds: int) -> tuple[int, _Child]:
    ear, mouth = os.pipe()
    pid = os.fork()
    if pid:
        os.close(mouth)
        return ear, _Child(pid)
    status = 1
    try:
        os.close(ear)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        said = work(job)
        while said:
            said = said[os.write(mouth, said) :]
        status = 0
    finally:
        os._exit(status)  # the parent's own clean-up is not for its children
