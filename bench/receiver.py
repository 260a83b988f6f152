"""A lumberjack server that acknowledges every window as soon as it is there, and looks into none.

python -m bench.receiver        prints its port; then, for each line on stdin, how many events it has acknowledged
"""

from __future__ import annotations

import asyncio
import sys

from pipeline.protocols.lumberjack import Opened, Piece, Receiver, ack


class Connection(asyncio.Protocol):
    """One client; windows of one C frame, or of bare J frames."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._receiver = Receiver()
        self._window = 0

    def data_received(self, data: bytes) -> None:
        for item in self._receiver.feed(data):
            if isinstance(item, Opened):
                self._window = item.events
            elif isinstance(item, Piece):
                Connection.taken += self._window
                assert isinstance(self._transport, asyncio.Transport)
                self._transport.write(ack(self._window))


async def main() -> None:
    """Serves until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(Connection.taken, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
