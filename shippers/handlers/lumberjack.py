"""Batches over lumberjack version 2, from a blocking socket.

One window is one batch, and one is under way at a time: it is over when its last event is acknowledged. Answers of 0
say that the pipeline is still at it, and are waited through for as long as they come.
"""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Sequence

from pipeline.protocols.lumberjack import ACK_SIZE, acknowledged, compressed, json_frames, window
from shippers.addresses import joined
from shippers.handlers.transports import Left

_CONNECT = 10.0
"""Seconds for a connection and its handshake."""


class Lumberjack:
    """A connection to one of several hosts; after a failure, to the next."""

    def __init__(self, addresses: Sequence[tuple[str, int]], tls: ssl.SSLContext | None) -> None:
        self._addresses, self._tls = list(addresses), tls
        self.places = len(self._addresses)
        self._turn = random.randrange(self.places)  # noqa: S311  (no secret: programs are to spread)
        self._socket: socket.socket | None = None

    @property
    def name(self) -> str:
        """The address in use."""
        return joined(self._addresses[self._turn])

    def send(self, payloads: Sequence[bytes], left: Left) -> int:
        """Sends a window, and returns 0 when all of it is acknowledged; else raises `OSError` or `BrokenFraming`."""
        data = window(len(payloads)) + compressed(json_frames(payloads))
        try:
            if self._socket is not None:
                try:
                    self._exchange(self._socket, data, len(payloads), left)
                    return 0
                except ConnectionError:  # an idle connection is closed by the other side: that is no failure
                    self.close()
            self._socket = self._connected(left)
            self._exchange(self._socket, data, len(payloads), left)
            return 0
        except BaseException:
            self.close()
            self._turn = (self._turn + 1) % self.places
            raise

    def _connected(self, left: Left) -> socket.socket:
        host, port = self._addresses[self._turn]
        plain = socket.create_connection((host, port), _seconds(left, _CONNECT))
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _exchange(self, connection: socket.socket, data: bytes, count: int, left: Left) -> None:
        connection.settimeout(_seconds(left))
        connection.sendall(data)
        while (sequence := self._answer(connection, left)) != count:
            if sequence > count:
                raise OSError(f"an acknowledgement of {sequence} in a window of {count}")

    def _answer(self, connection: socket.socket, left: Left) -> int:
        answer = b""
        while len(answer) < ACK_SIZE:
            connection.settimeout(_seconds(left))
            more = connection.recv(ACK_SIZE - len(answer))
            if not more:
                raise ConnectionError("it closed the connection without an acknowledgement")
            answer += more
        return acknowledged(answer)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    forget = close
    """Closing says nothing to the other side as long as the parent holds the connection."""


def _seconds(left: Left, most: float = float("inf")) -> float:
    seconds = min(left(), most)
    if seconds <= 0:
        raise TimeoutError("no time is left")
    return seconds
