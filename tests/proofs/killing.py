"""`kill -9` at random moments, of one process or another, while events are under way.

A seed draws the moments and what is killed; it is printed, and `SEED` gives it back.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from tests.proofs.engine import Engine

Target = Callable[[], Awaitable[None]]
"""Kills something, and sees to it that it is started again."""


def drawn_seed() -> int:
    """The seed in `SEED`, else a new one."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same moments")
    return seed


class Server(Protocol):
    """What can be killed and started again beside the engine."""

    def start(self) -> None:
        """Returns when it serves."""

    def kill(self) -> None:
        """Ends it at once."""


class Killing:
    """Kills, so many times, and starts again what was killed; `killed` counts what it was."""

    def __init__(self, seed: int, kills: int, engine: Engine, longest_pause: float = 0.7) -> None:
        self.killed: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._kills = kills
        self._engine = engine
        self._longest_pause = longest_pause

    async def amid(self, total: int, progress: Callable[[], int], targets: Sequence[tuple[str, Target]]) -> None:
        """Each kill comes at a random moment after so many of the total; some come while the engine starts.

        A target kills, and starts again; each has its turns, one that is named twice has twice as many.
        """
        moments = sorted(self._draw.randrange(total * 9 // 10) for _ in range(self._kills))
        turns = [targets[number % len(targets)] for number in range(self._kills)]
        self._draw.shuffle(turns)
        for moment, (name, target) in zip(moments, turns, strict=True):
            while progress() < moment:
                self._engine.runs()
                await asyncio.sleep(0.005)
            await asyncio.sleep(self._draw.uniform(0, self._longest_pause))
            await target()
            self.killed[name] += 1

    async def again(self) -> None:
        """The engine, or the front."""
        self._engine.kill()
        self._engine.start()

    async def worker(self) -> None:
        """One of the workers, if there are any at this moment; the front starts another."""
        if workers := self._engine.workers():
            self._draw.choice(workers).kill()


def restarting(server: Server) -> Target:
    """A target: a server that is killed and started again."""

    async def target() -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

    return target
