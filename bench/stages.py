"""Stages of the engine, in this process: what each costs, and how it compares with the floor.

    python -m bench.stages [--count N] [--rounds N]        prints JSON

Stages add up: `filters` is decode and filters, `render` is all that and rendering; `loop` is the worker with its
outlet and an output that takes every body at once; `by hand` is what that could reach at most. Nothing is sent, and
no socket or file is read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.by_hand import by_hand
from bench.events import generate
from bench.floor import Compared, Loop, anchor, compared, floor
from bench.material import FILTERS, PIECES, provide_database
from pipeline.batch import Batch, Origin
from pipeline.commands.run import collect_seldom, keep_freed_memory
from pipeline.config.building import Built, connect
from pipeline.config.plan import Plan, make_plan
from pipeline.delivery.tickets import InFlight
from pipeline.delivery.worker import Source
from pipeline.event import Event
from pipeline.grammar.sources import Source as Text
from pipeline.metrics import Counters
from pipeline.plugin import Body, Sent
from pipeline.protocols import lumberjack, lumberjack_events
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings

BLOCK = 1 << 20
OUTPUTS = {
    "beats": 'elasticsearch { hosts => ["127.0.0.1:1"] index => "apex-logs-%{+YYYY.MM.dd}" }',
    "file": 'file { path => "/tmp/unused.ndjson" }',
}
INPUTS = {
    "beats": "beats { port => 0 }",
    "file": 'file { path => "/tmp/unused.log" mode => "read" codec => json sincedb_path => "/dev/null" '
    'file_completed_action => "log" file_completed_log_path => "/tmp/unused.done" }',
}


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages")
    parser.add_argument("--count", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    found = measure(arguments.count, arguments.rounds)
    json.dump({name: value._asdict() for name, value in found.items()}, sys.stdout)
    return 0


def measure(count: int, rounds: int) -> dict[str, Compared]:
    """Every stage beside the floor."""
    envelopes = generate(count)
    with tempfile.TemporaryDirectory() as folder:
        provide_database(Path(folder))
        loops: dict[str, Loop] = {"anchor": anchor(envelopes), "inflate, frames": _frames(envelopes)}
        for kind, data in (("beats", _windows(envelopes)), ("file", _blocks(envelopes))):
            loops |= {f"{kind}: {name}": loop for name, loop in _Path(kind, data, Path(folder)).loops().items()}
        loops["beats: by hand"] = by_hand(_windows(envelopes))
        for name, loop in loops.items():
            assert loop() == count, f"{name}: not all of the {count} events"
        with _settled():
            return compared(loops, floor(envelopes), rounds)


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Memory and the garbage collector as the engine sets them, with the measurement's data out of their sight."""
    before = gc.get_threshold()
    keep_freed_memory()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _windows(envelopes: Sequence[bytes]) -> list[tuple[bytes, Origin]]:
    batches = []
    for start in range(0, len(envelopes), PIECES):
        window = envelopes[start : start + PIECES]
        origin = {"id": f"{start:032x}", "peer": "127.0.0.1", "window": len(window)}
        batches.append((lumberjack.compressed(lumberjack.json_frames(window)), origin))
    return batches


def _blocks(envelopes: Sequence[bytes]) -> list[tuple[bytes, Origin]]:
    """As many whole lines as the file input reads at once."""
    batches: list[tuple[bytes, Origin]] = []
    lines: list[bytes] = []
    size = offset = 0
    for envelope in [*envelopes, None]:
        if envelope is None or size + len(envelope) > BLOCK:
            origin = {"id": f"{offset:032x}", "path": "/var/log/a.log", "identity": f"{1:016x}", "offset": offset}
            batches.append((b"".join(lines), origin))
            offset, size, lines = offset + size, 0, []
        if envelope is not None:
            lines.append(envelope + b"\n")
            size += len(envelope) + 1
    return batches


