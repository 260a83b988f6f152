"""Tar archives as a stream, whole and damaged at any place."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from pipeline.disk.tar_members import is_tar, members
from pipeline.errors import Damaged

FILES = {"a.log": b"a" * 3000, "empty": b"", "folder/b.log": b"b" * 1024, "c.log": b"c\n"}


def tar(style: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, data in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def blocks(data: bytes, size: int = 700) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(data: bytes) -> dict[str, bytes]:
    return {name: b"".join(content) for name, content in members(blocks(data))}


@pytest.mark.parametrize("style", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_files(style: int) -> None:
    data = tar(style)
    assert is_tar(data[:512])
    assert read(data) == FILES
    assert read(data + b"\0" * 5000) == FILES


def test_an_archive_that_is_cut_anywhere_is_damaged() -> None:
    data = tar()
    whole = len(data.rstrip(b"\0"))
    for end in range(512, whole + 512, 256):
        with pytest.raises(Damaged):
            read(data[:end])


def test_a_header_that_is_none_is_damage_and_not_the_end() -> None:
    data = tar()
    for place in range(512, len(data.rstrip(b"\0")), 512):
        if data[place + 257 : place + 262] == b"ustar":
            with pytest.raises(Damaged, match=f"byte {place}|cannot be read on"):
                read(data[:place] + b"x" * 512 + data[place + 512 :])


def test_what_follows_the_end_is_damage() -> None:
    with pytest.raises(Damaged):
        read(tar() + b"and more")


@pytest.mark.parametrize("head", [b"", b"text\n" * 100])
def test_what_is_no_tar(head: bytes) -> None:
    assert not is_tar(head)
