"""A beats input with a worker that is turned by hand, clients, and certificates."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from pipeline.batch import Batch
from pipeline.errors import BrokenFraming
from pipeline.event import Event
from pipeline.inputs.beats import Beats, Options, build
from pipeline.protocols import lumberjack as wire
from tests.harness import context

PATIENCE = 5.0
ONE, TWO = b'{"message":"one"}', b'{"message":"two"}'
WINDOW = wire.window(2) + wire.compressed(wire.json_frames([ONE, TWO]))


def made(**options: Any) -> Beats:
    return build(Options(**{"port": 0, "ecs_compatibility": "disabled", **options}), context())


@dataclass
class Worker:
    """Takes the batches of an input, and ends them when the test says so."""

    input: Beats
    batches: list[Batch] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    rejected: list[tuple[bytes, str]] = field(default_factory=list)

    async def run(self) -> None:
        self.gate.set()
        async for batch in self.input.batches():
            self.batches.append(batch)
            self.taken.set()
            await self.gate.wait()

    async def batch(self, number: int) -> Batch:
        """The batch of that number, when it has been taken."""
        async with asyncio.timeout(PATIENCE):
            while len(self.batches) <= number:
                self.taken.clear()
                await self.taken.wait()
        return self.batches[number]

    def events(self, batch: Batch) -> list[Event]:
        return list(
            self.input.decode(batch.data, batch.origin, lambda raw, error: self.rejected.append((raw, str(error))))
        )

    async def end(self, number: int) -> list[Event]:
        """Works on a batch and ends it."""
        batch = await self.batch(number)
        before = len(self.rejected)
        try:
            events = self.events(batch)
        except BrokenFraming as error:
            batch.refuse(error)
            return []
        batch.end(len(events) + len(self.rejected) - before)
        return events

    async def messages(self, count: int) -> list[Any]:
        """The messages of the batches from the first on, until there are as many."""
        found: list[Any] = []
        number = 0
        while len(found) < count:
            found += [event.fields["message"] for event in await self.end(number)]
            number += 1
        return found


@contextlib.asynccontextmanager
async def running(given: Beats) -> AsyncIterator[Worker]:
    worker = Worker(given)
    task = asyncio.create_task(worker.run())
    waiting = asyncio.create_task(given.server.listening.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
        try:
            yield worker
        finally:
            given.stop()
            worker.gate.set()
            await task
            await given.close()


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return wire.acknowledged(await self.reader.readexactly(wire.ACK_SIZE))

    async def end(self) -> bytes:
        """What still comes until the server closes."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""


@contextlib.asynccontextmanager
async def connected(worker: Worker, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    host, port = worker.input.server.listener.addresses[0]
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def quiet(client: Client) -> bool:
    """Whether nothing has come, after the server has had its turn: it answers an empty window in order."""
    before = client.reader._buffer[:]  # what has arrived, without waiting
    for _ in range(20):
        await asyncio.sleep(0)
    return before == client.reader._buffer[:]  # what has arrived, without waiting


@dataclass
class Certificates:
    authority: trustme.CA
    folder: Path

    def options(self) -> dict[str, Any]:
        server = self.authority.issue_cert("localhost", "127.0.0.1")
        server.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")
        self.authority.cert_pem.write_to_path(self.folder / "ca.pem")
        pem = str(self.folder / "server.pem")
        return {"ssl_enabled": True, "ssl_certificate": pem, "ssl_key": pem}

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        made = ssl.create_default_context()
        self.authority.configure_trust(made)
        if certificate:
            self.authority.issue_cert("shipper", common_name="shipper", organization_name="Apex, Inc").configure_cert(
                made
            )
        return made


Run = Callable[[Coroutine[Any, Any, None]], None]
