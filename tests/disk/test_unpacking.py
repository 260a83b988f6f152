"""Packed streams in blocks of any size, whole and damaged."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable, Iterator

import pytest
from backports import zstd

from pipeline.disk.unpacking import HEAD, Bound, packing, unpack
from pipeline.errors import Damaged

DRAW = random.Random(1)
DATA = b"".join(b"line %d %x\n" % (number, DRAW.getrandbits(80)) for number in range(4000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def blocks(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_members_one_after_the_other(kind: str, size: int) -> None:
    data = DATA[:3000] if size == 1 else DATA
    packed = PACKERS[kind](data)
    assert packing(packed[:HEAD]) == kind
    assert b"".join(unpack(blocks(packed * 3, size), kind, Bound())) == data * 3


@pytest.mark.parametrize("kind", PACKERS)
def test_what_is_whole_comes_before_the_damage(kind: str) -> None:
    packed = PACKERS[kind](DATA)
    for data in (packed[:-7], packed + b"not a member", packed + packed[: len(packed) // 2]):
        out: list[bytes] = []
        with pytest.raises(Damaged):
            out.extend(unpack(blocks(data), kind, Bound()))
        assert (DATA * 2).startswith(b"".join(out))


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_padding_is_passed_over(kind: str) -> None:
    assert b"".join(unpack(blocks(PACKERS[kind](DATA) + b"\0" * 1500), kind, Bound())) == DATA


@pytest.mark.parametrize("kind", PACKERS)
def test_a_bomb(kind: str) -> None:
    packed = PACKERS[kind](bytes(3 << 20))
    with pytest.raises(Damaged, match="bomb"):
        list(unpack(blocks(packed), kind, Bound(100, 1 << 20)))
    for bound in (Bound(0, 1 << 20), Bound(100, 3 << 20)):
        assert sum(map(len, unpack(blocks(packed), kind, bound))) == 3 << 20


@pytest.mark.parametrize("head", [b"", b"{", b"BZh is a text", b"\x1f\x8b", b"PK\x03\x04"])
def test_what_is_not_packed(head: bytes) -> None:
    assert packing(head) is None


def test_a_frame_of_zstd_that_is_to_be_passed_over() -> None:
    packed = b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd.compress(DATA)
    assert packing(packed[:HEAD]) == "zstd"
    assert b"".join(unpack(blocks(packed), "zstd", Bound())) == DATA
