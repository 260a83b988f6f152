"""When the loop gets a turn while events are worked on: every 50 ms, so that keep-alives go out, however slow they are.

The clock is not looked at after each event, but after a stride of them. A stride that took more than a quarter of that
is followed by one that is as short as its events ask for; quick ones lengthen it again, twofold each time, up to 64. It
begins with 1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

TURN = 0.05
"""Seconds after which the loop gets a turn."""
_GOAL = TURN / 4
"""Seconds that a stride may take."""
LONGEST = 64
"""Events of a stride, at most: of quick ones, a look at the clock costs nothing then."""
_ROUNDS = 8
"""Rounds of the loop in a turn: from an answer to its acknowledgement it takes several."""


class Turns:
    """The turns of the loop in one worker, counted across batches, as many small ones are like a large one."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.stride = 1
        """Events until the next look at the clock."""
        self._now = now
        self._careful = False
        self._left = 1
        self._until = now() + TURN
        self._looked = 0.0

    def begin(self, *, careful: bool = False) -> None:
        """A batch is begun; with care, the loop gets a turn after each of its events."""
        self._careful, self._looked = careful, self._now()
        if careful:
            self.stride = 1
        self._left = self.stride

    def due(self) -> bool:
        """Whether a turn is to be given, after a stride of events."""
        now = self._now()
        took, self._looked = now - self._looked, now
        if took > _GOAL:
            self.stride = max(1, int(self.stride * _GOAL / took))
        elif took < _GOAL / 2 and not self._careful:
            self.stride = min(LONGEST, self.stride * 2)
        return self._careful or now > self._until

    def passed(self) -> bool:
        """The same, after one event: it counts them itself."""
        self._left -= 1
        if self._left > 0:
            return False
        due = self.due()
        self._left = self.stride
        return due

    @property
    def over(self) -> bool:
        """Whether a turn is to be given, between two batches."""
        return self._now() > self._until

    async def give(self) -> None:
        """Lets the event loop do what is due: keep-alives, answers, timers."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        self._looked = self._now()
        self._until = self._looked + TURN
