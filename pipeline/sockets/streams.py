"""Streams of senders that are not answered (tcp, syslog): connections in, batches of whole messages out.

    connected -> [PROXY line] -> [name is looked up] -> reading <-> waiting for its last batch to be taken
                                                           |
                                                         closed: what is left of a message is one

A stream is read while nothing of it waits to be taken and the inbox has room, so what more it sends waits in the
kernel, and the sender. What a sender has not finished stays with its stream.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from pipeline.batch import Batch, Origin
from pipeline.errors import BrokenFraming
from pipeline.protocols.proxy import take_header
from pipeline.sockets.inbox import Inbox
from pipeline.sockets.listening import Complaints, plain_address
from pipeline.texts.codecs import LONGEST_LINE

PARTIAL_BYTES = 256 << 20
"""Bytes of messages that are not whole yet, of all streams; above it a long one is cut where it is."""
_LONG = 1 << 20


Cut = Callable[..., int]
"""`cut(data, *, final)`: how many leading bytes are whole messages, all where it is over; may raise `BrokenFraming`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is done with the bytes of a stream."""

    cut: Cut
    end: bytes = b""
    """The last byte of every message: until it comes, nothing can be whole. Nothing: look at all that comes."""
    patience: float | None = None
    """Seconds without new bytes after which what there is counts as whole."""
    proxied: bool = False
    """Whether a PROXY line comes first."""
    name_of: Callable[[str], Awaitable[str]] | None = None
    """Looks up the name of an address."""
    describe: Callable[[Any], Origin] = lambda transport: {}
    """What the origin says of a transport, besides its addresses."""


class Streams:
    """All streams of an input."""

    def __init__(self, terms: Terms, inbox: Inbox, complaints: Complaints) -> None:
        self.terms = terms
        self.inbox = inbox
        self.complaints = complaints
        self.open: set[Stream] = set()
        self.partial_bytes = 0
        self.stopping = False
        self._emptied = asyncio.Event()

    def stop(self) -> None:
        """Reads no more, and lets the senders go; what was received is given out, unfinished messages too."""
        self.stopping = True
        for stream in tuple(self.open):
            stream.finish()

    def gone(self, stream: Stream) -> None:
        """A stream is closed."""
        self.open.discard(stream)
        self._emptied.set()

    async def closed(self, within: float = 5.0) -> None:
        """Returns when all streams are closed; those that do not close in time are cut off."""
        try:
            async with asyncio.timeout(within):
                while self.open:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            for stream in tuple(self.open):
                stream.transport.abort()


class Stream(asyncio.Protocol):
    """One connection of a sender that is not answered."""

    transport: asyncio.Transport

    def __init__(self, streams: Streams, peer: str) -> None:
        self.peer = peer
        self.closed = asyncio.get_running_loop().create_future()
        self._streams = streams
        self._origin: Origin = {"peer": peer}
        self._chunks: list[bytes] = []
        self._size = 0
        self._proxied = streams.terms.proxied
        self._naming: asyncio.Task[None] | None = None
        self._waiting = False
        self._reading = True
        self._over = self._lost = False
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------------------------ asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, TLS included."""
        self.transport = cast("asyncio.Transport", transport)
        terms = self._streams.terms
        address = transport.get_extra_info("peername")
        if address:
            self._origin |= {"peer": plain_address(address[0]), "port": address[1]}
        self._origin |= terms.describe(transport)
        self._streams.open.add(self)
        if terms.name_of is not None and not terms.proxied:
            self._naming = asyncio.get_running_loop().create_task(self._name(terms.name_of))
        if self._streams.stopping:
            self.finish()
        self.read_or_not()

    async def _name(self, name_of: Callable[[str], Awaitable[str]]) -> None:
        try:
            self._origin["name"] = await name_of(self._origin["peer"])
        finally:
            self._naming = None
            if self._size and not self._over:
                self.data_received(b"")
            if self._lost:
                self._end()
            else:
                self.read_or_not()

    def data_received(self, data: bytes) -> None:
        """Bytes, as they come."""
        if self._over:
            return
        try:
            self._take_in(data)
        except BrokenFraming as error:
            self._streams.complaints.say(self.peer, f"{error}; closed")
            self._drop()
            self.finish()

    def _take_in(self, data: bytes) -> None:
        self._chunks.append(data)
        self._count(self._size + len(data))
        if self._naming is not None:  # uvloop begins to read after `connection_made`, whatever that said
            self.transport.pause_reading()
            return
        if self._proxied and not self._take_header():
            return
        end = self._streams.terms.end
        if not end or end in data or not data or self._size > LONGEST_LINE:
            self._give_out(final=False)
        if self._size > _LONG and self._streams.partial_bytes > PARTIAL_BYTES:
            self._streams.complaints.say(self.peer, "a long message is cut, as too many are in the middle of one")
            self._give_out(final=True)
        self._wait_for_more()

    def _take_header(self) -> bool:
        data = b"".join(self._chunks)
        found = take_header(data)
        if found is None:
            return False
        proxied, length = found
        self._proxied = False
        self._chunks = [data[length:]]
        self._count(len(data) - length)
        if proxied is not None:
            proxy = {"proxy": [proxied.proxy_address, proxied.proxy_port]}
            self._origin |= {"peer": proxied.address, "port": proxied.port} | proxy
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone; what it sent is still worked on, when its name is known."""
        self._lost = True
        if self._naming is None:
            self._end()

    def _end(self) -> None:
        self.finish()
        self._streams.gone(self)
        if not self.closed.done():
            self.closed.set_result(None)

    # ------------------------------------------------------------------------------------ batches

    def _give_out(self, *, final: bool) -> None:
        data = b"".join(self._chunks)
        whole = self._streams.terms.cut(data, final=final)
        self._chunks = [data[whole:]] if whole < len(data) else []
        self._count(len(data) - whole)
        if not whole:
            return
        batch = Batch(data[:whole], {"id": os.urandom(16).hex(), **self._origin}, _nothing, self._refused)
        self._waiting = True
        self._streams.inbox.put(lambda: self._taken(batch), whole)
        self.read_or_not()

    def _taken(self, batch: Batch) -> Batch:
        self._waiting = False
        self.read_or_not()
        return batch

    def _refused(self, error: Exception) -> None:
        self._streams.complaints.say(self.peer, str(error))

    def _count(self, size: int) -> None:
        self._streams.partial_bytes += size - self._size
        self._size = size

    def _drop(self) -> None:
        self._chunks = []
        self._count(0)

    def finish(self) -> None:
        """The stream is over: what there is of a message is one, and the connection is closed."""
        if self._over:
            return
        self._over = True
        if self._naming is not None:
            self._naming.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._size and not self._proxied:
            try:
                self._give_out(final=True)
            except BrokenFraming as error:
                self._streams.complaints.say(self.peer, str(error))
        self._drop()
        self.transport.close()

    # ------------------------------------------------------------------------------------ reading, and time

    def read_or_not(self) -> None:
        """Reads while nothing waits and there is room."""
        full = self._streams.inbox.full
        wanted = not (self._waiting or self._naming or full)
        if full and not self._waiting:
            self._streams.inbox.when_room(self.read_or_not)
        if wanted != self._reading and not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _wait_for_more(self) -> None:
        patience = self._streams.terms.patience
        if patience is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(patience, self._lose_patience) if self._size else None

    def _lose_patience(self) -> None:
        if self._size and not self._over:
            self._give_out(final=True)


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""
