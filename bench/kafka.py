"""From a real Kafka to a bulk sink: the events are in a topic before the engine starts, which reads all of it.

What is counted begins with the first item at the sink: by then the group has been joined.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from bench.material import FILTERS
from bench.paths import Bench, Run, Watch, first_is_right, micros_of
from bench.processes import Tree, engine, sink

TOPIC = "bench"
PARTITIONS = 4
PATIENCE = 600.0
JOINING = "group.initial.rebalance.delay.ms=2000"
"""Two workers that start together begin as one group of two."""


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[str | None]:
    """The address of a broker, as the tests start it; None where there can be none."""
    from tests.servers import kafka_cluster
    from tests.servers.packages import NotHere

    (folder / "kafka").mkdir()
    with contextlib.ExitStack() as stack:
        try:
            bootstrap = stack.enter_context(kafka_cluster.started(folder / "kafka", JOINING)).bootstrap
        except NotHere:
            bootstrap = None
        yield bootstrap


def fill(bootstrap: str, bench: Bench) -> None:
    """Writes every event to the topic, compressed, to the partitions in turn."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async def write() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=500_000)
        await producer.start()
        answers = [
            await producer.send(TOPIC, envelope, partition=number // 500 % PARTITIONS)
            for number, envelope in enumerate(bench.envelopes)
        ]
        await asyncio.gather(*answers)
        await producer.stop()

    asyncio.run(write())


def kafka_to_sink(bench: Bench, tree: Tree, bootstrap: str) -> Run:
    """The whole topic, read by one consumer that no group knows yet."""
    folder = bench.new_folder()
    with sink() as target, engine(tree, kafka(bootstrap, folder.name, target.port), folder) as running:
        watch = Watch(running, bench.bursts)
        deadline = time.monotonic() + PATIENCE
        while not (before := target.counts()["items"]):
            running.alive()
            time.sleep(0.005)
        start = watch.look()
        while (items := target.counts()["items"]) < len(bench.envelopes):
            watch.look()
            assert time.monotonic() < deadline, f"{items} events are at the sink: {running.said()}"
            time.sleep(0.02)
        cpu, counts = watch.look() - start, target.counts()
        end = running.uss() / 1e6
    first_is_right(bench, counts["first"], beats=False)
    counted = items - before
    more = {"requests": counts["requests"], "largest": counts["largest"]}
    return Run(counted, micros_of(cpu, counted), watch.floor, max(watch.peak, end), more)


def kafka(bootstrap: str, group: str, sink_port: int) -> str:
    """The configuration: all of the topic, to the sink."""
    return f"""
input {{ kafka {{ bootstrap_servers => "{bootstrap}" topics => ["{TOPIC}"] group_id => "{group}" codec => json
  auto_offset_reset => "earliest" }} }}
{FILTERS}
output {{ elasticsearch {{ hosts => ["127.0.0.1:{sink_port}"] index => "apex-logs-%{{+YYYY.MM.dd}}" }} }}
"""
