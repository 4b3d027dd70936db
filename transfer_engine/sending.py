"""A request body on its way: sent by a task of its own while the answer is being read.

A server may answer before it has read everything, and an answer is worth more than the
broken pipe behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from transfer_engine.connection import LOSS, Connection, lost
from transfer_engine.errors import EngineClosed, Interrupted, StoreFailed
from transfer_engine.link import SocketLink

SEND = 262144
SHORTER = "the stored request body is shorter than it was"


@attrs.frozen
class Upload:
    """A request body: its length, ``read(offset, most)``, whom to tell how much has been sent.

    What reads it raises StoreFailed.

    ``sendfile(socket, offset)`` sends from the file what the socket takes now, in a thread:
    how much it was, 0 when the file is shorter than it was.  Raises BlockingIOError.
    """

    length: int
    read: Callable[[int, int], Awaitable[bytes]]
    sent: Callable[[int], None]
    sendfile: Callable[[int, int], Awaitable[int]] | None = None


@attrs.define(eq=False)
class Sending:
    """The task that sends a request body, once it has started.

    ``failure``: why the server will never have all of it.
    """

    upload: Upload
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    ended: trio.Event | None = None
    failure: StoreFailed | None = None

    async def stop(self) -> None:
        """Return when it has ended: what it had handed to the kernel has been counted.

        A server's answer may overtake the thread that sends to it; whoever takes the answer
        for the end would settle with fewer bytes than the server had read.
        """
        self.scope.cancel()
        if self.ended is not None:
            with trio.CancelScope(shield=True):
                await self.ended.wait()


async def send_body(connection: Connection, sending: Sending) -> None:
    """Send until done or in vain: what becomes of the record is for the answer to say."""
    assert sending.ended is not None  # the starter made it
    upload = sending.upload
    try:
        with sending.scope:
            if isinstance(connection.link, SocketLink) and upload.sendfile is not None:
                await _send_file(connection.link, upload, upload.sendfile)
            else:
                sent = 0
                while data := await upload.read(sent, SEND):
                    await connection.send(data)
                    sent += len(data)
                    upload.sent(sent)
                if sent < upload.length:
                    raise StoreFailed(SHORTER)
            connection.exchange.end_of_request()
    except StoreFailed as error:
        sending.failure = error
        if not connection.exchange.heard:  # nor will there be an answer
            await connection.link.close()
    except (Interrupted, EngineClosed):
        pass
    finally:
        sending.ended.set()


async def _send_file(
    link: SocketLink, upload: Upload, sendfile: Callable[[int, int], Awaitable[int]]
) -> None:
    sent = 0
    while sent < upload.length:
        try:
            count = await sendfile(link.fd, sent)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(link.fd)
            continue
        except LOSS as error:
            raise lost(error) from error
        if not count:
            raise StoreFailed(SHORTER)
        sent += count
        upload.sent(sent)
