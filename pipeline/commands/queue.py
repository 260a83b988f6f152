"""`apex-logs queue`: what is in the queue on disk, and the repair of a damaged one."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from pipeline.commands.settings import settings_or_faults
from pipeline.disk.file_layer import SystemFiles
from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError
from pipeline.settings.logstash_yml import Settings
from pipeline.stored_queue.ended import Ended
from pipeline.stored_queue.pages import HEADER_SIZE, Damage, Pager, Record, load, scan
from pipeline.stored_queue.repair import repair
from pipeline.stored_queue.survey import Survey, survey


def inspect_queue(settings: Path | None, flags: Mapping[str, Any], records: int, as_json: bool) -> int:
    """Pages, records, bytes, sequences, damage; and the first records that are not delivered."""
    read = settings_or_faults(settings, flags)
    if read is None:
        return 2
    folder = read.queue
    if not folder.is_dir():
        print(f"apex-logs: there is no queue in {folder}", file=sys.stderr)
        return 2
    try:
        user = _user(str(folder))
        found = survey(SystemFiles(), str(folder), in_use=user is not None)
        told = _told(found, read, user)
        first = [_shown(record) for record, _ in zip(_records(found), range(records), strict=False)]
    except (StoreError, OSError) as error:
        print(f"apex-logs: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(orjson.dumps({**told, "first": first} if records else told).decode())
    else:
        _print(told)
        for record in first:
            print(orjson.dumps(record).decode())
    return 1 if told["lost"] else 0


def repair_queue(settings: Path | None, flags: Mapping[str, Any]) -> int:
    """Repairs, and says what was kept and what was lost."""
    read = settings_or_faults(settings, flags)
    if read is None:
        return 2
    folder = str(read.queue)
    if not read.queue.is_dir():
        print(f"apex-logs: there is no queue in {folder}", file=sys.stderr)
        return 2
    try:
        lock = FolderLock(folder)
        try:
            done = repair(folder)
        finally:
            lock.release()
    except (StoreError, OSError) as error:
        print(f"apex-logs: {error}", file=sys.stderr)
        return 1
    for path in done.moved:
        print(f"moved aside: {path}")
    if done.kept:
        print(f"kept: {done.kept} records of damaged pages, in new ones")
    if done.before:
        print(f"records {done.before[0]} to {done.before[1]} are in no page: without a checkpoint, taken as delivered")
    for first, last in done.lost:
        print(f"lost: {last - first + 1} records, {first} to {last}")
    if not (done.moved or done.lost or done.before):
        print(f"{folder} needs no repair")
    return 0


def _user(folder: str) -> str | None:
    """Why the queue cannot be had, if a process uses it."""
    try:
        FolderLock(folder).release()
    except StoreError as error:
        return str(error)
    return None


def _told(found: Survey, settings: Settings, user: str | None) -> dict[str, Any]:
    pages = found.pages
    oldest = next((page.oldest for page in pages if page.oldest is not None), None)
    return {
        "queue": str(settings.queue),
        "in_use": user is not None,
        "bytes": sum(page.size for page in pages),
        "max_bytes": settings.queue_max_bytes,
        "records": sum(page.records for page in pages),
        "waiting": sum(page.waiting for page in pages),
        "waiting_bytes": sum(page.waiting_bytes for page in pages),
        "first": next((page.runs[0][0] for page in pages if page.runs), None),
        "last": max((page.last for page in pages), default=0) or None,
        "delivered_up_to": found.ended.upto,
        "delivered_beyond": found.ended.ranges,
        "oldest": None if oldest is None else _time(oldest),
        "lost": found.lost,
        "pages": [
            {
                "path": page.path,
                "bytes": page.size,
                "records": page.records,
                "waiting": page.waiting,
                "first": page.first,
                "last": page.last or None,
                "damaged": [damage._asdict() for damage in page.damages],
            }
            for page in pages
        ],
    }


def _print(told: Mapping[str, Any]) -> None:
    used = ", in use" if told["in_use"] else ""
    print(f"queue       {told['queue']}{used}")
    print(f"pages       {len(told['pages'])}, {told['bytes']:,} bytes of {told['max_bytes']:,}")
    print(f"records     {told['records']:,}; not delivered: {told['waiting']:,}, {told['waiting_bytes']:,} bytes")
    print(f"sequences   {told['first'] or '-'} to {told['last'] or '-'}; delivered up to {told['delivered_up_to']}")
    for first, last in told["delivered_beyond"]:
        print(f"            delivered beyond: {first} to {last}")
    print(f"oldest      {told['oldest'] or '-'}")
    for page in told["pages"]:
        span = f"{page['first']} to {page['last'] or '-'}"
        print(f"page        {page['path']}: {page['bytes']:,} bytes, {page['records']:,} records, {span}")
        for damage in page["damaged"]:
            print(f"            damaged from byte {damage['offset']} to {damage['end']}: {damage['reason']}")
    for first, last in told["lost"]:
        print(f"lost        {first} to {last}: `apex-logs queue repair` keeps all that can be read")


def _records(found: Survey) -> Iterator[Record]:
    """The records that are not delivered, in order."""
    files, ended = SystemFiles(), found.ended
    for page in found.pages:
        if page.waiting:
            yield from _of_page(files, page.path, page.end, found.queue or 0, ended)


def _of_page(files: SystemFiles, path: str, end: int, queue: int, ended: Ended) -> Iterator[Record]:
    try:
        file = files.open(path)
    except FileNotFoundError:  # delivered meanwhile
        return
    try:
        pager = Pager(file)
        for head in scan(pager, HEADER_SIZE, end, queue):
            if not isinstance(head, Damage) and head.sequence not in ended:
                yield load(pager, head)
    finally:
        file.close()


def _shown(record: Record) -> dict[str, Any]:
    entry = asdict(record.entry)
    data = entry.pop("data")
    try:
        text: Any = data.decode()
    except UnicodeDecodeError:
        text = {"base64": base64.b64encode(data).decode()}
    return {"sequence": record.sequence, **entry, "time": _time(record.entry.time), "data": text}


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
