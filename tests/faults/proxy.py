"""A proxy on loopback that does to its connections what networks and peers do.

    latency, slow, hole     hold for a time, for every connection: chunks are late; bytes pass a few at a time, so that
                            both sides feel it; bytes vanish both ways, and at its end the connections are reset
    reset, half close,      happen once, to the connection that passes the next chunk: both sides are reset; one
    truncation, corruption  direction ends and the other goes on; half a chunk is the last one; a byte is changed

A byte is corrupted only where that is noticed. On the way to the engine this is the second half of a chunk of a
compressed window, so the zlib stream, which has a checksum, and not the frame around it. On the way from Elasticsearch
a byte gets its highest bit: that is no number, no header, and no JSON any more. A changed byte elsewhere (the number
of an acknowledgement, a document on its way to Elasticsearch) may be a valid message that says something else: TCP's
checksum and TLS guard that, and nothing here claims it.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from enum import Enum

LASTING = ("latency", "slow", "hole")
SUDDEN = ("reset", "half close", "truncation", "corruption")

_CHUNK = 16 << 10
_SIP = 512
_SMALL = 256
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 seconds


class Way(Enum):
    """A direction."""

    TO = "to the server"
    BACK = "back from it"


class _Link:
    """A connection on both sides."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers

    def reset(self) -> None:
        for writer in self._writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


class Proxy:
    """Between a client and a port; `corrupts` is the direction in which a changed byte is noticed, if there is one."""

    def __init__(self, draw: random.Random, corrupts: Way | None, port: int = 0) -> None:
        self.target = 0
        self.port = port
        self.made: Counter[str] = Counter()
        """The faults that happened."""
        self._draw = draw
        self._corrupts = corrupts
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lasting: str | None = None
        self._sudden: str | None = None
        self._happened = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens, on a free port if none was given; `target` is read for each connection."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Resets the connections."""
        assert self._server is not None
        self._server.close()
        self._reset_all()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    async def inject(self, fault: str, seconds: float) -> None:
        """A lasting fault holds for the time; a sudden one happens within it, if bytes pass."""
        if fault in LASTING:
            self._lasting = fault
            self.made[fault] += 1
            await asyncio.sleep(seconds)
            self._lasting = None
            if fault == "hole":
                self._reset_all()
            return
        self._sudden = fault
        self._happened.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._happened.wait(), seconds)
        self._sudden = None

    def _reset_all(self) -> None:
        for link in tuple(self._links):
            link.reset()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, Way.TO, reader, server_writer), self._pump(link, Way.BACK, server_reader, writer)
            )
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(self, link: _Link, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                if self._sudden is not None and (spoilt := self._spoil(self._sudden, way, chunk)) is not None:
                    fault, self._sudden = self._sudden, None
                    self.made[fault] += 1
                    self._happened.set()
                    await self._pass(spoilt, writer)
                    if fault == "half close":
                        break
                    if fault != "corruption":
                        link.reset()
                        return
                else:
                    await self._pass(chunk, writer)
            writer.write_eof()
        except OSError:
            link.reset()  # what one side sees, the other shall see

    def _spoil(self, fault: str, way: Way, chunk: bytes) -> bytes | None:
        """What is passed of the chunk; None if the fault cannot be here."""
        if fault == "reset":
            return b""
        if fault == "half close":
            return chunk
        if fault == "truncation":
            return chunk[: len(chunk) // 2]
        if way is not self._corrupts or len(chunk) < _SMALL:
            return None
        spoilt = bytearray(chunk)
        if way is Way.TO:
            spoilt[self._draw.randrange(len(chunk) // 2, len(chunk))] ^= self._draw.randrange(1, 256)
        else:
            spoilt[self._draw.randrange(len(chunk))] ^= 0x80
        return bytes(spoilt)

    async def _pass(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self._lasting == "latency":
            await asyncio.sleep(self._draw.uniform(0.02, 0.4))
        while self._lasting == "slow" and chunk:
            writer.write(chunk[:_SIP])
            chunk = chunk[_SIP:]
            await writer.drain()
            await asyncio.sleep(0.01)
        if self._lasting == "hole":
            return
        writer.write(chunk)
        await writer.drain()
