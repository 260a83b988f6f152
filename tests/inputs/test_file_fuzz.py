"""The file input in tail mode against a model: whatever is done with the files, each line arrives, under one id.

What may be lost by the nature of the thing is not done: a file is truncated or deleted only when it was read.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from itertools import count
from pathlib import Path

import pytest

from tests.inputs.following import Following, write

HEADER = "time;value\n"
NAMES = "abc"
OPTIONS = [
    {},
    {"file_chunk_size": 64, "file_chunk_count": 3},
    {"max_open_files": 1},
    {"close_older": 30},
    {"max_open_files": 1, "file_chunk_size": 200, "file_chunk_count": 2, "close_older": 30},
]


class Model:
    """What was written, what arrived, and an input between them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        self.options = OPTIONS[seed % len(OPTIONS)]
        self.files = Following(folder, start_position="beginning", **self.options)
        self.numbers, self.times = count(), count(1)
        self.written: list[str] = []
        self.unfinished: dict[str, str] = {}
        self.ended: set[str] = set()
        self.ids: dict[str, set[str]] = defaultdict(set)

    # ------------------------------------------------------------------------------------------ the input

    def passing(self, *, end: bool = True) -> None:
        held = len(self.files.held)
        for event in self.files.passes(end=False, seconds=self.draw.choice([1, 16, 100])):
            self.ids[event.fields["message"]].add(event.metadata["event_id"])
        if end:
            fresh = self.files.held[held:]
            del self.files.held[held:]
            for batch in fresh:
                self.end(batch)
            self.files.input.save()

    def end(self, batch) -> None:
        self.ended |= {event.fields["message"] for event in self.files.input.decode(batch.data, batch.origin, None)}
        batch.end(1)

    def hold(self) -> None:
        self.passing(end=False)

    def release(self) -> None:
        self.draw.shuffle(self.files.held)
        for _ in range(self.draw.randrange(len(self.files.held) + 1)):
            self.end(self.files.held.pop())
        if self.draw.random() < 0.5:
            self.files.input.save()

    def drain(self) -> None:
        for _ in range(6):
            self.passing()
        for batch in self.files.held:
            self.end(batch)
        self.files.held.clear()
        self.files.input.save()

    def idle(self) -> None:
        self.files.clock.time += 5000
        self.passing()

    def restart(self) -> None:
        self.files.close()
        self.files = Following(self.folder, clock=self.files.clock, start_position="beginning", **self.options)

    def crash(self) -> None:
        self.files.held.clear()
        self.files.input.save = lambda: None
        self.restart()

    # ------------------------------------------------------------------------------------------ the files

    def path(self) -> Path:
        return self.folder / f"{self.draw.choice(NAMES)}.log"

    def lines(self) -> list[str]:
        long = "x" * self.draw.randrange(1200) if self.draw.random() < 0.2 else ""
        return [f"line {next(self.numbers)}{long}" for _ in range(self.draw.choice([1, 1, 3, 40]))]

    def append(self) -> None:
        path, lines = self.path(), self.lines()
        before = self.unfinished.pop(path.name, "") if path.exists() else ""
        write(path, ("" if path.exists() else HEADER) + "".join(f"{line}\n" for line in lines))
        self.written += [before + lines[0], *lines[1:]]

    def begin_line(self) -> None:
        path = self.path()
        if path.exists() and path.name not in self.unfinished:
            self.unfinished[path.name] = f"line {next(self.numbers)} half "
            write(path, self.unfinished[path.name])

    def whole(self) -> Path | None:
        """A file that was read and ends with a line."""
        path = self.path()
        if not path.exists() or path.name in self.unfinished:
            return None
        self.drain()
        return path

    def rename(self) -> None:
        path = self.path()
        if path.exists():
            self.unfinished.pop(path.name, None)
            path.rename(self.folder / f"{path.stem}.{next(self.numbers)}.log")

    def truncate(self) -> None:
        if path := self.whole():
            size, lines = path.stat().st_size - len(HEADER), self.lines()
            if self.draw.random() < 0.5 and size > 20:  # the same header, and the same size
                lines = [f"line {next(self.numbers)} ".ljust(size - 1, "y")]
            write(path, HEADER + "".join(f"{line}\n" for line in lines), mode="w")
            self.written += lines
            time = next(self.times)
            os.utime(path, (time, time))

    def delete(self) -> None:
        if path := self.whole():
            path.unlink()

    # ------------------------------------------------------------------------------------------ both

    def step(self) -> None:
        often = [self.append] * 3 + [self.passing] * 2
        seldom = [self.begin_line, self.hold, self.release, self.rename, self.truncate, self.crash, self.restart]
        self.draw.choice([*often, *seldom, self.delete, self.idle])()

    def check(self) -> None:
        self.drain()
        self.restart()
        self.drain()
        self.files.close()
        halves = {line for line in self.ended if line.endswith(" half ")}  # of files that were renamed and deleted
        assert not set(self.written) - self.ended, "lost"
        assert self.ended - halves - {HEADER.strip()} <= set(self.written), "cut or joined"
        ids = {line: made for line, made in self.ids.items() if line != HEADER.strip()}
        assert not {line: made for line, made in ids.items() if len(made) > 1}, "two ids of one line"
        assert max(Counter(one for made in ids.values() for one in made).values(), default=1) == 1, "one id of two"


@pytest.mark.parametrize("seed", range(15))
def test_every_line_arrives_under_one_id(tmp_path: Path, seed: int) -> None:
    model = Model(tmp_path, seed)
    for _ in range(50):
        model.step()
    model.check()
