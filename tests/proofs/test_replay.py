"""Archives replayed into an embedded store, with `kill -9` in between: each event is there once."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.events import stream
from pipeline.event_ids import beat_namer
from tests.proofs.engine import APEX_LOGS, LOGGING
from tests.proofs.killing import drawn_seed

ARCHIVES = 8
PATIENCE = 120.0


def generated(folder: Path, size: int) -> dict[str, str]:
    """So many bytes of gzip archives, each from a seed of its own; the id of each event that is in them, as a Beat's
    event is named, and what it says of itself."""
    expected: dict[str, str] = {}
    name = beat_namer()
    for seed in range(ARCHIVES):
        path = folder / f"archive-{seed}.ndjson.gz"
        with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
            for number, envelope in enumerate(stream(100_000_000, seed)):
                file.write(envelope + b"\n")
                fields = json.loads(envelope)
                event_id = name(fields, fields.pop("@metadata"))
                assert event_id is not None
                expected[event_id] = json.loads(fields["message"])["request_id"]
                if number % 500 == 0 and raw.tell() >= size // ARCHIVES:
                    break
    return expected


def in_indices(folder: Path) -> Iterator[tuple[str, str]]:
    """Id and request of every document, read with sqlite3 alone."""
    for path in sorted((folder / "indices").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            for event_id, source in connection.execute("SELECT id, source FROM documents"):
                yield event_id, json.loads(source)["request_id"]


def written(folder: Path) -> int:
    """How many documents were written; cheap enough to ask all the time."""
    count = 0
    for path in (folder / "indices").glob("*.sqlite"):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                [(seq,)] = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence")
        except sqlite3.OperationalError:  # it is just being made
            continue
        count += seq
    return count


@pytest.mark.parametrize(
    ("size", "kills"), [(2_000_000, 3), pytest.param(200_000_000, 10, marks=pytest.mark.long)], ids=["short", "200 MB"]
)
def test_replay_is_killed_and_goes_on(
    tmp_path: Path, size: int, kills: int, record_property: Callable[[str, object], None]
) -> None:
    """A replay of gzip archives is killed with -9 at random moments and begun again: each event is in the indices
    exactly once, under the id that it has when a Beat sends it."""
    draw = random.Random(seed := drawn_seed())
    expected = generated(tmp_path, size)
    store, log = tmp_path / "store", tmp_path / "replay.log"
    command = [APEX_LOGS, "replay", *sorted(map(str, tmp_path.glob("*.gz"))), "-w", "2"]
    command += ["-f", str(LOGGING / "logstash.conf"), "--path.settings", str(LOGGING), "--embedded", str(store)]
    moments = sorted(draw.randrange(len(expected) * 8 // 10) for _ in range(kills))
    began = time.monotonic()
    for moment in moments:
        with log.open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        last, since = -1, time.monotonic()
        while (there := written(store)) <= moment:
            assert process.poll() is None, f"it ended:\n{log.read_text()}"
            last, since = (there, time.monotonic()) if there > last else (last, since)
            assert time.monotonic() - since < PATIENCE, f"it stands still:\n{log.read_text()}"
            time.sleep(0.005)
        time.sleep(draw.uniform(0, min(0.3, size / 100_000_000)))  # not so long that a short one ends
        process.kill()
        assert process.wait() == -9, f"it ended before it was killed:\n{log.read_text()}"
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    found = Counter(in_indices(store))
    assert found.total() == len(found) == len(expected)
    assert dict(found.keys()) == expected
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0
    read = next(line for line in again.stdout.splitlines() if line.startswith("read"))
    assert read.split() == ["read", "0", f"{len(expected):,}"], "this run, and in all"
    for name, value in {
        "seed": seed,
        "archives": f"{ARCHIVES}, {sum(path.stat().st_size for path in tmp_path.glob('*.gz')) / 1e6:.0f} MB of gzip",
        "events": len(expected),
        "kills": kills,
        "duplicates refused in the last run": done.stdout.split("duplicates")[1].split()[0],
        "events in the indices, each once, under its id": len(found),
        "seconds": round(seconds),
    }.items():
        record_property(name, value)
