"""Repairs a persistent queue: every record that can be read is kept, and nothing is deleted.

damaged page   its whole records, byte for byte, to a new page that takes its name; itself to the folder `damaged`
lost records   told of, and put into the checkpoint as if they had their end, so that the queue can go on
checkpoint     a damaged one to the folder `damaged`: then every record in a page counts as not delivered
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field

from pipeline.disk.file_layer import File, SystemFiles, write_whole
from pipeline.errors import StoreError
from pipeline.stored_queue import checkpoints
from pipeline.stored_queue.checkpoints import Checkpoint
from pipeline.stored_queue.pages import HEADER_SIZE, SUFFIX, Damage, Pager, header, scan
from pipeline.stored_queue.survey import Surveyed, survey

ASIDE = "damaged"
_NEW = ".repaired"


@dataclass(slots=True)
class Repaired:
    """What a repair did."""

    kept: int = 0
    """Records that were written to new pages."""
    moved: list[str] = field(default_factory=list)
    """Where the damaged files are now."""
    lost: list[tuple[int, int]] = field(default_factory=list)
    """Sequences that cannot be read, as ranges."""
    before: tuple[int, int] | None = None
    """Sequences before the first page, of which only a checkpoint could tell that they were delivered."""


def repair(folder: str) -> Repaired:
    """Repairs the queue in a folder that no process uses; raises `StoreError` where that cannot be done."""
    files, done = SystemFiles(), Repaired()
    _finish(folder)
    try:
        checkpoints.load(files, folder)
    except StoreError:
        done.moved.append(_aside(os.path.join(folder, checkpoints.NAME)))
    found = survey(files, folder)
    if found.queue is None:
        return done
    for page in found.pages:
        if any(damage.offset < page.end for damage in page.damages) or (found.lost and page.damages):
            _rewrite(page, found.queue, done)
    files.sync_folder(folder)
    done.lost = found.lost
    if found.checkpoint is None and found.lost and found.pages and found.lost[0][0] < found.pages[0].first:
        first, last = done.lost.pop(0)
        done.before = first, min(last, found.pages[0].first - 1)
        if last >= found.pages[0].first:
            done.lost.insert(0, (found.pages[0].first, last))
    for first, last in found.lost if done.before is None else [done.before, *done.lost]:
        found.ended.add(first, last)
    checkpoints.save(files, folder, Checkpoint(found.queue, found.durable, found.ended))
    return done


def _rewrite(page: Surveyed, queue: int, done: Repaired) -> None:
    """The whole records of a page to a new one, under its name; the page itself is moved aside."""
    files = SystemFiles()
    old = files.open(page.path)
    kept = 0
    with contextlib.ExitStack() as stack:
        stack.callback(old.close)
        new = files.open(page.path + _NEW, new=True)
        stack.callback(new.close)
        write_whole(new, 0, header(queue, page.first))
        kept = _copy(old, new, page, queue)
        new.sync()
    done.moved.append(_aside(page.path))
    done.kept += kept
    if kept:
        files.replace(page.path + _NEW, page.path)
    else:
        files.remove(page.path + _NEW)


def _copy(old: File, new: File, page: Surveyed, queue: int) -> int:
    kept, at, pager, wanted = 0, HEADER_SIZE, Pager(old), page.runs
    for found in scan(pager, HEADER_SIZE, page.size, queue):
        if isinstance(found, Damage) or not any(first <= found.sequence <= last for first, last in wanted):
            continue
        data = pager.read(found.offset, found.end - found.offset)
        write_whole(new, at, data)
        at += len(data)
        kept += 1
    return kept


def _aside(path: str) -> str:
    """Moves a file to the folder of damaged ones, under a name of its own there."""
    folder = os.path.join(os.path.dirname(path), ASIDE)
    os.makedirs(folder, exist_ok=True)
    target, number = os.path.join(folder, os.path.basename(path)), 1
    while os.path.exists(target):
        number += 1
        target = os.path.join(folder, f"{os.path.basename(path)}.{number}")
    os.replace(path, target)
    SystemFiles().sync_folder(folder)
    return target


def _finish(folder: str) -> None:
    """A repair that was cut short: a new page is whole if the damaged one was moved; else it is made again."""
    for name in SystemFiles().names(folder):
        path = os.path.join(folder, name.removesuffix(_NEW))
        if name.endswith(SUFFIX + _NEW) and not os.path.exists(path):
            os.replace(path + _NEW, path)
