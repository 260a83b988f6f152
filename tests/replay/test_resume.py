"""Killed, stopped, run again: each event is there once; what was ingested live is not there twice."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.replay.program import PATIENCE, command, counts, envelope, lines, replay, stored

EVENTS = 4000
SLOW = ("--rate", "4000/s")
"""Slow enough that there is something to be killed in the middle of."""


def begun(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A replay that has written something, and goes on."""
    process = subprocess.Popen(command(folder, *arguments), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    before, deadline = there(folder), time.monotonic() + PATIENCE
    while there(folder) == before and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def there(folder: Path) -> int:
    """How many documents there are, also while a store is just being made."""
    try:
        return len(stored(folder))
    except sqlite3.OperationalError:
        return 0


def archives(folder: Path) -> None:
    data = lines([envelope(number) for number in range(EVENTS)])
    middle = data.index(b"\n", len(data) // 2) + 1
    (folder / "a.gz").write_bytes(gzip.compress(data[:middle]))
    (folder / "b.log").write_bytes(data[middle:])


def complete(folder: Path) -> None:
    messages = [document.source["message"] for document in stored(folder)]
    assert sorted(messages) == sorted(f"line {number}" for number in range(EVENTS))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_kill_9_and_the_same_command_goes_on(tmp_path: Path, workers: str) -> None:
    archives(tmp_path)
    for _ in range(2):
        process = begun(tmp_path, "a.gz", "b.log", "-w", workers, *SLOW)
        process.kill()
        process.communicate(timeout=PATIENCE)
    done = subprocess.run(command(tmp_path, "a.gz", "b.log", "-w", workers), cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    complete(tmp_path)
    again = replay(tmp_path, "a.gz", "b.log")
    assert (again.code, counts(again)["read"]) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_the_same_command_goes_on_exactly_there(tmp_path: Path, number: signal.Signals) -> None:
    archives(tmp_path)
    process = begun(tmp_path, "a.gz", "b.log", *SLOW)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert b"stopped before the end; the same command goes on from here" in err
    before = len(stored(tmp_path))
    assert 0 < before < EVENTS
    rest = replay(tmp_path, "a.gz", "b.log")
    assert (rest.code, counts(rest)["read"], counts(rest)["duplicates"]) == (0, EVENTS - before, 0)
    complete(tmp_path)


def test_without_a_checkpoint_ids_tell_what_is_there(tmp_path: Path) -> None:
    archives(tmp_path)
    replay(tmp_path, "a.gz", "b.log")
    again = replay(tmp_path, "a.gz", "b.log", "--restart")
    assert (again.code, counts(again)["duplicates"]) == (0, EVENTS)
    complete(tmp_path)


def test_another_configuration_is_another_replay(tmp_path: Path) -> None:
    archives(tmp_path)
    replay(tmp_path, "b.log")
    other = replay(tmp_path, "b.log", text='output { elasticsearch { index => "other" } }')
    assert counts(other)["indexed"] == counts(other)["read"] > 0


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    archives(tmp_path)
    process = begun(tmp_path, "a.gz", "--rate", "400/s")
    try:
        answer = replay(tmp_path, "a.gz")
        assert answer.code == 1
        assert "the same replay runs already" in answer.err
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_a_relative_time_means_what_it_meant_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(1)]))
    assert counts(replay(tmp_path, "a.log", "--to", "-0s"))["indexed"] == 1
    [checkpoint] = (tmp_path / "store" / "replay").glob("*/checkpoint.sqlite")
    assert counts(replay(tmp_path, "a.log", "--to", "-0s"))["read"] == 0
    assert list((tmp_path / "store" / "replay").glob("*/checkpoint.sqlite")) == [checkpoint]


def test_archived_envelopes_that_were_ingested_live_are_duplicates(tmp_path: Path) -> None:
    """Shipped over Beats to the design document's configuration; then replayed as Filebeat's file output, or a dump of
    Kafka, would hold them: the same ids, the same documents, none new."""
    oracle = Oracle(random.Random().randrange(1 << 30), 2)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "store")])
    numbers = oracle.issue(500)
    engine.start()
    try:
        engine.listening()
        asyncio.run(ship(oracle, engine, numbers, 100))
        assert engine.stop() == 0
    finally:
        engine.kill()
    live = stored(tmp_path)
    assert len(live) == 500
    (tmp_path / "archive.ndjson").write_bytes(b"".join(oracle.envelope(number) + b"\n" for number in numbers))
    again = replay(tmp_path, "archive.ndjson", text=(tmp_path / "apex.conf").read_text())
    assert (again.code, counts(again)["duplicates"], counts(again)["indexed"]) == (0, 500, 0), again.err
    assert stored(tmp_path) == live
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    replay(fresh, "../archive.ndjson", text=(tmp_path / "apex.conf").read_text())
    assert stored(fresh) == live, json.dumps(live[0].source)
