"""Killed, stopped, run again: each event is there once; what was ingested live is not there twice."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.replay.program import APEX_LOGS, PATIENCE, Answer, command, counts, envelope, in_all, lines, replay, stored

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
    accounted(Answer(done.returncode, done.stdout.decode(), ""))
    again = replay(tmp_path, "a.gz", "b.log")
    assert (again.code, counts(again)["read"]) == (0, 0)
    accounted(again)


def accounted(answer: Answer) -> None:
    """In all runs, every line was counted once."""
    whole = in_all(answer)
    assert (whole["read"], whole["indexed"] + whole["duplicates"]) == (EVENTS, EVENTS), answer.out


def test_what_a_worker_counted_that_was_killed_is_in_the_summary(tmp_path: Path) -> None:
    """Again and again: it is told what became of a batch when it ends, and not now and then."""
    archives(tmp_path)
    process, killed = begun(tmp_path, "a.gz", "b.log", "-w", "2", *SLOW), 0
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while killed < 3:
        before = there(tmp_path)
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        killed += 1
        while there(tmp_path) < min(EVENTS, before + 400) and process.poll() is None:
            time.sleep(0.02)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    complete(tmp_path)
    found = counts(Answer(0, out.decode(), ""))
    assert (found["read"], found["indexed"] + found["duplicates"]) == (EVENTS, EVENTS), out.decode()
    accounted(replay(tmp_path, "a.gz", "b.log"))


def test_the_summary_of_a_run_that_goes_on_tells_this_run_from_all(tmp_path: Path) -> None:
    archives(tmp_path)
    before = counts(replay(tmp_path, "a.gz"))["read"]
    answer = replay(tmp_path, "a.gz", "b.log")
    first, *rows = [line.split() for line in answer.out.splitlines()]
    assert first == ["this", "run", "in", "all"]
    assert ["read", f"{EVENTS - before:,}", "4,000"] in rows
    assert ["index,", "this", "run", "indexed", "duplicates", "dead-lettered"] in rows
    assert ["index,", "in", "all", "indexed", "duplicates", "dead-lettered"] in rows
    assert ["logs-2026.11.20", "1,334", "0", "0"] in rows
    (tmp_path / "c.log").write_bytes(lines([envelope(EVENTS)]))
    other = replay(tmp_path, "c.log")
    assert "in all" not in other.out, "of the archives that are named"
    assert counts(other)["read"] == 1


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


def test_stopped_with_a_checkpoint_that_is_damaged_it_does_not_say_that_it_goes_on_from_here(tmp_path: Path) -> None:
    archives(tmp_path)
    process = begun(tmp_path, "a.gz", "b.log", "--rate", "1000/s")
    [checkpoint] = (tmp_path / "store" / "replay").glob("*/checkpoint.sqlite")
    checkpoint.write_bytes(b"no database" * 1000)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert b"--restart forgets it" in err
    assert b"the same command sends again what is not in its checkpoint" in err


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


def test_another_server_is_another_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives(tmp_path)
    text = 'output { file { path => "${PLACE}/a.log" } }'
    for place in ("first", "second"):
        monkeypatch.setenv("PLACE", str(tmp_path / place))
        answer = replay(tmp_path, "b.log", text=text)
        assert counts(answer)["indexed"] > 0, "a half that is there is not missing here"
        assert counts(replay(tmp_path, "b.log", text=text))["read"] == 0
    assert (tmp_path / "first/a.log").read_bytes() == (tmp_path / "second/a.log").read_bytes()


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
    (tmp_path / "b.log").write_bytes(lines([envelope(2, **{"@timestamp": "2999-01-01T00:00:00Z"})]))
    again = replay(tmp_path, "a.log", "b.log", "--to", "-0s")
    assert counts(again)["read"] == counts(again)["outside of --from and --to"] == 1
    assert "Z, as when this replay was begun; --restart takes it anew" in again.err
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


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_disk_that_takes_no_checkpoint_is_told_of(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "many.tar", "w") as archive:
        for number in range(1500):
            data = lines([envelope(number)])
            member = tarfile.TarInfo(f"a/long/name/of/a/file/{number}.log")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    told = 'output { stdout { codec => line { format => "%{message}" } } }'
    arguments = [APEX_LOGS, "replay", "many.tar", "-e", told, "--path.data", "data"]
    limited = [sys.executable, "-c", LIMITED, *arguments]
    first = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert first.returncode == 1, first.stderr
    assert "free or mount the disk" in first.stderr
    assert "the same command sends it again" in first.stderr
    second = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert second.returncode == 0, second.stderr
    for number in range(1500):
        assert f"line {number}\n" in first.stdout, "all is delivered, whatever the checkpoint says"
    third = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert "all of it was delivered before" in third.stderr
