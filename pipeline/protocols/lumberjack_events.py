"""What is in a piece of a lumberjack window (`lumberjack.Piece`): the payloads, in one pass over the frame heads.

A piece is checked whole before anything of it is given out, with bounds on what it inflates to and on how many events
it holds. `_json_ends` is the path that everything takes; `_spans` knows D frames and says what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import repeat

from isal import isal_zlib

from pipeline.errors import BrokenFraming
from pipeline.protocols.lumberjack import COUNT, EVENT, MAX_PAIRS, NUMBER, VERSION_1, VERSION_2, D, J, no_version

_EVENT_HEAD = struct.Struct(">H4xI")
_J2 = VERSION_2 << 8 | J

LONGEST = 16 << 20
"""The longest event that is taken, in bytes, unless another bound is given: a small frame may inflate to a long one,
and a long JSON text makes objects of many times its size."""

Payload = bytes | dict[str, str]
"""One event: the JSON of a J frame, the pairs of a D frame."""


def events(data: bytes, max_inflated: int, at_most: int, longest: int = LONGEST) -> Iterator[Payload]:
    """The payloads in a piece. Raises `BrokenFraming` before the first one, or not at all."""
    frames = _frames(data, max_inflated)
    ends = _json_ends(frames, at_most, longest)
    if ends is not None:
        return _payloads(frames, ends)
    spans = _spans(frames, data[1:2] == b"C", at_most, longest)
    return (_payload(frames, start, end) for start, end in spans)


def pieces(data: bytes, max_inflated: int, at_most: int, longest: int = LONGEST) -> list[bytes]:
    """The J or D frame of each event in a piece; each frame is a piece of its own."""
    frames = _frames(data, max_inflated)
    return [frames[start:end] for start, end in _spans(frames, data[1:2] == b"C", at_most, longest)]


def count(data: bytes, max_inflated: int, at_most: int, longest: int = LONGEST) -> int:
    """How many events a piece holds."""
    frames = _frames(data, max_inflated)
    ends = _json_ends(frames, at_most, longest)
    return len(_spans(frames, data[1:2] == b"C", at_most, longest) if ends is None else ends)


def _frames(data: bytes, max_inflated: int) -> bytes:
    """The frames in a piece, inflated. A bomb is refused when the bound is reached."""
    if data[1:2] != b"C":
        return data
    inflater = isal_zlib.decompressobj()
    try:
        frames: bytes = inflater.decompress(memoryview(data)[COUNT.size :], max_inflated + 1)
    except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares an instance
        raise BrokenFraming(f"a C frame that cannot be inflated: {error}") from None
    if len(frames) > max_inflated:
        raise BrokenFraming(f"a C frame that inflates to more than the {max_inflated} bytes that are taken")
    if not inflater.eof or inflater.unused_data:
        raise BrokenFraming("a C frame whose length is not that of its zlib stream")
    return frames


def _json_ends(frames: bytes, at_most: int, longest: int) -> list[int] | None:
    """Where each frame ends, if all are J frames of version 2, and not too many; else None. The fast path."""
    ends: list[int] = []
    add, head_of, size = ends.append, _EVENT_HEAD.unpack_from, EVENT.size
    at, end = 0, len(frames)
    try:
        for _ in repeat(None, at_most):
            head, length = head_of(frames, at)
            if head != _J2 or length > longest:
                return None
            at += size + length
            add(at)
            if at >= end:
                break
    except struct.error:
        return None
    return ends if at == end else None


def _payloads(frames: bytes, ends: list[int]) -> Iterator[bytes]:
    start = EVENT.size
    for end in ends:
        yield frames[start:end]
        start = end + EVENT.size


def _spans(frames: bytes, inflated: bool, at_most: int, longest: int) -> list[tuple[int, int]]:
    """Where each event's frame begins and ends, whatever its kind; raises `BrokenFraming`."""
    spans: list[tuple[int, int]] = []
    at = COUNT.size if inflated and frames[1:2] == b"W" else 0
    try:
        while at < len(frames):
            if len(spans) == at_most:
                raise BrokenFraming(f"more than the {at_most} events of the window")
            end = _end_of(frames, at)
            if end - at > longest + EVENT.size:
                raise BrokenFraming(
                    f"an event of {end - at - EVENT.size} bytes, more than the {longest} that are taken"
                )
            spans.append((at, end))
            at = end
    except struct.error:
        raise BrokenFraming("a frame that is cut short") from None
    if at > len(frames):
        raise BrokenFraming("a frame that is cut short")
    return spans


def _end_of(frames: bytes, at: int) -> int:
    version, kind, _, size = EVENT.unpack_from(frames, at)
    if version not in (VERSION_1, VERSION_2):
        raise BrokenFraming(no_version(version))
    at += EVENT.size
    if kind == J:
        return at + int(size)
    if kind != D or size > MAX_PAIRS:
        raise BrokenFraming(f"a frame of type {kind:#04x}, size {size}, among the events of a window")
    for _ in range(size * 2):
        at += 4 + NUMBER.unpack_from(frames, at)[0]
    return at


def _payload(frames: bytes, start: int, end: int) -> Payload:
    at = start + EVENT.size
    if frames[start + 1] == J:
        return frames[at:end]
    texts: list[str] = []
    while at < end:
        length: int = NUMBER.unpack_from(frames, at)[0]
        texts.append(frames[at + 4 : at + 4 + length].decode(errors="replace"))
        at += 4 + length
    return dict(zip(texts[::2], texts[1::2], strict=True))
