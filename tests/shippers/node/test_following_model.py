"""Random rotations, restarts and losses against a simple model: in the end each line is there, under one id."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.shippers.node.followed import Followed, ids

BANNER = "a banner that all files begin with\n"
KEPT = 40
OPERATIONS = {"line": 4, "pass": 4, "hold": 3, "end": 2, "rotate": 4, "kill": 2, "scan": 3, "delete": 1}
"""And how often each is drawn."""


class Log:
    """A log that is rotated by renaming or by copying; what was written to it is its model."""

    def __init__(self, path: Path, *, copies: bool) -> None:
        self.path, self.copies = path, copies
        self.lines: list[str] = []
        self.between: list[str] = []
        """Lines that were written between copying and truncating: they may be lost."""
        self.begin()

    def begin(self) -> None:
        """Each file begins with the same line, and one that is its own."""
        self.write(BANNER)
        self.lines.append(BANNER.strip())

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def line(self, count: int) -> None:
        for _ in range(count):
            self.lines.append(f"{self.path.stem} {len(self.lines)}")
            self.write(f"{self.lines[-1]}\n")

    def rotate(self, between: Callable[[], None], cut: int) -> None:
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{number}") for number in range(1, KEPT))]
        for number in range(KEPT - 2, 0, -1):
            if names[number].exists():
                names[number].rename(names[number + 1])
        if self.copies:
            data = self.path.read_bytes()
            with names[1].open("wb") as copy:
                for piece in (data[:cut], data[cut:]):
                    copy.write(piece)
                    copy.flush()
                    between()
            os.truncate(self.path, 0)
        else:
            self.path.rename(names[1])
        self.begin()
        self.line(1)

    def rotate_late(self, between: Callable[[], None]) -> None:
        """A line is written when the file has been copied, and before it is truncated."""

        def late() -> None:
            if self.path.with_name(f"{self.path.name}.1").stat().st_size:
                self.between.append(f"between {len(self.between)}")
                self.write(f"{self.between[-1]}\n")
                between()

        self.rotate(late, 0)

    def delete_rotated(self) -> None:
        for path in self.path.parent.glob(f"{self.path.name}.*"):
            path.unlink()


@pytest.mark.parametrize("copies", [False, True], ids=["renamed", "copied"])
@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "40"))))
def test_each_line_under_one_id(tmp_path: Path, copies: bool, seed: int) -> None:
    draw = random.Random(seed)
    log = Log(tmp_path / "a.log", copies=copies)
    log.line(1)
    pattern = r"\.\d+$" if copies else None
    files = Followed(tmp_path, "a.log*", copies=pattern)
    events: list[dict[str, Any]] = []
    rotations = 0

    def scan() -> None:
        """While the output is stalled, files are looked at, and not read."""
        asyncio.run(files.following.scan())

    for _ in range(50):
        operation = draw.choices(list(OPERATIONS), list(OPERATIONS.values()))[0]
        if operation == "line":
            log.line(draw.randrange(1, 5))
        elif operation == "pass":
            events += files.events()
        elif operation == "hold":
            events += files.events(end=False)
        elif operation == "end":
            files.end()
        elif operation == "rotate" and rotations < KEPT - 2:
            rotations += 1
            log.rotate(draw.choice([scan, lambda: None]), draw.randrange(80))
        elif operation == "scan":
            scan()
        elif operation == "delete":  # what was delivered; the inodes will be those of other files
            files.end()
            events += files.events() + files.events()
            log.delete_rotated()
        elif operation == "kill":
            files.close()
            files = Followed(tmp_path, "a.log*", copies=pattern)
    files.end()
    events += files.events() + files.events()
    found = Counter(dict(zip(ids(events), (event["message"] for event in events), strict=True)).values())
    assert found == Counter(log.lines)


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "40"))))
def test_a_line_between_copying_and_truncating_is_there_once_or_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """And no other line twice, as its copy is shorter than what was read."""
    monkeypatch.setattr("pipeline.disk.tailed_files.GRACE", 0.0)  # nothing is copied piece by piece
    draw = random.Random(seed)
    log = Log(tmp_path / "a.log", copies=True)
    log.line(1)
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events: list[dict[str, Any]] = []

    def look() -> None:
        if draw.random() < 0.7:
            events.extend(files.events())

    for _ in range(25):
        operation = draw.choice(["line", "pass", "rotate", "kill"])
        if operation == "line":
            log.line(draw.choice([1, 3, 2000]))
        elif operation == "pass":
            events += files.events()
        elif operation == "rotate":
            log.rotate_late(look)
        else:
            files.close()
            files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events += files.events() + files.events()
    found = Counter(dict(zip(ids(events), (event["message"] for event in events), strict=True)).values())
    assert not Counter(log.lines) - found
    assert not found - Counter(log.lines + log.between)
