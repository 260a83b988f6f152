"""Who tries while an output gives no answer, and which body it is that gets none while others do.

    answering --no answer--> away --no answer, after a pause, the next body--> away
        ^                      |
        +-------- answer ------+

While it is away one body after the other tries, first those that had no try yet. A body that had one may be why there
was no answer: while it tries again, one that had none may try beside it, so that it is found out. A body that had no
answer twice, with answers to others in between, is alone with that: it goes on by itself, and stops nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Tries:
    """The tries of one body since it was answered last."""

    unanswered: int = 0
    heard: int = 0
    """How many answers the output had given when this body had none for the first time."""
    alone: int = 0
    """Tries without an answer since it is known that others are answered; 0 while it is not known."""


class Away:
    """Whether one output answers."""

    def __init__(self) -> None:
        self.silences = 0
        """Tries in a row that had no answer; those at the same time count as one. 0: it answers."""
        self.pause = 0.0
        """Seconds before the next try."""
        self._answers = 0
        self._new = 0
        """Bodies without a try yet that wait."""
        self._asks = {True: False, False: False}
        """Whether one tries that had a try before, and whether one that had none."""
        self._changed = asyncio.Event()

    def answered(self, tries: Tries) -> None:
        """It has answered, whatever it said."""
        self._answers += 1
        self.silences = 0
        tries.unanswered = tries.alone = 0
        self._changed.set()

    def unheard(self, tries: Tries) -> None:
        """A body had no answer."""
        if not tries.unanswered:
            tries.heard = self._answers
        elif self._answers > tries.heard:
            tries.alone += 1
        tries.unanswered += 1

    @asynccontextmanager
    async def turn(self, again: bool, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[bool]:
        """Begins when a body may try: True if it asks for all, after the pause; False if the output answers.

        `again`: it had a try without an answer.
        """
        while self.silences:
            await self._free(again)
            if not self.silences:
                break
            self._asks[again] = True
            try:
                await sleep(self.pause)
                if self.silences and not (again and self._new_ones):
                    yield True
                    return
            finally:
                self._asks[again] = False
                self._changed.set()
        yield False

    @property
    def _new_ones(self) -> bool:
        return self._new > 0 or self._asks[False]

    async def _free(self, again: bool) -> None:
        """Returns when nobody like it tries, and if it had its try, nobody else waits for the first one."""
        self._new += not again
        try:
            while self.silences and (self._asks[again] or (again and self._new_ones)):
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._new -= not again
