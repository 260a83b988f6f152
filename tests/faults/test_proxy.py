"""Each fault of the proxy is what it says, between a client and a server that answers what it got."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import Proxy, Way

DATA = random.Random(0).randbytes(4000)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Play = Callable[[Proxy, Streams, bytearray], Awaitable[None]]


@asynccontextmanager
async def between(corrupts: Way, heard: bytearray) -> AsyncIterator[tuple[Proxy, Streams]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1 << 16):
                heard.extend(chunk)
                writer.write(chunk)
        except OSError:
            writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(random.Random(1), corrupts)
    proxy.target = server.sockets[0].getsockname()[1]
    await proxy.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield proxy, (reader, writer)
    finally:
        writer.close()
        await proxy.close()
        server.close()
        await server.wait_closed()


def played(play: Play, corrupts: Way = Way.TO) -> bytes:
    """What the server heard."""
    heard = bytearray()

    async def run() -> None:
        async with asyncio.timeout(20), between(corrupts, heard) as (proxy, streams):
            await play(proxy, streams, heard)

    asyncio.run(run())
    return bytes(heard)


def test_without_a_fault_bytes_pass_both_ways() -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        streams[1].write(DATA)
        streams[1].write_eof()
        assert await streams[0].read() == DATA
        assert not proxy.made

    assert played(play) == DATA


@pytest.mark.parametrize("corrupts", Way)
def test_corruption_changes_one_byte_in_its_direction(corrupts: Way) -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        injected = asyncio.create_task(proxy.inject("corruption", 20))
        await asyncio.sleep(0)
        streams[1].write(DATA)
        answer = await streams[0].readexactly(len(DATA))
        await injected
        assert sum(one != other for one, other in zip(answer, DATA, strict=True)) == 1
        assert (bytes(heard) == DATA) is (corrupts is Way.BACK)
        assert proxy.made == {"corruption": 1}

    played(play, corrupts)


@pytest.mark.parametrize(("fault", "passed"), [("reset", 0), ("truncation", len(DATA) // 2)])
def test_a_connection_that_is_cut(fault: str, passed: int) -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        injected = asyncio.create_task(proxy.inject(fault, 20))
        await asyncio.sleep(0)
        streams[1].write(DATA)
        with pytest.raises(ConnectionError):
            await streams[0].readexactly(len(DATA))
        await injected
        assert proxy.made == {fault: 1}

    assert len(played(play)) <= passed


def test_half_close_ends_one_direction_after_its_chunk() -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        injected = asyncio.create_task(proxy.inject("half close", 20))
        await asyncio.sleep(0)
        streams[1].write(DATA)
        assert await streams[0].read() == DATA  # the server saw the end, answered, and ended too
        await injected

    assert played(play) == DATA


@pytest.mark.parametrize("fault", ["latency", "slow"])
def test_late_bytes_arrive_all_the_same(fault: str) -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        injected = asyncio.create_task(proxy.inject(fault, 0.2))
        await asyncio.sleep(0)
        streams[1].write(DATA)
        assert await streams[0].readexactly(len(DATA)) == DATA
        await injected
        assert proxy.made == {fault: 1}

    assert played(play) == DATA


def test_a_hole_swallows_and_ends_with_a_reset() -> None:
    async def play(proxy: Proxy, streams: Streams, heard: bytearray) -> None:
        streams[1].write(b"before")
        assert await streams[0].readexactly(6) == b"before"
        injected = asyncio.create_task(proxy.inject("hole", 0.2))
        await asyncio.sleep(0)
        streams[1].write(DATA)
        with pytest.raises(ConnectionError):
            await streams[0].read(1)
        await injected

    assert played(play) == b"before"


def test_a_server_that_is_away_is_a_connection_that_ends() -> None:
    async def run() -> bytes:
        proxy = Proxy(random.Random(1), Way.TO)
        proxy.target = 1  # nobody listens there
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()
            await proxy.close()

    assert asyncio.run(run()) == b""
