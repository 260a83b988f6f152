"""Which worker has which batch, and what becomes of its batches when it dies. Knows no process and no socket.

    dealt --ended, refused--> gone
      |
      +--its worker died--> dealt again --that one died, too--> suspect: dealt alone, event by event

A suspect runs by itself in a worker that has nothing else, and that notes which event it comes to before it does. If
that worker dies, it was the event, or somebody's `kill -9`: an event is a culprit when two died of it. A culprit is
left out, and dead-lettered raw. A batch whose workers die of a culprit that is left out, as decoding it is enough, is
dead-lettered whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.batch import Batch

SUSPECT = 2
"""Deaths after which a batch runs alone."""
CONVICTED = 2
"""Deaths at one event after which it is the culprit."""


@dataclass(slots=True)
class Dealt:
    """A batch that a worker has, or is to get."""

    seq: int
    input: int
    batch: Batch
    deaths: int = 0
    left_out: set[int] = field(default_factory=set)
    """Positions of culprits in the decoding of the batch."""
    raw: bool = False
    """It is dead-lettered whole."""
    fell_at: Counter[int] = field(default_factory=Counter)
    """How many workers died at an event, by its position."""

    @property
    def suspect(self) -> bool:
        """Whether it has to run alone."""
        return self.deaths >= SUSPECT


class Hand:
    """What one worker has."""

    def __init__(self, *, alone: bool = False) -> None:
        self.alone = alone
        """Takes suspects, one at a time, and nothing else."""
        self.batches: dict[int, Dealt] = {}
        self.untaken = 0
        """Batches that its engine has not begun."""
        self.bytes = 0

    def give(self, dealt: Dealt) -> None:
        """It gets a batch."""
        self.batches[dealt.seq] = dealt
        self.untaken += 1
        self.bytes += len(dealt.batch.data)

    def gone(self, seq: int) -> Dealt:
        """It is done with a batch."""
        dealt = self.batches.pop(seq)
        self.bytes -= len(dealt.batch.data)
        return dealt

    def room(self, ahead: int) -> bool:
        """Whether it may get another: so many may wait in it until its engine has room."""
        return not self.batches if self.alone else self.untaken < ahead

    def left(self) -> list[Dealt]:
        """What it had, in the order in which it was dealt, and has no more."""
        left = list(self.batches.values())
        self.batches, self.untaken, self.bytes = {}, 0, 0
        return left

    def died(self, position: int | None) -> list[Dealt]:
        """What it had, in the order in which it was dealt; `position` is where its progress stood."""
        left = self.left()
        for dealt in left:
            dealt.deaths += 1
            if self.alone:
                _fell(dealt, position)
        return left


def _fell(dealt: Dealt, position: int | None) -> None:
    """A worker died of it alone."""
    where = -1 if position is None else position
    dealt.fell_at[where] += 1
    if dealt.fell_at[where] < CONVICTED:
        return
    if where < 0 or where in dealt.left_out:
        dealt.raw = True
    else:
        dealt.left_out.add(where)
        dealt.fell_at[where] = 0
