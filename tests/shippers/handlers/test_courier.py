from __future__ import annotations

import pytest

from shippers.handlers.logs import LumberjackHandler
from shippers.handlers.transports import Pace, ShippingThread
from tests.shippers.handlers.workbench import QUICK, Pipeline, new_run


@pytest.mark.parametrize(
    ("rounds", "least", "most"), [(1, 0.25, 0.5), (2, 0.5, 1.0), (3, 1.0, 2.0), (7, 15.0, 30.0), (10_000, 15.0, 30.0)]
)
def test_pauses_grow_to_a_bound_and_chance_cuts_them(rounds: int, least: float, most: float) -> None:
    handler = LumberjackHandler("a", pace=Pace())
    pauses = [handler._courier._length(rounds) for _ in range(200)]
    assert least <= min(pauses) < max(pauses) <= most
    assert len(set(pauses)) > 100


def test_where_no_thread_can_be_had_the_end_ships(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: ShippingThread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ShippingThread, "start", refuse)
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    for number in range(3):
        handler.ship((1.0, "info", "a", str(number)))
    assert handler.queued == 3
    handler.close()
    assert (handler.sent, handler.queued) == (3, 0)
    assert sorted(pipeline.messages(run["run"])) == ["0", "1", "2"]


def test_a_handler_that_nobody_uses_has_no_thread_and_ends_at_once() -> None:
    handler = LumberjackHandler("192.0.2.1", pace=Pace(farewell=3600.0))
    assert handler._courier._thread is None
    handler.close()
    assert handler._courier._thread is None
