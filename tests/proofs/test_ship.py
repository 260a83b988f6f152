"""The shipper on files that are rotated all the time, while it and the engine are killed: all is there, once."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.proofs.engine import TextEngine
from tests.proofs.killing import drawn_seed
from tests.servers.elasticsearch_node import free_port
from tests.shippers.node.shipper import Shipper, configuration

KEPT = 20
"""Rotated files beside the one that is written to, before they are packed: for longer than an outage takes."""
RATE = 800
"""Lines a second, in each log."""
BANNER = "a banner that all files begin with"
INPUTS = """
[[inputs]]
id = "renamed"
paths = ["{folder}/logs/renamed.log*"]
[[inputs]]
id = "copied"
paths = ["{folder}/logs/copied.log*"]
copytruncate = '\\.\\d+$'
"""
PATIENCE = 120.0


class Writer(threading.Thread):
    """Writes numbered lines to one file, and rotates it at times as logrotate does."""

    def __init__(self, log: Path, *, copies: bool, every: float, rate: int) -> None:
        super().__init__()
        self.log, self.copies, self.every, self.rate = log, copies, every, rate
        self.written = self.rotations = 0
        self.ended = threading.Event()

    def run(self) -> None:
        file = self.log.open("ab")
        began = rotated = time.monotonic()
        while not self.ended.is_set():
            due = int((time.monotonic() - began) * self.rate)
            lines = [self.line(number) for number in range(self.written, due)]
            file.write(b"".join(lines))
            file.flush()
            self.written = max(due, self.written)
            if time.monotonic() - rotated >= self.every:
                rotated = time.monotonic()
                file.close()
                self.rotate()
                file = self.log.open("ab")
                file.write(BANNER.encode() + b"\n")
            time.sleep(0.01)
        file.close()

    def finish(self) -> int:
        """Writes no more; returns how many lines there are."""
        self.ended.set()
        self.join()
        return self.written + self.rotations

    def line(self, number: int) -> bytes:
        return json.dumps({"log": self.log.stem, "n": number, "text": "x" * (number % 300)}).encode() + b"\n"

    def rotate(self) -> None:
        """The newest is .1; the oldest plain one is packed, and the one before that deleted."""
        self.rotations += 1
        names = [self.log, *(self.log.with_name(f"{self.log.name}.{number}") for number in range(1, KEPT + 1))]
        if names[-1].exists():
            packed = names[-1].with_name(f"{names[-1].name}.gz")
            packed.write_bytes(gzip.compress(names[-1].read_bytes(), 1))
            names[-1].unlink()
        for older, newer in itertools.pairwise(reversed(names[1:])):
            if newer.exists():
                newer.rename(older)
        if self.copies:
            names[1].write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
        else:
            self.log.rename(names[1])


def stored(store: Path) -> int:
    """How many documents there are."""
    try:
        with closing(sqlite3.connect(next((store / "indices").glob("*.sqlite")))) as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
    except (sqlite3.Error, StopIteration):  # it is being made
        return 0


def check(engine: TextEngine, writers: list[Writer]) -> None:
    """Each line once, and each banner of each file."""
    lines: Counter[tuple[str, int]] = Counter()
    banners: Counter[str] = Counter()
    for document in engine.documents():
        message = document["message"]
        log = Path(document["log"]["file"]["path"]).name.partition(".")[0]
        if message == BANNER:
            banners[log] += 1
        else:
            line = json.loads(message)
            assert line["log"] == log
            lines[log, line["n"]] += 1
    for writer in writers:
        name = writer.log.stem
        numbers = {number for log, number in lines if log == name}
        lost = set(range(writer.written)) - numbers
        assert not lost, f"{len(lost)} lines of {name} are lost, such as {sorted(lost)[:5]}"
        assert banners[name] == writer.rotations
    twice = [line for line, times in lines.items() if times > 1]
    assert not twice, f"{len(twice)} lines are there more than once, such as {twice[:5]}"


def both_sides(folder: Path) -> tuple[TextEngine, Shipper]:
    port = free_port()
    text = f"""
        input {{ beats {{ port => {port} }} }}
        output {{ sqlite {{ path => "{folder / "store"}" index => "events" }} }}
    """
    engine = TextEngine(folder / "engine", text)
    engine.store = folder / "store"
    return engine, Shipper(configuration(folder, port, inputs=INPUTS))


def kill_in_turn(turns: list[TextEngine | Shipper], draw: random.Random, began: float, seconds: float) -> None:
    """Kills one after the other, each at some moment of its part of the time, and starts it again."""
    slot = seconds / len(turns)
    moments = [(number + draw.uniform(0.2, 0.7)) * slot for number in range(len(turns))]
    for moment, killed in zip(moments, turns, strict=True):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        killed.kill()
        time.sleep(draw.uniform(0.0, 2.0))
        killed.start()
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def wait_for_all(engine: TextEngine, total: int) -> None:
    """Until so much is stored; `check` says what is not."""
    deadline = time.monotonic() + PATIENCE
    while stored(engine.store) < total and time.monotonic() < deadline:
        engine.runs()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("seconds", "every", "kills", "own_kills"),
    [(4.0, 0.5, 1, 1), pytest.param(60.0, 1.0, 5, 3, marks=pytest.mark.long)],
)
def test_the_shipper_under_rotation_with_both_sides_killed(
    tmp_path: Path,
    seconds: float,
    every: float,
    kills: int,
    own_kills: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Two logs, one rotated by renaming and one by copying and truncating, while `kill -9` takes engine and shipper.

    In the store is each line once, the equal first lines of all the files included.
    """
    draw = random.Random(seed := drawn_seed())
    engine, shipper = both_sides(tmp_path)
    writers = [
        Writer(tmp_path / "logs" / "renamed.log", copies=False, every=every, rate=RATE),
        Writer(tmp_path / "logs" / "copied.log", copies=True, every=every, rate=RATE),
    ]
    turns: list[TextEngine | Shipper] = [engine] * kills + [shipper] * own_kills
    draw.shuffle(turns)
    engine.start()
    shipper.start()
    began = time.monotonic()
    try:
        for writer in writers:
            writer.start()
        kill_in_turn(turns, draw, began, seconds)
        total = sum(writer.finish() for writer in writers)
        wait_for_all(engine, total)
        caught_up = time.monotonic() - began
        assert shipper.stop() == 0
        assert engine.stop() == 0
    finally:
        for writer in writers:
            writer.ended.set()
        shipper.kill()
        engine.kill()
    check(engine, writers)
    again = sum(map(int, re.findall(r"(\d+) events will be sent again", shipper.said())))
    assert "not acknowledged" not in shipper.said()
    for name, value in {
        "lines, and first lines that are equal": total,
        "rotations of each log": [writer.rotations for writer in writers],
        "kills of the engine and of the shipper": f"{kills}, {own_kills}",
        "seed": seed,
        "events under way when a connection broke, as far as logged": again,
        "seconds of writing, and until all was in the store": f"{seconds:g}, {caught_up:.1f}",
        "lines lost or there twice": 0,
    }.items():
        record_property(name, value)
