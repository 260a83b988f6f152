"""The floor: the orjson work that no design with dicts can do without, in a plain loop, one event alive at a time.

    envelope -> loads -> loads of its message -> dict.update -> dumps

All figures are CPU time of this thread; ratios are taken between neighbours in time, as the speed of a shared machine
comes and goes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

Loop = Callable[[], int]
"""Does some work; returns for how many events."""


class Compared(NamedTuple):
    """What a loop costs an event, in CPU microseconds, and its ratio to the floor: 1 is as fast."""

    micros: float
    ratio: float
    floor: float


def floor(envelopes: Sequence[bytes]) -> Loop:
    """The floor over these envelopes."""
    loads, dumps = orjson.loads, orjson.dumps

    def run() -> int:
        for envelope in envelopes:
            fields = loads(envelope)
            fields.update(loads(fields["message"]))
            dumps(fields)
        return len(envelopes)

    return run


def anchor(envelopes: Sequence[bytes]) -> Loop:
    """loads and dumps of the envelope, nothing else: the cost of a line that is only passed on."""
    loads, dumps = orjson.loads, orjson.dumps

    def run() -> int:
        for envelope in envelopes:
            dumps(loads(envelope))
        return len(envelopes)

    return run


def micros(loop: Loop) -> float:
    """CPU microseconds for an event, of one round of the loop."""
    start = time.thread_time_ns()
    events = loop()
    return (time.thread_time_ns() - start) / 1000 / events


def compared(loops: dict[str, Loop], floor_loop: Loop, rounds: int) -> dict[str, Compared]:
    """Each loop between two rounds of the floor, in turns; medians."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    before = micros(floor_loop)
    for _ in range(rounds):
        for name, loop in loops.items():
            cost = micros(loop)
            after = micros(floor_loop)
            taken[name].append((cost, (before + after) / 2))
            before = after
    return {name: together(pairs) for name, pairs in taken.items()}


def together(pairs: Sequence[tuple[float, float]]) -> Compared:
    """The medians of (cost, floor beside it)."""
    return Compared(
        statistics.median(cost for cost, _ in pairs),
        statistics.median(beside / cost for cost, beside in pairs),
        statistics.median(beside for _, beside in pairs),
    )
