"""A persistent queue on disk: entries in, records out in their order, each until it has its end.

    append      a new page, or the end of the newest one; when it is written and synced, it counts
    take        the next records, in order, each once
    end         a record was delivered
    checkpoint  says on disk what has its end, and removes the pages whose records all have

    page:      newest (written to) -> sealed (read) -> every record has its end, and the checkpoint says so -> removed

A page is never written to after a failure: what is behind its last synced byte is cut, and what was to be written goes
to a new page under the same sequences. No page is removed that has a record without an end.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.disk.file_layer import File, Files, SystemFiles, write_whole
from pipeline.errors import DiskRefuses, StoreError
from pipeline.stored_queue import checkpoints
from pipeline.stored_queue.checkpoints import Checkpoint
from pipeline.stored_queue.pages import (
    HEADER_SIZE,
    Damage,
    Entry,
    Pager,
    Record,
    encode,
    header,
    load,
    page_name,
    scan,
)
from pipeline.stored_queue.survey import REMEDY, Surveyed, survey

Deflate = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a queue and its pages grow, in bytes."""

    page: int = 64 << 20
    queue: int = 1 << 30


@dataclass(slots=True)
class _Page:
    first: int
    path: str
    size: int
    """Bytes that are synced."""
    last: int
    """The sequence of its last record; before `first`, if it has none."""
    sealed: bool = True


@dataclass(slots=True)
class _Cursor:
    """Where reading goes on."""

    page: _Page
    file: File
    offset: int = HEADER_SIZE


