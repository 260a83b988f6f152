"""A persistent queue in a file system whose faults a test makes, and a worker that keeps what it is given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.batch import Batch
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.queue import PersistentQueue, Terms
from pipeline.delivery.retry import Backoff
from pipeline.delivery.worker import Source
from pipeline.errors import BrokenFraming
from pipeline.metrics import Counters
from pipeline.stored_queue.queue import Bounds, StoredQueue
from tests.harness import ScriptedInput
from tests.stored_queue.faulty_files import FaultyFiles

TEXTS = [f"line {number}\n".encode() for number in range(20)]
PATIENCE = 20.0


@dataclass
class Bench:
    """A queue in a file system of its own, and a worker that keeps what it is given; `gate` holds it back."""

    folder: Path
    files: FaultyFiles = field(default_factory=FaultyFiles)
    bounds: Bounds = field(default_factory=lambda: Bounds(1 << 16, 1 << 20))
    counters: Counters = field(default_factory=Counters)
    got: list[Batch] = field(default_factory=list)
    gate: asyncio.Event | None = None
    ends: bool = True

    def __post_init__(self) -> None:
        self.letters = DeadLetterQueue(self.folder / "dlq", "main")

    def queue(self, inputs: dict[str, ScriptedInput], **terms: Any) -> tuple[StoredQueue, PersistentQueue]:
        store = StoredQueue("/queue", self.bounds, self.files)
        sources = {name: Source(source, None, name) for name, source in inputs.items()}
        terms = {"backoff": Backoff(0.001, 0.001), **terms}
        return store, PersistentQueue(store, sources, Terms(**terms), self.letters, self.counters)

    async def take(self, source: Source, batch: Batch) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.got.append(batch)
        try:
            list(source.input.decode(batch.data, batch.origin, lambda raw, error: None))
        except BrokenFraming as error:
            batch.refuse(error)
            return
        if self.ends:
            batch.end(1)

    def whole(self, inputs: dict[str, ScriptedInput], *, stopped: bool = False, **terms: Any) -> StoredQueue:
        """A run from start to end; `stopped` when all is on disk and little is delivered."""

        async def scenario() -> StoredQueue:
            store, queue = self.queue(inputs, **terms)
            if stopped:  # before the worker has taken more than the first
                queue.stop()
                self.gate = asyncio.Event()
            work = asyncio.create_task(queue.run(self.take))
            if self.gate is not None:
                async with asyncio.timeout(PATIENCE):
                    while any(len(source.ended) < len(source.texts) for source in inputs.values()):
                        await asyncio.sleep(0)
                for _ in range(20):
                    await asyncio.sleep(0)
                self.gate.set()
                self.gate = None
            await asyncio.wait_for(work, PATIENCE)
            await queue.close()
            store.close()
            return store

        return asyncio.run(scenario())
