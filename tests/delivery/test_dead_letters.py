"""Dead letters: everything that is needed to see why and to try again, durably, in order."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue, read
from pipeline.errors import StoreError

LETTER = DeadLetter("mapping", "elasticsearch at a.conf:1:1", b'{"a":1}', {"id": "b"}, b'{"create":{}}\n{}\n', "e1")


def put(folder: Path, *groups: list[DeadLetter]) -> None:
    async def run() -> None:
        queue = DeadLetterQueue(folder, "p")
        await asyncio.gather(*(queue.put(group) for group in groups))
        queue.close()

    asyncio.run(run())


def letters(folder: Path) -> list[dict[str, Any]]:
    return [letter for _, letter in read(folder)]


def test_everything_is_kept(tmp_path: Path) -> None:
    put(tmp_path, [LETTER])
    [(name, letter)] = read(tmp_path)
    assert name == "1-0"
    assert letter.pop("time").endswith("Z")
    assert letter == {
        "reason": "mapping",
        "plugin": "elasticsearch at a.conf:1:1",
        "pipeline": "p",
        "id": "e1",
        "item": '{"create":{}}\n{}\n',
        "original": '{"a":1}',
        "origin": {"id": "b"},
    }


def test_bytes_that_are_no_text_and_parts_that_are_not_there(tmp_path: Path) -> None:
    put(tmp_path, [DeadLetter("r", "p", b"\xff\x00", {})])
    [letter] = letters(tmp_path)
    assert base64.b64decode(letter["original"]["base64"]) == b"\xff\x00"
    assert letter.keys() == {"time", "reason", "plugin", "pipeline", "original", "origin"}


def test_groups_that_come_together_do_not_mix(tmp_path: Path) -> None:
    groups = [[DeadLetter(f"{group}-{n}", "p", b"", {}) for n in range(5)] for group in range(5)]
    put(tmp_path, *groups)
    assert [letter["reason"] for letter in letters(tmp_path)] == [one.reason for group in groups for one in group]


def test_no_folder_is_made_for_nothing(tmp_path: Path) -> None:
    put(tmp_path / "q")
    assert not (tmp_path / "q").exists()
    assert list(read(tmp_path / "q")) == []


def test_a_reason_that_is_no_proper_text(tmp_path: Path) -> None:
    """A cut surrogate, as a filter's error may quote one of an event, must not stop the queue."""
    put(tmp_path, [DeadLetter("cut \ud800", "p", b"x", {"path": "\udcff"}, None, "\ud800")])
    [letter] = letters(tmp_path)
    assert letter["reason"].startswith("cut ")
    assert letter["original"] == "x"


def test_a_name_that_is_found_again(tmp_path: Path) -> None:
    put(tmp_path, [LETTER, LETTER])
    put(tmp_path, [LETTER])
    assert [name for name, _ in read(tmp_path)] == ["1-0", "1-1", "2-0"]


def test_damage_is_raised_or_reported(tmp_path: Path) -> None:
    put(tmp_path, [LETTER, LETTER])
    put(tmp_path, [LETTER])
    first = min(tmp_path.iterdir())
    content = bytearray(first.read_bytes())
    content[-1] ^= 255
    first.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        list(read(tmp_path))
    heard: list[StoreError] = []
    assert [name for name, _ in read(tmp_path, heard.append)] == ["1-0", "2-0"]
    assert "damaged" in str(heard[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=20)), min_size=1, max_size=5), st.data())
def test_any_letters_cut_anywhere(wanted: list[tuple[str, bytes]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, [DeadLetter(reason, "p", original, {}) for reason, original in wanted])
        [path] = folder.iterdir()
        whole = path.read_bytes()
        assert [letter["reason"] for letter in letters(folder)] == [reason for reason, _ in wanted]
        left = data.draw(st.integers(0, 9999))  # of 10,000: how long a letter is varies with the time in it
        path.write_bytes(whole[: left * len(whole) // 10_000])
        found = letters(folder)
    assert [letter["reason"] for letter in found] == [reason for reason, _ in wanted][: len(found)]
    assert len(found) < len(wanted)
