"""Expiry: whole indices are dropped, by their age or by the day in their name."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import StoreError
from pipeline.store import files

_DAY = re.compile(r"(?<!\d)(\d{4})[.-](\d\d)[.-](\d\d)(?!\d)")


By = Literal["created", "name"]


def expire(directory: Path, older_than: datetime, by: By, *, dry: bool = False) -> list[str]:
    """Drops the indices that were made before a time, or whose day, the last one in the name, had ended by then.

    An index without a day in its name is kept by "name". Returns the names of what was dropped, or would be.
    """
    dropped: list[str] = []
    with files.locked(directory):
        for path in files.existing(directory):
            try:
                facts = _facts(path)
                if facts is None or _age(facts, by) >= older_than:
                    continue
                if not dry:
                    _drop(path)
            except sqlite3.Error as error:
                raise StoreError(f"cannot drop {path}: {error}") from error
            dropped.append(facts["index"])
    return dropped


def _facts(path: Path) -> dict[str, Any] | None:
    """What a file says of its index; None if it is dropped already."""
    connection = files.open_for_reading(path)
    if connection is None:
        return None
    with closing(connection):
        return dict(connection.execute("SELECT name, value FROM facts"))


_NEVER = datetime.max.replace(tzinfo=UTC)


def _age(facts: Mapping[str, Any], by: str) -> datetime:
    if by == "created":
        return datetime.fromtimestamp(float(facts["created"]), UTC)
    return day_end(str(facts["index"]))


def day_end(name: str) -> datetime:
    """When the day in the name of an index ends, the last one in it; the end of time where there is none."""
    days = _DAY.findall(name)
    if not days:
        return _NEVER
    year, month, day = map(int, days[-1])
    try:
        return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    except (ValueError, OverflowError):
        return _NEVER


def _drop(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=files.BUSY_SECONDS, isolation_level=None)
    with closing(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('dropped', 1)")
    files.unlink(path)
