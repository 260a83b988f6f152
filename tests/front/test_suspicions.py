"""What workers died of that they had taken themselves: suspected after two deaths, left out after two more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.front import suspicions
from pipeline.front.suspicions import Noted, Suspicions

FIRST, ELSEWHERE, OTHER_INPUT = Noted(0, "logs-1", 10, 19), Noted(0, "logs-2", 10, 19), Noted(1, "logs-1", 10, 19)


@pytest.mark.parametrize(
    ("deaths", "orders"),
    [
        ([], []),
        ([FIRST], []),
        ([FIRST, ELSEWHERE, OTHER_INPUT], []),
        ([FIRST, FIRST], [[0, "logs-1", 10, 19, []]]),
        ([FIRST, FIRST._replace(first=20, last=29)], []),
        ([FIRST, FIRST._replace(first=19, last=29)], [[0, "logs-1", 10, 29, []]]),
        ([FIRST, FIRST, FIRST._replace(at=12)], [[0, "logs-1", 10, 19, []]]),
        ([FIRST, FIRST, FIRST._replace(at=12), FIRST._replace(at=13)], [[0, "logs-1", 10, 19, []]]),
        ([FIRST, FIRST, FIRST._replace(at=12), FIRST._replace(first=12, at=12)], [[0, "logs-1", 10, 19, [12]]]),
        (
            [FIRST, FIRST, *[FIRST._replace(at=at) for at in (15, 12, 12, 15)], ELSEWHERE, ELSEWHERE],
            [[0, "logs-1", 10, 19, [12, 15]], [0, "logs-2", 10, 19, []]],
        ),
    ],
)
def test_deaths_and_what_workers_are_told(deaths: Sequence[Noted], orders: list[list[object]]) -> None:
    told = Suspicions()
    for noted in deaths:
        told.died(noted)
    assert told.orders() == orders


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicions, "_MOST", 3)
    told = Suspicions()
    for number in range(5):
        for _ in range(2):
            told.died(Noted(0, f"logs-{number}", 0, 1))
    assert [order[1] for order in told.orders()] == ["logs-2", "logs-3", "logs-4"]
