"""The shipper on files that are rotated all the time, while it and the engine are killed: all is there, once."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.proofs.engine import TextEngine
from tests.proofs.killing import drawn_seed
from tests.servers.elasticsearch_node import free_port
from tests.shippers.node.shipper import Shipper, configuration

KEPT = 4
"""Rotated files beside the one that is written to."""
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
    """Writes numbered lines to one file and rotates it at times, as logrotate does: .1 is plain, .2 to .4 are packed."""

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
                file.write(b"a banner that all files begin with\n")
            time.sleep(0.01)
        file.close()

    def line(self, number: int) -> bytes:
        return json.dumps({"log": self.log.stem, "n": number, "text": "x" * (number % 300)}).encode() + b"\n"

    def rotate(self) -> None:
        """The packed copy is made before the plain one goes, which is kept for one rotation."""
        self.rotations += 1
        packed = [self.log.with_name(f"{self.log.name}.{number}.gz") for number in range(KEPT + 1)]
        for number in range(KEPT - 1, 1, -1):
            if packed[number].exists():
                packed[number].rename(packed[number + 1])
        first = self.log.with_name(f"{self.log.name}.1")
        second = self.log.with_name(f"{self.log.name}.2")
        if second.exists():
            packed[2].write_bytes(gzip.compress(second.read_bytes(), 1))
            second.unlink()
        if first.exists():
            first.rename(second)
        if self.copies:
            first.write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
        else:
            self.log.rename(first)


def documents(store: Path) -> Iterator[dict[str, object]]:
    for path in sorted((store / "indices").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            for (source,) in connection.execute("SELECT source FROM documents"):
                yield json.loads(json.loads(source)["message"])


def stored(store: Path) -> int:
    try:
        return sum(
            connection.execute("SELECT count(*) FROM documents WHERE source NOT LIKE '%a banner that%'").fetchone()[0]
            for path in (store / "indices").glob("*.sqlite")
            for connection in [sqlite3.connect(path)]
            for _ in [0]
        )
    except sqlite3.Error:  # it is being made
        return 0
