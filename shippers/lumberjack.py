"""Sends events over lumberjack version 2, and returns when the other side has said that they have ended.

    async with Sender("127.0.0.1", 5044) as sender:
        await sender.send([{"message": "one"}, {"message": "two"}])

What was not acknowledged when the connection breaks is the caller's to send again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Self

import orjson

from pipeline.protocols.lumberjack import ACK_SIZE, acknowledged, compressed, json_frames, window


class Sender:
    """One connection, one window at a time."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        compression: int = 3,
        window_size: int = 2048,
        timeout: float = 30.0,
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._compression = compression
        self._window_size = window_size
        self._timeout = timeout
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Opens the connection, unless it is open."""
        if self._streams is None:
            opening = asyncio.open_connection(self._host, self._port, ssl=self._tls)
            self._streams = await asyncio.wait_for(opening, self._timeout)

    async def close(self) -> None:
        """Closes the connection; `send` opens it again."""
        if self._streams is None:
            return
        writer, self._streams = self._streams[1], None
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            return  # it was broken, and is closed all the same

    async def send(self, events: Iterable[bytes | Mapping[str, Any]]) -> int:
        """Sends events, JSON or mappings, window by window; returns how many were acknowledged: all of them.

        Raises `OSError` (a timeout is one) if the connection breaks, and `BrokenFraming` if the answer is none.
        """
        payloads = (event if isinstance(event, bytes) else orjson.dumps(event) for event in events)
        sent = 0
        while batch := list(islice(payloads, self._window_size)):
            try:
                await self._window(batch)
            except BaseException:
                await self.close()
                raise
            sent += len(batch)
        return sent

    async def _window(self, payloads: list[bytes]) -> None:
        await self.connect()
        assert self._streams is not None
        reader, writer = self._streams
        frames = json_frames(payloads)
        writer.write(window(len(payloads)) + (compressed(frames, self._compression) if self._compression else frames))
        await asyncio.wait_for(writer.drain(), self._timeout)
        while True:
            try:
                answer = await asyncio.wait_for(reader.readexactly(ACK_SIZE), self._timeout)
            except asyncio.IncompleteReadError:
                raise ConnectionError(f"{self._host}:{self._port} closed without an acknowledgement") from None
            sequence = acknowledged(answer)
            if sequence > len(payloads):
                raise ConnectionError(f"an acknowledgement of {sequence} in a window of {len(payloads)}")
            if sequence == len(payloads):
                return
