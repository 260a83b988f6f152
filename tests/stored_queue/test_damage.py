"""Crashes and damage: what is cut, what is refused with its place, and what a repair keeps. On a real disk."""

from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.disk.file_layer import SystemFiles
from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError
from pipeline.stored_queue import checkpoints
from pipeline.stored_queue.pages import HEADER_SIZE, Entry, page_name
from pipeline.stored_queue.queue import Bounds, StoredQueue, deflater
from pipeline.stored_queue.repair import repair
from pipeline.stored_queue.survey import survey

BOUNDS = Bounds(700, 1 << 20)


def entry(number: int) -> Entry:
    return Entry("beats #1", {"id": f"id{number}"}, b"%d:" % number + b"x" * 100, 1_764_000_000_000 + number)


def opened(folder: Path, deflate: str = "none") -> StoredQueue:
    return StoredQueue(str(folder), BOUNDS, deflate=deflater(deflate))


def filled(folder: Path, count: int = 12, deflate: str = "none") -> None:
    """Each entry is synced by itself; no checkpoint says so."""
    queue = opened(folder, deflate)
    for number in range(1, count + 1):
        queue.append([entry(number)])
    queue.close()


def drained(folder: Path) -> list[int]:
    queue = opened(folder)
    found = []
    while records := queue.take(1):
        for record in records:
            number = int(record.entry.origin["id"][2:])
            assert record.entry == entry(number)
            assert record.sequence == number
            found.append(number)
    queue.close()
    return found


