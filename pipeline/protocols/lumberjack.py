"""Lumberjack, the protocol of Beats and of Logstash Forwarder, versions 1 and 2: bytes in, windows out, and back.

    frame = version type rest                        version "1" or "2"; numbers have 32 bits, big end first

    W  count                                         opens a window of that many events
    J  sequence  length payload                      an event: JSON
    D  sequence  pairs { length key  length value }  an event: pairs of texts
    C  length    zlib( frame+ )                      compressed events; a W only as the first of them, no C
    A  sequence                                      the answer: the window up to that event has ended; 0: still at it

Sequences are contiguous within a window, so its last one follows from its first and its count. A C frame is handed on
as it came: what it holds is counted by whoever inflates it (`lumberjack_events`). So the receiver knows where a window
ends only if there is no C in it:

          W n                  the n-th J or D
    IDLE -----> OPEN, n left -----------------> IDLE
     |               | C
     | C( W .. )     v                            C, J, D: another piece of the window
     +----------> UNCOUNTED <------------------+  W, C( W .. ): opens the next one
                     +-------------------------+

It may not know: sockets, what an event means, when a window has ended.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pipeline.errors import BrokenFraming

VERSION_1, VERSION_2 = b"12"
W, J, D, C, A = b"WJDCA"
_TLS_HANDSHAKE = 0x16

COUNT = struct.Struct(">BBI")
EVENT = struct.Struct(">BBII")
NUMBER = struct.Struct(">I")
_RUN = 1 << 20
"""Bytes of bare J and D frames after which a piece is given out, though its window goes on."""
MAX_PAIRS = 4096
"""Fields that a D frame may have; shippers send a handful."""
_FIRST_BYTES = 1024
"""Enough of a C frame to inflate its first 16 bytes, which hold a W and the sequence of the first event."""

# ---------------------------------------------------------------------------------------------- receiving


class Opened(NamedTuple):
    """A window begins; what follows belongs to it until the next one."""

    version: int
    events: int
    """How many events it announces."""


class Piece(NamedTuple):
    """A part of a window: one C frame, or a run of J and D frames, as they came."""

    data: bytes
    first: int
    """The sequence of its first event."""
    events: int | None
    """How many events it holds; None if that is not counted."""


class Limits(NamedTuple):
    """What is more than this is refused before it is held in memory."""

    frame: int = 16 << 20
    window: int = 10_000


class Receiver:
    """The server's side of one connection."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  (immutable)
        self._limits = limits
        self._buffer = bytearray()
        self._at = 0  # where the frame begins that is not read yet; whole J and D frames before it
        self._left: int | None = 0  # events to come in the window; None: not counted
        self._events = 0  # in the run before _at
        self._first = 0
        self._walked: tuple[int, int] | None = None  # in the D frame at _at: bytes read, texts to come

    def feed(self, data: bytes) -> list[Opened | Piece]:
        """Takes bytes as they arrive, and gives out what is whole; raises `BrokenFraming`."""
        self._buffer += data
        out: list[Opened | Piece] = []
        while self._frame(out):
            pass
        if self._events and self._left is None:
            self._give(out)
        return out

    @property
    def waiting(self) -> int:
        """Bytes that are held because they are not whole yet."""
        return len(self._buffer)

    def _frame(self, out: list[Opened | Piece]) -> bool:
        """Reads a frame; False if more bytes are needed."""
        have = len(self._buffer) - self._at
        if have < 1:
            return False
        version = self._buffer[self._at]
        if version != VERSION_2 and version != VERSION_1:
            raise BrokenFraming(no_version(version))
        if have < 2:
            return False
        kind = self._buffer[self._at + 1]
        if kind == J:
            return self._json(out)
        if kind == C:
            return self._compressed(out)
        if kind == W:
            return self._window(out)
        if kind == D:
            return self._pairs(out)
        raise BrokenFraming(f"an unknown frame type {kind:#04x}")

    def _window(self, out: list[Opened | Piece]) -> bool:
        if len(self._buffer) - self._at < COUNT.size:
            return False
        if self._left is None and self._events:
            self._give(out)
        version, _, count = COUNT.unpack_from(self._buffer, self._at)
        self._open(version, count, out)
        del self._buffer[: COUNT.size]
        return True

    def _open(self, version: int, count: int, out: list[Opened | Piece]) -> None:
        if self._left:
            raise BrokenFraming(f"a new window, though {self._left} events of the one before are still to come")
        if count > self._limits.window:
            raise BrokenFraming(f"a window of {count} events; at most {self._limits.window} are taken")
        self._left = count
        out.append(Opened(version, count))

    def _json(self, out: list[Opened | Piece]) -> bool:
        if len(self._buffer) - self._at < EVENT.size:
            return False
        _, _, sequence, length = EVENT.unpack_from(self._buffer, self._at)
        self._may_be_taken(length)
        end = self._at + EVENT.size + length
        if len(self._buffer) < end:
            return False
        self._event(sequence, end, out)
        return True

    def _pairs(self, out: list[Opened | Piece]) -> bool:
        if len(self._buffer) - self._at < EVENT.size:
            return False
        _, _, sequence, pairs = EVENT.unpack_from(self._buffer, self._at)
        self._may_be_taken(EVENT.size)
        if pairs > MAX_PAIRS:
            raise BrokenFraming(f"an event of {pairs} fields; at most {MAX_PAIRS} are taken")
        size, texts = self._walked or (EVENT.size, pairs * 2)
        while texts and len(self._buffer) >= self._at + size + 4:
            length: int = NUMBER.unpack_from(self._buffer, self._at + size)[0]
            self._may_be_taken(size + 4 + length)
            if len(self._buffer) < self._at + size + 4 + length:
                break
            size, texts = size + 4 + length, texts - 1
        self._walked = (size, texts) if texts else None
        if texts:
            return False
        self._event(sequence, self._at + size, out)
        return True

    def _may_be_taken(self, length: int) -> None:
        if length > self._limits.frame:
            raise BrokenFraming(f"a frame of {length} bytes; at most {self._limits.frame} are taken")
        if self._left == 0:
            raise BrokenFraming("an event outside a window")

    def _event(self, sequence: int, end: int, out: list[Opened | Piece]) -> None:
        if not self._events:
            self._first = sequence
        self._events += 1
        self._at = end
        if self._left is not None:
            self._left -= 1
        if self._left == 0 or end >= _RUN:
            self._give(out)

    def _give(self, out: list[Opened | Piece]) -> None:
        out.append(Piece(self._cut(self._at), self._first, self._events))
        self._at = self._events = 0

    def _cut(self, end: int) -> bytes:
        with memoryview(self._buffer) as view:
            data = bytes(view[:end])
        del self._buffer[:end]
        return data

    def _compressed(self, out: list[Opened | Piece]) -> bool:
        if len(self._buffer) - self._at < COUNT.size:
            return False
        length = COUNT.unpack_from(self._buffer, self._at)[2]
        if length > self._limits.frame:
            raise BrokenFraming(f"a frame of {length} bytes; at most {self._limits.frame} are taken")
        if len(self._buffer) < self._at + COUNT.size + length:
            return False
        if self._events:
            self._give(out)
        data = self._cut(COUNT.size + length)
        window, first = _beginning(data)
        if window is not None:
            if not window.events:
                raise BrokenFraming("a C frame with a window of no events")
            self._open(window.version, window.events, out)
        elif self._left == 0:
            raise BrokenFraming("a C frame outside a window")
        self._left = None
        out.append(Piece(data, first, None))
        return True


