"""Peers that mean harm: what they send to each input, and how."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

from pipeline.protocols import lumberjack

INPUTS = ("beats", "tcp", "syslog", "http")
_GIGABYTE = 1 << 30


def _inflating(head: bytes, block: bytes, window: int = 15) -> bytes:
    """What inflates to the head and a gigabyte of blocks; a window of 31 is gzip. It has no end that could be right."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, window)
    begin = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    return begin + (deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)) * (_GIGABYTE // len(block))


def _compressed_frame(data: bytes) -> bytes:
    return struct.pack(">2sI", b"2C", len(data)) + data


def bombs() -> Mapping[str, Sequence[bytes]]:
    """A megabyte that inflates to a gigabyte; the line protocols know no compression."""
    blanks = b" " * (1 << 20)
    one_event = _inflating(struct.pack(">2sII", b"2J", 1, _GIGABYTE), blanks)
    events = _inflating(b"", lumberjack.json_frames([b'{"a": 12}']) * 50_000)
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    body = _inflating(b"", blanks, 31)
    return {
        "beats": [
            lumberjack.window(1) + _compressed_frame(one_event),
            lumberjack.window(10_000) + _compressed_frame(events),
        ],
        "http": [post + b"Content-Length: %d\r\n\r\n" % len(body) + body],
    }


def lengths() -> Mapping[str, Sequence[bytes]]:
    """4 GB are announced, a megabyte comes; where a line has no length, it has no end."""
    most, some = 0xFFFFFFFF, b"x" * (1 << 20)
    post = b"POST / HTTP/1.1\r\nHost: x\r\n"
    return {
        "beats": [
            lumberjack.window(1) + struct.pack(">2sII", b"2J", 1, most) + some,
            lumberjack.window(1) + struct.pack(">2sI", b"2C", most) + some,
            struct.pack(">2sI", b"2W", most) + some,
            lumberjack.window(1) + struct.pack(">2sIIII", b"2D", 1, most, most, most) + some,
        ],
        "tcp": [some],
        "syslog": [b"%d <14>1 " % most + some, b"999999999 <14>1 " + some, some],
        "http": [
            post + b"Content-Length: %d\r\n\r\n" % most + some,
            post + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % most + some,
            post + b"X-Long: " + some,
        ],
    }


def garbage(seed: int = 1) -> Mapping[str, Sequence[bytes]]:
    """Bytes of chance, some of them after a proper beginning."""
    draw = random.Random(seed)
    begins = {"beats": lumberjack.window(3), "tcp": b"", "syslog": b"<13>", "http": b"POST / HTTP/1.1\r\n"}
    return {
        name: [(begin if number % 2 else b"") + draw.randbytes(draw.randrange(1, 10_000)) for number in range(8)]
        for name, begin in begins.items()
    }


BEGINNINGS: Mapping[str, bytes] = {
    "beats": lumberjack.window(1) + lumberjack.json_frames([b'{"message": "' + b"slow " * 2000]),
    "tcp": b"slow " * 2000,
    "syslog": b"9000 <14>1 - - - - - - " + b"slow " * 2000,
    "http": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"slow " * 2000,
}
"""Proper beginnings, for peers that send a byte at a time."""


class Peers:
    """Connections that are kept open until the end; `kept` says how many there are."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    @property
    def kept(self) -> int:
        """How many connections were made."""
        return len(self._sockets)

    async def connect(self, port: int, count: int) -> list[socket.socket]:
        """So many connections, a hundred at a time."""
        loop, made = asyncio.get_running_loop(), []
        for start in range(0, count, 100):
            several = [socket.socket() for _ in range(min(100, count - start))]
            self._sockets += several
            made += several
            for one in several:
                one.setblocking(False)
            await asyncio.gather(*(loop.sock_connect(one, ("127.0.0.1", port)) for one in several))
        return made

    async def send(self, port: int, data: bytes) -> None:
        """One connection that sends this, as far as it is let, and waits."""
        [one] = await self.connect(port, 1)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(one, data)

    async def trickle(self, port: int, data: bytes, count: int) -> None:
        """So many connections, that all send a byte at a time; ends when it is cancelled, or all is sent."""
        peers = await self.connect(port, count)
        for byte in data:
            for one in peers:
                with contextlib.suppress(OSError):  # it was let go
                    one.send(bytes([byte]))
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """Closes all of them."""
        while self._sockets:
            self._sockets.pop().close()


@contextlib.contextmanager
def peers() -> Iterator[Peers]:
    """They are gone at the end."""
    made = Peers()
    try:
        yield made
    finally:
        made.close()
