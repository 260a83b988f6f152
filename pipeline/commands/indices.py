"""`apex-logs indices`: the indices of the embedded store, how much is in them, and their upkeep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from pipeline.commands.asking import no_store, said
from pipeline.commands.printing import table
from pipeline.errors import StoreError
from pipeline.store import upkeep
from pipeline.store.reader import IndexSize, sizes


def show(directory: Path, as_json: bool) -> int:
    """Lists the indices with their documents and bytes; returns the exit code."""

    def list_them() -> int:
        found = sizes(directory)
        if as_json:
            print(orjson.dumps(found).decode())
        else:
            print(*lines(found), sep="\n")
        return 0

    return _told(directory, list_them)


def lines(found: Sequence[IndexSize]) -> list[str]:
    """The lines of a table with a heading, a line for each index, and totals."""
    total = ["total", f"{sum(each.documents for each in found):,}", f"{sum(each.bytes for each in found):,}"]
    rows = [[each.index, f"{each.documents:,}", f"{each.bytes:,}"] for each in found]
    return table(["index", "documents", "bytes"], [*rows, total], right=frozenset({1, 2}))


def check(directory: Path) -> int:
    """Says of every index whether it is sound; returns 1 where one is not."""

    def check_them() -> int:
        found = upkeep.check(directory)
        for each in found:
            print(f"{each.index}: {'sound' if not each.problems else '; '.join(each.problems)}")
        if any(each.problems for each in found):
            return said("move a damaged file out of the folder, and index its documents again", 1)
        return 0

    return _told(directory, check_them)


def vacuum(directory: Path) -> int:
    """Gives back unused room; returns the exit code."""

    def vacuum_them() -> int:
        for each in upkeep.vacuum(directory):
            print(f"{each.index}: {each.before:,} bytes, now {each.after:,}")
        return 0

    return _told(directory, vacuum_them)


def _told(directory: Path, work: Callable[[], int]) -> int:
    try:
        return work()
    except StoreError as error:
        return said(*no_store(directory, error))
