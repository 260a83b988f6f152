"""The lumberjack output against a server that answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import orjson
import pytest
import trustme

from pipeline.protocols.lumberjack import ack, window
from shippers.node.batches import Batch, Source
from shippers.node.destinations import context
from shippers.node.tables import Table
from shippers.node.windows import Settings, Windows
from tests.servers.elasticsearch_node import free_port
from tests.shippers.node.receiving import LumberjackServer, until


def settings(*ports: int, **changes: Any) -> Settings:
    defaults = Settings(
        hosts=[("127.0.0.1", port) for port in ports],
        window=10,
        pipelining=2,
        compression=1,
        slow_start=False,
        timeout=30.0,
        connect_timeout=5.0,
        backoff=0.02,
        backoff_max=0.05,
    )
    return replace(defaults, **changes)


def batch(first: int, last: int, ended: list[int] | None = None) -> Batch:
    made = Batch()
    made.payloads = [orjson.dumps({"message": str(number)}) for number in range(first, last)]
    source = Source(lambda: ended.append(first) if ended is not None else None)
    made.holds(source)
    source.end()
    return made


@asynccontextmanager
async def delivering(output: Windows) -> AsyncIterator[Windows]:
    """The output delivers meanwhile."""
    task = asyncio.create_task(output.run())
    try:
        yield output
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("compression", [0, 1, 6])
def test_windows_are_sent_and_what_ended_is_told_in_order(compression: int) -> None:
    ended: list[int] = []

    async def test() -> None:
        async with (
            LumberjackServer() as server,
            delivering(Windows(settings(server.port, compression=compression))) as output,
        ):
            for first in (0, 10, 20):
                assert output.room()
                output.put(batch(first, first + 10, ended))
            assert not output.room()
            await until(lambda: output.pending == 0)
            assert ended == [0, 10, 20]
            assert server.messages == [str(number) for number in range(30)]
            assert (output.delivered, server.connections) == (30, 1)

    asyncio.run(test())


def test_as_many_windows_are_under_way_as_asked_for() -> None:
    async def test() -> None:
        async with (
            LumberjackServer(lambda count: None) as server,
            delivering(Windows(settings(server.port, pipelining=3))) as output,
        ):
            for first in (0, 10, 20, 30):
                output.put(batch(first, first + 10))
            await until(lambda: len(server.windows) == 3 and len(server.events) == 30)
            await asyncio.sleep(0.05)  # nothing more comes
            assert len(server.windows) == 3
            assert output.pending == 40

    asyncio.run(test())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([b""], "0-10 0-10"),  # closed without an answer: all of it again
        ([ack(4) + b"", b""], "0-10 4-10 4-10"),  # a part was acknowledged: the rest again
        ([ack(0) + ack(10)], "0-10"),  # a sign of life is none of the end
        ([ack(11)], "0-10 0-10"),  # an answer that answers nothing
        ([window(1)], "0-10 0-10"),  # no answer at all
    ],
)
def test_what_is_not_acknowledged_is_sent_again(
    answers: list[bytes], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = list(answers)

    async def test() -> None:
        async with LumberjackServer() as server:

            def answer(count: int) -> bytes:
                return given.pop(0) if given else ack(count)

            server.answer = answer
            async with delivering(Windows(settings(server.port, timeout=0.3))) as output:
                ended: list[int] = []
                output.put(batch(0, 10, ended))
                await until(lambda: output.pending == 0)
                assert ended == [0]
                assert ("10 events will be sent again" in caplog.text) is (" " in expected)
                ranges = [f"{each[0]['message']}-{int(each[-1]['message']) + 1}" for each in server.windows]
                assert " ".join(ranges) == expected
                assert output.delivered == 10

    asyncio.run(test())


def test_signs_of_life_are_waited_through_and_silence_is_not() -> None:
    async def test() -> None:
        async with (
            LumberjackServer(lambda count: None) as server,
            delivering(Windows(settings(server.port, timeout=0.3))) as output,
        ):
            output.put(batch(0, 10))
            await until(lambda: server.connections == 1)
            for _ in range(8):
                await asyncio.sleep(0.1)
                server.say(ack(0))
            assert server.connections == 1
            await until(lambda: server.connections == 2)
            server.answer = ack
            await until(lambda: output.pending == 0)

    asyncio.run(test())


def test_the_next_host_when_one_fails_and_it_is_kept() -> None:
    async def test() -> None:
        async with LumberjackServer() as second, delivering(Windows(settings(free_port(), second.port))) as output:
            output.put(batch(0, 10))
            await until(lambda: output.pending == 0)
            output.put(batch(10, 20))
            await until(lambda: output.pending == 0)
            assert second.connections == 1
            assert second.messages == [str(number) for number in range(20)]

    asyncio.run(test())


def test_failing_over_and_back() -> None:
    async def test() -> None:
        async with (
            LumberjackServer() as first,
            LumberjackServer() as second,
            delivering(Windows(settings(first.port, second.port))) as output,
        ):
            for number, server in enumerate((first, second, first)):
                output.put(batch(number * 10, number * 10 + 10))
                await until(lambda: output.pending == 0)
                assert server.messages[-1] == str(number * 10 + 9)
                server.close_all()
                await until(lambda server=server: server.closed)

    asyncio.run(test())


def test_a_slow_start_after_each_break() -> None:
    async def test() -> None:
        async with (
            LumberjackServer() as server,
            delivering(Windows(settings(server.port, window=2048, slow_start=True, pipelining=1))) as output,
        ):
            output.put(batch(0, 100))
            await until(lambda: output.pending == 0)
            sizes = [len(each) for each in server.windows]
            assert sizes == [10, 15, 23, 35, 17]
            server.close_all()
            await until(lambda: server.closed)
            output.put(batch(100, 120))
            await until(lambda: output.pending == 0)
            assert [len(each) for each in server.windows][len(sizes) :] == [10, 10]

    asyncio.run(test())


# ---------------------------------------------------------------------------------------------- TLS


def certified(tmp_path: Any, *, client: bool) -> tuple[SSLContext, dict[str, Any]]:
    """What the server uses, and the options of the shipper."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    serving = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    options: dict[str, Any] = {"certificate_authorities": [str(tmp_path / "ca.pem")]}
    if client:
        own = authority.issue_cert("node-7")
        own.cert_chain_pems[0].write_to_path(tmp_path / "node.pem")
        own.private_key_pem.write_to_path(tmp_path / "node-key.pem")
        options |= {"certificate": str(tmp_path / "node.pem"), "key": str(tmp_path / "node-key.pem")}
        serving.verify_mode = CERT_REQUIRED
        authority.configure_trust(serving)
    return serving, options


@pytest.mark.parametrize("client", [False, True])
def test_tls_and_mutual_tls(tmp_path: Any, client: bool) -> None:
    serving, options = certified(tmp_path, client=client)
    faults: list[str] = []
    tls = context(Table(options, "node.toml", "tls", faults))
    assert faults == []

    async def test() -> None:
        async with (
            LumberjackServer(tls=serving) as server,
            delivering(Windows(settings(server.port, tls=tls))) as output,
        ):
            output.put(batch(0, 10))
            await until(lambda: output.pending == 0)
            assert bool(server.peers[0]) is client

    asyncio.run(test())


def test_a_server_that_nobody_vouches_for_is_given_nothing(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    serving, _ = certified(tmp_path, client=False)

    async def test() -> None:
        async with LumberjackServer(tls=serving) as server:
            tls = context(Table({}, "node.toml", "tls", []))
            async with delivering(Windows(settings(server.port, tls=tls))) as output:
                output.put(batch(0, 10))
                await until(lambda: "its certificate is not trusted" in caplog.text)
                assert server.events == []
                assert output.pending == 10

    asyncio.run(test())
