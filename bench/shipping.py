"""The shipper on the log lines of the events: CPU seconds for 100,000 of them, and private memory.

    python -m bench.shipping [--lines N]        this alone

Two ways: a file that is all there, and one that grows by 50,000 lines a second. The shipper is a process of its own, as
a user starts it, with its default settings; the server acknowledges at once. CPU time is counted from the moment that
the shipper follows files to the last acknowledgement.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.events import stream
from bench.figures import Figure, table
from bench.material import ROOT
from bench.processes import START_TIMEOUT, Tree

SUBJECT = "shipper: file to lumberjack"
RATE = 50_000
TICK = 0.02
DISTINCT = 50_000
MEMORY = 60.0
KINDS = {"there": "a file that is there", "growing": "a file that grows by 50,000 lines/s"}


@dataclass(frozen=True, slots=True)
class Shipped:
    """What one run of the shipper took."""

    cpu: float
    """Seconds for 100,000 lines."""
    peak: float
    """MB."""
    wall: float
    """Seconds for all."""


def material(count: int) -> list[bytes]:
    """So many log lines of 477 bytes, of which the first 50,000 differ."""
    distinct = [json.loads(event)["message"].encode() + b"\n" for event in stream(min(count, DISTINCT))]
    return list(itertools.islice(itertools.cycle(distinct), count))


def measure(tree: Tree, folder: Path, lines: Sequence[bytes], kind: str) -> Shipped:
    """Ships all lines."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "app.log"
    log.write_bytes(b"".join(lines) if kind == "there" else b"")
    with _receiver() as receiver:
        port = int(_line(receiver))
        (folder / "node.toml").write_text(
            f'data = "{folder}/data"\n[[inputs]]\nid = "bench"\npaths = ["{log}"]\n'
            f'fields = {{ service = "apex-api" }}\n[output.lumberjack]\nhosts = ["127.0.0.1:{port}"]\n'
        )
        with _shipper(tree, folder) as process:
            before = _used(process)
            began = time.monotonic()
            writing = _writing(log, lines, began) if kind == "growing" else iter(())
            peak, taken = 0, 0
            while taken < len(lines):
                next(writing, None)
                peak = max(peak, process.memory_full_info().uss)
                taken = _taken(receiver)
                time.sleep(TICK)
                if time.monotonic() - began > START_TIMEOUT + len(lines) / RATE * 20:
                    raise TimeoutError(f"{taken} of {len(lines)} lines: {(folder / 'ship.log').read_text()}")
            cpu, wall = _used(process) - before, time.monotonic() - began
    return Shipped(cpu * 100_000 / len(lines), peak / 1e6, wall)


def _writing(log: Path, lines: Sequence[bytes], began: float) -> Iterator[None]:
    """Appends what is due, each time it is asked."""
    written = 0
    with log.open("ab", buffering=0) as file:
        while written < len(lines):
            due = min(int((time.monotonic() - began) * RATE), len(lines))
            file.write(b"".join(lines[written:due]))
            written = due
            yield


@contextlib.contextmanager
def _receiver() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "bench.receiver"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _shipper(tree: Tree, folder: Path) -> Iterator[psutil.Process]:
    """A shipper that has started."""
    said = folder / "ship.log"
    with said.open("wb") as log:
        command = tree.command("ship", "-c", str(folder / "node.toml"))
        process = subprocess.Popen(command, stderr=log, env=tree.environment, process_group=0)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while b"following" not in said.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the shipper does not start: {said.read_text()}")
            time.sleep(0.005)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _line(receiver: subprocess.Popen[bytes]) -> bytes:
    assert receiver.stdout is not None
    return receiver.stdout.readline()


def _taken(receiver: subprocess.Popen[bytes]) -> int:
    assert receiver.stdin is not None
    receiver.stdin.write(b"\n")
    receiver.stdin.flush()
    return int(_line(receiver))


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def figures(tree: Tree, folder: Path, count: int, rounds: int) -> list[Figure]:
    """The figures of both ways."""
    lines = material(count)
    found: list[Figure] = []
    for kind, name in KINDS.items():
        runs = [measure(tree, folder / f"{kind}-{number}", lines, kind) for number in range(rounds)]
        cores = tuple(run.cpu * RATE / 100_000 for run in runs)
        found += [
            Figure(SUBJECT, f"{name}: CPU s for 100,000 lines", tuple(run.cpu for run in runs)),
            Figure(SUBJECT, f"{name}: cores at 50,000 lines/s", cores, below=1.0),
            Figure(SUBJECT, f"{name}: private memory at most, MB", tuple(run.peak for run in runs), below=MEMORY),
        ]
    return found


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.shipping")
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apex-logs-bench-") as folder:
        print("\n".join(table(figures(Tree(), Path(folder), arguments.lines, arguments.rounds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
