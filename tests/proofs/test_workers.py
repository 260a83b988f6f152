"""Several processes: workers and the front are killed, and nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle, in_store
from tests.proofs.shipping import ship

SENDERS = 4
WINDOW = 500
DEADLY = """
import functools, os, signal
import pipeline.{module} as module

ordinary = module.{function}


@functools.wraps(ordinary)
def deadly(*arguments, **named):
    made = ordinary(*arguments, **named)

    def run(given, *more):
        if {condition}:
            os.kill(os.getpid(), signal.SIGKILL)
        return made(given, *more)

    return run


module.{function} = deadly
"""
"""A fault in the depth of the engine, as an interpreter may have it: some event ends the process."""


@pytest.mark.parametrize(("events", "kills"), [(12_000, 4), pytest.param(200_000, 40, marks=pytest.mark.long)])
def test_kill_9_of_workers_and_of_the_front(
    tmp_path: Path, events: int, kills: int, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same moments")
    draw = random.Random(seed)
    moments = sorted(draw.randrange(events * 9 // 10) for _ in range(kills))
    oracle = Oracle(seed, SENDERS)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data"), "--workers", "2"])

    async def run() -> None:
        numbers = oracle.issue(events)
        shipping = [
            asyncio.create_task(ship(oracle, engine, numbers[sender::SENDERS], WINDOW)) for sender in range(SENDERS)
        ]
        for number, moment in enumerate(moments):
            while len(oracle.obligations) < moment:
                engine.runs()
                await asyncio.sleep(0.005)
            await asyncio.sleep(draw.uniform(0, 0.7))
            if number % 4 == 3:
                engine.kill()
                engine.start()
            elif workers := engine.workers():
                draw.choice(workers).kill()
        await asyncio.gather(*shipping)

    engine.start()
    try:
        engine.listening()
        asyncio.run(run())
        engine.listening()
        code = engine.stop()
    finally:
        engine.kill()
    assert code == 0
    assert len(oracle.obligations) == events
    assert oracle.check(in_store(tmp_path / "data")) == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    record_property("events in the store, each once, payload intact", events)
    record_property("kills of workers and of the front", kills)


@pytest.mark.parametrize(
    ("module", "function", "condition", "reason", "lost"),
    [
        ("filters.json", "_into_event", "given.fields['message']", "two workers died of this event", 1),
        ("beats.events", "beat_namer", "given['message']", "workers died of decoding it", 50),
    ],
)
def test_an_event_that_kills_workers_is_a_dead_letter_and_the_others_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, function: str, condition: str, reason: str, lost: int
) -> None:
    """Where a filter dies of it, it alone; where decoding does, the piece of the window that it came in."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    fault = DEADLY.format(module=module, function=function, condition=f"""'"n": 77,' in {condition}""")
    (hooks / "sitecustomize.py").write_text(fault)
    monkeypatch.setenv("PYTHONPATH", str(hooks))
    oracle = Oracle(1, 1)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data"), "--workers", "2"])
    engine.start()
    try:
        engine.listening()
        numbers = oracle.issue(200)
        asyncio.run(ship(oracle, engine, numbers, 50))
        assert engine.stop() == 0
    finally:
        engine.kill()
    found = {document["n"] for _, document in in_store(tmp_path / "data")}
    [letter] = [letter for _, letter in read(tmp_path / "data" / "dead_letter_queue" / "main")]
    assert reason in letter["reason"]
    assert len(found) == 200 - lost
    assert 77 not in found


def test_signals_are_the_fronts_to_decide(tmp_path: Path) -> None:
    oracle = Oracle(2, 1)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data"), "--workers", "2"])
    engine.start()
    try:
        engine.listening()
        asyncio.run(ship(oracle, engine, oracle.issue(2000), 100))
        for worker in engine.workers():
            worker.send_signal(signal.SIGTERM)
        asyncio.run(ship(oracle, engine, oracle.issue(2000), 100))
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert oracle.check(in_store(tmp_path / "data")) == 4000
