"""What an input without acknowledgements listens with: streams, datagrams, or both, into one inbox.

start    every socket is bound; if one cannot be, none stays open
stop     nothing more is received; what was is still given out
close    connections end
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from pipeline.batch import Batch
from pipeline.sockets.calling import Caller
from pipeline.sockets.datagrams import Datagrams
from pipeline.sockets.inbox import Inbox
from pipeline.sockets.listening import Complaints, Listener, Place
from pipeline.sockets.streams import Stream, Streams, Terms


class Server:
    """Receives, and gives out batches."""

    def __init__(
        self,
        streams: tuple[Place, Terms] | None = None,
        datagrams: Callable[[Inbox, Complaints], Datagrams] | None = None,
        *,
        calls: bool = False,
    ) -> None:
        self.inbox = Inbox()
        self.listening = asyncio.Event()
        """Set when every socket is bound."""
        self.complaints = Complaints()
        self.listener: Listener | None = None
        self.caller: Caller | None = None
        self.datagrams = datagrams(self.inbox, self.complaints) if datagrams else None
        self.streams: Streams | None = None
        self._stopping = False
        if streams is not None:
            place, terms = streams
            self.streams = found = Streams(terms, self.inbox, self.complaints)
            stream = partial(Stream, found)
            if calls:
                self.caller = Caller(place, stream, self.complaints)
            else:
                self.listener = Listener(place, stream, lambda: len(found.open))

    async def batches(self) -> AsyncIterator[Batch]:
        """The batches, as they arrive; ends when `stop` was called and those here are taken."""
        if not self._stopping:
            await self._start()
            self.listening.set()
        try:
            async for batch in self.inbox.batches():
                yield batch
        finally:
            self.stop()

    async def _start(self) -> None:
        if self.listener is not None:
            await self.listener.start()
        if self.datagrams is not None:
            port = self.listener.addresses[0][1] if self.listener is not None else None
            try:
                await self.datagrams.start(port)
            except BaseException:
                self.stop()
                raise
        if self.caller is not None:
            self.caller.start()

    def renew(self, fresh: Server) -> None:
        """Takes over another's certificates and keys, for the connections to come."""
        if self.listener is not None and fresh.listener is not None:
            self.listener.place = self.listener.place.renewed(fresh.listener.place)
        if self.caller is not None and fresh.caller is not None:
            self.caller.place = self.caller.place.renewed(fresh.caller.place)

    def stop(self) -> None:
        """Takes no more."""
        self._stopping = True
        for part in (self.listener, self.caller, self.datagrams, self.streams):
            if part is not None:
                part.stop()
        self.inbox.close()

    async def close(self) -> None:
        """Frees the sockets."""
        self.stop()
        waits: list[Awaitable[None]] = []
        if self.listener is not None:
            waits.append(self.listener.stopped())
        if self.caller is not None:
            waits.append(self.caller.stopped())
        if self.streams is not None:
            waits.append(self.streams.closed())
        await asyncio.gather(*waits)