def _beginning(data: bytes) -> tuple[Opened | None, int]:
    """The W frame inside a C frame, if it begins with one, and the sequence of its first event."""
    try:
        head = zlib.decompressobj().decompress(data[COUNT.size : COUNT.size + _FIRST_BYTES], 16)
    except zlib.error as error:
        raise BrokenFraming(f"a C frame that cannot be inflated: {error}") from None
    window = None
    if len(head) == 16 and head[1] == W:
        window = Opened(head[0], COUNT.unpack_from(head)[2])
        head = head[COUNT.size :]
    if len(head) < EVENT.size or head[1] not in (J, D):
        raise BrokenFraming("a C frame that does not begin with an event")
    return window, EVENT.unpack_from(head)[2]


def no_version(byte: int) -> str:
    """Says what a first byte is that begins no frame."""
    if byte == _TLS_HANDSHAKE:
        return "a TLS handshake on a port without TLS"
    return f"neither version 1 nor 2 of lumberjack: the frame begins with {byte:#04x}"


# ---------------------------------------------------------------------------------------------- sending


def window(count: int, version: int = VERSION_2) -> bytes:
    """The frame that opens a window."""
    return COUNT.pack(version, W, count)


def json_frames(payloads: Iterable[bytes], first: int = 1) -> bytes:
    """Events as J frames, numbered from `first`."""
    return b"".join(
        part
        for sequence, payload in enumerate(payloads, first)
        for part in (EVENT.pack(VERSION_2, J, sequence, len(payload)), payload)
    )


def pairs_frame(pairs: Mapping[str, str], sequence: int = 1, version: int = VERSION_1) -> bytes:
    """An event as a D frame."""
    texts = [text.encode() for pair in pairs.items() for text in pair]
    return EVENT.pack(version, D, sequence, len(pairs)) + b"".join(NUMBER.pack(len(text)) + text for text in texts)


def compressed(
    frames: bytes, level: int = 3, version: int = VERSION_2, deflate: Callable[[bytes, int], bytes] = zlib.compress
) -> bytes:
    """Frames as one C frame."""
    data = deflate(frames, level)
    return COUNT.pack(version, C, len(data)) + data


def ack(sequence: int, version: int = VERSION_2) -> bytes:
    """The answer to a window; 0 keeps the sender waiting."""
    return COUNT.pack(version, A, sequence)


ACK_SIZE = COUNT.size


def acknowledged(data: bytes) -> int:
    """The sequence in an answer of `ACK_SIZE` bytes; raises `BrokenFraming` if it is none."""
    version, kind, sequence = COUNT.unpack(data)
    if version not in (VERSION_1, VERSION_2) or kind != A:
        raise BrokenFraming(f"no acknowledgement, but {data[:2]!r}")
    return int(sequence)
