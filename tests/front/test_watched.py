"""The worker's side of an input of its own: what it notes, and the care with what workers have died of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from mmap import mmap
from typing import Any

import pytest

from pipeline.batch import Origin
from pipeline.front.suspicions import Noted
from pipeline.front.watched import SIZE, WatchedInput, note, note_place, noted
from tests.harness import ScriptedInput


class Shared(ScriptedInput):
    """An input of lines, whose records have the places 100, 101 and so on; they make two events each."""

    shares_itself = True
    named_by_seat = False

    def span(self, origin: Origin) -> tuple[str, int, int]:
        return "logs-0", 100, 102

    def singly(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        return ((100 + number, line + b"\n" + line) for number, line in enumerate(data.splitlines()))


class Desk:
    """A worker's input, and the memory that outlives the worker."""

    def __init__(self, *suspects: list[Any]) -> None:
        self.progress = mmap(-1, SIZE)
        self.input = WatchedInput(Shared([b"a\nb\nc"]), 7, self.progress, suspects)
        self.rejected: list[tuple[bytes, str]] = []

    def seen(self) -> list[tuple[str, int, Noted | None]]:
        """Each event, its ordinal, and what is noted while it is worked on."""
        found = []

        async def run() -> None:
            async for batch in self.input.batches():
                self.careful = batch.careful
                found.extend(
                    (event.fields["message"], event.ordinal, noted(self.progress))
                    for event in self.input.decode(batch.data, batch.origin, self.reject)
                )
                self.after = noted(self.progress)

        asyncio.run(run())
        assert noted(self.progress) is None
        return found

    def reject(self, raw: bytes, error: Exception) -> None:
        self.rejected.append((raw, str(error)))


BATCH = Noted(7, "logs-0", 100, 102)


@pytest.mark.parametrize(
    "suspect", [[], [7, "logs-1", 100, 102, []], [8, "logs-0", 100, 102, []], [7, "logs-0", 103, 109, []]]
)
def test_what_nobody_died_of_is_decoded_as_the_input_does_it(suspect: list[Any]) -> None:
    desk = Desk(*filter(None, [suspect]))
    assert desk.seen() == [("a", 0, BATCH), ("b", 1, BATCH), ("c", 2, BATCH)]
    assert not desk.careful


def test_a_suspect_is_read_record_by_record() -> None:
    desk = Desk([7, "logs-0", 102, 109, []])
    assert desk.seen() == [
        (text, ordinal, BATCH._replace(at=100 + ordinal)) for ordinal, text in enumerate("abc") for _ in range(2)
    ]
    assert desk.careful
    assert desk.after is None


def test_culprits_are_left_out_raw() -> None:
    desk = Desk([7, "logs-0", 100, 100, [100]], [7, "logs-0", 90, 109, [102]])
    assert [(text, ordinal) for text, ordinal, _ in desk.seen()] == [("b", 1)] * 2
    assert desk.rejected == [(text, "two workers died of this record") for text in (b"a\na", b"c\nc")]


def test_a_note_outlives_a_mapping_and_one_that_is_too_long_is_none(tmp_path: Any) -> None:
    path = tmp_path / "progress"
    path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file:
        written = mmap(file.fileno(), SIZE)
        note(written, BATCH)
        note_place(written, 101)
        assert noted(mmap(file.fileno(), SIZE)) == BATCH._replace(at=101)
        note(written, Noted(0, "x" * 5000, 0, 1))
        assert noted(mmap(file.fileno(), SIZE)) is None
