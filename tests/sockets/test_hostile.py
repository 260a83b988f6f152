"""Peers that mean harm, or are broken: the others are served, and memory is bounded."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psutil
import pytest

from pipeline.codecs import line, plain
from pipeline.inputs import syslog, tcp
from tests.beats.workbench import PATIENCE, connected, running
from tests.harness import context


def made_tcp() -> Any:
    options = tcp.Options(port=0, codec=line.build(line.Options()), dns_reverse_lookup_enabled=False)
    return tcp.build(options, context())


def made_syslog() -> Any:
    return syslog.build(syslog.Options(port=0, codec=plain.build(plain.Options())), context())


@pytest.mark.parametrize("make", [made_tcp, made_syslog])
def test_silent_ones_garbage_and_endless_lines_leave_the_others_served(make: Any) -> None:
    async def test() -> None:
        given = make()
        address: Any
        drawn = random.Random(1)
        async with running(given) as worker:
            address = given.server.listener.addresses[0]
            silent = [await asyncio.open_connection(*address) for _ in range(300)]
            before = psutil.Process().memory_info().rss
            for _, writer in silent[:50]:
                writer.write(b"9" * drawn.randrange(1, 2000))  # a line, or a length, that never ends
            for _, writer in silent[50:100]:
                writer.write(drawn.randbytes(drawn.randrange(1, 2000)))
            for _, writer in silent[100:150]:
                writer.transport.abort()
            async with connected(worker) as good:
                good.send(b"served\n")
                async with asyncio.timeout(PATIENCE):
                    number, found = 0, False
                    while not found:
                        found = "served" in [event.fields["message"] for event in await worker.end(number)]
                        number += 1
            assert psutil.Process().memory_info().rss - before < 32 << 20
            for _, writer in silent:
                writer.close()

    asyncio.run(test())


def test_a_line_without_an_end_costs_little_while_it_grows() -> None:
    """Each chunk is looked at once: what came before is not searched again."""

    async def test() -> None:
        given = made_tcp()
        looked: list[int] = []
        cut = given.server.streams.terms.cut
        object.__setattr__(
            given.server.streams.terms,
            "cut",
            lambda data, *, final=False: looked.append(len(data)) or cut(data, final=final),
        )
        async with running(given) as worker, connected(worker) as client:
            for _ in range(64):
                client.send(b"x" * 100_000)
                await client.writer.drain()
            client.send(b"\n")
            (event,) = await worker.end(0)
            assert len(event.fields["message"]) == 6_400_000
            assert len(looked) == 1

    asyncio.run(test())
