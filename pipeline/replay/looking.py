"""What is known of archives before anything is sent: what is in each, and whether its lines have a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.disk.tar_members import is_tar
from pipeline.disk.unpacking import Bound, packing
from pipeline.errors import Damaged
from pipeline.replay.archive import Archive
from pipeline.replay.entries import Entry, entries
from pipeline.replay.kinds import Kind, foreign, is_wide, whole_lines
from pipeline.replay.times import Clock

NO_TIME = (
    "its lines have no time: no field of them is one, and the configuration has no date filter; "
    "name a field with --time-field, or take the time of the file with --time mtime"
)


@dataclass(frozen=True, slots=True)
class Times:
    """Where the time of a line may come from."""

    clock: Clock
    elsewhere: bool
    """A date filter, or the file's own time."""
    given: bool = False
    """What archives hold was said, not found out."""

    def missing(self, entry: Entry) -> str:
        """Why an entry is not replayed, as it holds no lines, or none that could have a time; empty, if it is."""
        if not self.given and (name := foreign(entry.head) or _still_packed(entry.head)):
            return (
                f"it is {name}, which is not read: unpack it first (or leave it out; --format lines takes it as text)"
            )
        if not self.given and is_wide(entry.head):
            return "it is text in UTF-16 or UTF-32: convert it first, as with iconv -f UTF-16 -t UTF-8"
        if self.elsewhere or entry.kind != "lines":
            return ""
        lines = whole_lines(entry.head, whole=entry.whole)
        if len(lines) == 1 and not entry.whole and lines[0].lstrip().startswith(b"{"):
            return ""  # an object that is longer than what was looked at: each of its kind is judged by itself
        return NO_TIME if lines and self.clock.first(lines) is None else ""


def _still_packed(head: bytes) -> str:
    """What is in a tar, or was unpacked, and is a tar or packed once more."""
    if (kind := packing(head)) is not None:
        return f"packed once more, with {kind}"
    return "a tar in a tar" if is_tar(head) else ""


def look(archives: Iterable[Archive], bound: Bound, kind: Kind | None, times: Times) -> Iterator[tuple[Entry, str]]:
    """For each archive its first entry, and why it cannot be replayed (empty, if it can).

    What is damaged from its beginning is told of when it is read.
    """
    for archive in archives:
        try:
            entry = next(entries(archive, bound, kind), None)
        except Damaged:
            continue
        archive.read.bytes = 0
        if entry is not None:
            yield entry, times.missing(entry)
