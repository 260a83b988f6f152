"""Whole paths: the engine as a process of its own, started by its command line, from its input to its output.

What is counted is the CPU time of the engine's process, from the moment that it listens (or has written its first
byte) to the last acknowledgement (or its end). The floor is measured in short bursts while the engine runs, so that
both meet the machine in the same mood. That all events came out is asserted in every run, that the documents are right
in `proof`.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.events import stream
from bench.expected import document, same
from bench.floor import Loop, floor, micros
from bench.material import FILTERS, write_lines, write_windows
from bench.processes import Engine, Sender, Sink, Tree, engine, free_port, sender, sink

FLOOR_EVENTS = 20_000
BURST = 1000
TICK = 0.01
"""Seconds: how finely the system counts the CPU time of another process."""
FEW = 5
"""Events of a window where there are many connections."""
CROWDED = 60_000
"""Events that are there for them: more than they send."""


@dataclass(slots=True)
class Run:
    """One run of a path."""

    events: int
    micros: float
    """CPU microseconds an event."""
    floor: float
    """The same of the floor, meanwhile."""
    uss_peak: float = 0.0
    """MB"""
    more: dict[str, float] = field(default_factory=dict)
    course: list[tuple[int, float]] = field(default_factory=list)
    """MB of memory when so many events were at the sink."""

    @property
    def ratio(self) -> float:
        """1 is as fast as the floor."""
        return self.floor / self.micros


class Bench:
    """The data of all runs, in a folder, and the floor beside them."""

    def __init__(self, folder: Path, envelopes: Sequence[bytes]) -> None:
        self.folder = folder
        self.envelopes = envelopes
        self.count = len(envelopes)
        self.lines, self.windows, self.few = folder / "events.log", folder / "windows", folder / "few"
        write_lines(self.lines, envelopes)
        write_windows(self.windows, envelopes)
        write_windows(self.few, envelopes[:CROWDED], FEW)
        self.by_place = {_place(envelope): envelope for envelope in envelopes[:FLOOR_EVENTS]}
        parts = range(0, min(len(envelopes), FLOOR_EVENTS), BURST)
        self.bursts = itertools.cycle([floor(envelopes[start : start + BURST]) for start in parts])
        self._runs = 0

    def longer(self, count: int) -> None:
        """From now on so many events are sent, each another; the files of the other paths stay as they are."""
        self.count = count
        write_windows(self.windows, stream(count))

    def new_folder(self) -> Path:
        """For the files of one run."""
        self._runs += 1
        return self.folder / f"run{self._runs}"


def _place(envelope: bytes) -> tuple[str, int]:
    log = json.loads(envelope)["log"]
    return log["file"]["path"], log["offset"]


# ---------------------------------------------------------------------------------------------- file to file


def file_to_file(bench: Bench, tree: Tree) -> Run:
    """A file of JSON lines, read once, to another file."""
    folder = bench.new_folder()
    return to_file(bench, lambda out: engine(tree, _files(bench.lines, out), folder), folder)


def to_file(
    bench: Bench, start_engine: Callable[[Path], AbstractContextManager[Engine]], folder: Path, times: int = 1
) -> Run:
    """An engine that reads the lines, so many times over, writes them to a file, and ends."""
    out = folder / "out.ndjson"
    with start_engine(out) as running:
        watch = Watch(running, bench.bursts)
        written = 0
        while not written and running.process.poll() is None:
            time.sleep(0.001)
            written = out.stat().st_size if out.exists() else 0
        start = watch.look()
        while running.process.poll() is None:
            watch.look()
            time.sleep(0.01)
    data = out.read_bytes()
    events, counted = data.count(b"\n"), data.count(b"\n", written)
    wanted = len(bench.envelopes) * times
    assert events == wanted, f"{events} of {wanted} events came out: {running.said()}"
    first = data[: data.index(b"\n")]
    assert same(json.loads(first), document(bench.envelopes[0])), f"not as expected: {first.decode()}"
    out.unlink()
    if not counted:  # so few that they were written at once: the start is counted with them
        counted, start = events, 0.0
    return Run(counted, micros_of(watch.cpu - start, counted), watch.floor, watch.peak)


def micros_of(seconds: float, events: int) -> float:
    """CPU microseconds an event."""
    return max(seconds, TICK) / events * 1e6


def _files(lines: Path, out: Path) -> str:
    return f"""
input {{ file {{ path => "{lines}" mode => "read" exit_after_read => true codec => json sincedb_path => "/dev/null"
  file_completed_action => "log" file_completed_log_path => "{out.parent}/done" }} }}
{FILTERS}
output {{ file {{ path => "{out}" }} }}
"""


class Watch:
    """CPU time and memory of an engine, as last looked at, and the floor meanwhile."""

    def __init__(self, running: Engine, bursts: Iterator[Loop]) -> None:
        self.running = running
        self.cpu = self.peak = 0.0
        self._bursts = bursts
        self._floors: list[float] = []
        self._next = self._next_burst = 0.0

    def look(self) -> float:
        """The CPU time now, and now and then the rest; what was seen last, once the engine has ended."""
        now = time.monotonic()
        try:
            self.cpu = self.running.cpu()
            if now > self._next:
                self._next = now + 0.25
                self.peak = max(self.peak, self.running.uss() / 1e6)
        except (psutil.Error, OSError):
            return self.cpu
        if now > self._next_burst:
            self._next_burst = now + 0.08
            self._floors.append(micros(next(self._bursts)))
        return self.cpu

    @property
    def floor(self) -> float:
        """The mean of the bursts: what the engine takes is a mean too."""
        return statistics.fmean(self._floors)


# ---------------------------------------------------------------------------------------------- Beats to a sink


@dataclass(frozen=True, slots=True)
class Load:
    """How the windows are sent."""

    arguments: tuple[str, ...] = ("--connections", "4", "--ahead", "2")
    few: bool = False
    delay: float = 0.0
    queue: str = "memory"
    """Logstash's `queue.type`."""


