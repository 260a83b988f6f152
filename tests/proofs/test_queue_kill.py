"""`kill -9` with a persistent queue: what was acknowledged was on disk, is delivered later, and is nowhere twice.

With workers the queue is the front's: workers are killed as well, and it deals their records again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from pipeline.disk.file_layer import SystemFiles
from pipeline.stored_queue.survey import survey
from tests.proofs.engine import Engine
from tests.proofs.killing import Killing, Target, drawn_seed
from tests.proofs.oracle import Oracle, in_store
from tests.proofs.shipping import ship

SENDERS = 4
WINDOW = 200
# Small pages, so that many begin and go; checkpoints are rare enough that much is delivered again.
SETTINGS = "queue.type: persisted\nqueue.page_capacity: 64kb\nqueue.max_bytes: 8mb\nqueue.checkpoint.interval: 300\n"


async def shipped_amid(
    killing: Killing, oracle: Oracle, engine: Engine, events: int, targets: list[tuple[str, Target]]
) -> int:
    """Clients ship events while the targets are killed; returns how many attempts failed."""
    numbers = oracle.issue(events)
    shipping = [
        asyncio.create_task(ship(oracle, engine, numbers[sender::SENDERS], WINDOW)) for sender in range(SENDERS)
    ]
    await killing.amid(events, lambda: len(oracle.obligations), targets)
    return sum(await asyncio.gather(*shipping))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("events", "kills"),
    [(12_000, 4), pytest.param(200_000, 20, marks=pytest.mark.long)],
)
def test_kill_9_with_a_queue_on_disk(
    tmp_path: Path, events: int, kills: int, workers: int, record_property: Callable[[str, object], None]
) -> None:
    seed = drawn_seed()
    oracle = Oracle(seed, SENDERS)
    arguments = ["--embedded", str(tmp_path / "data"), "--workers", str(workers)]
    engine = Engine(tmp_path, arguments, settings=SETTINGS + "queue.drain: true\n")
    killing = Killing(seed, kills, engine, 0.5)
    began = time.monotonic()
    waited = 0

    async def kill() -> None:
        nonlocal waited
        engine.kill()
        found = survey(SystemFiles(), str(tmp_path / "data" / "queue" / "main"))
        assert found.lost == []
        waited += sum(page.waiting for page in found.pages)
        engine.start()

    targets = [("the engine", kill), *([("a worker", killing.worker)] if workers > 1 else [])]
    engine.start()
    try:
        repeats = asyncio.run(shipped_amid(killing, oracle, engine, events, targets))
        engine.listening()
        code = engine.stop()
    finally:
        engine.kill()
    assert code == 0, engine.log.read_text()
    assert len(oracle.obligations) == events
    stored = oracle.check(in_store(tmp_path / "data"))
    assert stored == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    assert engine.starts == killing.killed["the engine"] + 1
    assert (killing.killed["a worker"] > 0) is (workers > 1)
    for name, value in {
        "events": events,
        "kills": kills,
        "of them of workers": killing.killed["a worker"],
        "seed": seed,
        "batches that were on disk and not known to be delivered, at the kills": waited,
        "attempts that failed, and were repeated": repeats,
        "seconds": round(time.monotonic() - began, 1),
        "events in the store, each once, payload intact": stored,
    }.items():
        record_property(name, value)
