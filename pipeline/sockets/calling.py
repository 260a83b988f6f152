"""Connecting to a server, again and again: what a client does that is sent to.

connecting --> connected --> lost
    ^                          |
    +-------- pause <----------+      pauses double from 1 s to 60 s; a connection that held starts them anew
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

from pipeline.sockets.listening import Complaints, Place
from pipeline.sockets.streams import Stream

_HELD = 10.0
"""Seconds after which a connection counts as one that held."""


class Caller:
    """Keeps one connection to a server."""

    def __init__(self, place: Place, stream: Callable[[str], Stream], complaints: Complaints) -> None:
        self.first_pause, self.longest_pause = 1.0, 60.0
        self.place = place
        self._stream = stream
        self._complaints = complaints
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect."""
        self._task = asyncio.get_running_loop().create_task(self._call())

    def stop(self) -> None:
        """Connects no more."""
        if self._task is not None:
            self._task.cancel()

    async def stopped(self) -> None:
        """Returns when it has stopped."""
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _call(self) -> None:
        loop, pause = asyncio.get_running_loop(), self.first_pause
        while True:
            began = loop.time()
            try:
                stream = await self._connected()
                await asyncio.shield(stream.closed)
            except OSError as error:
                why = getattr(error, "reason", None) or error.strerror or error or type(error).__name__
                where = f"{self.place.host}:{self.place.port}"
                self._complaints.say(where, f"cannot connect: {why}; it is tried again")
            if loop.time() - began > _HELD:
                pause = self.first_pause
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (so that clients do not come all at once)
            pause = min(2 * pause, self.longest_pause)

    async def _connected(self) -> Stream:
        place = self.place
        async with asyncio.timeout(2 * place.handshake_timeout):
            _, stream = await asyncio.get_running_loop().create_connection(
                lambda: self._stream(place.host),
                place.host,
                place.port,
                ssl=place.tls,
                ssl_handshake_timeout=place.handshake_timeout if place.tls else None,
            )
        return stream
