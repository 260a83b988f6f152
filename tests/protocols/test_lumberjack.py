from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.protocols import lumberjack as wire
from pipeline.protocols.lumberjack import Limits, Opened, Piece, Receiver
from pipeline.protocols.lumberjack_events import count, events, pieces
from pipeline.protocols.lumberjack_windows import Windows

V1, V2 = wire.VERSION_1, wire.VERSION_2
ONE, TWO = b'{"a":1}', b'{"b":2}'
BARE = wire.json_frames([ONE, TWO])
PACKED = wire.compressed(BARE)
PAIRS = wire.pairs_frame({"line": "hello", "file": "/a"}, 7)
TOO_MANY_PAIRS = struct.pack(">BBII", V1, ord("D"), 1, 5000)


def frame(kind: str, body: bytes, version: int = V2) -> bytes:
    return struct.pack(">BBI", version, ord(kind), len(body)) + body


def deflated(data: bytes) -> bytes:
    return frame("C", zlib.compress(data))


# ---------------------------------------------------------------------------------------------- receiving

RECEIVED = {
    "bare": (wire.window(2) + BARE, [Opened(V2, 2), Piece(BARE, 1, 2)]),
    "compressed": (wire.window(2) + PACKED, [Opened(V2, 2), Piece(PACKED, 1, None)]),
    "pairs": (wire.window(1, V1) + PAIRS, [Opened(V1, 1), Piece(PAIRS, 7, 1)]),
    "empty window": (wire.window(0), [Opened(V2, 0)]),
    "pipelined": (
        wire.window(2) + PACKED + wire.window(2) + BARE,
        [Opened(V2, 2), Piece(PACKED, 1, None), Opened(V2, 2), Piece(BARE, 1, 2)],
    ),
    "two C frames": (
        wire.window(4) + PACKED + wire.compressed(wire.json_frames([ONE, TWO], 3)),
        [Opened(V2, 4), Piece(PACKED, 1, None), Piece(wire.compressed(wire.json_frames([ONE, TWO], 3)), 3, None)],
    ),
    "C after J": (
        wire.window(4) + BARE + PACKED,
        [Opened(V2, 4), Piece(BARE, 1, 2), Piece(PACKED, 1, None)],
    ),
    "window inside C": (
        deflated(wire.window(2) + wire.json_frames([ONE, TWO], 0)),
        [Opened(V2, 2), Piece(deflated(wire.window(2) + wire.json_frames([ONE, TWO], 0)), 0, None)],
    ),
    "a text of pairs is empty": (
        wire.window(1) + wire.pairs_frame({"": ""}),
        [Opened(V2, 1), Piece(wire.pairs_frame({"": ""}), 1, 1)],
    ),
    "no pairs": (wire.window(1) + wire.pairs_frame({}), [Opened(V2, 1), Piece(wire.pairs_frame({}), 1, 1)]),
}


@pytest.mark.parametrize(("data", "expected"), RECEIVED.values(), ids=RECEIVED)
@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_windows_and_pieces_come_out_however_the_bytes_arrive(
    data: bytes, expected: list[Opened | Piece], size: int
) -> None:
    receiver = Receiver()
    out: list[Opened | Piece] = []
    for start in range(0, len(data), size):
        out += receiver.feed(data[start : start + size])
    assert out == expected
    assert receiver.waiting == 0


BROKEN = {
    "no frame at all": (b"GET / HTTP/1.1\r\n", "neither version 1 nor 2"),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01", "TLS handshake on a port without TLS"),
    "an unknown type": (b"2Z\0\0\0\1", "unknown frame type 0x5a"),
    "an answer": (wire.ack(1), "unknown frame type 0x41"),
    "a window in a window": (wire.window(2) + wire.json_frames([ONE]) + wire.window(1), "1 events of the one before"),
    "a large window": (wire.window(101), "a window of 101 events; at most 100"),
    "an event outside a window": (BARE, "an event outside a window"),
    "pairs outside a window": (PAIRS, "an event outside a window"),
    "an event too many": (wire.window(1) + BARE, "an event outside a window"),
    "C outside a window": (PACKED, "a C frame outside a window"),
    "a long J": (wire.window(1) + struct.pack(">BBII", V2, ord("J"), 1, 5000), "a frame of 5000 bytes"),
    "a long C": (wire.window(1) + struct.pack(">BBI", V2, ord("C"), 5000), "a frame of 5000 bytes"),
    "a long text": (
        wire.window(1) + struct.pack(">BBIII", V2, ord("D"), 1, 1, 5000),
        "a frame of 5014 bytes",
    ),
    "many pairs": (wire.window(1) + TOO_MANY_PAIRS, "an event of 5000 fields"),
    "C that is no zlib": (wire.window(1) + frame("C", b"nothing of the kind"), "cannot be inflated"),
    "C in C": (wire.window(1) + deflated(PACKED), "does not begin with an event"),
    "an empty C": (wire.window(1) + deflated(b""), "does not begin with an event"),
    "an empty window in C": (deflated(wire.window(0) + BARE), "a window of no events"),
    "a window in C in a window": (
        wire.window(3) + wire.json_frames([ONE]) + deflated(wire.window(2) + BARE),
        "2 events of the one before",
    ),
}


