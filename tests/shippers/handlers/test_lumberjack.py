"""The transport against answers that no good server gives, or that it gives late."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pipeline.errors import BrokenFraming
from pipeline.protocols import lumberjack as wire
from pipeline.protocols.lumberjack import Opened, Receiver
from shippers.handlers.lumberjack import Lumberjack
from tests.shippers.handlers.workbench import PATIENCE


class Answering:
    """Answers each window as the script says, piece by piece; None: it closes. After the script it acknowledges."""

    def __init__(self, *script: list[bytes | None]) -> None:
        self.script = list(script)
        self.windows = self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = self._listening.getsockname()[:2]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                with connection, suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        receiver, count = Receiver(), 0
        while data := connection.recv(65536):
            for item in receiver.feed(data):
                if isinstance(item, Opened):
                    count = item.events
                    continue
                self.windows += 1
                for piece in self.script.pop(0) if self.script else [wire.ack(count)]:
                    if piece is None:
                        return
                    connection.sendall(piece)


@contextmanager
def answering(*script: list[bytes | None]) -> Iterator[Answering]:
    server = Answering(*script)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer",
    [
        [wire.ack(2)],
        [wire.ack(0), wire.ack(0), wire.ack(2)],
        [wire.ack(1), wire.ack(2)],
        [wire.ack(2)[:1], wire.ack(2)[1:4], wire.ack(2)[4:]],
    ],
)
def test_it_is_over_when_the_last_event_is_acknowledged(answer: list[bytes | None]) -> None:
    with answering(answer) as server:
        transport = Lumberjack([server.address], None)
        assert transport.send([b"{}", b"{}"], lambda: PATIENCE) == 0
        assert transport.send([b"{}"], lambda: PATIENCE) == 0
        transport.close()
        assert (server.windows, server.connections) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ([wire.ack(3)], OSError, "an acknowledgement of 3 in a window of 2"),
        ([wire.window(2)], BrokenFraming, "no acknowledgement"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], BrokenFraming, "no acknowledgement"),
        ([None], ConnectionError, "without an acknowledgement"),
        ([wire.ack(1), None], ConnectionError, "without an acknowledgement"),
        ([wire.ack(2)[:3], None], ConnectionError, "without an acknowledgement"),
    ],
)
def test_anything_else_is_a_failure_and_the_next_window_connects_anew(
    answer: list[bytes | None], error: type[Exception], text: str
) -> None:
    with answering(answer) as server:
        transport = Lumberjack([server.address], None)
        with pytest.raises(error, match=text):
            transport.send([b"{}", b"{}"], lambda: PATIENCE)
        assert transport.send([b"{}", b"{}"], lambda: PATIENCE) == 0
        transport.close()
        assert server.connections == 2


def test_silence_is_a_failure_and_the_next_host_is_tried() -> None:
    with answering([]) as silent, answering() as good:
        transport = Lumberjack([silent.address, good.address], None)
        transport._turn = 0
        with pytest.raises(TimeoutError):
            transport.send([b"{}"], lambda: 0.1)
        assert transport.send([b"{}"], lambda: PATIENCE) == 0
        assert transport.name.endswith(str(good.address[1]))
        transport.close()


def test_no_time_is_a_failure_at_once() -> None:
    with answering() as server, pytest.raises(TimeoutError, match="no time is left"):
        Lumberjack([server.address], None).send([b"{}"], lambda: 0.0)


def test_a_connection_that_breaks_between_windows_is_no_failure_and_one_that_breaks_twice_is() -> None:
    with answering([wire.ack(1)], [None], [wire.ack(1)], [None], [None]) as server:
        transport = Lumberjack([server.address], None)
        assert transport.send([b"{}"], lambda: PATIENCE) == 0
        assert transport.send([b"{}"], lambda: PATIENCE) == 0
        with pytest.raises(ConnectionError):
            transport.send([b"{}"], lambda: PATIENCE)
        assert server.connections == 3
