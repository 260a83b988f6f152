"""The value that the next run of a statement begins with, in the file where Logstash keeps it.

    --- 2026-11-30 10:00:00.123456000 Z        the time of the last run, or the last value of a column with a time
    --- 42                                     the last value of a column with a number

The file is replaced as a whole, after its content has reached the disk.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def load(path: Path, *, numeric: bool) -> Any:
    """The value; raises `StoreError` for a file that holds none. Where there is no file, 0 or 1970."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return 0 if numeric else EPOCH
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    text = text.removeprefix("---").removesuffix("...").strip().strip("'\"")
    if not text:
        return 0 if numeric else EPOCH
    if numeric:
        if re.fullmatch(r"-?\d+", text):
            return int(text)
        if re.fullmatch(r"-?\d+\.\d+", text):
            return float(text)
        if _TIME.match(text):  # it tracked times before
            return 0
    elif found := _TIME.search(text):
        day, clock, fraction, zone = found.groups()
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0').ljust(6, '0')[:6]}{zone or '+00:00'}")
        return moment.astimezone(UTC)
    elif re.fullmatch(r"-?\d+(\.\d+)?", text):
        return EPOCH
    raise StoreError(f"{path} holds no value of a last run: {text[:80]!r}; delete it, or set clean_run => true")


def save(path: Path, value: Any) -> None:
    """Returns when it is on disk; raises `StoreError`."""
    text = f"{value:%Y-%m-%d %H:%M:%S.%f}000 Z" if isinstance(value, datetime) else str(value)
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w") as file:
            file.write(f"--- {text}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
