"""A lumberjack server for the shipper's tests: it keeps what it takes, and answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

import orjson

from pipeline.protocols.lumberjack import Opened, Receiver, ack
from pipeline.protocols.lumberjack_events import events

Answer = Callable[[int], bytes | None]
"""From the size of a window to the answer; b"" closes the connection, None gives no answer."""


class LumberjackServer:
    def __init__(self, answer: Answer = ack, tls: SSLContext | None = None, port: int = 0) -> None:
        self.answer, self.tls = answer, tls
        self.port = port
        self.windows: list[list[dict[str, Any]]] = []
        self.connections = 0
        self.peers: list[Any] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._open = 0

    async def __aenter__(self) -> LumberjackServer:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for writer in self._writers:
            writer.close()

    def say(self, data: bytes) -> None:
        """To the newest connection."""
        self._writers[-1].write(data)

    def close_all(self) -> None:
        for writer in self._writers:
            writer.close()

    @property
    def closed(self) -> bool:
        """Whether no connection is left."""
        return self._open == 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for window in self.windows for event in window]

    @property
    def messages(self) -> list[str]:
        return [event["message"] for event in self.events]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        self._open += 1
        try:
            await self._take(reader, writer)
        finally:
            self._open -= 1
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver, opened = Receiver(), 0
        self.peers.append(writer.get_extra_info("peercert"))
        while data := await reader.read(1 << 20):
            for item in receiver.feed(data):
                if isinstance(item, Opened):
                    opened = item.events
                    self.windows.append([])
                    continue
                self.windows[-1] += [orjson.loads(payload) for payload in events(item.data, 1 << 26, 10_000)]
                if len(self.windows[-1]) < opened:
                    continue
                answer = self.answer(opened)
                if answer:
                    writer.write(answer)
                elif answer == b"":
                    return


async def until(holds: Callable[[], bool]) -> None:
    """Returns when it holds; fails after a while."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)
