"""Segments: what was appended is there after a crash; what was cut or damaged is never passed off as sound."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.disk.segments import MAGIC, SegmentWriter, records, segments
from pipeline.errors import StoreError

payloads = st.lists(st.binary(max_size=50), min_size=1, max_size=8)


def written(folder: Path, *groups: list[bytes], max_bytes: int = 64 << 20) -> list[Path]:
    writer = SegmentWriter(folder, max_bytes)
    for group in groups:
        writer.append(group)
    writer.close()
    return segments(folder)


def read(path: Path) -> tuple[list[bytes], bool]:
    """The records, and whether damage was reported after them."""
    found: list[bytes] = []
    try:
        found.extend(records(path))
    except StoreError:
        return found, True
    return found, False


def test_the_bytes_on_disk(tmp_path: Path) -> None:
    [path] = written(tmp_path / "a" / "b", [b"one", b""])
    assert path.name == "0000000000000001.segment"
    three, none = (crc32(struct.pack(">I", length)) for length in (3, 0))
    records_ = struct.pack(">III", 3, three, crc32(b"one")) + b"one" + struct.pack(">III", 0, none, 0)
    assert path.read_bytes() == b"APXS\x01\0\0\0" + records_


def test_a_segment_has_its_size_and_each_writer_its_own(tmp_path: Path) -> None:
    paths = written(tmp_path, [b"x" * 30], [b"y"], [b"z"], max_bytes=40)
    assert [list(records(path)) for path in paths] == [[b"x" * 30], [b"y", b"z"]]
    assert [list(records(path)) for path in written(tmp_path, [b"w"])][2:] == [[b"w"]]


def test_other_files_are_no_segments(tmp_path: Path) -> None:
    (tmp_path / "notes.segment").write_text("x")
    (tmp_path / "1.txt").write_text("x")
    assert segments(tmp_path) == []
    assert segments(tmp_path / "none") == []
    assert len(written(tmp_path, [b"x"])) == 1


def test_another_process_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, [b"theirs"])
    monkeypatch.setattr("pipeline.disk.segments.segments", lambda folder: [])
    writer = SegmentWriter(tmp_path)
    writer.append([b"mine"])
    writer.close()
    monkeypatch.undo()
    assert [list(records(path)) for path in segments(tmp_path)] == [[b"theirs"], [b"mine"]]


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="free or mount the disk"):
        SegmentWriter(tmp_path / "file" / "folder").append([b"x"])


def test_after_a_write_that_failed_in_part_the_segment_goes_on_unharmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves half a record; what is appended later, when there is room, must be readable."""
    writer = SegmentWriter(tmp_path)
    writer.append([b"one"])
    fsync, path = os.fsync, segments(tmp_path)[0]

    def full(descriptor: int) -> None:
        os.ftruncate(descriptor, path.stat().st_size - 2)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        writer.append([b"two"])
    monkeypatch.setattr(os, "fsync", fsync)
    writer.append([b"two"])
    writer.close()
    assert [payload for path in segments(tmp_path) for payload in records(path)] == [b"one", b"two"]


def test_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "1.segment"
    path.write_bytes(b"APXS\x02\0\0\0")
    with pytest.raises(StoreError, match="is no segment: it starts with"):
        list(records(path))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payloads, st.data())
def test_a_cut_loses_only_what_was_cut(wanted: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        [path] = written(Path(folder), wanted)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        found, damaged = read(path)
    assert not damaged
    size, expected = len(MAGIC), []
    for payload in wanted:
        size += 12 + len(payload)
        if size <= cut:
            expected.append(payload)
    assert found == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payloads, st.data())
def test_a_damaged_byte_is_never_passed_off_as_sound(wanted: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        [path] = written(Path(folder), wanted)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        found, damaged = read(path)
    assert found == wanted[: len(found)]
    assert damaged or len(found) < len(wanted)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=80))
def test_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1.segment"
        path.write_bytes(content)
        read(path)
        path.write_bytes(MAGIC + content)
        read(path)
