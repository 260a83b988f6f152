"""A folder of dead letters that is read as it grows, and how far what was read has been delivered.

Several processes may write to a folder, each to a segment of its own: so there is a position for each segment.

    positions   JSON: {"format": "apex-logs 1", "segments": {"3": 17}}: of segment 3, the first 17 letters are delivered

The file is replaced as a whole, after its content has reached the disk. What is removed, or older than asked for, is
passed over. A segment that is damaged is read to the damage, which is told of once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.disk.followed_file import Progress
from pipeline.disk.removals import removed
from pipeline.disk.segments import count, delete, records_from, segments
from pipeline.errors import StoreError

FORMAT = "apex-logs 1"
_MOST_LETTERS = 500
_MOST_BYTES = 1 << 20

Wanted = Callable[[bytes], bool]


@dataclass(slots=True)
class _Place:
    """Where the reading of a segment is."""

    progress: Progress
    index: int
    """The next letter that is read."""
    position: int = 0
    """The byte at which it begins; 0 where that is not known yet."""
    damaged: bool = False
    kept: bool = False
    """Letters were passed over for their age: the segment is not consumed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Letters of a segment, each with its name, and what to call when all of them have their end."""

    segment: int
    letters: list[tuple[str, bytes]]
    end: Callable[[], None]


@dataclass(slots=True)
class FollowedLetters:
    """The segments of a folder. Without a file for positions nothing is remembered."""

    folder: Path
    file: Path | None
    wanted: Wanted | None
    """Whether a letter is young enough; None: all are."""
    warn: Callable[[str], None]
    changed: bool = False
    _places: dict[int, _Place] = field(default_factory=dict)

    def load(self) -> bool:
        """Reads the positions; False if there are none. What cannot be read is told of, and all is read again."""
        if self.file is None or not self.file.exists():
            return False
        try:
            saved = json.loads(self.file.read_bytes())
            if saved["format"] != FORMAT:
                raise ValueError(f'format "{saved["format"]}"')
            places = {int(number): int(index) for number, index in saved["segments"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.warn(f"the positions in {self.file} cannot be read, and every letter is read again: {error!r}")
            return False
        self._places = {number: _Place(Progress(index), index) for number, index in places.items()}
        return True

    # ------------------------------------------------------------------------------------------ reading

    def read(self) -> Iterator[Found]:
        """The letters that there are now and were not read before."""
        for path in segments(self.folder):
            number = int(path.stem)
            place = self._places.setdefault(number, _Place(Progress(0), 0))
            while (found := self._next(path, number, place)) is not None:
                if found.letters:
                    yield found

    def _next(self, path: Path, number: int, place: _Place) -> Found | None:
        """The next letters of a segment; None at its end."""
        start, size, letters = place.index, 0, list[tuple[str, bytes]]()
        try:
            for name, payload in self._records(path, number, place):
                letters.append((name, payload))
                size += len(payload)
                if len(letters) == _MOST_LETTERS or size >= _MOST_BYTES:
                    break
        except FileNotFoundError:  # deleted meanwhile
            pass
        except StoreError as error:
            place.damaged = True
            self.warn(f"{error}; only the letters before it are read")
        if place.index == start:
            return None
        place.progress.begin(start, place.index)

        def end() -> None:
            place.progress.end(start)
            self.changed = True

        if not letters:
            end()
        return Found(number, letters, end)

    def _records(self, path: Path, number: int, place: _Place) -> Iterator[tuple[str, bytes]]:
        if place.damaged or (place.position and path.stat().st_size <= place.position):
            return
        gone = removed(path)
        skipped = place.index if not place.position else 0
        for position, payload in records_from(path, place.position):
            if skipped:
                skipped -= 1
                continue
            index, place.index, place.position = place.index, place.index + 1, position
            if index in gone:
                continue
            if self.wanted is not None and not self.wanted(payload):
                place.kept = True
                continue
            yield f"{number}-{index}", payload

    # ------------------------------------------------------------------------------------------ positions

    def save(self) -> None:
        """Writes the positions; raises `StoreError`."""
        known = list(self._places)  # a thread that reads may add to them
        there = {int(path.stem) for path in segments(self.folder)}
        for number in known:
            if number not in there:
                del self._places[number]
        if self.file is None:
            return
        places = {str(number): place.progress.safe for number, place in sorted(self._places.items())}
        _replace(self.file, {"format": FORMAT, "segments": places})

    def delete_consumed(self) -> None:
        """Deletes the segments of which every letter has its end and which nobody writes to."""
        for path in segments(self.folder):
            place = self._places.get(int(path.stem))
            if place is None or place.kept or place.damaged or len(place.progress) or not place.progress.safe:
                continue
            with contextlib.suppress(FileNotFoundError, StoreError):
                if place.progress.safe >= count(path):
                    delete(path)


def _replace(path: Path, content: Any) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(json.dumps(content).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise StoreError(f"the positions in dead letters cannot be saved in {path}: {error.strerror}") from error