def _frames(envelopes: Sequence[bytes]) -> Loop:
    windows = _windows(envelopes)

    def run() -> int:
        seen = 0
        for data, _ in windows:
            for _payload in lumberjack_events.events(data, 100 << 20, 10_000):
                seen += 1
        return seen

    return run


class _Path:
    """The parts of one pipeline, each as a loop over the same batches."""

    def __init__(self, kind: str, batches: list[tuple[bytes, Origin]], folder: Path) -> None:
        text = f"input {{ {INPUTS[kind]} }}\n{FILTERS}\noutput {{ {OUTPUTS[kind]} }}"
        self.plan: Plan = make_plan([Text("bench.conf", text)], ecs_compatibility="disabled")
        self.pipeline = Pipeline(Settings(path_data=folder), self.plan)
        self.built: Built = self.pipeline._built
        self.input = self.built.inputs[0].input
        self.batches = batches
        ((self.node, (self.output, self.label)),) = self.built.outputs.items()

    def loops(self) -> dict[str, Loop]:
        """The stages, by name, in the order of the road."""
        return {
            "decode": self._decoding(lambda event: None),
            "filters": self._decoding(self._flow(lambda event: None)),
            "render": self._decoding(self._flow(_renderer(self.output.render))),
            "loop": self._worker,
        }

    def _flow(self, sink: Callable[[Event], None]) -> Callable[[Event], None]:
        return connect(self.plan, self.built.filters, {self.node: sink}, _guard).process

    def _decoding(self, process: Callable[[Event], None]) -> Loop:
        def run() -> int:
            seen = 0
            for data, origin in self.batches:
                for event in self.input.decode(data, origin, _rejected):
                    process(event)
                    seen += 1
            return seen

        return run

    def _worker(self) -> int:
        return asyncio.run(self._work())

    async def _work(self) -> int:
        """The pipeline as it runs, but with batches that are there and an output that takes all."""
        pipeline = copy(self.pipeline)
        pipeline.counters = Counters()
        bounds = self.pipeline.in_flight
        pipeline.in_flight = InFlight(bounds.max_events, bounds.max_bytes)  # one for each event loop
        ready: Any = _Ready(self.batches, self.input.decode)
        output: Any = _TakesAll(self.output.render)
        pipeline._built = replace(self.built, outputs={self.node: (output, self.label)})
        pipeline._sources = [Source(ready, self.built.inputs[0].decorate, "bench")]
        await pipeline.run()
        return pipeline.counters.delivered


def _renderer(render: Callable[[Event, bytearray], None]) -> Callable[[Event], None]:
    body = bytearray()

    def add(event: Event) -> None:
        nonlocal body
        render(event, body)
        if len(body) > 3_000_000:  # about 2,000 items
            body = bytearray()  # as the engine does: one that is cleared grows at a place that is slower

    return add


class _TakesAll:
    """An output that delivers at once."""

    ordered = False

    def __init__(self, render: Callable[[Event, bytearray], None]) -> None:
        self.render = render

    async def start(self) -> None:
        """Nothing to do."""

    async def send(self, body: Body) -> Sent:
        """All written."""
        return Sent()

    async def close(self) -> None:
        """Nothing to do."""


class _Ready:
    """An input whose batches are there."""

    def __init__(self, batches: list[tuple[bytes, Origin]], decode: Any) -> None:
        self.ready = batches
        self.decode = decode

    async def batches(self) -> AsyncIterator[Batch]:
        """All of them."""
        for data, origin in self.ready:
            yield Batch(data, origin, lambda events: None, _refused)

    async def close(self) -> None:
        """Nothing to do."""


def _guard(proceed: Callable[[Event], None], event: Event) -> None:
    proceed(event)


def _rejected(raw: bytes, error: Exception) -> None:
    raise AssertionError(raw) from error


def _refused(error: Exception) -> None:
    raise error


if __name__ == "__main__":
    sys.exit(main())