PLAIN = Load()
DELAYED = Load(delay=0.2)
PERSISTED = Load(queue="persisted")
MANY = Load(("--connections", "1000", "--every", "1", "--seconds", "8"), few=True)


def beats_to_sink(bench: Bench, tree: Tree, load: Load = PLAIN, step: int = 0) -> Run:
    """Compressed windows over the loopback to a bulk sink; memory is noted each `step` events, if that is given."""
    folder = bench.new_folder()
    port = free_port()
    windows = bench.few if load.few else bench.windows
    with (
        sink("--delay", str(load.delay)) as target,
        engine(tree, beats(port, target.port), folder, {"QUEUE_TYPE": load.queue}) as running,
    ):
        running.listening(port)
        running.settled()
        watch = Watch(running, bench.bursts)
        start = watch.look()
        with sender(port, windows, *load.arguments) as sending:
            course = _until_sent(sending, watch, target, step)
            sent = sending.result()
            if load.queue != "memory":  # acknowledged is not delivered
                _until_delivered(sent["events"], watch, target)
            cpu = watch.look() - start
            counts = target.counts()
        end = running.uss() / 1e6
    assert counts["items"] == sent["events"], f"{counts['items']} of {sent['events']} events at the sink"
    assert load.few or sent["events"] == bench.count, f"{sent['events']} of {bench.count} events were sent"
    first_is_right(bench, counts["first"])
    return Run(
        sent["events"],
        micros_of(cpu, sent["events"]),
        watch.floor,
        max(watch.peak, end),
        {
            "requests": counts["requests"],
            "requests_per_second": counts["requests"] / (counts["ended"] - counts["started"] or 1),
            "largest": counts["largest"],
            "events_per_second_of_wall": sent["events"] / sent["seconds"],
            "latency_median_ms": sent["median"] * 1000,
            "latency_p99_ms": sent["p99"] * 1000,
            "windows_per_second": sent["windows"] / sent["seconds"],
            "micros_per_window": micros_of(cpu, sent["windows"]),
        },
        course,
    )


def _until_sent(sending: Sender, watch: Watch, target: Sink, step: int) -> list[tuple[int, float]]:
    course: list[tuple[int, float]] = []
    while not sending.ended():
        watch.look()
        if step and (items := target.counts()["items"]) >= step * (len(course) + 1):
            course.append((items, watch.running.uss() / 1e6))
        time.sleep(0.1 if step else 0.02)
    if step:
        course.append((target.counts()["items"], watch.running.uss() / 1e6))
    return course


def _until_delivered(events: int, watch: Watch, target: Sink) -> None:
    while target.counts()["items"] < events:
        watch.running.alive()
        watch.look()
        time.sleep(0.02)


def beats(port: int, sink_port: int) -> str:
    """The configuration: from a port to the sink."""
    return f"""
input {{ beats {{ host => "127.0.0.1" port => {port} }} }}
{FILTERS}
output {{ elasticsearch {{ hosts => ["127.0.0.1:{sink_port}"] index => "apex-logs-%{{+YYYY.MM.dd}}" }} }}
"""


def first_is_right(bench: Bench, item: str, *, beats: bool = True) -> None:
    """Raises unless the first item that came is what it should be, and goes where it should."""
    action, _, source = item.partition("\n")
    found = json.loads(source)
    envelope = bench.by_place.get((found["log"]["file"]["path"], found["log"]["offset"]))
    assert envelope is not None, f"not an event that was sent first: {source}"
    assert same(found, document(envelope, beats=beats)), f"not as expected: {source}"
    index = json.loads(action)["create"]["_index"]
    assert index == f"apex-logs-{found['@timestamp'][:10].replace('-', '.')}", action


def proof(bench: Bench, tree: Tree) -> int:
    """Every document of a run is compared with what it should be, and no id comes twice; returns how many."""
    port, folder, kept = free_port(), bench.new_folder(), bench.folder / "kept"
    with sink("--keep", str(kept)) as target, engine(tree, beats(port, target.port), folder) as running:
        running.listening(port)
        with sender(port, bench.windows, "--connections", "2") as sending:
            sent = sending.result()
    lines = kept.read_bytes().splitlines()
    kept.unlink()
    ids = {json.loads(line)["create"]["_id"] for line in lines[::2]}
    places = {}
    for line in lines[1::2]:
        found = json.loads(line)
        places[found["log"]["file"]["path"], found["log"]["offset"]] = found
    assert len(ids) == len(places) == len(lines) // 2 == sent["events"] == len(bench.envelopes)
    for envelope in bench.envelopes:
        found = places[_place(envelope)]
        assert same(found, document(envelope, beats=True)), f"not as expected: {found}"
    return len(places)
