"""A body that something between engine and Elasticsearch swallows: the others arrive, and at last it does, too."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path

from tests.kafka.workbench import eventually
from tests.proofs.engine import TextEngine
from tests.proofs.indices import call, clear
from tests.servers.elasticsearch_node import Server, free_port

INDEX = "apex-logs-unanswered"


class Gap:
    """A relay that passes nothing more to the server on a connection on which a certain text came."""

    def __init__(self, target: int, text: bytes) -> None:
        self.swallows = True
        self.swallowed = 0
        self._target, self._text = target, text
        self._open: set[asyncio.Task[None]] = set()

    async def ended(self) -> None:
        """Returns when all connections have ended, as those at both ends have ended them."""
        if self._open:
            await asyncio.wait(self._open)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(self._copy(server_reader, writer, b""))
        await self._copy(reader, server_writer, self._text)
        await back

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> None:
        swallowing = False
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1 << 16):
                if text and self.swallows and not swallowing and text in chunk:
                    swallowing = True
                    self.swallowed += 1
                if not swallowing:
                    writer.write(chunk)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def stored(url: str) -> int:
    call(f"{url}/{INDEX}/_refresh?ignore_unavailable=true", "POST")
    count: int = call(f"{url}/{INDEX}/_count?ignore_unavailable=true")["count"]
    return count


async def send_line(port: int, text: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode() + b"\n")
    writer.close()
    await writer.wait_closed()


def test_what_is_swallowed_on_the_way_holds_up_nobody(elasticsearch: Server, tmp_path: Path) -> None:
    clear(elasticsearch.url)
    port = free_port()
    gap = Gap(int(elasticsearch.url.rpartition(":")[2]), b"swallow me")

    async def there(count: int) -> None:
        async with asyncio.timeout(60):
            while await asyncio.to_thread(stored, elasticsearch.url) < count:
                await asyncio.sleep(0.05)

    send = partial(send_line, port)

    async def scenario(engine: TextEngine) -> None:
        await asyncio.to_thread(engine.listening)
        await send("before")
        await there(1)
        await send("swallow me")
        await eventually(lambda: gap.swallowed == 1)
        sent = 1
        while "tried by themselves" not in engine.log.read_text() or gap.swallowed < 5:
            await send(f"other {sent}")
            sent += 1
            await there(sent)
        gap.swallows = False
        await there(sent + 1)
        assert await asyncio.to_thread(engine.stop) == 0

    async def run() -> None:
        relay = await asyncio.start_server(gap.relay, "127.0.0.1", 0)
        text = f"""
            input {{ tcp {{ port => {port} codec => line }} }}
            output {{ elasticsearch {{ hosts => ["127.0.0.1:{relay.sockets[0].getsockname()[1]}"] index => "{INDEX}"
                timeout => 2 retry_initial_interval => 1 manage_template => false compression_level => 0 }} }}
        """
        engine = TextEngine(tmp_path, text)
        engine.port = port
        engine.start()
        try:
            async with asyncio.timeout(240):
                await scenario(engine)
        finally:
            engine.kill()
            relay.close()
            await gap.ended()

    asyncio.run(run())