class StoredQueue:
    """One queue in one folder, used by one process."""

    def __init__(self, folder: str, bounds: Bounds, files: Files | None = None, deflate: Deflate | None = None) -> None:
        """Opens the queue and cuts a torn end; raises `StoreError` if acknowledged records cannot be read."""
        self.folder = folder
        self.cut = 0
        """Bytes that a crash left behind the last whole record."""
        self.bounds = bounds
        self._files = files or SystemFiles()
        self._deflate = deflate
        self._closed = False
        self._lock = threading.Lock()
        """Held for moments, and never while the disk works; the others by whoever works on the disk."""
        self._writing, self._reading, self._checkpointing = threading.Lock(), threading.Lock(), threading.Lock()
        self._pages: list[_Page] = []
        self._newest: tuple[_Page, File] | None = None
        self._cursor: _Cursor | None = None
        with _told(folder):
            self._open()

    def _open(self) -> None:
        found = survey(self._files, self.folder)
        if found.lost:
            raise StoreError(f"{found.place_of_loss()}; {REMEDY}")
        self.ended = found.ended
        self.next = max(found.torn, found.ended.upto + 1, *(last + 1 for _, last in found.ended.ranges))
        """The sequence of the next entry."""
        for page, following in pairwise([*found.pages, None]):
            assert page is not None
            limit = self.next if following is None else min(following.first, self.next)
            self._recover(page, limit, found.queue or 0)
        self._files.sync_folder(self.folder)
        self._expected = 1
        self.queue = found.queue if found.queue is not None else int.from_bytes(os.urandom(8))
        self.waiting = sum(last - first + 1 for first, last in self.ended.missing(1, self.next - 1))
        """How many records have no end."""
        self._saved: Checkpoint | None = None
        if found.checkpoint is None:
            self.checkpoint()

    def _recover(self, page: Surveyed, limit: int, queue: int) -> None:
        """Takes a page on, synced; what is at its end and was never acknowledged is cut."""
        last = max((min(last, limit - 1) for first, last in page.runs if first < limit), default=0)
        if not last:
            self.cut += max(page.size - HEADER_SIZE, 0)
            self._files.remove(page.path)
            return
        file = self._files.open(page.path)
        try:
            end = page.end if page.last < limit else _start_of(limit, Pager(file), page, queue)
            if page.size > end:
                self.cut += page.size - end
                file.cut(end)
            # After the death of a process alone, what it wrote may be in the memory of the system only.
            file.sync()
        finally:
            file.close()
        self._pages.append(_Page(page.first, page.path, end, last))

    # ------------------------------------------------------------------------------------ in

    @property
    def size(self) -> int:
        """Bytes of all pages."""
        with self._lock:
            return sum(page.size for page in self._pages)

    def room(self, size: int) -> bool:
        """Whether so many bytes more are within the bound. An empty queue takes anything."""
        held = self.size
        return held + size <= self.bounds.queue or held <= HEADER_SIZE

    def append(self, entries: Sequence[Entry]) -> None:
        """Returns when the entries are on disk; raises `StoreError` if they are not, and then none counts."""
        with self._writing, _told(self.folder):
            self._not_closed()
            durable = self.next - 1
            data = b"".join(
                encode(entry, sequence, durable, self.queue, self._smaller(entry.data))
                for sequence, entry in enumerate(entries, self.next)
            )
            page, file = self._page_for(len(data))
            try:
                write_whole(file, page.size, data)
                file.sync()
            except OSError:
                self._give_up(page, file)
                raise
            with self._lock:
                page.size += len(data)
                self.next += len(entries)
                page.last = self.next - 1
                self.waiting += len(entries)

    def _not_closed(self) -> None:
        """What a thread begins late must not touch a folder that is another process's by now."""
        if self._closed:
            raise StoreError(f"the queue in {self.folder} is closed")

    def _smaller(self, data: bytes) -> bytes | None:
        """The data deflated, if that is wanted and makes it smaller."""
        if self._deflate is None:
            return None
        deflated = self._deflate(data)
        return deflated if len(deflated) < len(data) else None

    def _page_for(self, size: int) -> tuple[_Page, File]:
        if self._newest is not None:
            page, _ = self._newest
            if page.size + size <= self.bounds.page or page.last < page.first:
                return self._newest
            self._seal()
        path = os.path.join(self.folder, page_name(self.next))
        file = self._files.open(path, new=True)
        page = _Page(self.next, path, HEADER_SIZE, self.next - 1, sealed=False)
        try:
            write_whole(file, 0, header(self.queue, self.next))
            self._files.sync_folder(self.folder)
        except OSError:
            self._give_up(page, file)
            raise
        self._newest = page, file
        with self._lock:
            self._pages.append(page)
        return self._newest

    def _give_up(self, page: _Page, file: File) -> None:
        """A write failed: nothing more goes to this page, and what was not synced is cut, if that can be done."""
        with contextlib.suppress(OSError):
            file.cut(page.size)
        with contextlib.suppress(OSError):
            file.close()
        self._newest = None
        page.sealed = True
        if page.last < page.first:  # the next attempt makes a page of that name anew
            with self._lock:
                self._pages = [other for other in self._pages if other is not page]
            with contextlib.suppress(OSError):
                self._files.remove(page.path)

    def spent(self) -> bool:
        """Whether a checkpoint would make room: the records of some page all have their end."""
        with self._writing, self._lock:
            if self._newest is not None and self.ended.covers(self._newest[0].first, self._newest[0].last):
                self._seal()
            return any(page.sealed and self.ended.covers(page.first, page.last) for page in self._pages)

    def _seal(self) -> None:
        """Nothing more goes to the newest page."""
        if self._newest is not None:
            page, file = self._newest
            self._newest = None
            page.sealed = True
            file.close()

    # ------------------------------------------------------------------------------------ out

    def take(self, size: int) -> list[Record]:
        """The next records, in order: about so many bytes, at least one if there is any; raises `StoreError`.

        After a `DiskRefuses` it may be asked again, and leaves nothing out.
        """
        records: list[Record] = []
        with self._reading, _told(self.folder):
            self._not_closed()
            while not records and (cursor := self._next_page()) is not None:
                with self._lock:
                    size_there, last = cursor.page.size, cursor.page.last
                try:
                    self._read(cursor, size_there, size, records)
                except OSError:
                    if not records:
                        raise
                    break  # what is read goes on; the rest is tried again
                if cursor.offset >= size_there:
                    self._check(last + 1, cursor.page, cursor.offset)
        return records

    def _next_page(self) -> _Cursor | None:
        """The cursor, in a page that has more; None if there is nothing more to read."""
        cursor = self._cursor
        with self._lock:
            if cursor is not None and cursor.offset < cursor.page.size:
                return cursor
            after = cursor.page.first if cursor is not None else 0
            page = next((page for page in self._pages if page.first > after and page.size > HEADER_SIZE), None)
        if page is None:
            return None
        following = _Cursor(page, self._files.look(page.path))
        self._cursor = following
        if cursor is not None:
            cursor.file.close()
        return following

    def _read(self, cursor: _Cursor, end: int, size: int, records: list[Record]) -> None:
        pager = Pager(cursor.file)
        for found in scan(pager, cursor.offset, end, self.queue):
            if isinstance(found, Damage):
                cursor.offset = found.end
                continue  # noticed when the next sequence is not the expected one
            self._check(found.sequence, cursor.page, found.end)
            record = None if found.sequence in self.ended else load(pager, found)
            cursor.offset, self._expected = found.end, found.sequence + 1
            if record is None:
                continue
            records.append(record)
            size -= len(record.entry.data)
            if size <= 0:
                return

    def _check(self, sequence: int, page: _Page, end: int) -> None:
        """Nothing that has no end may be missing before a sequence."""
        with self._lock:
            missing = self.ended.missing(self._expected, sequence - 1)
        if missing:
            place = f"{page.path} is damaged before byte {end}"
            raise StoreError(f"{place}: records {missing[0][0]} to {missing[-1][1]} cannot be read; {REMEDY}")

    # ------------------------------------------------------------------------------------ the end of records

    def end(self, sequence: int) -> None:
        """A record has its end."""
        with self._lock:
            self.ended.add(sequence)
            self.waiting -= 1

    def checkpoint(self) -> None:
        """Says on disk what has its end, and removes pages that are not needed any more; raises `StoreError`."""
        with self._checkpointing, _told(self.folder):
            self._not_closed()
            with self._lock:
                state = Checkpoint(self.queue, self.next - 1, self.ended.copy())
            if state != self._saved:
                checkpoints.save(self._files, self.folder, state)
                self._saved = state
            with self._lock:
                gone = [page for page in self._pages if page.sealed and state.ended.covers(page.first, page.last)]
            for page in gone:
                self._files.remove(page.path)
                with self._lock:
                    self._pages.remove(page)

    def close(self) -> None:
        """Closes the files, when those who work on the disk are done."""
        with self._writing, self._reading, self._checkpointing:
            self._closed = True
            self._seal()
            if self._cursor is not None:
                self._cursor.file.close()
                self._cursor = None


def _start_of(sequence: int, pager: Pager, page: Surveyed, queue: int) -> int:
    """Where the first record of that sequence or a later one begins."""
    heads = scan(pager, HEADER_SIZE, page.size, queue)
    return next(head.offset for head in heads if not isinstance(head, Damage) and head.sequence >= sequence)


@contextlib.contextmanager
def _told(folder: str) -> Iterator[None]:
    """What the file system refuses is a `DiskRefuses` that names the folder."""
    try:
        yield
    except OSError as error:
        raise DiskRefuses(f"the queue in {folder} cannot be used: {error.strerror or error}") from error
    except zlib.error as error:
        raise StoreError(f"the queue in {folder} cannot be read: {error}; {REMEDY}") from error


def deflater(compression: str) -> Deflate | None:
    """What `queue.compression` means: `speed` and `balanced` are isa-l's levels 1 and 2, `size` is zlib's 9."""
    if compression == "size":
        return lambda data: zlib.compress(data, 9)
    if compression in ("speed", "balanced"):
        from isal import isal_zlib

        level = 1 if compression == "speed" else 2
        return lambda data: isal_zlib.compress(data, level)
    return None
