"""The rabbitmq input against a real broker."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiormq
import pytest

from pipeline.config.building import build
from tests.harness import context, planned

PATIENCE = 120.0


@pytest.fixture
def queue(request):
    return f"queue-{request.node.name}"


def made(server, queue, text=""):
    warnings = []
    where = f'host => "127.0.0.1" port => {server.port} queue => "{queue}" durable => true'
    plan = planned(f"input {{ rabbitmq {{ {where} codec => plain {text} }} }}")
    [one] = build(plan, context(warnings=warnings)).inputs
    return one.input, warnings


def run(scenario):
    async def bounded():
        async with asyncio.timeout(PATIENCE):
            await scenario()

    asyncio.run(bounded())


@asynccontextmanager
async def channel_of(server):
    connection = await aiormq.connect(f"amqp://127.0.0.1:{server.port}/")
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def publish(channel, queue, *texts, **properties):
    await channel.queue_declare(queue, durable=True)
    for text in texts:
        named = aiormq.spec.Basic.Properties(delivery_mode=2, **properties)
        await channel.basic_publish(text.encode(), routing_key=queue, properties=named)


async def left(channel, queue):
    return (await channel.queue_declare(queue, passive=True)).message_count


def events_of(one, batch):
    return list(one.decode(batch.data, batch.origin, None))


def texts(one, batch):
    return [event.fields["message"] for event in events_of(one, batch)]


def test_what_has_no_end_is_handed_out_again(rabbitmq_server, queue):
    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            await publish(channel, queue, *"abcde", message_id="m")
            one, _ = made(rabbitmq_server, queue, "prefetch_count => 2")
            batches = one.batches()
            first = await anext(batches)
            ids = [event.metadata["event_id"] for event in events_of(one, first)]
            one.stop()
            await one.close()
            again, _ = made(rabbitmq_server, queue)
            found = []
            async for batch in again.batches():
                if not found:
                    assert [event.metadata["event_id"] for event in events_of(again, batch)][: len(ids)] == ids
                found += texts(again, batch)
                batch.end(1)
                if len(found) == 5:
                    again.stop()
            await again.close()
            assert found == list("abcde")
            assert await left(channel, queue) == 0

    run(scenario)


def test_the_prefetch_count_bounds_what_is_under_way(rabbitmq_server, queue):
    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            await publish(channel, queue, *map(str, range(10)))
            one, _ = made(rabbitmq_server, queue, "prefetch_count => 3")
            batches = one.batches()
            taken, found = [], 0
            while found < 3:
                taken.append(await anext(batches))
                found += len(texts(one, taken[-1]))
            more = asyncio.create_task(anext(batches))
            await asyncio.sleep(0.3)
            assert not more.done()
            for batch in taken:
                batch.end(1)
            assert texts(one, await more)[0] == "3"
            one.stop()
            await one.close()

    run(scenario)


def test_an_exchange_is_made_and_bound_and_metadata_kept(rabbitmq_server, queue):
    text = f"""exchange => "x-{queue}" exchange_type => "topic" key => "app.#" metadata_enabled => "extended"
        arguments => {{ "x-message-ttl" => 60000 }}"""

    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            one, _ = made(rabbitmq_server, queue, text)

            async def send():
                while True:
                    try:
                        async with channel_of(rabbitmq_server) as own:
                            await own.queue_declare(queue, passive=True)
                            await own.exchange_declare(f"x-{queue}", passive=True)
                            break
                    except aiormq.AMQPError:
                        await asyncio.sleep(0.05)
                properties = aiormq.spec.Basic.Properties(headers={"h": 1}, app_id="me", content_type="text/plain")
                for key in ("other.1", "app.1"):
                    while True:
                        await channel.basic_publish(
                            key.encode(), exchange=f"x-{queue}", routing_key=key, properties=properties
                        )
                        if key == "other.1" or event:
                            break
                        await asyncio.sleep(0.05)

            event = []
            sending = asyncio.create_task(send())
            async for batch in one.batches():
                event += events_of(one, batch)
                batch.end(1)
                one.stop()
            await sending
            await one.close()
            assert event[0].fields["message"] == "app.1"
            assert event[0].metadata["rabbitmq_headers"] == {"h": 1}
            known = event[0].metadata["rabbitmq_properties"]
            assert (known["app-id"], known["routing-key"], known["exchange"]) == ("me", "app.1", f"x-{queue}")
            assert event[0].metadata["rabbitmq_payload"] == "app.1"

    run(scenario)


def test_properties_of_a_message_to_the_default_exchange(rabbitmq_server, queue):
    """Its exchange has no name, which is told; `redeliver` is only where it is so: `if value`, in Ruby's plugin."""

    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            await channel.queue_declare(queue, durable=True)
            properties = aiormq.spec.Basic.Properties(priority=0, message_id="m")
            await channel.basic_publish(b"a", exchange="", routing_key=queue, properties=properties)
        one, _ = made(rabbitmq_server, queue, "metadata_enabled => basic")
        async for batch in one.batches():
            [event] = events_of(one, batch)
            batch.end(1)
            one.stop()
        await one.close()
        known = event.metadata["rabbitmq_properties"]
        assert known.pop("consumer-tag")
        assert known == {"exchange": "", "routing-key": queue, "priority": 0, "message-id": "m"}
        assert event.metadata["rabbitmq_headers"] == {}

    run(scenario)


def test_the_broker_restarts(rabbitmq_server, queue):
    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            await publish(channel, queue, "a", "b")
        one, _ = made(rabbitmq_server, queue, "subscription_retry_interval_seconds => 0")
        found, ended = [], []
        async for batch in one.batches():
            found += texts(one, batch)
            if len(found) == 2 and not ended:
                ended.append(batch)
                await asyncio.to_thread(rabbitmq_server.stop)
                await asyncio.to_thread(rabbitmq_server.start)
                batch.end(2)  # of the connection that broke: it changes nothing
            elif ended:
                batch.end(1)
            if len(found) == 4:
                one.stop()
        await one.close()
        assert sorted(found) == ["a", "a", "b", "b"]
        async with channel_of(rabbitmq_server) as channel:
            assert await left(channel, queue) == 0

    run(scenario)


def test_a_queue_that_is_deleted_is_made_anew(rabbitmq_server, queue):
    async def scenario():
        async with channel_of(rabbitmq_server) as channel:
            await publish(channel, queue, "before")
            one, _ = made(rabbitmq_server, queue, "subscription_retry_interval_seconds => 0")
            batches = one.batches()
            (await anext(batches)).end(1)
            await channel.queue_delete(queue)
            await publish(channel, queue, "after")
            batch = await anext(batches)
            assert texts(one, batch) == ["after"]
            batch.end(1)
            one.stop()
            await one.close()

    run(scenario)


def test_what_changes_nothing_is_said(rabbitmq_server, queue):
    assert "ack => false" in made(rabbitmq_server, queue, "ack => false")[1][0]
