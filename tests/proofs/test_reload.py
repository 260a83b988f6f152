"""SIGHUP while clients ship: the old configuration delivers what it took, the new one takes the rest."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle, in_store
from tests.proofs.shipping import ship

EVENTS, SENDERS, RELOADS = 20_000, 4, 5


@pytest.mark.parametrize("workers", [1, 2])
def test_reloads_lose_nothing_and_repeat_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None], workers: int
) -> None:
    """Where there are workers, connections are kept: not one attempt fails."""
    oracle = Oracle(7, SENDERS)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data"), "--workers", str(workers)])

    async def run() -> int:
        numbers = oracle.issue(EVENTS)
        shipping = [
            asyncio.create_task(ship(oracle, engine, numbers[sender::SENDERS], 100)) for sender in range(SENDERS)
        ]
        for turn in range(RELOADS):
            while len(oracle.obligations) < EVENTS * (turn + 1) // (RELOADS + 2):
                engine.runs()
                await asyncio.sleep(0.005)
            assert engine.process is not None
            engine.process.send_signal(signal.SIGHUP)
            while engine.log.read_text().count("reloaded") <= turn:
                engine.runs()
                await asyncio.sleep(0.005)
        return sum(await asyncio.gather(*shipping))

    engine.start()
    try:
        engine.listening()
        repeats = asyncio.run(run())
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert workers == 1 or repeats == 0
    log = engine.log.read_text()
    assert log.count("reloaded") == RELOADS
    assert oracle.check(in_store(tmp_path / "data")) == len(oracle.obligations) == EVENTS
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    record_property("attempts that failed, and were repeated", repeats)
    record_property("duplicates refused", sum(int(part.split()[0]) for part in log.split("duplicates=")[1:]))
