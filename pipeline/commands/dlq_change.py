"""Removing dead letters for good."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.commands.dlq_selection import Selection, report
from pipeline.commands.settings import settings_or_faults
from pipeline.disk.letters import remove_letters
from pipeline.disk.removals import delete_emptied, exclusive
from pipeline.disk.segments import delete, records, segments
from pipeline.errors import StoreError


def purge_letters(settings: Path | None, flags: Mapping[str, Any], selection: Selection) -> int:
    """Removes the letters that are meant, and deletes the segments that hold no others."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    folder = known.dead_letters
    damages: list[StoreError] = []
    names: list[str] = []
    if folder.exists():
        try:
            with exclusive(folder):
                names = [letter.name for letter in selection.letters(folder, damages.append)]
                remove_letters(folder, names)
                delete_emptied(folder)
        except StoreError as error:
            print(f"apex-logs: {error}", file=sys.stderr)
            return 1
    print(f"{len(names)} dead letters are removed")
    return report(damages, selection.missing(names))


def purge_damaged(settings: Path | None, flags: Mapping[str, Any]) -> int:
    """Deletes the segments that cannot be read whole, with what can be read of them."""
    known = settings_or_faults(settings, flags)
    if known is None:
        return 2
    folder = known.dead_letters
    deleted, open_ = 0, 0
    if folder.exists():
        try:
            with exclusive(folder):
                gone = [delete(path) for path in segments(folder) if _is_damaged(path)]
            deleted, open_ = gone.count(True), gone.count(False)
        except StoreError as error:
            print(f"apex-logs: {error}", file=sys.stderr)
            return 1
    print(f"{deleted} damaged segments are deleted")
    if open_:
        print(f"apex-logs: {open_} are written to by a process, and left until it has ended", file=sys.stderr)
    return int(open_ > 0)


def _is_damaged(path: Path) -> bool:
    try:
        for _ in records(path):
            pass
    except StoreError:
        return True
    return False