@pytest.mark.parametrize(("data", "why"), BROKEN.values(), ids=BROKEN)
def test_broken_framing_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(BrokenFraming, match=why):
        Receiver(Limits(frame=1000, window=100)).feed(data)


def test_bare_frames_after_an_uncounted_piece_are_given_out_at_once() -> None:
    receiver = Receiver()
    receiver.feed(wire.window(5) + PACKED)
    assert receiver.feed(BARE + wire.json_frames([ONE], 3)[:5]) == [Piece(BARE, 1, 2)]
    assert receiver.feed(wire.json_frames([ONE], 3)[5:] + wire.window(1)) == [
        Piece(wire.json_frames([ONE], 3), 3, 1),
        Opened(V2, 1),
    ]


def test_pairs_that_arrive_in_parts_after_an_uncounted_piece() -> None:
    receiver = Receiver()
    receiver.feed(wire.window(5) + PACKED)
    out = receiver.feed(BARE + PAIRS[:20])
    assert out + receiver.feed(PAIRS[20:]) == [Piece(BARE, 1, 2), Piece(PAIRS, 7, 1)]


def test_a_long_run_of_bare_frames_is_given_out_in_parts() -> None:
    long = wire.json_frames([b"x" * 600_000] * 4)
    out = Receiver().feed(wire.window(4) + long)
    assert [item.events for item in out if isinstance(item, Piece)] == [2, 2]
    assert b"".join(item.data for item in out if isinstance(item, Piece)) == long


# ---------------------------------------------------------------------------------------------- reading pieces

HELD = {
    "J": (BARE, [ONE, TWO]),
    "C": (PACKED, [ONE, TWO]),
    "D": (PAIRS, [{"line": "hello", "file": "/a"}]),
    "C with D and J": (wire.compressed(PAIRS + BARE, version=V1), [{"line": "hello", "file": "/a"}, ONE, TWO]),
    "C with W": (deflated(wire.window(2) + BARE), [ONE, TWO]),
    "J of version 1": (b"1" + BARE[1:], [ONE, TWO]),
    "an empty payload": (wire.json_frames([b""]), [b""]),
    "bad UTF-8 in D": (PAIRS.replace(b"hello", b"\xff\xfeabc"), [{"line": "��abc", "file": "/a"}]),
}


@pytest.mark.parametrize(("data", "payloads"), HELD.values(), ids=HELD)
def test_payloads_of_a_piece(data: bytes, payloads: list[object]) -> None:
    assert list(events(data, 1000, 3)) == payloads
    assert count(data, 1000, 3) == len(payloads)
    alone = pieces(data, 1000, 3)
    assert [next(events(one, 1000, 1)) for one in alone] == payloads


BAD_PIECES = {
    "nothing": (b"", 0, None),
    "cut short": (BARE[:-1], 9, "cut short"),
    "cut in a head": (BARE + BARE[:5], 9, "cut short"),
    "cut pairs": (PAIRS[:-1], 9, "cut short"),
    "an unknown version": (BARE + b"3J" + BARE[2:], 9, "neither version"),
    "a C among events": (BARE + PACKED, 9, "type 0x43"),
    "C in C": (deflated(BARE + PACKED), 9, "type 0x43"),
    "many pairs": (TOO_MANY_PAIRS, 9, "type 0x44, size 5000"),
    "more events than announced": (PACKED, 1, "more than the 1 events"),
    "more bare events than announced": (BARE, 1, "more than the 1 events"),
    "C that is no zlib": (frame("C", b"nothing"), 9, "cannot be inflated"),
    "C that is cut short": (frame("C", zlib.compress(BARE)[:-3]), 9, "not that of its zlib stream"),
    "C with something behind": (frame("C", zlib.compress(BARE) + b"x"), 9, "not that of its zlib stream"),
    "C with a wrong checksum": (frame("C", zlib.compress(BARE)[:-1] + b"\0"), 9, "cannot be inflated"),
    "a bomb": (wire.compressed(wire.json_frames([b"0" * 10_000])), 9, "more than the 1000 bytes"),
}


@pytest.mark.parametrize(("data", "at_most", "why"), BAD_PIECES.values(), ids=BAD_PIECES)
def test_a_bad_piece_is_refused_before_anything_is_given_out(data: bytes, at_most: int, why: str | None) -> None:
    if why is None:
        assert list(events(data, 1000, at_most)) == []
        return
    with pytest.raises(BrokenFraming, match=why):
        events(data, 1000, at_most)


# ---------------------------------------------------------------------------------------------- windows


def test_a_window_is_acknowledged_once_and_whole() -> None:
    windows = Windows()
    windows.open(V2, 5)
    first, second = windows.piece(11), windows.piece(13)
    windows.end(first, 2)
    assert windows.acknowledgements() == b""
    windows.end(second, 3)
    assert windows.acknowledgements() == wire.ack(15)
    assert windows.acknowledgements() == b""
    assert (len(windows), windows.out) == (0, 0)


