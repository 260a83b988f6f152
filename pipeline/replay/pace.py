"""At most so many events a second: large blocks become smaller ones, and each waits for its turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

from pipeline.replay.reading import Block
from pipeline.replay.times import Clock

_TURN = 0.1
"""Seconds for which the events of one block last."""
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/([smh]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def rate_of(text: str) -> float:
    """Events a second of `5000/s`, `300/m` or a bare number; raises `ValueError`."""
    found = _RATE.fullmatch(text.replace(" ", ""))
    if found is None or float(found[1]) <= 0:
        raise ValueError(f'expected a rate such as 5000/s or 300/m, got "{text}"')
    return float(found[1]) / _SECONDS[found[2] or "s"]


class Pace:
    """Hands out turns."""

    def __init__(self, rate: float) -> None:
        """`rate` is in events a second."""
        self._rate = rate
        self._next = 0.0

    def pieces(self, block: Block, clock: Clock | None = None) -> Iterator[Block]:
        """The block in pieces of so many lines as a turn has; `clock` reads the times of its lines."""
        if not block.data:
            yield block
            return
        most = max(1, round(self._rate * _TURN))
        lines = block.data.split(b"\n")
        offset, time = block.offset, block.time
        if clock is not None and time is None and len(lines) > most:
            time = clock.first(lines)
        for first in range(0, len(lines), most):
            data = b"\n".join(lines[first : first + most])
            last = first + most >= len(lines)
            end = block.end if last else offset + len(data) + 1
            read = round(block.read[1] - (block.read[1] - block.read[0]) * (block.end - end) / len(block.data))
            yield replace(block, offset=offset, data=data, end=end, time=time, read=(block.read[0], read))
            offset = end
            if clock is not None and not last:
                time = clock.last(data, time)

    def wait(self, block: Block) -> float:
        """Seconds until the block may be given out."""
        now = monotonic()
        self._next = max(self._next, now)
        pause = self._next - now
        self._next += (block.data.count(b"\n") + 1) / self._rate
        return pause
