"""What a second worker brings: events/s of wall, beside the CPU that the machine could give the engine meanwhile.

    python -m bench.scaling --seconds S        the floor, in a loop, for so long; prints the events

The sender and the sink, or the broker, run on the same cores, and so may others' work. So it is noted what the engine
took (front and workers), and what nobody took (idle, of the cores that this process may use): both together are what it
could have had. The figure to look at is *of the speed that was there*:

    events * CPU of one event in one process / (CPU that the engine took + CPU that nobody took)

1 is as fast as those cores could be if dealing cost nothing and no core waited. How much faster two processes are than
one on this machine at all, which share caches and perhaps one core, is measured with the floor, that shares nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.events import generate
from bench.figures import Figure
from bench.floor import floor
from bench.kafka import PATIENCE, kafka
from bench.material import ROOT
from bench.paths import TICK, Bench, beats
from bench.processes import Engine, Sink, Tree, engine, free_port, sender, sink

MANY, SINGLE, PARTITIONS = "32 Beats connections", "one Beats connection", "Kafka partitions"
WORKERS = (1, 2)
_CONNECTIONS = {MANY: ("--connections", "32", "--ahead", "1"), SINGLE: ("--connections", "1", "--ahead", "8")}
_FLOOR_EVENTS = 4000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Scaled:
    """What one run took of the machine."""

    events: int
    wall: float
    """Seconds."""
    taken: float
    """CPU seconds of all processes of the engine."""
    idle: float
    """CPU seconds that nobody took."""
    memory: float = 0.0
    """MB that are the engine's alone, of all its processes."""
    own: float = 0.0
    """Of these, what is no page of a file."""

    @property
    def speed(self) -> float:
        """Events/s of wall."""
        return self.events / self.wall

    @property
    def cost(self) -> float:
        """CPU seconds an event."""
        return self.taken / self.events

    @property
    def cores(self) -> float:
        """Cores that the engine could have had."""
        return (self.taken + self.idle) / self.wall


# ---------------------------------------------------------------------------------------------- runs


def beats_scaled(bench: Bench, tree: Tree, workers: int, shape: str) -> Scaled:
    """All windows to a bulk sink, over many connections or a single one."""
    port = free_port()
    with (
        sink() as target,
        _serving(bench, tree, beats(port, target.port), workers) as running,
        sender(port, bench.windows, *_CONNECTIONS[shape]) as sending,
    ):
        found = _measured(running, target, bench.count)
        sending.result()
    return found


def kafka_scaled(bench: Bench, tree: Tree, workers: int, bootstrap: str) -> Scaled:
    """The topic; of several workers each is a member of the group."""
    folder = bench.new_folder()
    with (
        sink() as target,
        _serving(bench, tree, kafka(bootstrap, folder.name, target.port), workers) as running,
    ):
        return _measured(running, target, len(bench.envelopes))


@contextlib.contextmanager
def _serving(bench: Bench, tree: Tree, configuration: str, workers: int) -> Iterator[Engine]:
    """An engine whose workers all take batches, which it says as to systemd."""
    folder = bench.new_folder()
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(folder / "notify"))
        told.settimeout(PATIENCE)
        environment = {"PIPELINE_WORKERS": str(workers), "NOTIFY_SOCKET": str(folder / "notify")}
        with engine(tree, configuration, folder, environment) as running:
            assert told.recv(1000).startswith(b"READY=1"), running.said()
            yield running


def _measured(running: Engine, target: Sink, count: int) -> Scaled:
    """From the first body at the sink to the last: starts, connecting, joining a group are not counted."""
    deadline = time.monotonic() + PATIENCE
    start = time.monotonic(), running.cpu_of_all(), _idle()
    while not (before := target.counts()["items"]):
        running.alive()
        time.sleep(0.005)
    if before == count:  # so few that they came at once: the start is counted with them
        before = 0
    else:
        start = time.monotonic(), running.cpu_of_all(), _idle()
    wall, taken, idle = start
    while (items := target.counts()["items"]) < count:
        running.alive()
        assert time.monotonic() < deadline, f"{items} events are at the sink: {running.said()}"
        time.sleep(0.02)
    return Scaled(
        items - before,
        time.monotonic() - wall,
        max(running.cpu_of_all() - taken, TICK),
        _idle() - idle,
        running.uss_of_all() / 1e6,
        running.own_of_all() / 1e6,
    )


