"""What an engine does on a disk of 6 MiB, mounted at /mnt by ``test_full_disk``.

Two long downloads at once and many small ones fill it.  They must fail, their events come, and
their bytes go; a request body that does not fit is refused; then there is room for a small
download.  It says what happened in four lines.
"""

from __future__ import annotations

from pathlib import Path

import trio

from tests.transfer_engine.server import listening, whole
from tests.transfer_engine.world import finished
from transfer_engine import OPEN, EngineConfig, Request, ScriptError, open_engine

MIB = 1 << 20


async def main() -> None:
    """See above."""
    async with listening() as (server, origin):
        server.on("/long", whole(bytes(8 * MIB)))
        server.on("/small", whole(bytes(20_000)))
        config = EngineConfig(
            policy=OPEN, app_origin=origin, directory=Path("/mnt/store"), checkpoint_interval=0.0
        )
        async with open_engine(config) as engine:
            # More streams than one, so that what is given up is not eaten by another body.
            urls = ["/long", *["/small"] * 300, "/long"]
            print(*await finished(await engine.fetch("long", urls)))
            try:
                await engine.fetch("post", Request("/x", method="POST", body=bytes(7 * MIB)))
            except ScriptError as error:
                print(error.name)
            print(*await finished(await engine.fetch("small", "/small")))
            while engine._runner.jobs:  # noqa: ASYNC110 - the API has nothing to wait for
                await trio.sleep(0.001)
            print(engine.storage().responses, "bytes are kept")


async def _bounded() -> None:
    with trio.fail_after(100):
        await main()


if __name__ == "__main__":
    trio.run(_bounded)
