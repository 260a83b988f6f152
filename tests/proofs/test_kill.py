"""`kill -9` while clients ship and send again what was not acknowledged: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.proofs.engine import Engine
from tests.proofs.killing import Killing, drawn_seed
from tests.proofs.oracle import Oracle, in_store
from tests.proofs.shipping import ship

SENDERS = 4
WINDOW = 500


@pytest.mark.parametrize(
    ("events", "kills"),
    [(12_000, 3), pytest.param(200_000, 20, marks=pytest.mark.long)],
)
def test_kill_9_at_random_moments(
    tmp_path: Path, events: int, kills: int, record_property: Callable[[str, object], None]
) -> None:
    seed = drawn_seed()
    oracle = Oracle(seed, SENDERS)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data")])
    killing = Killing(seed, kills, engine)
    began = time.monotonic()

    async def kill() -> None:
        engine.kill()
        oracle.check(in_store(tmp_path / "data"))  # what was acknowledged is there while the engine is not
        engine.start()

    async def run() -> int:
        numbers = oracle.issue(events)
        shipping = [
            asyncio.create_task(ship(oracle, engine, numbers[sender::SENDERS], WINDOW)) for sender in range(SENDERS)
        ]
        await killing.amid(events, lambda: len(oracle.obligations), [("the engine", kill)])
        return sum(await asyncio.gather(*shipping))

    engine.start()
    try:
        repeats = asyncio.run(run())
        engine.listening()  # the last kill may have come after the last acknowledgement
        code = engine.stop()
    finally:
        engine.kill()
    assert code == 0
    assert len(oracle.obligations) == events
    stored = oracle.check(in_store(tmp_path / "data"))
    assert stored == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    assert engine.starts == kills + 1
    for name, value in {
        "events": events,
        "kills": kills,
        "seed": seed,
        "attempts that failed, and were repeated": repeats,
        "seconds": round(time.monotonic() - began, 1),
        "events in the store, each once, payload intact": stored,
    }.items():
        record_property(name, value)
