"""Runs targets for a while: a crash, a hang, or memory that grows ends the run with 1.

target            executions  a second   slowest   memory
frames                 41213       1373    3.1 ms   +1.2 MB
"""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target

HANG_SECONDS = 2.0
MOST_GROWTH = 64 << 20
"""Bytes that a target may add to the process after its first round, Hypothesis's own records included."""
_ROUND = 200


class Hang(Exception):
    """One input took longer than an input may."""


@dataclass
class Result:
    """What came of one target."""

    target: Target
    executions: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_input: Any = None
    growth: int = 0
    failure: str = ""

    def __str__(self) -> str:
        rate = self.executions / max(self.seconds, 1e-9)
        line = f"{self.target.name:<18} {self.executions:>10} {rate:>9.0f} {self.slowest * 1000:>7.1f} ms"
        return f"{line} {self.growth / 1e6:>+7.1f} MB"


HEADING = f"{'target':<18} {'executions':>10} {'a second':>9} {'slowest':>10} {'memory':>10}"


def run(targets: Sequence[Target], seconds: float, first_seed: int) -> int:
    """Fuzzes each target for its part of the time; prints a summary; 1 if anything is wrong."""
    print(f"seed {first_seed}\n{HEADING}", flush=True)
    results = []
    for target in targets:
        results.append(fuzzed(target, seconds / len(targets), first_seed))
        print(results[-1], flush=True)
    for result in results:
        print(f"\nslowest of {result.target.name}: {result.slowest_input!r:.300}")
    failures = [result for result in results if result.failure]
    for result in failures:
        print(f"\n{result.target.name} FAILED: {result.failure}")
    return 1 if failures else 0


def fuzzed(target: Target, seconds: float, first_seed: int) -> Result:
    """Rounds of new inputs until the time is over, or something is wrong."""
    result = Result(target)
    process = psutil.Process()
    began, before = time.monotonic(), 0
    number = 0
    while not result.failure and (number < 2 or time.monotonic() - began < seconds):
        _round(result, first_seed + number)
        number += 1
        gc.collect()
        held = process.memory_info().rss
        if number == 1:
            before = held
        result.growth = held - before
        if result.growth > MOST_GROWTH:
            result.failure = f"memory grew by {result.growth / 1e6:.0f} MB over {result.executions} inputs"
    result.seconds = time.monotonic() - began
    return result


def _round(result: Result, number: int) -> None:
    last: list[Any] = [None]

    @seed(number)
    @settings(
        max_examples=_ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(result.target.inputs)
    def one(drawn: Any) -> None:
        last[0] = drawn
        began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
        try:
            result.target.run(drawn)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            took = time.perf_counter() - began
            result.executions += 1
            if took > result.slowest:
                result.slowest, result.slowest_input = took, drawn

    before = signal.signal(signal.SIGALRM, _hangs)
    try:
        one()
    except Exception as error:
        # The first line says what, the notes of Hypothesis say with which input.
        result.failure = f"{type(error).__name__}: {error}\n    with {last[0]!r:.2000}\n    seed {number}"
    finally:
        signal.signal(signal.SIGALRM, before)


def _hangs(number: int, frame: object) -> None:
    raise Hang(f"one input took more than {HANG_SECONDS:.0f} s")
