"""A minute of the campaign that `make soak` goes on with."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign
from tests.servers.elasticsearch_node import Server
from tests.servers.skipping import or_skip

ROUNDS, SECONDS = 2, 16.0
"""With starting, draining and checking about a minute."""


def test_faults_lose_nothing_and_repeat_nothing(elasticsearch: Server, tmp_path: Path) -> None:
    if not hasattr(elasticsearch, "home"):
        pytest.skip("elasticsearch: only a local node keeps its data over a kill")
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same faults")
    with or_skip("faults"):
        campaign = Campaign(seed, elasticsearch, tmp_path)

    async def run() -> None:
        async with campaign:
            for _ in range(ROUNDS):
                await campaign.round(SECONDS)

    asyncio.run(run())
    text, wrong = campaign.report()
    print(text)
    assert not wrong
    assert campaign.done.keys() >= {"clock jump", "full disk", "read-only disk", "fsync failure"}
