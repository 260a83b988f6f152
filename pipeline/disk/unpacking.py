"""Packed streams in blocks: gzip (many members), Zstandard (many frames), bzip2 and xz, up to where one is damaged.

packed  = member+ padding?      padding = zero bytes, which some programs leave behind gzip and xz
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from backports import zstd
from isal import igzip_lib

from pipeline.errors import Damaged

BLOCK = 256 * 1024
"""Most bytes that are unpacked at a time."""
SLICE = 16 * 1024
"""Bytes of what is packed that are unpacked at a time: as exactly it is known where the damage is."""
HEAD = 16
"""Bytes by which a packing is known."""
DAMAGES: tuple[type[Exception], ...] = (
    *(OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError),
    cast("type[Exception]", igzip_lib.IsalError),
)

_MAKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}


def packing(head: bytes) -> str | None:
    """What the first bytes of a stream say: gzip, zstd, bzip2, xz; None if it is not packed."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return "zstd"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    return "xz" if head.startswith(b"\xfd7zXZ\0") else None


@dataclass(frozen=True, slots=True)
class Bound:
    """Beyond it, a stream is taken for a decompression bomb."""

    ratio: float = 500.0
    """Times its packed size; 0: none."""
    free: int = 64 << 20
    """So many bytes are unpacked whatever the ratio is."""

    def check(self, packed: int, unpacked: int) -> None:
        """Raises `Damaged` beyond the bound."""
        if self.ratio and unpacked > self.free and unpacked > packed * self.ratio:
            raise Damaged(
                f"it unpacks to more than {self.ratio:g} times its size, as a decompression bomb does; "
                "if it is none, raise --max-ratio"
            )


def unpack(
    blocks: Iterable[bytes], kind: str, bound: Bound, tell: Callable[[int], None] = lambda left: None
) -> Iterator[bytes]:
    """The unpacked text in blocks; raises `Damaged` where it cannot go on, after what is whole before that.

    `tell` hears how many bytes of the block that was taken last are left to be unpacked.
    """
    make, unpacker, members = _MAKERS[kind], None, 0
    packed = unpacked = 0
    for block in blocks:
        packed += len(block)
        for start in range(0, len(block), SLICE):
            data, after = block[start : start + SLICE], max(0, len(block) - start - SLICE)
            tell(after)
            while data or (unpacker is not None and not unpacker.needs_input):
                if unpacker is None:
                    if members and not (data := data.lstrip(b"\0")):
                        break
                    unpacker, members = make(), members + 1
                with _placed(len(data) + after):
                    text = _some(unpacker, data, members)
                    unpacked += len(text)
                    bound.check(packed, unpacked)
                if text:
                    yield text
                data = b""
                if unpacker.eof:
                    data, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise Damaged("it is cut short")


@contextlib.contextmanager
def _placed(unused: int) -> Iterator[None]:
    """Damage that is found in the block is at most so many bytes before the end of what was taken."""
    try:
        yield
    except Damaged as error:
        error.unused = unused
        raise


def _some(unpacker: Any, data: bytes, members: int) -> bytes:
    try:
        text: bytes = unpacker.decompress(data, BLOCK)
    except DAMAGES as error:
        raise Damaged(f"{error}{f', in part {members} of it' if members > 1 else ''}") from error
    return text
