"""The queue on disk of a real process: a disk that is full, a sender that breaks its protocol, a second process."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.protocols import lumberjack
from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle, in_store
from tests.proofs.shipping import ship

EVENTS, WINDOW = 2_000, 200


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(
        tmp_path, ["--embedded", str(tmp_path / "data")], settings="queue.type: persisted\nqueue.drain: true\n"
    )
    made.start()
    try:
        made.listening()
        yield made
    finally:
        made.kill()


def store(engine: Engine) -> Path:
    return engine.log.parent / "data"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


def test_a_full_disk_stops_acknowledgements_and_loses_nothing(engine: Engine) -> None:
    """The process may write no file beyond some bytes: every window is larger."""
    oracle = Oracle(5, 1)
    assert engine.process is not None
    process = engine.process.pid
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)

    async def run() -> None:
        numbers = oracle.issue(EVENTS)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (4_000, before[1]))
        shipping = asyncio.create_task(ship(oracle, engine, numbers, WINDOW))
        await until(lambda: engine.log.read_text().count("nothing is acknowledged and nothing is dropped") > 1)
        assert "File too large" in engine.log.read_text()
        assert not oracle.obligations
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)
        await asyncio.wait_for(shipping, 60)

    asyncio.run(run())
    assert engine.stop() == 0
    assert "the queue is written again" in engine.log.read_text()
    assert oracle.check(in_store(store(engine))) == len(oracle.obligations) == EVENTS


def test_broken_framing_is_not_acknowledged_and_not_kept(engine: Engine) -> None:
    """The frame inflates to a frame that is cut short: only its content tells."""
    oracle = Oracle(6, 1)
    envelopes = [oracle.envelope(number) for number in oracle.issue(3)]
    frames = lumberjack.json_frames(envelopes)
    with socket.create_connection(("127.0.0.1", engine.port), 20) as broken:
        broken.sendall(lumberjack.window(3) + lumberjack.compressed(frames[:-1]))
        assert broken.recv(100) == b""
    with socket.create_connection(("127.0.0.1", engine.port), 20) as good:
        good.sendall(lumberjack.window(3) + lumberjack.compressed(frames))
        assert good.recv(100) == lumberjack.ack(3)
    oracle.acknowledged(range(3))
    with socket.create_connection(("127.0.0.1", engine.port), 20) as short:
        short.sendall(lumberjack.window(4) + lumberjack.compressed(frames) + lumberjack.window(0))
        assert short.recv(100) == b""  # three events in a window of four
    assert engine.stop() == 0
    assert oracle.check(in_store(store(engine))) == 3
    log = engine.log.read_text()
    assert "refused=1" in log
    assert "a frame that is cut short" in log


def test_a_second_process_does_not_share_the_queue(engine: Engine) -> None:
    assert engine.process is not None
    second = subprocess.run(engine._command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert f"is in use by another process (id {engine.process.pid})" in second.stderr
    assert engine.stop() == 0
