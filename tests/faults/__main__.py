"""`make soak`: the campaign for MINUTES (60), on a real Elasticsearch, from SEED or a drawn one."""

from __future__ import annotations

import asyncio
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.campaign import Campaign
from tests.proofs.indices import call
from tests.servers import elasticsearch_node

ROUND = 60.0
"""Seconds of faults in a round; draining and checking come on top."""


def main(minutes: float) -> int:
    """Returns 0 if everything held; else the folder with the engine's logs is kept, and named."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same faults", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="apex-logs-soak-"))
    with elasticsearch_node.started(folder / "node") as server:
        version = call(server.url)["version"]["number"]
        print(f"CPython {platform.python_version()}, Elasticsearch {version}", flush=True)
        campaign = Campaign(seed, server, folder)
        began = time.monotonic()
        try:
            asyncio.run(_rounds(campaign, began + minutes * 60))
        except* AssertionError:
            print(f"kept: {folder}")
            raise
        print(f"{(time.monotonic() - began) / 60:.1f} minutes")
        text, wrong = campaign.report()
        print(text)
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


async def _rounds(campaign: Campaign, end: float) -> None:
    async with campaign:
        while time.monotonic() < end:
            await campaign.round(ROUND)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
