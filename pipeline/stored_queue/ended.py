"""Which records of a queue have their end: all up to a number, and some beyond it, as ranges.

upto       1 2 3 4 5 6 7
ranges                     9 10      14         (9, 10), (14, 14)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Ended:
    """A set of numbers from 1 that is kept as ranges, as its numbers come nearly in order."""

    def __init__(self, upto: int = 0, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.upto = upto
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            self.add(first, last)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The numbers beyond `upto`, as ranges that do not touch each other."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def add(self, first: int, last: int | None = None) -> None:
        """A number has its end, or all from `first` to `last` have."""
        last = first if last is None else last
        # The ranges from `low` to before `high` touch the new one, and become one with it.
        low = bisect_right(self._lasts, first - 2)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        if first <= self.upto + 1:
            self.upto = max(self.upto, last)
            del self._firsts[:high], self._lasts[:high]
        else:
            self._firsts[low:high], self._lasts[low:high] = [first], [last]

    def __contains__(self, number: int) -> bool:
        return self.covers(number, number)

    def covers(self, first: int, last: int) -> bool:
        """Whether all from `first` to `last` have their end."""
        first = max(first, self.upto + 1)
        if first > last:
            return True
        at = bisect_right(self._firsts, first) - 1
        return at >= 0 and self._lasts[at] >= last

    def missing(self, first: int, last: int) -> list[tuple[int, int]]:
        """The numbers from `first` to `last` that have no end, as ranges."""
        found = []
        at = max(first, self.upto + 1)
        for begin, end in zip(self._firsts, self._lasts, strict=True):
            if begin > last:
                break
            if begin > at:
                found.append((at, begin - 1))
            at = max(at, end + 1)
        if at <= last:
            found.append((at, last))
        return found

    def copy(self) -> Ended:
        """The same set, to be changed by itself."""
        return Ended(self.upto, self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ended) and (self.upto, self.ranges) == (other.upto, other.ranges)

    __hash__ = None  # type: ignore[assignment]  # it changes
