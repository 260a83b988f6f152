"""Sends events over lumberjack version 2, and returns when the other side has said that they have ended.

    async with Sender("127.0.0.1", 5044) as sender:
        await sender.send([{"message": "one"}, {"message": "two"}])

What was not acknowledged when the connection breaks is the caller's to send again. On a `Connection` several windows
may be under way.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Self

import orjson
from isal import isal_zlib

from pipeline.protocols.lumberjack import ACK_SIZE, acknowledged, compressed, json_frames, window

QUICK = 3
"""Up to this level frames are packed with ISA-L, in a fraction of zlib's time and to the same size."""
_FAREWELL = 1.0
"""Seconds that the other side has to close TLS."""


class Connection:
    """Windows out, answers in. How long either may take is the caller's to bound."""

    def __init__(
        self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, compression: int = 3
    ) -> None:
        self.place = place
        self._reader, self._writer = reader, writer
        self._compression = compression
        self._deflate = isal_zlib.compress if compression <= QUICK else zlib.compress

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None = None, compression: int = 3) -> Self:
        """Connects; raises `OSError`."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        return cls(f"{host}:{port}", reader, writer, compression)

    async def write(self, payloads: Sequence[bytes]) -> None:
        """Sends a window of events, each JSON."""
        frames = json_frames(payloads)
        body = compressed(frames, self._compression, deflate=self._deflate) if self._compression else frames
        self._writer.write(window(len(payloads)) + body)
        await self._writer.drain()

    async def answer(self) -> int:
        """The next answer: events up to this one of the oldest window have ended; 0, they are still being worked on."""
        try:
            data = await self._reader.readexactly(ACK_SIZE)
        except asyncio.IncompleteReadError:
            raise ConnectionError(f"{self.place} closed the connection") from None
        return acknowledged(data)

    async def close(self) -> None:
        """Closes it; it may be broken, and its other side may be silent."""
        self._writer.close()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._writer.wait_closed()
        except OSError:
            self._writer.transport.abort()


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
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Opens the connection, unless it is open."""
        if self._connection is None:
            async with asyncio.timeout(self._timeout):
                self._connection = await Connection.open(self._host, self._port, self._tls, self._compression)

    async def close(self) -> None:
        """Closes the connection; `send` opens it again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

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
        assert self._connection is not None
        async with asyncio.timeout(self._timeout):
            await self._connection.write(payloads)
        while True:
            async with asyncio.timeout(self._timeout):
                sequence = await self._connection.answer()
            if sequence > len(payloads):
                raise ConnectionError(f"an acknowledgement of {sequence} in a window of {len(payloads)}")
            if sequence == len(payloads):
                return