def test_windows_are_acknowledged_in_their_order() -> None:
    windows = Windows()
    opened = []
    for version in (V1, V2):
        windows.open(version, 2)
        opened.append(windows.piece(1))
    windows.open(V2, 0)
    windows.end(opened[1], 2)
    assert windows.acknowledgements() == b""
    assert windows.version == V1
    windows.end(opened[0], 2)
    assert windows.acknowledgements() == wire.ack(2, V1) + wire.ack(2) + wire.ack(0)
    assert windows.version == V2


def test_sequences_wrap() -> None:
    windows = Windows()
    windows.open(V2, 3)
    windows.end(windows.piece(0xFFFFFFFF), 3)
    assert windows.acknowledgements() == wire.ack(1)


@pytest.mark.parametrize("held", [1, 3])
def test_a_window_that_holds_something_else_than_announced_is_not_acknowledged(held: int) -> None:
    windows = Windows()
    windows.open(V2, 2)
    window = windows.piece(1)
    windows.open(V2, 1)
    windows.end(window, held)
    with pytest.raises(BrokenFraming, match=f"{held} events in a window of 2"):
        windows.acknowledgements()


def test_a_piece_after_the_end_of_its_window_is_refused() -> None:
    windows = Windows()
    windows.open(V2, 1)
    windows.end(windows.piece(1), 1)
    windows.acknowledgements()
    with pytest.raises(BrokenFraming, match="more events than the window announced"):
        windows.piece(2)


# ---------------------------------------------------------------------------------------------- sending


def test_an_answer_is_read() -> None:
    assert wire.acknowledged(wire.ack(7)) == 7
    assert wire.acknowledged(wire.ack(7, V1)) == 7
    with pytest.raises(BrokenFraming, match="no acknowledgement"):
        wire.acknowledged(wire.window(7))


# ---------------------------------------------------------------------------------------------- fuzzing

texts = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3)
payloads = st.lists(st.binary(max_size=40), min_size=1, max_size=6)


@st.composite
def sent_windows(draw: st.DrawFn) -> tuple[bytes, list[list[bytes]]]:
    """Windows as a sender may send them, and the payloads of each."""
    data, sent = b"", []
    for window in draw(st.lists(payloads, max_size=4)):
        data += wire.window(len(window))
        first, parts = draw(st.integers(0, 9)), draw(st.integers(1, 3))
        size = -(-len(window) // parts)
        for start in range(0, len(window), size):
            frames = wire.json_frames(window[start : start + size], first + start)
            data += wire.compressed(frames, draw(st.integers(0, 9))) if draw(st.booleans()) else frames
        sent.append(window)
    return data, sent


@given(sent_windows(), st.data())
@settings(max_examples=40)
def test_whatever_is_sent_comes_out_and_is_acknowledged(
    sent: tuple[bytes, list[list[bytes]]], data: st.DataObject
) -> None:
    stream, expected = sent
    receiver, windows = Receiver(), Windows()
    out: list[list[object]] = []
    answers = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        for item in receiver.feed(stream[:size]):
            if isinstance(item, Opened):
                windows.open(item.version, item.events)
                out.append([])
                continue
            window = windows.piece(item.first)
            held = list(events(item.data, 1000, window.events))
            out[-1] += held
            windows.end(window, len(held))
            answers += windows.acknowledgements()
        stream = stream[size:]
    assert out == expected
    assert len(answers) == wire.ACK_SIZE * len(expected)


@given(sent_windows(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=60)
def test_mutated_bytes_raise_nothing_but_broken_framing(
    sent: tuple[bytes, list[list[bytes]]], changes: list[tuple[float, int]]
) -> None:
    stream = bytearray(sent[0])
    for place, byte in changes:
        if stream:
            stream[int(place * (len(stream) - 1))] = byte
    try:
        for item in Receiver(Limits(frame=1000, window=100)).feed(bytes(stream)):
            if isinstance(item, Piece):
                _read(item.data)
    except BrokenFraming:
        pass


@given(st.binary(max_size=200), texts)
@settings(max_examples=60)
def test_any_bytes_raise_nothing_but_broken_framing(data: bytes, pairs: dict[str, str]) -> None:
    for start in (b"", b"2W\0\0\0\1", b"2W\0\0\0\1" + wire.pairs_frame(pairs)[:-1]):
        with contextlib.suppress(BrokenFraming):
            Receiver(Limits(frame=1000, window=100)).feed(start + data)
    for piece in (data, frame("C", data), deflated(data), wire.pairs_frame(pairs) + data):
        with contextlib.suppress(BrokenFraming):
            _read(piece)


def _read(piece: bytes) -> None:
    held = list(events(piece, 1000, 100))
    assert len(held) == len(pieces(piece, 1000, 100)) == count(piece, 1000, 100)
    assert sum(len(payload) for payload in held if isinstance(payload, bytes)) <= 1000 + len(piece)
