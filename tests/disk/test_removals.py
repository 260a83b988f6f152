"""Removed records: durable rows beside a segment, that never speak for a record they were not written for."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.disk.removals import MAGIC, delete_emptied, exclusive, is_emptied, remove, removed
from pipeline.disk.segments import SegmentWriter, count, delete, records, segments
from pipeline.errors import StoreError


def written(folder: Path, *payloads: bytes) -> Path:
    writer = SegmentWriter(folder)
    writer.append(payloads)
    writer.close()
    return segments(folder)[-1]


def test_rows_add_up(tmp_path: Path) -> None:
    path = written(tmp_path, b"a", b"b", b"c")
    assert removed(path) == set()
    remove(path, [1])
    remove(path, [0, 1])
    assert removed(path) == {0, 1}
    assert not is_emptied(path)
    remove(path, [2])
    assert is_emptied(path)
    assert path.with_suffix(".removed").stat().st_size == len(MAGIC) + 4 * 8


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(0, 50), min_size=1), st.sets(st.integers(0, 50)), st.data())
def test_a_row_that_a_crash_cut_is_not_there_and_the_next_is(
    first: set[int], more: set[int], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "7.segment"
        remove(path, first)
        rows = path.with_suffix(".removed")
        whole = rows.read_bytes()
        rows.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        left = removed(path)
        assert left == set(sorted(first)[: len(left)])
        remove(path, more)
        assert removed(path) == left | more


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(0, 50), min_size=1), st.data())
def test_a_damaged_row_removes_nothing_that_was_not_removed(wanted: set[int], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "7.segment"
        remove(path, wanted)
        rows = path.with_suffix(".removed")
        content = bytearray(rows.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        rows.write_bytes(content)
        assert removed(path) <= wanted
        assert len(removed(path)) >= len(wanted) - 1


def test_rows_of_another_segment_do_not_count(tmp_path: Path) -> None:
    remove(tmp_path / "1.segment", [0, 1])
    (tmp_path / "1.removed").rename(tmp_path / "2.removed")
    assert removed(tmp_path / "2.segment") == set()


def test_only_emptied_segments_are_deleted(tmp_path: Path) -> None:
    first, second = written(tmp_path, b"a"), written(tmp_path, b"b", b"c")
    remove(first, [0])
    remove(second, [0])
    delete_emptied(tmp_path)
    assert segments(tmp_path) == [second]
    assert not first.with_suffix(".removed").exists()
    assert not is_emptied(second)
    assert is_emptied(first)


def test_a_segment_that_is_written_to_is_not_deleted(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append([b"a"])
    [path] = segments(tmp_path)
    remove(path, [0])
    delete_emptied(tmp_path)
    writer.append([b"b"])
    assert list(records(path)) == [b"a", b"b"]
    writer.close()
    remove(path, [1])
    delete_emptied(tmp_path)
    assert segments(tmp_path) == []
    assert delete(path)


def test_a_damaged_segment_is_not_emptied(tmp_path: Path) -> None:
    path = written(tmp_path, b"a", b"b")
    content = bytearray(path.read_bytes())
    content[8 + 13] ^= 1  # the length of the second record
    path.write_bytes(content)
    remove(path, [0])
    assert not is_emptied(path)
    with pytest.raises(StoreError, match="damaged"):
        count(path)


def test_a_cut_record_is_not_counted(tmp_path: Path) -> None:
    path = written(tmp_path, b"a", b"bcd")
    path.write_bytes(path.read_bytes()[:-1])
    assert (count(path), count(path, 1), count(path, 0)) == (1, 1, 0)
    path.write_bytes(b"AP")
    assert count(path) == 0


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="free or mount the disk"):
        remove(tmp_path / "none" / "1.segment", [0])
    with pytest.raises(StoreError, match="cannot lock"), exclusive(tmp_path / "none"):
        pass


def test_a_folder_that_does_not_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, b"a")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match=r"cannot delete .* Permission denied"):
        delete(path)


HOLD = "import sys\nfrom pathlib import Path\nfrom pipeline.disk.removals import exclusive\n"
HOLD += "with exclusive(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


def test_one_at_a_time(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match=rf"process {other.pid}\) works on"), exclusive(tmp_path):
        pass
    other.stdin.close()
    other.wait(20)
    other.stdout.close()
    with exclusive(tmp_path):
        pass
