"""The queue against a simple model, with random operations."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shippers.handlers.complaints import Complaints
from shippers.handlers.envelope import LONGEST, Entry
from shippers.handlers.waiting import _TEXT, Waiting
from tests.shippers.handlers.workbench import PATIENCE


def entry(text: str) -> Entry:
    return 0.0, "info", "a", text


@dataclass
class Model:
    """Lists, and nothing else."""

    capacity: int
    batch: int
    waiting: list[str] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def put(self, text: str) -> None:
        self.waiting.append(text)
        while len(self.waiting) > self.capacity:
            self.dropped.append(self.waiting.pop(0))

    def take(self) -> list[str]:
        self.under_way, self.waiting = self.waiting[: self.batch], self.waiting[self.batch :]
        return self.under_way

    def end(self, refused: int | None) -> None:
        lost = len(self.under_way) if refused is None else min(refused, len(self.under_way))
        self.dropped += self.under_way[:lost]
        self.sent += self.under_way[lost:]
        self.under_way = []


STEPS = st.lists(st.one_of(st.just("put"), st.just("take"), st.just("lose"), st.none(), st.integers(0, 5)), max_size=60)


@given(st.integers(1, 6), st.integers(1, 4), STEPS)
def test_it_is_what_the_model_is(capacity: int, batch: int, steps: list[str | int | None]) -> None:
    real, model = Waiting(capacity, batch), Model(capacity, batch)
    for number, step in enumerate(steps):
        if step == "put":
            real.put(entry(str(number)))
            model.put(str(number))
        elif step == "lose":
            real.lose()
            model.dropped.append(str(number))
        elif step == "take":
            if model.waiting and not model.under_way:
                assert [one[3] for one in real.take(0.0) or ()] == model.take()
        elif isinstance(step, int):
            refused = min(step, len(model.under_way))
            real.ended(refused)
            model.end(refused)
        else:
            real.ended(None)
            model.end(None)
        assert real.under_way == len(model.under_way)
        assert real.queued == len(model.waiting) + len(model.under_way)
        assert (real.sent, real.dropped) == (len(model.sent), len(model.dropped))
        assert real.accepted == real.sent + real.dropped + real.queued


def test_text_is_bounded_too() -> None:
    waiting = Waiting(10**6, 10**6)
    for _ in range(_TEXT // LONGEST + 5):
        waiting.put(entry("x" * 2 * LONGEST))
    assert waiting.queued == _TEXT // LONGEST
    assert waiting.dropped == 5
    batch = waiting.take(0.0)
    assert batch is not None
    assert len(batch) == 3, "a batch is about 2 MiB"
    assert {len(one[3]) for one in batch} == {LONGEST}


def test_a_full_batch_is_not_waited_for() -> None:
    waiting = Waiting(10, 2)
    taken: list[object] = []
    taker = threading.Thread(target=lambda: taken.append(waiting.take(10 * PATIENCE)))
    taker.start()
    waiting.put(entry("1"))
    waiting.put(entry("2"))
    taker.join(PATIENCE)
    assert taken == [[entry("1"), entry("2")]]


@pytest.mark.parametrize("way", ["hurry", "close"])
def test_what_is_in_a_hurry_does_not_wait_for_company(way: str) -> None:
    waiting = Waiting(10, 5)
    taken: list[object] = []
    taker = threading.Thread(target=lambda: taken.append(waiting.take(10 * PATIENCE)))
    taker.start()
    waiting.put(entry("1"))
    waiting.hurry() if way == "hurry" else waiting.close(PATIENCE)
    taker.join(PATIENCE)
    assert taken == [[entry("1")]]


def test_a_closed_queue_gives_out_what_it_has_and_then_nothing() -> None:
    waiting = Waiting(10, 1)
    waiting.put(entry("1"))
    waiting.put(entry("2"))
    waiting.close(PATIENCE)
    waiting.put(entry("3"))
    assert waiting.take(0.0) == [entry("1")]
    waiting.ended(0)
    assert waiting.take(0.0) == [entry("2")]
    waiting.ended(0)
    assert waiting.take(0.0) is None
    assert (waiting.sent, waiting.dropped) == (2, 1)


def test_when_time_is_over_there_is_nothing_more() -> None:
    waiting = Waiting(10, 1)
    waiting.put(entry("1"))
    waiting.close(0.0)
    assert waiting.take(0.0) is None
    assert not waiting.pause(PATIENCE)
    assert waiting.left(30.0) <= 0
    waiting.abandon()
    assert (waiting.queued, waiting.dropped) == (0, 1)


def test_the_end_interrupts_a_pause() -> None:
    waiting = Waiting(10, 1)
    done: list[bool] = []
    sleeper = threading.Thread(target=lambda: done.append(waiting.pause(100 * PATIENCE)))
    sleeper.start()
    waiting.close(PATIENCE)
    sleeper.join(PATIENCE)
    assert done == [True]


def test_complaints_are_seldom_and_never_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints = Complaints(1000.0)
    for number in range(100):
        complaints.say(f"{number}")
    complaints.say("the end", always=True)
    assert capsys.readouterr().err == "apex-logs handler: 0\napex-logs handler: the end\n"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2000)
    complaints.say("again")
    assert capsys.readouterr().err == "apex-logs handler: again\n"
    monkeypatch.setattr("sys.stderr", None)
    complaints.say("nobody hears it", always=True)
