"""How many bodies may be on their way to an output at once: fewer when it is overloaded, more when it is not.

    taken      limit + 1/limit      one more after a round in which every body was taken, up to `most`
    refused    limit / 2            once a round, however many of its bodies were refused, down to 1

A round begins when the limit is halved: that a body is refused which was sent before says nothing new. It is additive
increase and multiplicative decrease, as TCP does it (RFC 5681): three rounds of refusals lead from 8 to 1, and 31
bodies that are taken lead back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """The pace of one output."""

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self.limit = float(most)
        self.under_way = 0
        self.round = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[int]:
        """Begins when there is room for one more; gives the number of the round, for `refused`."""
        while self.under_way >= int(self.limit):
            self._changed.clear()
            await self._changed.wait()
        self.under_way += 1
        try:
            yield self.round
        finally:
            self.under_way -= 1
            self._changed.set()

    def taken(self) -> None:
        """A body was taken whole."""
        self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def refused(self, in_round: int) -> None:
        """A body of that round, or a part of it, was refused for now, or had no answer."""
        if in_round == self.round:
            self.round += 1
            self.limit = max(1.0, self.limit / 2)
