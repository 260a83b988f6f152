from __future__ import annotations

from bench.events import generate
from bench.floor import anchor, compared, floor, micros, together

EVENTS = generate(50)


def test_loops_say_how_many_events_they_took() -> None:
    assert floor(EVENTS)() == anchor(EVENTS)() == 50
    assert micros(floor(EVENTS)) > 0


def test_each_loop_stands_between_two_rounds_of_the_floor() -> None:
    order: list[str] = []

    def loop(name: str, events: int) -> int:
        order.append(name)
        return events

    found = compared({"a": lambda: loop("a", 2), "b": lambda: loop("b", 1)}, lambda: loop("floor", 1), rounds=2)
    assert order == ["floor", "a", "floor", "b", "floor", "a", "floor", "b", "floor"]
    assert set(found) == {"a", "b"}


def test_medians() -> None:
    found = together([(10.0, 5.0), (20.0, 8.0), (40.0, 8.0)])
    assert found == (20.0, 0.4, 8.0)