def _idle() -> float:
    """Seconds for which the cores that this process may use have had nothing to do, since the machine started."""
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = [line.split() for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()]
    return sum(int(row[4]) + int(row[5]) for row in rows if row[0] in ours) / _TICKS


# ---------------------------------------------------------------------------------------------- the machine


def floor_scaling(seconds: float) -> float:
    """Events/s of the floor in two processes at once, to one alone."""
    return _floors(2, seconds) / _floors(1, seconds)


def _floors(count: int, seconds: float) -> float:
    command = [sys.executable, "-m", "bench.scaling", "--seconds", str(seconds)]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(count)
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return sum(float(process.communicate()[0]) for process in running)


def main() -> int:
    """The floor for a while, when told to begin; prints events/s of wall."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling")
    parser.add_argument("--seconds", type=float, required=True)
    seconds = parser.parse_args().seconds
    run = floor(generate(_FLOOR_EVENTS))
    print("ready", flush=True)
    sys.stdin.readline()
    start, events = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        events += run()
    print(events / (time.monotonic() - start), flush=True)
    return 0


# ---------------------------------------------------------------------------------------------- figures


Runs = Mapping[int, Sequence[Scaled]]
"""By the number of workers, one run a turn."""


def scaling_runs(
    bench: Bench, tree: Tree, rounds: int, bootstrap: str | None, say: Callable[[str], None]
) -> dict[str, Runs]:
    """Every shape with one process and with two workers, in turns."""
    shapes: dict[str, Callable[[int], Scaled]] = {
        MANY: lambda workers: beats_scaled(bench, tree, workers, MANY),
        SINGLE: lambda workers: beats_scaled(bench, tree, workers, SINGLE),
    }
    if bootstrap is not None:
        shapes[PARTITIONS] = lambda workers: kafka_scaled(bench, tree, workers, bootstrap)
    runs: dict[str, dict[int, list[Scaled]]] = {shape: {workers: [] for workers in WORKERS} for shape in shapes}
    for turn in range(rounds):
        for shape, run in shapes.items():
            for workers in WORKERS:
                say(f"{shape}, {workers} at work, {turn + 1} of {rounds}")
                runs[shape][workers].append(run(workers))
    return {shape: dict(of) for shape, of in runs.items()}


def scaling_figures(shape: str, runs: Runs) -> Iterator[Figure]:
    """What is told of a shape; ratios are of the runs of one turn."""
    subject, one, two = f"scaling: {shape}", runs[1], runs[2]
    pairs = list(zip(one, two, strict=True))
    price = statistics.median(run.cost for run in one)
    for name, of in (("one process", one), ("two workers", two)):
        yield Figure(subject, f"events/s of wall, {name}", tuple(run.speed for run in of))
        yield Figure(subject, f"cores that it could have, {name}", tuple(run.cores for run in of))
        shares = tuple(price * run.events / (run.taken + run.idle) for run in of)
        yield Figure(subject, f"of the speed that was there, {name}", shares)
        yield Figure(subject, f"private memory, MB, {name}", tuple(run.memory for run in of))
        yield Figure(subject, f"of it no page of a file, MB, {name}", tuple(run.own for run in of))
    yield Figure(subject, "events/s of wall, two / one", tuple(after.speed / before.speed for before, after in pairs))
    yield Figure(subject, "CPU an event, two / one", tuple(after.cost / before.cost for before, after in pairs))


if __name__ == "__main__":
    sys.exit(main())
