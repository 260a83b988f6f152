from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import PROTOCOL_TLS_SERVER, SSLContext, create_default_context

import pytest
import trustme

from pipeline.errors import BrokenFraming
from pipeline.protocols import lumberjack as wire
from pipeline.protocols.lumberjack import Opened, Receiver
from pipeline.protocols.lumberjack_events import events
from shippers.lumberjack import Sender

Answer = Callable[[int], bytes]


class Server:
    """Takes windows, remembers their payloads, and answers each as it was told to."""

    def __init__(self, answer: Answer, tls: SSLContext | None = None) -> None:
        self.answer = answer
        self.tls = tls
        self.windows: list[list[object]] = []
        self.connections = 0

    async def __aenter__(self) -> Server:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver = Receiver()
        self.connections += 1
        while data := await reader.read(65536):
            for item in receiver.feed(data):
                if isinstance(item, Opened):
                    self.windows.append([])
                    continue
                self.windows[-1] += list(events(item.data, 1 << 20, 1000))
                answer = self.answer(len(self.windows[-1]))
                writer.write(answer)
                if not answer:
                    writer.close()
                    return
        writer.close()


@pytest.mark.parametrize("compression", [0, 3])
def test_events_go_out_window_by_window(compression: int) -> None:
    async def test() -> None:
        async with Server(lambda count: wire.ack(0) + wire.ack(count)) as server:
            async with Sender("127.0.0.1", server.port, compression=compression, window_size=2) as sender:
                assert await sender.send([{"n": 1}, b'{"n":2}', {"n": 3}]) == 3
                assert await sender.send([]) == 0
            assert server.windows == [[b'{"n":1}', b'{"n":2}'], [b'{"n":3}']]
            assert server.connections == 1

    asyncio.run(test())


def test_partial_answers_are_waited_through() -> None:
    async def test() -> None:
        async with (
            Server(lambda count: wire.ack(1) + wire.ack(count)) as server,
            Sender("127.0.0.1", server.port) as sender,
        ):
            assert await sender.send([b"{}"] * 3) == 3
            assert await sender.send([b"{}"] * 2) == 2

    asyncio.run(test())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda count: b"", ConnectionError),
        (lambda count: wire.ack(count + 1), ConnectionError),
        (lambda count: wire.window(count), BrokenFraming),
        (lambda count: wire.ack(0), TimeoutError),
    ],
)
def test_a_window_without_its_answer_is_an_error_and_the_next_one_connects_anew(
    answer: Answer, error: type[Exception]
) -> None:
    async def test() -> None:
        async with Server(answer) as server, Sender("127.0.0.1", server.port, timeout=0.2) as sender:
            with pytest.raises(error):
                await sender.send([b"{}"])
            server.answer = wire.ack
            assert await sender.send([b"{}"]) == 1
            assert server.connections == 2

    asyncio.run(test())


def test_tls() -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    serving, client = SSLContext(PROTOCOL_TLS_SERVER), create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(client)

    async def test() -> None:
        async with Server(wire.ack, serving) as server, Sender("127.0.0.1", server.port, tls=client) as sender:
            assert await sender.send([b"{}"]) == 1

    asyncio.run(test())
