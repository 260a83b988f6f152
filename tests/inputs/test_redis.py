"""The redis input against a real server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.redis import lists
from tests.harness import context, planned

PATIENCE = 30.0


@pytest.fixture
def server(redis_server):
    return redis_server


@pytest.fixture
def key(request):
    return "key-" + request.node.name.replace("[", "-").replace("]", "")


def made(server, key, text='data_type => "list"'):
    warnings = []
    source = f'input {{ redis {{ port => {server.port} key => "{key}" codec => plain {text} }} }}'
    [one] = build(planned(source), context(warnings=warnings)).inputs
    return one.input, warnings


def run(scenario):
    async def bounded():
        async with asyncio.timeout(PATIENCE):
            await scenario()

    asyncio.run(bounded())


@asynccontextmanager
async def client_of(server):
    client = Redis(port=server.port, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


def texts(one, batch):
    return [event.fields["message"] for event in one.decode(batch.data, batch.origin, None)]


def test_a_message_stays_on_the_server_until_its_batch_ends(server, key):
    async def scenario():
        async with client_of(server) as client:
            await client.rpush(key, *(str(number) for number in range(5)))
            one, _ = made(server, key, 'data_type => "list" batch_count => 2')
            batches = one.batches()
            taken = [await anext(batches) for _ in range(3)]
            assert [texts(one, batch) for batch in taken] == [["0", "1"], ["2", "3"], ["4"]]
            held = await client.smembers(f"{key}:apex-logs")
            assert sorted([await client.lrange(name, 0, -1) for name in held]) == [["0", "1"], ["2", "3"], ["4"]]
            taken[1].end(2)
            while len(await client.smembers(f"{key}:apex-logs")) > 2:
                await asyncio.sleep(0.01)
            one.stop()
            await one.close()  # gives back what has no end, in its order
            assert await client.lrange(key, 0, -1) == ["0", "1", "4"]
            assert not await client.exists(f"{key}:apex-logs")

    run(scenario)


def test_what_a_dead_reader_had_taken_comes_again(server, key, monkeypatch):
    monkeypatch.setattr(lists, "LEASE", 0.3)
    monkeypatch.setattr("pipeline.redis.consuming.LEASE", 0.3)

    async def scenario():
        async with client_of(server) as client:
            await client.rpush(key, "a", "b", "c")
            dead = lists.ListReader(Redis(port=server.port), key, 2)
            assert (await dead.take()).messages == [b"a", b"b"]
            one, _ = made(server, key)
            found = []
            async for batch in one.batches():
                found += texts(one, batch)
                batch.end(1)
                if len(found) == 3:
                    one.stop()
            await one.close()
            await dead._client.aclose()
            assert sorted(found) == ["a", "b", "c"]
            assert await client.keys(f"{key}*") == []

    run(scenario)


def test_a_living_reader_keeps_what_it_has(server, key):
    async def scenario():
        async with client_of(server) as client:
            await client.rpush(key, "a", "b")
            first, second = (lists.ListReader(Redis(port=server.port), key, 1) for _ in range(2))
            taken = await first.take()
            assert await second.recover() == 0
            assert (await second.take()).messages == [b"b"]
            await first.end(taken)
            for reader in (first, second):
                await reader._client.aclose()

    run(scenario)


def test_an_answer_that_never_came_is_taken_again(server, key):
    """The call was carried out, and its answer lost: the messages go back before the next are taken."""

    class Cut:
        def __init__(self, client):
            self.client, self.cut = client, True

        async def eval(self, script, *arguments):
            answer = await self.client.eval(script, *arguments)
            if self.cut:
                self.cut = False
                raise ConnectionError("cut")
            return answer

    async def scenario():
        async with client_of(server) as client:
            await client.rpush(key, "a", "b", "c")
            reader = lists.ListReader(Cut(Redis(port=server.port)), key, 2)
            with pytest.raises(ConnectionError):
                await reader.take()
            assert (await reader.take()).messages == [b"a", b"b"]
            assert await client.lrange(key, 0, -1) == ["c"]
            await reader._client.client.aclose()

    run(scenario)


@pytest.mark.parametrize("kind", ["channel", "pattern_channel"])
def test_channels(server, key, kind):
    async def scenario():
        async with client_of(server) as client:
            one, warnings = made(server, key if kind == "channel" else f"{key}*", f'data_type => "{kind}"')
            assert "cannot send again" in warnings[0]

            async def publish():
                while not await client.publish(f"{key}" if kind == "channel" else f"{key}-1", "x"):
                    await asyncio.sleep(0.02)

            publishing = asyncio.create_task(publish())
            async for batch in one.batches():
                [event] = one.decode(batch.data, batch.origin, None)
                one.stop()
            await publishing
            await one.close()
            assert event.fields["message"] == "x"
            assert event.metadata["redis_channel"].startswith(key)

    run(scenario)


@pytest.mark.parametrize("kind", ["list", "channel"])
def test_a_stop_while_it_connects(server, key, kind):
    """The client swallows what cancels it then, and the input went on beside its `close`, which never returned."""

    async def scenario():
        for attempt in range(10):
            one, _ = made(server, key, f'data_type => "{kind}"')
            asyncio.get_running_loop().call_later(attempt / 2000, one.stop)
            async for batch in one.batches():
                batch.end(0)
            await one.close()

    run(scenario)


def test_the_server_may_come_later(server, key):
    async def scenario():
        server.stop()
        one, _ = made(server, key)
        batches = one.batches()
        first = asyncio.create_task(anext(batches))
        await asyncio.sleep(0.2)
        assert not first.done()
        await asyncio.to_thread(server.start)
        async with client_of(server) as client:
            await client.rpush(key, "late")
            batch = await first
            assert texts(one, batch) == ["late"]
            batch.end(1)
            one.stop()
            await one.close()

    run(scenario)


def test_faults(server, key):
    for text, said in (
        ("", "data_type"),
        ('data_type => "list" command_map => { "lpop" => "x" }', "ACL"),
        ('data_type => "set"', "data_type"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            made(server, key, text)
