"""The server's side of lumberjack: connections in, batches out, acknowledgements back.

    socket -> Receiver -> pieces -> waiting -> the worker takes them        reading goes on when its pieces are taken
                             |                        |
                          Windows <---------- the batch ends -> acknowledgement

A connection is read while nothing of it waits to be taken, its answers are read, and the server as a whole has room.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from pipeline.batch import Batch, Origin
from pipeline.errors import BrokenFraming
from pipeline.protocols.lumberjack import Limits, Opened, Piece, Receiver, ack
from pipeline.protocols.lumberjack_windows import Window, Windows
from pipeline.sockets.listening import Listener, Place

log = logging.getLogger("apex.input.beats")

_WAITING_BYTES = 64 << 20
"""Bytes received and not yet taken by the worker, of all connections; above it none is read."""
_WAITING_WINDOWS = 256
"""Windows of a connection that have not ended; above it the connection is not read."""
_PARTIAL_BYTES = 256 << 20
"""Bytes of frames that are not whole yet, of all connections; above it a connection with a long one is closed."""
_LONG = 1 << 20
_FAREWELL = 5.0
"""Seconds that a client has to close in good order."""

Holds = Callable[[bytes, int, int], int]
"""How many payloads a piece holds, of which so many events were decoded, where so many are missing."""
Describe = Callable[[Any], Origin]
"""What the origin says of a transport, besides the address."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server holds its clients to."""

    limits: Limits = Limits()  # noqa: RUF009  (immutable)
    inactivity_timeout: float = 60.0
    """Seconds after which a silent client is let go; 0: never."""
    keep_alive: float = 5.0
    """Seconds after which a client that waits is told to wait on, as Logstash does."""


class Server:
    """Listens, and gives out batches."""

    def __init__(self, place: Place, terms: Terms, holds: Holds, describe: Describe) -> None:
        self.terms = terms
        self.secure = place.tls is not None
        self.holds = holds
        self.describe = describe
        self.connections: set[Connection] = set()
        self.listener = Listener(place, partial(Connection, self), lambda: len(self.connections))
        self.listening = asyncio.Event()
        self.stopping = False
        self.held: set[Connection] = set()
        """Not read because the server as a whole has no room."""
        self.waiting_bytes = 0
        self.partial_bytes = 0
        self._waiting: deque[tuple[Connection, Batch]] = deque()
        self._changed = asyncio.Event()
        self._ticker: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------------------------ giving out

    async def batches(self) -> AsyncIterator[Batch]:
        """The batches of all connections, as they arrive; ends when `stop` was called and those here are taken."""
        if not self.stopping:
            await self.listener.start()
            self._tick()
            self.listening.set()
        try:
            while self._waiting or not self.stopping:
                while self._waiting:
                    yield self._take()
                if not self.stopping:
                    await self._change()
        finally:
            self.stop()

    def _take(self) -> Batch:
        connection, batch = self._waiting.popleft()
        self.waiting_bytes -= len(batch.data)
        connection.taken()
        if self.held and self.waiting_bytes < _WAITING_BYTES // 2:
            held, self.held = self.held, set()
            for other in held:
                other.read_or_not()
        return batch

    def put(self, connection: Connection, batch: Batch) -> None:
        """A batch that waits to be taken."""
        had_room = not self.full
        self._waiting.append((connection, batch))
        self.waiting_bytes += len(batch.data)
        if had_room and self.full:
            for other in self.connections:
                other.read_or_not()
        self._changed.set()

    @property
    def full(self) -> bool:
        """Whether so much waits to be taken that no connection may be read."""
        return self.waiting_bytes >= _WAITING_BYTES

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # ------------------------------------------------------------------------------------ time and end

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        interval = min(1.0, self.terms.keep_alive / 4, (self.terms.inactivity_timeout or 60.0) / 4)
        self._ticker = loop.call_later(interval, self._tick)  # first: one connection cannot end the clock of all
        for connection in tuple(self.connections):
            connection.tick(now)

    def renew(self, fresh: Server) -> None:
        """Takes over another's certificates and keys, for the connections to come."""
        self.listener.place = self.listener.place.renewed(fresh.listener.place)

    def stop(self) -> None:
        """Takes no more connections, and reads none; what was received is still given out."""
        self.stopping = True
        self.listener.stop()
        for connection in self.connections:
            connection.read_or_not()
        self._changed.set()

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self.held.discard(connection)
        self._changed.set()

    async def close(self) -> None:
        """Closes the connections, after the answers that are due; what has no end by now is not acknowledged."""
        self.stop()
        await self.listener.stopped()
        for connection in tuple(self.connections):
            connection.transport.close()
        try:
            async with asyncio.timeout(_FAREWELL):
                while self.connections:
                    await self._change()
        except TimeoutError:
            for connection in tuple(self.connections):
                connection.transport.abort()
        if self._ticker is not None:
            self._ticker.cancel()


