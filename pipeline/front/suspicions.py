"""What workers died of that they had taken themselves (Kafka), so that the front has no batch to deal again.

    died at a batch --> died at one that overlaps --> read with care: each record is noted before it is come to
                                                          two died at one record --> it is a culprit: left out

Workers that are hired from then on are told, wherever that part of the source moves. What is delivered is behind them,
so nothing has to be taken back. Knows no process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.front.ledger import CONVICTED, SUSPECT

_MOST = 1000
"""Batches that are remembered: of more, the oldest are forgotten."""


class Noted(NamedTuple):
    """What a worker wrote down last: which batch it had begun, and where it was in it."""

    input: int
    part: str
    """Of the source: a topic and a partition."""
    first: int
    last: int
    at: int | None = None
    """The record that it came to, where it noted that."""


@dataclass(slots=True)
class _Deaths:
    input: int
    part: str
    first: int
    last: int
    count: int = 0
    fell_at: Counter[int] = field(default_factory=Counter)

    def overlaps(self, noted: Noted) -> bool:
        same = (self.input, self.part) == (noted.input, noted.part)
        return same and self.first <= noted.last and noted.first <= self.last


class Suspicions:
    """The batches that workers died at."""

    def __init__(self) -> None:
        self._deaths: list[_Deaths] = []

    def died(self, noted: Noted) -> None:
        """A worker died that was at work on something of its own."""
        found = next((each for each in self._deaths if each.overlaps(noted)), None)
        if found is None:
            found = _Deaths(noted.input, noted.part, noted.first, noted.last)
            self._deaths = [*self._deaths[1 - _MOST :], found]
        found.first, found.last = min(found.first, noted.first), max(found.last, noted.last)
        found.count += 1
        if noted.at is not None:
            found.fell_at[noted.at] += 1

    def orders(self) -> list[list[Any]]:
        """What a worker is to read with care, and what of it to leave out: `Care.of` reads it."""
        return [
            [each.input, each.part, each.first, each.last, sorted(_culprits(each))]
            for each in self._deaths
            if each.count >= SUSPECT
        ]


def _culprits(deaths: _Deaths) -> Iterable[int]:
    return (at for at, count in deaths.fell_at.items() if count >= CONVICTED)
