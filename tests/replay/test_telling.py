"""What is told: progress, the summary, a dry run; and how fast it goes."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pty
import subprocess
import time
from pathlib import Path

from tests.replay.program import command, counts, envelope, lines, program, replay

ROUTED = """
input { beats { port => 5044 } }
filter { if [message] == "line 3" { drop {} } if [message] == "line 4" { clone { clones => ["copy"] } } }
output {
  if [message] != "line 5" {
    elasticsearch { index => "logs-%{+YYYY.MM.dd}" }
  }
}
"""


def test_the_summary_says_what_became_of_each_event(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(number) for number in range(12)]))
    replay(tmp_path, "a.log", text=ROUTED)
    answer = replay(tmp_path, "a.log", "--restart", text=ROUTED)
    assert [line.split() for line in answer.out.splitlines()] == [
        ["read", "12"],
        ["indexed", "0"],
        ["duplicates", "11"],
        ["dropped", "by", "a", "filter", "1"],
        ["to", "no", "output", "1"],
        ["dead-lettered", "0"],
        ["made", "by", "a", "filter", "1"],
        [],
        ["index", "indexed", "duplicates", "dead-lettered"],
        ["logs-2026.11.20", "0", "3", "0"],
        ["logs-2026.11.21", "0", "5", "0"],
        ["logs-2026.11.22", "0", "3", "0"],
    ]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(number) for number in range(9)]) + b"odd\n")
    answer = replay(tmp_path, "a.log", "--dry-run", "--sample", "2")
    assert answer.code == 0
    shown, table, indices = answer.out.split("\n\n")
    first, second = shown.splitlines()[1::2]
    assert (json.loads(first)["message"], json.loads(second)["message"]) == ("line 0", "line 1")
    assert "would be indexed" in table
    assert ["logs-2026.11.21", "3", "0", "0"] in [line.split() for line in indices.splitlines()]
    assert not (tmp_path / "store").exists()
    assert replay(tmp_path, "a.log", "--dry-run", "--sample", "0").out.startswith("read")


def test_quiet_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(1)]))
    assert replay(tmp_path, "a.log", "--quiet") == (0, "", "")


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(number) for number in range(1200)]))
    ours, theirs = pty.openpty()
    slow = command(tmp_path, "a.log", "--rate", "1200/s")
    process = subprocess.Popen(slow, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    told = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(ours, 65536):
            told += data
    os.close(ours)
    assert process.wait() == 0, told.decode()
    assert b"1,200 events" in told
    assert b"0 errors" in told


def test_a_packed_archive_is_told_of_as_it_is_unpacked(tmp_path: Path) -> None:
    """It is read in blocks of a megabyte, which may be all of it."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(lines([envelope(number) for number in range(30_000)])))
    answer = program(tmp_path, "a.gz", "--rate", "4000/s")
    told = json.loads(next(line for line in answer.err.splitlines() if line.startswith("{")))
    assert abs(told["bytes"] / told["bytes_total"] - told["events"] / 30_000) < 0.3


def test_a_rate_is_kept_and_progress_is_a_line_of_json(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([envelope(number) for number in range(360)]))
    began = time.monotonic()
    answer = program(tmp_path, "a.log", "--rate", "60/s")
    assert time.monotonic() - began > 5.9
    assert (answer.code, counts(answer)["indexed"]) == (0, 360)
    told = json.loads(next(line for line in answer.err.splitlines() if line.startswith("{")))
    size = (tmp_path / "a.log").stat().st_size
    assert told["bytes_total"] == size
    assert 0 < told["events"] < 360
    assert abs(told["bytes"] / size - told["events"] / 360) < 0.02, "bytes are told of that are delivered"
    assert 0 < told["seconds_left"] < 6
    assert told.keys() >= {"bytes", "events_per_second", "indexed", "duplicates", "dead_lettered", "errors"}
    assert told["seconds_left"] is not None
    assert replay(tmp_path, "a.log", "--rate", "fast").code == 2
