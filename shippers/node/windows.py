"""Delivers batches over lumberjack: several windows under way on one connection, and another host when it breaks.

    batches     b1 [done | sent | waiting]   b2 [waiting]        oldest first
    in flight   window of b1, window of b1, ...                  oldest first: the next answer is to the first of them

A break makes what was sent and not acknowledged wait again; what was acknowledged of a window is not sent again.

    away --connect--> connected --answer--> working
      ^                   |                    |
      +----- break -------+--------------------+       a host that never answered counts as a failed try
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import BrokenFraming
from shippers.lumberjack import Connection
from shippers.node.batches import Batch
from shippers.node.refusals import Stage, reason

log = logging.getLogger("apex.ship")

SLOW_START = 10
"""Events in the first window, where it is asked for; half as many again in each that follows."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How windows are sent; times in seconds."""

    hosts: Sequence[tuple[str, int]]
    window: int
    pipelining: int
    compression: int
    slow_start: bool
    timeout: float
    connect_timeout: float
    backoff: float
    backoff_max: float
    tls: ssl.SSLContext | None = None


class Windows:
    """An output. What it was given and has not ended is sent again, for ever."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.delivered = 0
        """Events."""
        self.freed = asyncio.Event()
        """Set when a batch has ended."""
        self._batches: deque[Batch] = deque()
        self._in_flight: deque[tuple[Batch, int]] = deque()
        self._changed = asyncio.Event()
        self._answered = 0.0
        """When there was last reason to believe that the other side works."""
        self._window = 0
        self._stage: Stage = "connecting"
        self._failures = 0
        self._again = 0
        """Events that were under way when the last connection broke."""

    @property
    def pending(self) -> int:
        """Events that it has and that have not ended."""
        return sum(len(batch.payloads) - batch.done for batch in self._batches)

    def room(self) -> bool:
        """Whether it takes another batch: there is one waiting while others are under way, not more."""
        return len(self._batches) <= self.settings.pipelining

    def put(self, batch: Batch) -> None:
        """Takes a batch; only where there is room."""
        self._batches.append(batch)
        self._changed.set()

    async def run(self) -> None:
        """Delivers, until it is cancelled."""
        hosts = self.settings.hosts
        turn = 0
        while True:
            await self._wanted()
            host, port = hosts[turn % len(hosts)]
            self._window = SLOW_START if self.settings.slow_start else self.settings.window
            try:
                await self._connected(host, port)
            except (OSError, BrokenFraming) as error:
                turn += 1
                self._failures += 1
                self._report(f"{host}:{port}", error)
            if self._failures and self._failures % len(hosts) == 0:
                await asyncio.sleep(self._pause())

    def _report(self, place: str, error: Exception) -> None:
        told = f"; {self._again} events will be sent again" if self._again else ""
        self._again = 0
        log.warning("%s: %s%s", place, reason(error, self._stage, tls=self.settings.tls is not None), told)

    def _pause(self) -> float:
        rounds = self._failures // len(self.settings.hosts) - 1
        longest = min(self.settings.backoff * 2.0 ** min(rounds, 30), self.settings.backoff_max)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  so that a thousand nodes do not come at once

    async def _wanted(self) -> None:
        while not self._batches:
            self._changed.clear()
            await self._changed.wait()

    async def _connected(self, host: str, port: int) -> None:
        settings = self.settings
        self._stage = "connecting"
        async with asyncio.timeout(settings.connect_timeout):
            connection = await Connection.open(host, port, settings.tls, settings.compression)
        self._stage = "connected"
        log.info("connected to %s", connection.place)
        halves = [asyncio.create_task(self._write(connection)), asyncio.create_task(self._read(connection))]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in halves:
                half.cancel()
            ended = await asyncio.gather(*halves, return_exceptions=True)
            try:
                for error in ended:
                    if isinstance(error, Exception):
                        raise error
            finally:
                self._take_back()
                await connection.close()

    def _take_back(self) -> None:
        self._again = sum(count for _, count in self._in_flight)
        self._in_flight.clear()
        for batch in self._batches:
            batch.sent = batch.done

    async def _write(self, connection: Connection) -> None:
        while True:
            self._changed.clear()
            batch = next((batch for batch in self._batches if batch.sent < len(batch.payloads)), None)
            if batch is None or len(self._in_flight) >= self.settings.pipelining:
                await self._changed.wait()
                continue
            payloads = batch.payloads[batch.sent : batch.sent + self._window]
            if not self._in_flight:
                self._answered = asyncio.get_running_loop().time()
            batch.sent += len(payloads)
            self._in_flight.append((batch, len(payloads)))
            await connection.write(payloads)  # however long: `_read` knows whether the other side lives

    async def _read(self, connection: Connection) -> None:
        loop, timeout = asyncio.get_running_loop(), self.settings.timeout
        while True:
            left = self._answered + timeout - loop.time() if self._in_flight else timeout
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    sequence = await connection.answer()
            except TimeoutError:
                if self._in_flight and self._answered + timeout <= loop.time():
                    raise TimeoutError(f"no acknowledgement in {timeout:g} s") from None
                continue
            self._answered = loop.time()
            if sequence:
                self._acknowledge(sequence)

    def _acknowledge(self, sequence: int) -> None:
        if not self._in_flight or sequence > self._in_flight[0][1]:
            raise BrokenFraming(f"an acknowledgement of {sequence} that answers no window")
        self._failures, self._stage = 0, "answered"
        batch, count = self._in_flight[0]
        before = batch.sent - sum(of for other, of in self._in_flight if other is batch)
        ended = max(before + sequence - batch.done, 0)
        self.delivered += ended
        batch.done += ended
        if sequence == count:
            self._in_flight.popleft()
            if self.settings.slow_start:
                self._window = min(self._window + (self._window + 1) // 2, self.settings.window)
            self._changed.set()
        if batch.done == len(batch.payloads):
            self._batches.popleft()
            batch.end()
            self.freed.set()
