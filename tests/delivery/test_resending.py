"""Dead letters on their way again, and what of them is left where they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.batch import Batch
from pipeline.delivery.dead_letters import Bounds, DeadLetter, DeadLetterQueue
from pipeline.delivery.resending import Ended, Known, Originals
from pipeline.disk.letters import Letter, letters
from pipeline.disk.segments import segments
from tests.harness import ScriptedInput


def put(folder: Path, *originals: bytes) -> None:
    async def write() -> None:
        queue = DeadLetterQueue(folder, "p")
        await queue.put([DeadLetter("r", "p", original, {}, None, f"id-{original!r}") for original in originals])
        queue.close()

    asyncio.run(write())


def test_a_stopped_source_gives_no_more(tmp_path: Path) -> None:
    put(tmp_path, b"a", b"b")

    async def scenario() -> list[bytes]:
        source = Originals(letters(tmp_path), ScriptedInput([]), Ended(tmp_path))
        taken = []
        async for batch in source.batches():
            taken.append(batch.data)
            source.stop()
        await source.close()
        return taken

    assert asyncio.run(scenario()) == [b"a"]


def test_bytes_without_an_id_are_picked_as_their_input_does(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        letter = Letter("1-0", {"time": "t", "original": "a\nb", "origin": {"id": "x"}})
        source = Originals([letter], ScriptedInput([]), Ended(tmp_path))
        batch = await anext(aiter(source.batches()))
        return source.pick(batch.data, batch.origin, 1)

    assert asyncio.run(scenario()) == b"b"


def test_what_stands_for_an_input_gives_no_batches(tmp_path: Path) -> None:
    async def scenario() -> list[Batch]:
        known = Known(Letter("1-0", {"time": "t", "original": "a"}))
        known.stop()
        batches = [batch async for batch in known.batches()]
        await known.close()
        return batches

    assert asyncio.run(scenario()) == []


def test_removals_are_written_while_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.delivery.resending._WRITE_EVERY", 0.0)
    put(tmp_path, b"a", b"b")

    async def scenario() -> None:
        ended = Ended(tmp_path)
        async with asyncio.timeout(20), ended.written():
            ended.add("1-0")
            while ended.removed < 1:
                await asyncio.sleep(0)
            assert [letter.name for letter in letters(tmp_path)] == ["1-1"]
            ended.add("1-1")
        assert ended.removed == 2

    asyncio.run(scenario())
    assert segments(tmp_path) == []


def test_a_folder_that_cannot_be_tended_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Damage and what others delete meanwhile stop nothing."""

    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", Bounds(1 << 20, "drop_older", retain_age=1.0))
        await queue.put([DeadLetter("r", "p", b"", {})])
        queue.close()
        [path] = segments(tmp_path)
        content = bytearray(path.read_bytes())
        content[8] ^= 1
        path.write_bytes(content)
        monkeypatch.setattr("time.time", lambda: 4e9)
        monkeypatch.setattr(Path, "unlink", _refuse)
        await queue.tend()
        assert segments(tmp_path) == [path]
        monkeypatch.undo()
        monkeypatch.setattr("time.time", lambda: 4e9)
        monkeypatch.setattr("pipeline.delivery.dead_letters.segments", lambda folder: [path, folder / "9.segment"])
        await queue.tend()

    asyncio.run(scenario())
    assert segments(tmp_path) == []
    assert any("cannot delete" in text for text in caplog.messages)


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")
