"""The worker's side: batches that come from the front, and the care for those that workers have died of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from mmap import mmap
from typing import Any

from pipeline.front.dealt import PROGRESS_SIZE, DealtInput, note, noted
from pipeline.front.wire import Kind, packed
from tests.harness import ScriptedInput

ORIGIN = {"id": "batch0"}


class Desk:
    """An input that is dealt to, and what it told the front."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.progress = mmap(-1, PROGRESS_SIZE)
        self.rejected: list[tuple[bytes, str]] = []
        self.input = DealtInput(ScriptedInput([]), self.told.append, self.progress)

    def decode(self, data: bytes) -> list[str]:
        return [event.fields["message"] for event in self.input.decode(data, ORIGIN, self.reject)]

    def reject(self, raw: bytes, error: Exception) -> None:
        self.rejected.append((raw, str(error)))


def run(desk: Desk, *heads: dict[str, Any], then: Callable[[Any], None] = lambda batch: batch.end(2)) -> None:
    async def scenario() -> None:
        for head in heads:
            desk.input.arrive({"origin": ORIGIN, **head}, b"a\nb")
        desk.input.stop()
        async for batch in desk.input.batches():
            then(batch)

    asyncio.run(scenario())


def test_the_front_hears_when_a_batch_is_taken_and_when_it_ended() -> None:
    desk = Desk()
    run(desk, {"seq": 7})
    assert desk.told == [packed(Kind.TAKEN, {"seq": 7}), packed(Kind.ENDED, {"seq": 7, "events": 2})]


def test_and_when_it_is_refused() -> None:
    desk = Desk()
    run(desk, {"seq": 7}, then=lambda batch: batch.refuse(ValueError("no frame")))
    assert desk.told[1] == packed(Kind.REFUSED, {"seq": 7, "reason": "no frame"})


def test_what_nobody_died_of_is_decoded_as_the_input_does_it() -> None:
    desk = Desk()
    desk.input.arrive({"seq": 1, "origin": ORIGIN}, b"a\nb")
    assert desk.decode(b"a\nb") == ["a", "b"]
    assert noted(desk.progress) is None


def test_a_suspect_notes_each_event_before_it_comes_to_it() -> None:
    desk = Desk()
    desk.input.arrive({"seq": 5, "origin": ORIGIN, "careful": True, "left_out": [], "raw": False}, b"a\nb\nc")
    events = desk.input.decode(b"a\nb\nc", ORIGIN, desk.reject)
    seen = [(event.fields["message"], noted(desk.progress)) for event in events]
    assert seen == [("a", (5, 0)), ("b", (5, 1)), ("c", (5, 2))]
    assert noted(desk.progress) == (5, 3)


def test_a_culprit_is_left_out_raw() -> None:
    desk = Desk()
    desk.input.arrive({"seq": 5, "origin": ORIGIN, "careful": True, "left_out": [1], "raw": False}, b"a\nb\nc")
    assert desk.decode(b"a\nb\nc") == ["a", "c"]
    assert desk.rejected == [(b"b", "two workers died of this event")]


def test_a_batch_that_cannot_even_be_decoded_is_rejected_whole() -> None:
    desk = Desk()
    desk.input.arrive({"seq": 5, "origin": ORIGIN, "careful": True, "left_out": [1], "raw": True}, b"a\nb")
    assert desk.decode(b"a\nb") == []
    assert desk.rejected == [(b"a\nb", "workers died of decoding it")]


def test_when_it_has_ended_it_is_forgotten() -> None:
    desk = Desk()
    run(desk, {"seq": 5, "careful": True, "left_out": [0], "raw": False})
    assert desk.decode(b"a\nb") == ["a", "b"]


def test_progress_outlives_a_mapping() -> None:
    progress = mmap(-1, PROGRESS_SIZE)
    assert noted(progress) is None
    note(progress, 0, 0)
    assert noted(progress) == (0, 0)
