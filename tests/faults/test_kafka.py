"""Spoilt connections between the engine and Kafka, and a kill now and then: every record is in the store once.

No byte is corrupted: a batch of records has a checksum, the answer around it has none.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.proxy import LASTING, SUDDEN, Proxy
from tests.kafka.workbench import PATIENCE, committed, eventually, make_topic, produce, unique
from tests.proofs.test_kafka import check, engine_for, lines, stored
from tests.servers import kafka_cluster
from tests.servers.elasticsearch_node import free_port
from tests.servers.skipping import or_skip

BURST = 400
FAULTS = [fault for fault in (*LASTING, *SUDDEN) if fault != "corruption"]


@pytest.fixture
def advertised() -> int:
    """The port under which the broker is known; nothing but the proxy listens there."""
    return free_port()


@pytest.fixture
def broker(tmp_path: Path, advertised: int) -> Iterator[kafka_cluster.Cluster]:
    folder = tmp_path / "kafka"
    folder.mkdir()
    with (
        or_skip("kafka"),
        kafka_cluster.started(folder, f"advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}") as cluster,
    ):
        yield cluster


def test_spoilt_connections_to_kafka_lose_nothing(
    broker: kafka_cluster.Cluster, advertised: int, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: give it in SEED to draw the same faults")
    draw = random.Random(seed)
    topic = unique("spoilt")
    engine = engine_for(tmp_path, broker, topic, "max_poll_records => 20 max_partition_fetch_bytes => 2048")
    proxy = Proxy(draw, None, advertised)
    proxy.target = int(broker.bootstrap.rpartition(":")[2])
    count = 0

    async def burst(fault: str) -> None:
        """Records wait for the engine until the fault is there."""
        nonlocal count
        assert engine.process is not None
        process = psutil.Process(engine.process.pid)
        process.suspend()
        try:
            await produce(broker.bootstrap, topic, lines(range(count, count + BURST)))
            count += BURST
            injected = asyncio.create_task(
                proxy.inject(fault, draw.uniform(0.3, 1.5) if fault in LASTING else PATIENCE)
            )
            await asyncio.sleep(0)
        finally:
            process.resume()
        await injected

    async def run() -> None:
        await proxy.start()
        try:
            await make_topic(broker.bootstrap, topic, 3)
            engine.start()
            for turn, fault in enumerate(draw.sample(FAULTS, len(FAULTS))):
                await burst(fault)
                if turn % 3 == 2:
                    engine.kill()
                    engine.start()
            await eventually(lambda: engine.runs() or stored(engine) == count)
            assert await asyncio.to_thread(engine.stop) == 0
            assert sum((await committed(broker.bootstrap, topic)).values()) == count
        finally:
            engine.kill()
            await proxy.close()

    asyncio.run(run())
    assert proxy.made == dict.fromkeys(FAULTS, 1)
    check([engine], count)
