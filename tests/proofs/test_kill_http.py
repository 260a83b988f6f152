"""`kill -9` while clients post, and post again what was not answered: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from tests.proofs.engine import Engine
from tests.proofs.killing import Killing, drawn_seed
from tests.proofs.oracle import in_store

CLIENTS = 4
AT_ONCE = 50


class Posting:
    """Clients that send each event until it is answered for; the events name themselves."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.answered: set[int] = set()
        self.attempts: Counter[str] = Counter()

    async def post_all(self, session: aiohttp.ClientSession, numbers: Sequence[int]) -> None:
        """One client."""
        for start in range(0, len(numbers), AT_ONCE):
            part = numbers[start : start + AT_ONCE]
            while not await self._post(session, part):
                self.engine.runs()
                await asyncio.sleep(0.02)
            self.answered.update(part)

    async def _post(self, session: aiohttp.ClientSession, part: Sequence[int]) -> bool:
        body = [{"@metadata": {"_id": f"event {number}"}, "n": number, "text": f"☃ {number}"} for number in part]
        try:
            async with session.post(f"http://127.0.0.1:{self.engine.port}/", json=body) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.attempts[type(error).__name__] += 1
            return False
        self.attempts[str(answer.status)] += 1
        assert answer.status in (200, 429, 503)
        return answer.status == 200

    def check(self, folder: Path) -> int:
        """Everything answered is in the store with all that it said, and nothing is there twice; returns how many."""
        stored = [document for _, document in in_store(folder)]
        for document in stored:
            assert document["text"] == f"☃ {document['n']}"
        times = Counter(document["n"] for document in stored)
        assert self.answered <= times.keys()
        assert set(times.values()) <= {1}
        return len(times)


@pytest.mark.parametrize(("events", "kills"), [(4_000, 3), pytest.param(100_000, 20, marks=pytest.mark.long)])
def test_kill_9_at_random_moments(
    tmp_path: Path, events: int, kills: int, record_property: Callable[[str, object], None]
) -> None:
    seed = drawn_seed()
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data")], {"beats {": "http {"})
    posting = Posting(engine)
    killing = Killing(seed, kills, engine, 0)

    async def kill() -> None:
        engine.kill()
        posting.check(tmp_path / "data")
        engine.start()

    async def run() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
            clients = [
                asyncio.create_task(posting.post_all(session, range(client, events, CLIENTS)))
                for client in range(CLIENTS)
            ]
            await killing.amid(events, lambda: len(posting.answered), [("the engine", kill)])
            await asyncio.gather(*clients)

    engine.start()
    try:
        asyncio.run(run())
        engine.listening()
        code = engine.stop()
    finally:
        engine.kill()
    assert code == 0
    stored = posting.check(tmp_path / "data")
    assert stored == len(posting.answered) == events
    for name, value in {
        "events": events,
        "kills": kills,
        "seed": seed,
        "answers and broken connections": ", ".join(f"{what} {count}" for what, count in posting.attempts.items()),
        "events in the store, each once, payload intact": stored,
    }.items():
        record_property(name, value)