def pages(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.page"))


def damage(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.write_bytes(content)


def test_pages_begin_and_go(tmp_path: Path) -> None:
    filled(tmp_path)
    assert len(pages(tmp_path)) > 2
    assert all(page.stat().st_size <= BOUNDS.page for page in pages(tmp_path))
    queue = opened(tmp_path)
    while records := queue.take(1 << 20):
        for record in records:
            queue.end(record.sequence)
    queue.checkpoint()
    assert pages(tmp_path) == []
    queue.close()
    assert drained(tmp_path) == []
    queue = opened(tmp_path)
    assert queue.next == 13
    queue.close()


@pytest.mark.parametrize("deflate", ["speed", "balanced", "size"])
def test_compressed_records_are_smaller_and_read_whatever_is_set_now(tmp_path: Path, deflate: str) -> None:
    filled(tmp_path / "plain")
    filled(tmp_path / "small", deflate=deflate)
    sizes = [sum(page.stat().st_size for page in pages(tmp_path / name)) for name in ("plain", "small")]
    assert sizes[1] < sizes[0]
    assert drained(tmp_path / "small") == list(range(1, 13))


def test_what_does_not_become_smaller_is_kept_as_it_is(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(200)
    queue = opened(tmp_path, "size")
    queue.append([Entry("a", {"id": "x"}, data, 0)])
    assert data in pages(tmp_path)[0].read_bytes()
    queue.close()


def test_a_page_that_was_cut_anywhere_is_read_up_to_there(tmp_path: Path) -> None:
    filled(tmp_path / "whole", 3)
    [page] = pages(tmp_path / "whole")
    content, mark = page.read_bytes(), (tmp_path / "whole" / checkpoints.NAME).read_bytes()
    ends = [at for at in range(HEADER_SIZE + 1, len(content)) if content.startswith(b"APXR", at)]
    ends.append(len(content))
    near = {end + more for end in [0, HEADER_SIZE, *ends] for more in (-1, 0, 1)}
    for size in sorted((near | set(range(0, len(content), 11))) & set(range(len(content) + 1))):
        folder = tmp_path / f"cut{size}"
        folder.mkdir()
        (folder / checkpoints.NAME).write_bytes(mark)
        (folder / page.name).write_bytes(content[:size])
        whole = sum(end <= size for end in ends)
        queue = opened(folder)
        assert queue.cut == max(0, size - max([HEADER_SIZE, *(end for end in ends if end <= size)]))
        queue.append([entry(whole + 1)])
        queue.close()
        assert drained(folder) == list(range(1, whole + 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 0.999), page=st.integers(0, 1))
def test_a_flipped_bit_loses_one_record_and_is_told(
    tmp_path_factory: pytest.TempPathFactory, where: float, page: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    filled(folder)
    path = pages(folder)[page]
    at = HEADER_SIZE + int((path.stat().st_size - HEADER_SIZE) * where)
    before = path.read_bytes()
    damage(path, at)
    with pytest.raises(
        StoreError, match=rf"{path.name} is damaged at byte \d+: .* record \d+ cannot be read; .*repair"
    ):
        opened(folder)
    damaged = path.read_bytes()
    done = repair(str(folder))
    [(first, last)] = done.lost
    assert first == last
    assert done.moved == [str(folder / "damaged" / path.name)]
    assert (folder / "damaged" / path.name).read_bytes() == damaged
    assert drained(folder) == [number for number in range(1, 13) if number != first]
    assert b"%d:" % first in before
    again = repair(str(folder))
    assert (again.lost, again.moved, again.kept) == ([], [], 0)


def test_a_page_that_is_gone_is_told_and_repaired(tmp_path: Path) -> None:
    filled(tmp_path)
    gone = pages(tmp_path)[1]
    following = int(pages(tmp_path)[2].stem)
    gone.unlink()
    first, last = int(gone.stem), following - 1
    with pytest.raises(StoreError, match=f"records {first} to {last} are missing: a page or the checkpoint is gone"):
        opened(tmp_path)
    assert repair(str(tmp_path)).lost == [(first, last)]
    assert drained(tmp_path) == [*range(1, first), *range(following, 13)]


def test_the_tail_is_damage_where_a_checkpoint_says_it_was_synced(tmp_path: Path) -> None:
    filled(tmp_path)
    queue = opened(tmp_path)
    queue.checkpoint()
    queue.close()
    page = pages(tmp_path)[-1]
    damage(page, page.stat().st_size - 1)
    with pytest.raises(StoreError, match="record 12 cannot be read"):
        opened(tmp_path)
    assert repair(str(tmp_path)).lost == [(12, 12)]
    assert drained(tmp_path) == list(range(1, 12))
    queue = opened(tmp_path)
    assert queue.next == 13  # a sequence is never used twice
    queue.close()


def test_a_page_of_which_nothing_can_be_read_is_moved_aside(tmp_path: Path) -> None:
    filled(tmp_path)
    page = pages(tmp_path)[1]
    page.write_bytes(os.urandom(page.stat().st_size))
    done = repair(str(tmp_path))
    assert done.kept == 0
    assert not page.exists()
    assert (tmp_path / "damaged" / page.name).exists()


def test_records_that_a_sender_made_up_are_no_records(tmp_path: Path) -> None:
    filled(tmp_path / "other", 1)
    forged = pages(tmp_path / "other")[0].read_bytes()[HEADER_SIZE:]
    folder = tmp_path / "queue"
    queue = opened(folder)
    queue.append([Entry("a", {"id": "evil"}, forged, 0)])
    queue.append([entry(2)])
    queue.append([entry(3)])
    queue.close()
    damage(pages(folder)[0], HEADER_SIZE + 5)  # the length of the first: now its data is searched for the next record
    assert repair(str(folder)).lost == [(1, 1)]
    assert drained(folder) == [2, 3]


def test_a_damaged_checkpoint_is_told_and_everything_comes_again(tmp_path: Path) -> None:
    filled(tmp_path)
    queue = opened(tmp_path)
    for record in queue.take(1 << 20):
        queue.end(record.sequence)
    queue.checkpoint()
    queue.close()
    left = [int(page.stem) for page in pages(tmp_path)]
    path = tmp_path / checkpoints.NAME
    damage(path, 20)
    with pytest.raises(StoreError, match="checkpoint is damaged"):
        opened(tmp_path)
    done = repair(str(tmp_path))
    assert done.before == (1, left[0] - 1)
    assert done.lost == []
    assert drained(tmp_path) == list(range(left[0], 13))
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="cut short"):
        opened(tmp_path)


def test_a_repair_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    filled(tmp_path)
    page = pages(tmp_path)[1]
    page.rename(f"{page}.repaired")  # the damaged one was moved, the new one has not its name yet
    repair(str(tmp_path))
    assert drained(tmp_path) == list(range(1, 13))


def test_pages_of_another_queue_are_not_taken(tmp_path: Path) -> None:
    filled(tmp_path / "a", 2)
    filled(tmp_path / "b", 2)
    pages(tmp_path / "b")[0].rename(tmp_path / "a" / page_name(3))
    with pytest.raises(StoreError, match="pages of several queues"):
        opened(tmp_path / "a")


def test_a_page_of_a_later_format_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    [page] = pages(tmp_path)
    content = bytearray(page.read_bytes())
    content[4] = 2
    content[HEADER_SIZE - 4 : HEADER_SIZE] = zlib.crc32(content[: HEADER_SIZE - 4]).to_bytes(4)
    page.write_bytes(content)
    with pytest.raises(StoreError, match="version 2 of the format; this program reads version 1"):
        opened(tmp_path)


def test_pages_without_any_header_and_checkpoint_are_refused(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    damage(pages(tmp_path)[0], 9)
    assert drained(tmp_path) == [1, 2]  # the checkpoint knows the queue
    (tmp_path / checkpoints.NAME).unlink()
    with pytest.raises(StoreError, match="no page has a header that can be read"):
        opened(tmp_path)


def test_damage_that_comes_while_it_is_open(tmp_path: Path) -> None:
    filled(tmp_path)
    queue = opened(tmp_path)
    damage(pages(tmp_path)[0], HEADER_SIZE + 200)
    with pytest.raises(
        StoreError, match=r"page is damaged before byte \d+: records \d+ to \d+ cannot be read; .*repair"
    ):
        list(iter(lambda: queue.take(1), []))
    queue.close()
    with pytest.raises(StoreError, match="is closed"):
        queue.append([entry(1)])


def test_one_process_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(str(tmp_path))
    with pytest.raises(StoreError, match=rf"in use by another process \(id {os.getpid()}\)"):
        FolderLock(str(tmp_path))
    lock.release()
    FolderLock(str(tmp_path)).release()


def test_a_queue_in_use_is_no_damaged_one(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    for number in range(1, 13):
        queue.append([entry(number)])
    for record in queue.take(300):
        queue.end(record.sequence)

    class Removing(SystemFiles):
        """Between the list of names and the reading, the running process removes the first page."""

        def names(self, folder: str) -> list[str]:
            found = super().names(folder)
            if self.asked:
                queue.checkpoint()
            self.asked += 1
            return found

        asked = 0

    found = survey(Removing(), str(tmp_path), in_use=True)
    assert found.lost == []
    assert found.pages[-1].last == 12
    assert found.ended.upto >= 3
    queue.close()
