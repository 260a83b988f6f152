"""Blocks of whole lines, from any position on; the pace; the times of lines."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from pipeline.disk.unpacking import Bound
from pipeline.replay import reading
from pipeline.replay.archives import find
from pipeline.replay.entries import Entry, entries
from pipeline.replay.pace import Pace, rate_of
from pipeline.replay.reading import Block, blocks, identity
from pipeline.replay.times import Clock, time_of

DRAW = random.Random(5)
DATA = b"".join(b'{"time":"2026-01-%02dT00:00:00Z","n":%d}\n' % (1 + n % 28, n) for n in range(500)) + b"the last"


def entry(path: Path) -> Entry:
    [found] = find([str(path)])
    [only] = entries(found, Bound())
    return only


def read(path: Path, position: int = 0, size: int = 1000) -> list[Block]:
    return list(blocks(entry(path), position, Clock(), size))


def whole(found: list[Block]) -> bytes:
    return b"\n".join(block.data for block in found)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [1, 100, 1000, 1 << 20])
def test_blocks_are_whole_lines_and_go_on_from_any_of_their_ends(tmp_path: Path, size: int, packed: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(DATA) if packed else DATA)
    found = read(path, size=size)
    assert whole(found) == DATA
    for block in found:
        assert DATA[block.offset : block.offset + len(block.data)] == block.data
    for block in DRAW.sample(found, min(5, len(found))):
        rest = read(path, block.end, size)
        assert whole(rest) == DATA[block.end :]
        following = [one.time for one in found if one.offset == block.end]
        assert [one.time for one in rest[:1]] == following, "the time before a block is known after a restart, too"


def test_a_line_that_is_too_long_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 5000)
    path = tmp_path / "a"
    path.write_bytes(b"x" * 600_000 + b"\nshort\n")
    found = read(path)
    assert sum(len(block.data) for block in found) >= 600_000
    assert found[-1].data.endswith(b"short")


def test_an_archive_that_grows_is_read_as_it_was_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)
    found = entry(path)
    with path.open("ab") as file:
        file.write(b"\nmore")
    assert whole(list(blocks(found, 0, None))) == DATA


def test_identity(tmp_path: Path) -> None:
    for name, data in {"a": DATA, "b": DATA + b".", "c": DATA}.items():
        (tmp_path / name).write_bytes(data)
    names = [identity(entry(tmp_path / name), fields) for name in "abc" for fields in ("", "x")]
    assert names[:2] == names[4:], "a copy is the same"
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("text", "rate"), [("5000/s", 5000), ("300/m", 5), ("7200/h", 2), ("10", 10), ("0.5/s", 0.5), (" 20 / s ", 20)]
)
def test_rates(text: str, rate: float) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0/s", "-1/s", "5/day"])
def test_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        rate_of(text)


def test_a_block_goes_out_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)
    [block] = read(path, size=1 << 20)
    pieces = list(Pace(100).pieces(block))
    assert whole(pieces) == block.data
    assert [piece.end for piece in pieces] == [piece.offset for piece in pieces[1:]] + [block.end]
    assert max(piece.data.count(b"\n") + 1 for piece in pieces) == 10
    lasting = {piece.end: Clock().last(piece.data, None) for piece in pieces}
    timed = list(Pace(100).pieces(block, Clock()))
    assert [piece.time for piece in timed[1:]] == [lasting[piece.offset] for piece in timed[1:]]
    pace = Pace(100)
    waits = [pace.wait(piece) for piece in pieces]
    assert waits[0] == 0
    assert 4 < waits[-1] < 5.1


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
        ("2026-01-02 03:04:05.5+01:00", "2026-01-02T02:04:05.500Z"),
        ("2026-01-02 03:04:05,678", "2026-01-02T03:04:05.678Z"),
        (1_767_323_045, "2026-01-02T03:04:05.000Z"),
        (1_767_323_045.25, "2026-01-02T03:04:05.250Z"),
        (1_767_323_045_123, "2026-01-02T03:04:05.123Z"),
        ("soon", None),
        (True, None),
        (None, None),
        ({}, None),
        (1e300, None),
        (float("nan"), None),
    ],
)
def test_times(value: object, time: str | None) -> None:
    assert time_of(value) == time
