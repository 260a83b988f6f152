"""A client that never gives up: what was not acknowledged is sent again, over a new connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pipeline.errors import BrokenFraming
from shippers.lumberjack import Sender
from tests.proofs.engine import Engine
from tests.proofs.oracle import Oracle


async def ship(oracle: Oracle, engine: Engine, numbers: Sequence[int], window: int, port: int | None = None) -> int:
    """Ships the events, window by window; returns how many attempts failed, while the engine was away too.

    They go to the engine's port, or to another one, of something before it.
    """
    repeats = 0
    sender = Sender("127.0.0.1", port or engine.port, window_size=window)
    try:
        for start in range(0, len(numbers), window):
            part = numbers[start : start + window]
            payloads = [oracle.envelope(number) for number in part]
            while True:
                try:
                    await sender.send(payloads)
                except (OSError, BrokenFraming):  # the engine is gone: a timeout is an OSError too
                    engine.runs()
                    repeats += 1
                    await asyncio.sleep(0.02)
                else:
                    break
            oracle.acknowledged(part)
    finally:
        await sender.close()
    return repeats
