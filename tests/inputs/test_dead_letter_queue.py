"""The dead_letter_queue input: which letters, what events they make, and positions that follow delivery."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.building import build
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.disk.letters import read, remove_letters
from pipeline.disk.segments import segments
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from pipeline.inputs.dead_letter_queue import DeadLetters, document_of
from pipeline.protocols.lumberjack import json_frames
from tests.cli.program import Running, run, until
from tests.harness import context, planned

PATIENCE = 20.0


def put(folder: Path, *letters: DeadLetter) -> None:
    async def write() -> None:
        queue = DeadLetterQueue(folder / "dlq" / "main", "main")
        await queue.put(letters)
        queue.close()

    asyncio.run(write())


def plain(*texts: str) -> list[DeadLetter]:
    return [DeadLetter("r", "p", text.encode(), {}, None, f"id-{text}") for text in texts]


def made(folder: Path, options: str = "", warnings: list[str] | None = None) -> DeadLetters:
    text = f'input {{ dead_letter_queue {{ path => "{folder}/dlq" {options} }} }}'
    [one] = build(planned(text), context(folder / "data", warnings=warnings)).inputs
    assert isinstance(one.input, DeadLetters)
    return one.input


def taken(source: DeadLetters, most: int, end: Callable[[Event], bool] = lambda event: True) -> list[Event]:
    """Events until there are as many, or for a short while more; a batch ends if all of its events do."""

    async def take() -> list[Event]:
        events: list[Event] = []
        async for batch in source.batches():
            decoded = list(source.decode(batch.data, batch.origin, _unexpected))
            events += decoded
            if all(map(end, decoded)):
                batch.end(len(decoded))
            if len(events) >= most:
                source.stop()
        await source.close()
        return events

    return asyncio.run(asyncio.wait_for(take(), PATIENCE))


def _unexpected(raw: bytes, error: Exception) -> None:
    raise AssertionError(raw) from error


def messages(events: list[Event]) -> list[str]:
    return [event.fields["message"] for event in events]


def event_of(folder: Path, letter: DeadLetter, options: str = "") -> Event:
    put(folder, letter)
    [event] = taken(made(folder, options), 1)
    return event


def test_metadata_as_logstash_gives_it(tmp_path: Path) -> None:
    letter = DeadLetter("400 mapping", "my-output", b"line", {}, b'{"create":{"_id":"e"}}\n{"a":1}\n', "e")
    letter.plugin_type = "elasticsearch"
    event = event_of(tmp_path, letter)
    assert event.fields["a"] == 1
    assert event.metadata["event_id"] == "e"
    described = event.metadata["dead_letter_queue"]
    assert described.pop("entry_time").endswith("Z")
    assert described == {"plugin_type": "elasticsearch", "plugin_id": "my-output", "reason": "400 mapping"}


SHARED = {
    "their own ids": (b'{"create":{"_index":"i","_id":"e.1.0"}}\n{"a":1}\n', b'{"create":{"_id":"e.1.1"}}\n{"a":1}\n'),
    "ids of the user": (b'{"index":{"_id":"x"}}\n{"a":1}\n', b'{"index":{"_id":"y"}}\n{"a":1}\n'),
    "no ids": (b'{"create":{}}\n{"a":1}\n', b'{"create":{}}\n{"a":2}\n'),
    "no bulk": (b'{"a":1}\n', b'{"a":2}\n'),
}


@pytest.mark.parametrize("items", SHARED.values(), ids=SHARED)
def test_what_was_made_of_one_event_has_ids_of_its_own(items: tuple[bytes, bytes], tmp_path: Path) -> None:
    """The letters of the children of a split have the id of their parent; the same document has the same id."""
    one, other = (DeadLetter("r", "p", b"line", {}, item, "e") for item in items)
    put(tmp_path, one, other, one)
    first, second, again = (event.metadata["event_id"] for event in taken(made(tmp_path), 3))
    assert first == again != second
    assert first.startswith("e")
    assert ("e.1.0" in items[0].decode()) == (first == "e.1.0")


def test_an_original_is_decoded_by_the_codec(tmp_path: Path) -> None:
    event = event_of(tmp_path, DeadLetter("r", "grok at a.conf:1:1", b'{"a":[1,2]}', {}, None, "e"), "codec => json {}")
    assert event.fields["a"] == [1, 2]
    assert event.metadata["dead_letter_queue"]["plugin_type"] == "grok"


def test_of_a_beat_the_event_without_its_frame(tmp_path: Path) -> None:
    frame = json_frames([orjson.dumps({"message": "m"})])
    letter = DeadLetter("r", "p", frame, {}, None, "e", "beats")
    assert event_of(tmp_path, letter, "codec => json {}").fields["message"] == "m"


def test_of_an_array_the_event_of_the_letter(tmp_path: Path) -> None:
    letter = DeadLetter("r", "p", b'[{"n":1},{"n":2}]', {}, None, "e", "stdin", sibling=1)
    event = event_of(tmp_path, letter, "codec => json {}")
    assert (event.fields["n"], event.metadata["event_id"]) == (2, "e")


def test_bytes_without_an_id_get_ids_of_their_own(tmp_path: Path) -> None:
    put(tmp_path, *[DeadLetter("r", "p", b'[{"n":1},{"n":2}]', {})] * 2)
    first = [event.metadata["event_id"] for event in taken(made(tmp_path, "codec => json {}"), 4)]
    assert len(set(first)) == 4
    again = taken(made(tmp_path, 'codec => json {} sincedb_path => "/dev/null"'), 4)
    assert [event.metadata["event_id"] for event in again] == first


ITEMS = {
    "create": (b'{"create":{}}\n{"a":1}\n', {"a": 1}),
    "index": (b'{"index":{}}\n{"a":1}\n', {"a": 1}),
    "update": (b'{"update":{}}\n{"doc":{"a":1}}\n', {"a": 1}),
    "update by a script": (b'{"update":{}}\n{"script":"x","upsert":{"a":1}}\n', {"a": 1}),
    "update without a document": (b'{"update":{}}\n{"script":"x"}\n', None),
    "delete": (b'{"delete":{"_id":"x"}}\n', None),
    "json": (b'{"a":1}\n', {"a": 1}),
    "two documents": (b'{"a":1}\n{"b":1}\n', None),
    "three lines": (b"{}\n{}\n{}", None),
    "a line": (b"text\n", None),
    "an array": (b"[1]\n", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("item", "document"), ITEMS.values(), ids=ITEMS)
def test_the_document_in_an_item(item: bytes, document: dict[str, Any] | None) -> None:
    assert document_of(item) == document


def test_what_is_no_letter_is_rejected(tmp_path: Path) -> None:
    rejected: list[bytes] = []
    data = b'{"name":"1-0"}\n{"name":"1-1","time":5}\nx\n{"name":"1-2","time":"t","original":"a"}\n'
    events = list(made(tmp_path).decode(data, {}, lambda raw, error: rejected.append(raw)))
    assert (messages(events), len(rejected)) == (["a"], 3)


def test_it_goes_on_after_what_was_delivered(tmp_path: Path) -> None:
    put(tmp_path, *plain("a", "b"))
    put(tmp_path, *plain("c"))
    assert messages(taken(made(tmp_path), 3, lambda event: event.fields["message"] != "c")) == ["a", "b", "c"]
    [since] = (tmp_path / "data" / "plugins" / "inputs" / "dead_letter_queue").iterdir()
    assert json.loads(since.read_text()) == {"format": "apex-logs 1", "segments": {"1": 2, "2": 0}}
    put(tmp_path, *plain("d"))
    assert messages(taken(made(tmp_path), 2)) == ["c", "d"]
    put(tmp_path, *plain("e"))
    assert messages(taken(made(tmp_path), 1)) == ["e"]


def test_it_follows_every_process_that_writes(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        queues = [DeadLetterQueue(tmp_path / "dlq" / "main", "main") for _ in range(2)]
        source, seen = made(tmp_path), list[str]()
        for queue in queues:
            await queue.put(plain("first"))

        async def write() -> None:
            for number in range(6):
                await queues[number % 2].put(plain(f"n{number}"))

        async with asyncio.timeout(PATIENCE):
            async for batch in source.batches():
                seen += messages(list(source.decode(batch.data, batch.origin, _unexpected)))
                batch.end(1)
                if len(seen) == 2:
                    await write()
                if len(seen) == 8:
                    source.stop()
        for queue in queues:
            queue.close()
        return seen

    seen = asyncio.run(scenario())
    assert sorted(seen) == ["first", "first", "n0", "n1", "n2", "n3", "n4", "n5"]
    assert [one for one in seen if one in ("n0", "n2", "n4")] == ["n0", "n2", "n4"]


def test_removed_letters_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, *plain("a", "b", "c"))
    remove_letters(tmp_path / "dlq" / "main", ["1-0", "1-2"])
    put(tmp_path, *plain("d"))
    assert messages(taken(made(tmp_path), 2)) == ["b", "d"]


def test_from_a_time_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("01", "02"):
        monkeypatch.setattr("pipeline.delivery.dead_letters.now", lambda day=day: f"2026-01-{day}T00:00:00.000Z")
        put(tmp_path, *plain(day))
    options = 'start_timestamp => "2026-01-02T00:00:00Z" clean_consumed => true'
    assert messages(taken(made(tmp_path, options), 1)) == ["02"]
    assert [name for name, _ in read(tmp_path / "dlq" / "main")] == ["1-0"]  # what was passed over was not delivered
    put(tmp_path, *plain("03"))
    assert messages(taken(made(tmp_path, options), 1)) == ["03"]


def test_without_positions_everything_is_read_each_time(tmp_path: Path) -> None:
    put(tmp_path, *plain("a"))
    for _ in range(2):
        assert messages(taken(made(tmp_path, "commit_offsets => false"), 1)) == ["a"]


def test_consumed_segments_are_deleted_and_others_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "dlq" / "main"
    put(tmp_path, *plain("a", "b"))
    put(tmp_path, *plain("c", "stuck"))
    options = "clean_consumed => true"
    taken(made(tmp_path, options), 4, lambda event: event.fields["message"] != "stuck")
    assert [int(path.stem) for path in segments(folder)] == [2]
    assert messages(taken(made(tmp_path, options), 2)) == ["c", "stuck"]
    assert segments(folder) == []
    put(tmp_path, *plain("d"))
    assert messages(taken(made(tmp_path, options), 1)) == ["d"]


def test_a_segment_that_is_written_to_is_not_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path / "dlq" / "main", "main")
        await queue.put(plain("a"))
        await asyncio.to_thread(taken, made(tmp_path, "clean_consumed => true"), 1)
        await queue.put(plain("b"))
        queue.close()

    asyncio.run(scenario())
    assert messages(taken(made(tmp_path, "clean_consumed => true"), 1)) == ["b"]
    assert segments(tmp_path / "dlq" / "main") == []


def test_a_damaged_segment_is_told_of_once_and_kept(tmp_path: Path) -> None:
    put(tmp_path, *plain("a", "b"))
    [path] = segments(tmp_path / "dlq" / "main")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    put(tmp_path, *plain("c"))
    warnings: list[str] = []
    assert messages(taken(made(tmp_path, "clean_consumed => true", warnings), 2)) == ["a", "c"]
    assert [("is damaged at byte" in text) for text in warnings] == [True]
    assert segments(tmp_path / "dlq" / "main") == [path]


@pytest.mark.parametrize("content", ["", "[]", '{"format":"x"}', '{"format":"apex-logs 1","segments":[1]}'])
def test_positions_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    put(tmp_path, *plain("a"))
    since, warnings = tmp_path / "since", list[str]()
    since.write_text(content)
    assert messages(taken(made(tmp_path, f'sincedb_path => "{since}"', warnings), 1)) == ["a"]
    assert "cannot be read, and every letter is read again" in warnings[0]
    assert json.loads(since.read_text())["segments"] == {"1": 1}


def test_positions_that_cannot_be_saved(tmp_path: Path) -> None:
    put(tmp_path, *plain("a"))
    warnings: list[str] = []
    source = made(tmp_path, f'sincedb_path => "{tmp_path}/since/positions" clean_consumed => true', warnings)
    (tmp_path / "since").rmdir()
    assert messages(taken(source, 1)) == ["a"]
    assert "cannot be saved" in warnings[0]
    assert len(segments(tmp_path / "dlq" / "main")) == 1
    (tmp_path / "since").mkdir()
    source.save()
    assert segments(tmp_path / "dlq" / "main") == []


FAULTS = {
    "clean_consumed => true commit_offsets => false": "needs commit_offsets => true",
    'start_timestamp => "soon"': 'expected a time such as "2026-02-03T04:05:06", got "soon"',
    'sincedb_path => "/"': "must be a file, and is a folder",
}


@pytest.mark.parametrize(("options", "said"), FAULTS.items())
def test_faults(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"test\.conf:1:") as caught:
        made(tmp_path, options)
    assert said in str(caught.value)


def test_a_pipeline_that_reads_its_own_letters_is_warned(tmp_path: Path) -> None:
    warnings: list[str] = []
    text = f'input {{ dead_letter_queue {{ path => "{tmp_path}/dead_letter_queue" }} }}'
    build(planned(text), context(tmp_path, warnings=warnings))
    assert "is this pipeline's own" in warnings[0]


def test_from_one_pipeline_to_another(tmp_path: Path) -> None:
    """What one pipeline gave up is delivered by another, and comes no second time."""
    fail = 'input { stdin {} } filter { uuid { target => "[message][x]" } } output { stdout {} }'
    out = tmp_path / "out"
    text = f'input {{ dead_letter_queue {{ path => "{tmp_path}/dead_letter_queue" clean_consumed => true }} }}'
    text += f' output {{ file {{ path => "{out}" codec => line {{ format => "%{{message}}" }} }} }}'
    for text_in, last in ((b"one\ntwo\n", "two\n"), (b"three\n", "three\n")):
        assert "dead=" in run("-e", fail, "--path.data", str(tmp_path), stdin=text_in).err
        with Running("-e", text, "--pipeline.id", "second", "--path.data", str(tmp_path), cwd=tmp_path) as second:
            until(lambda last=last: out.exists() and out.read_text().endswith(last), lambda: str(second.log))
            second.send(signal.SIGTERM)
            assert second.wait() == 0
    assert out.read_text() == "one\ntwo\nthree\n"
    assert segments(tmp_path / "dead_letter_queue" / "main") == []
