"""Does not go on with what its store holds: the recovery after a restart (E87) is skipped.

The journal is written as it should be, and read as if it were empty.  Whoever looks
after a launch must see no fetch under its id, no request and no event, where a
resolved ``fetch()`` must have survived.
"""

from __future__ import annotations

import attrs

from transfer_engine import EngineConfig, Image, JobRow, Journal, RecordRow, Seams


@attrs.frozen
class _WriteOnly:
    """A journal that nobody reads."""

    inner: Journal

    def load(self) -> Image:
        """Nothing."""
        return Image((), ())

    def put_job(self, row: JobRow) -> None:
        self.inner.put_job(row)

    def put_record(self, row: RecordRow) -> None:
        self.inner.put_record(row)

    def delete_job(self, key: int) -> None:
        self.inner.delete_job(key)

    def commit(self) -> None:
        self.inner.commit()

    def rollback(self) -> None:
        self.inner.rollback()

    def save_room(self) -> None:
        self.inner.save_room()

    def close(self) -> None:
        self.inner.close()


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return config, attrs.evolve(seams, journal=_WriteOnly(seams.journal))
