"""What is in the folder of a persistent queue: every page read whole, and judged against what ought to be there.

ended       what the checkpoint says has its end
present     the records that are whole; of a page, only those before the first of the next page, which took the place
            of what could not be brought to disk
durable     everything up to here was on disk once: the highest mark in a record or the checkpoint
lost        neither ended nor present, though durable                    damage: nothing starts before it is repaired
torn        from the first sequence beyond durable that is not present   never acknowledged: it may be cut
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.disk.file_layer import Files
from pipeline.errors import StoreError
from pipeline.stored_queue import checkpoints
from pipeline.stored_queue.checkpoints import Checkpoint
from pipeline.stored_queue.ended import Ended
from pipeline.stored_queue.pages import HEADER_SIZE, Damage, Head, Pager, first_of, page_name, queue_of, scan

REMEDY = "`apex-logs queue inspect` shows more, `apex-logs queue repair` keeps all that can be read"


@dataclass(slots=True)
class Surveyed:
    """A page, as it was found."""

    first: int
    """The sequence in its name."""
    path: str
    size: int
    end: int = HEADER_SIZE
    """Behind its last whole record."""
    last: int = 0
    """The highest sequence in it, 0 if there is none."""
    runs: list[tuple[int, int]] = field(default_factory=list)
    """The sequences in it, as ranges."""
    records: int = 0
    waiting: int = 0
    """Records that have no end."""
    waiting_bytes: int = 0
    oldest: int | None = None
    """When the first of them was written, in milliseconds since 1970."""
    damages: list[Damage] = field(default_factory=list)


@dataclass(slots=True)
class Survey:
    """A queue, as it was found."""

    checkpoint: Checkpoint | None
    pages: list[Surveyed]
    queue: int | None
    """None where there is nothing yet."""
    ended: Ended
    durable: int
    lost: list[tuple[int, int]]
    torn: int
    """The first sequence that is not there and need not be."""

    def place_of_loss(self) -> str:
        """Says where the first lost records were: the page and the byte."""
        first, last = self.lost[0]
        what = f"record {first}" if first == last else f"records {first} to {last}"
        page = next((page for page in reversed(self.pages) if page.first <= first), None)
        if page is None or not page.damages:
            return f"{what} are missing: a page or the checkpoint is gone"
        damage = next((damage for damage in page.damages if _before(page, damage, first)), page.damages[-1])
        return f"{page.path} is damaged at byte {damage.offset}: {damage.reason}; {what} cannot be read"


def _before(page: Surveyed, damage: Damage, sequence: int) -> bool:
    """Whether the damage may hold the sequence: what is behind it comes later."""
    return damage.end >= page.end or page.last >= sequence


def survey(files: Files, folder: str, *, without_checkpoint: bool = False, in_use: bool = False) -> Survey:
    """Reads the whole queue and changes nothing; raises `StoreError` where it cannot be told what is there.

    Of a queue that is `in_use`, what is written or removed meanwhile is no damage.
    """
    checkpoint = None if without_checkpoint else checkpoints.load(files, folder)
    firsts = sorted(first for name in files.names(folder) if (first := first_of(name)) is not None)
    paths = {first: os.path.join(folder, page_name(first)) for first in firsts}
    queue = _queue(files, folder, list(paths.values()), checkpoint)
    ended = checkpoint.ended.copy() if checkpoint else Ended()
    durable = checkpoint.durable if checkpoint else 0
    pages = []
    for first, following in pairwise([*firsts, None]):
        assert first is not None
        if queue is None:
            break
        try:
            page, mark = _page(files, paths[first], (first, following), queue, ended)
        except FileNotFoundError:
            if not in_use:
                raise
            continue
        pages.append(page)
        durable = max(durable, mark)
    last = max([durable, *(page.last for page in pages)])
    if in_use and (checkpoint := checkpoints.load(files, folder)) is not None:  # it knows of the pages that went
        ended = checkpoint.ended
        durable = last = max((page.last for page in pages), default=0)
    known = ended.copy()
    for page in pages:
        for run in page.runs:
            known.add(*run)
    torn = next((first for first, _ in known.missing(durable + 1, last)), last + 1)
    return Survey(checkpoint, pages, queue, ended, durable, known.missing(1, durable), torn)


def _queue(files: Files, folder: str, paths: list[str], checkpoint: Checkpoint | None) -> int | None:
    names: set[int] = {checkpoint.queue} if checkpoint else set()
    for path in paths:
        try:
            file = files.look(path)
        except FileNotFoundError:  # the running process needed it no more
            continue
        try:
            found = queue_of(file)
        except StoreError as error:
            raise StoreError(f"{path} is {error}") from None
        finally:
            file.close()
        if found is not None:
            names.add(found)
    if len(names) > 1:
        raise StoreError(f"{folder} holds pages of several queues: take those away that do not belong there")
    if paths and not names:
        raise StoreError(f"{folder}: no page has a header that can be read, and there is no checkpoint")
    return names.pop() if names else None


def _page(files: Files, path: str, bounds: tuple[int, int | None], queue: int, ended: Ended) -> tuple[Surveyed, int]:
    first, following = bounds
    file = files.look(path)
    try:
        page, durable = Surveyed(first, path, file.size()), 0
        for found in scan(Pager(file), HEADER_SIZE, page.size, queue):
            if isinstance(found, Damage):
                page.damages.append(found)
                continue
            durable = max(durable, found.durable)
            if found.sequence <= page.last or (following is not None and found.sequence >= following):
                continue
            _count(page, found, ended)
    finally:
        file.close()
    return page, durable


def _count(page: Surveyed, head: Head, ended: Ended) -> None:
    if page.runs and page.runs[-1][1] == head.sequence - 1:
        page.runs[-1] = (page.runs[-1][0], head.sequence)
    else:
        page.runs.append((head.sequence, head.sequence))
    page.records += 1
    page.last, page.end = head.sequence, head.end
    if head.sequence not in ended:
        page.waiting += 1
        page.waiting_bytes += head.end - head.offset
        page.oldest = head.time if page.oldest is None else page.oldest
