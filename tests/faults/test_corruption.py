"""A changed byte in a compressed window: the connection is closed, nothing is acknowledged, nothing is delivered."""

from __future__ import annotations

import os
import random
import socket
import zlib
from pathlib import Path

import pytest

from pipeline.protocols import lumberjack
from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle, in_store

EVENTS, CHANGES = 20, 200
HEAD = len(lumberjack.window(1)) + lumberjack.COUNT.size


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_changed_byte_is_noticed(tmp_path: Path, workers: str) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same bytes")
    draw = random.Random(seed)
    oracle = Oracle(seed, 1)
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data"), "--workers", workers])
    frames = lumberjack.json_frames([oracle.envelope(number) for number in oracle.issue(EVENTS)])
    whole = lumberjack.window(EVENTS) + lumberjack.compressed(frames)

    def answer(data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", engine.port), 20) as sender:
            sender.sendall(data)
            while (heard := sender.recv(lumberjack.ACK_SIZE)) == lumberjack.ack(0):
                pass  # still at it: workers are starting
            return heard

    engine.start()
    try:
        engine.listening()
        for place in draw.sample(range(HEAD, len(whole)), CHANGES):
            spoilt = bytearray(whole)
            spoilt[place] ^= draw.randrange(1, 256)
            if not means_the_same(spoilt[HEAD:], frames):
                assert answer(bytes(spoilt)) == b"", f"byte {place}"
        assert list(in_store(tmp_path / "data")) == []
        assert answer(whole) == lumberjack.ack(EVENTS)
        oracle.acknowledged(range(EVENTS))
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert oracle.check(in_store(tmp_path / "data")) == EVENTS


def means_the_same(stream: bytes, frames: bytes) -> bool:
    """Whether zlib inflates the changed stream to the same: some bits mean nothing, as those that fill a byte up."""
    try:
        return zlib.decompress(stream) == frames
    except zlib.error:
        return False
