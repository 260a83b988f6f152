"""The consumers of one input, all on one loop: their batches in turn, their end together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pipeline.batch import Batch
from pipeline.kafka.consuming import Member
from pipeline.kafka.group import Terms
from pipeline.plugin import Lag


class Members:
    """The members of a group that are in this process."""

    def __init__(self, terms: Terms, label: str) -> None:
        self._wake = asyncio.Event()
        self.all = [Member(terms, number, label, self._wake.set) for number in range(terms.members)]
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    async def batches(self) -> AsyncIterator[Batch]:
        """The batches of each in turn, as they arrive; ends when `stop` was called."""
        for member in self.all:
            task = asyncio.create_task(member.run())
            task.add_done_callback(lambda _: self._wake.set())
            self._tasks.append(task)
        while not self._stopped:
            self._wake.clear()
            for task in self._tasks:
                if task.done():
                    task.result()
            found = False
            for member in self.all:
                if (batch := member.next()) is not None:
                    found = True
                    yield batch
            if not found:
                await self._wake.wait()

    def lags(self) -> list[Lag]:
        """How far each is behind."""
        return [lag for member in self.all for lag in member.lags()]

    def stop(self) -> None:
        """Give out no more; the members stay in their group until `close`."""
        self._stopped = True
        for member in self.all:
            member.stop()
        self._wake.set()

    async def close(self) -> None:
        """Commits what has ended, and leaves the group."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(member.close() for member in self.all))