class Connection(asyncio.Protocol):
    """One client: its windows, what of it waits, and whether it is read."""

    transport: asyncio.Transport

    def __init__(self, server: Server, peer: str) -> None:
        self.server = server
        self.peer = peer
        self.windows = Windows()
        self._receiver = Receiver(server.terms.limits)
        self._described: Origin = {}
        self._waiting = 0
        self._partial = 0
        self._reading = True
        self._answers_wait = False
        self._ended = False
        self._last_read = self._last_written = 0.0

    # ------------------------------------------------------------------------------------ asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, TLS included."""
        self.transport = cast("asyncio.Transport", transport)
        self._described = self.server.describe(transport)
        self._last_read = asyncio.get_running_loop().time()
        self.server.connections.add(self)
        self.read_or_not()

    def data_received(self, data: bytes) -> None:
        """Bytes, as they come."""
        self._last_read = asyncio.get_running_loop().time()
        if not self.windows.out:
            self._last_written = self._last_read
        try:
            for item in self._receiver.feed(data):
                if isinstance(item, Opened):
                    self.windows.open(item.version, item.events)
                else:
                    self._give_out(item)
        except BrokenFraming as error:
            self.fail(error)
            return
        self._count_partial(self._receiver.waiting)
        self._answer()

    def _count_partial(self, size: int) -> None:
        self.server.partial_bytes += size - self._partial
        self._partial = size
        if size > _LONG and self.server.partial_bytes > _PARTIAL_BYTES:
            self.fail(ConnectionError("no room for a long frame, as too many clients are in the middle of one"))

    def eof_received(self) -> bool:
        """The client sends no more; it may still wait for its answers."""
        self._ended = True
        return not self.server.secure and bool(self.windows.out)

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._answers_wait = True
        self.read_or_not()

    def resume_writing(self) -> None:
        """It reads them."""
        self._answers_wait = False
        self.read_or_not()

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone; what it sent whole is still worked on."""
        if self.windows.out:
            log.debug("%s: gone before its answer: %s", self.peer, error or "closed")
        self._count_partial(0)
        self.server.lost(self)

    # ------------------------------------------------------------------------------------ pieces and windows

    def _give_out(self, piece: Piece) -> None:
        window = self.windows.piece(piece.first)
        origin = {"id": os.urandom(16).hex(), "peer": self.peer, "window": window.events, **self._described}
        self._waiting += 1
        self.server.put(self, Batch(piece.data, origin, partial(self._end, window, piece), self.fail))

    def taken(self) -> None:
        """The worker took one of its pieces."""
        self._waiting -= 1
        if not self._waiting:
            self.read_or_not()

    def _end(self, window: Window, piece: Piece, events: int) -> None:
        held = piece.events
        if held is None:
            held = self.server.holds(piece.data, events, window.events - window.ended)
        self.windows.end(window, held)
        self._answer()

    def _answer(self) -> None:
        if self.transport.is_closing():
            return
        try:
            due = self.windows.acknowledgements()
        except BrokenFraming as error:
            self.fail(error)
            return
        if due:
            self._last_read = self._last_written = asyncio.get_running_loop().time()
            self.transport.write(due)
        if self._ended and not self.windows.out:
            self.transport.close()
        else:
            self.read_or_not()

    def fail(self, error: Exception) -> None:
        """Closes without an acknowledgement: the bytes cannot be trusted."""
        if not self.transport.is_closing():
            self.server.listener.complaints.say(self.peer, f"{error}; closed without acknowledgement")
            self.transport.close()
            self._count_partial(0)

    # ------------------------------------------------------------------------------------ reading, and time

    def read_or_not(self) -> None:
        """Reads while there is room for what is read."""
        server = self.server
        if server.full and not self._waiting:
            server.held.add(self)
        wanted = not (
            self._waiting
            or self._answers_wait
            or server.stopping
            or self in server.held
            or len(self.windows) > _WAITING_WINDOWS
        )
        if wanted != self._reading and not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self._last_read = asyncio.get_running_loop().time()
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def tick(self, now: float) -> None:
        """Tells a client that waits to wait on, and closes a silent one."""
        terms = self.server.terms
        if self.windows.out or not self._reading:
            if now - self._last_written >= terms.keep_alive and not self._answers_wait:
                self._last_written = now
                self.transport.write(ack(0, self.windows.version))
        elif terms.inactivity_timeout and now - self._last_read >= terms.inactivity_timeout:
            log.debug("%s: silent for %s s, closed", self.peer, terms.inactivity_timeout)
            self.transport.close()
