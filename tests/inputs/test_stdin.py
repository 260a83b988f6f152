import asyncio
import os

import pytest

from pipeline.codecs import json_lines, line, multiline
from pipeline.event import SIBLING
from pipeline.inputs.stdin import Stdin

LINES = line.build(line.Options())
DOCUMENTS = json_lines.build(json_lines.Options())


def read(made, *writes):
    """The events of each batch; each of the writes is made when the batch of the one before has come."""
    reader, writer = os.pipe()
    made.descriptor = reader
    waiting = list(writes)

    def go_on():
        if waiting:
            os.write(writer, waiting.pop(0))
        else:
            os.close(writer)

    async def run():
        batches = []
        go_on()
        async for batch in made.batches():
            batches.append(list(made.decode(batch.data, batch.origin, None)))
            batch.end(1)
            go_on()
        await made.close()
        return batches

    try:
        return asyncio.run(run())
    finally:
        os.close(reader)


def test_lines_over_block_ends():
    batches = read(Stdin(LINES, ecs=False), b"a\nb", b"c\nd\ne", b"\n")
    assert [[event.fields["message"] for event in batch] for batch in batches] == [["a"], ["bc", "d"], ["e"]]


def test_the_last_line_needs_no_end(tmp_path):
    source = tmp_path / "in"
    source.write_bytes(b"a\nlast")
    made = Stdin(LINES, ecs=False, descriptor=os.open(source, os.O_RDONLY))

    async def run():
        return [list(made.decode(batch.data, batch.origin, None)) async for batch in made.batches()]

    batches = asyncio.run(run())
    os.close(made.descriptor)
    assert [event.fields["message"] for batch in batches for event in batch] == ["a", "last"]


@pytest.mark.parametrize(
    ("ecs", "data", "expected"),
    [
        (False, b'{"host":"mine"}', {"host": "mine"}),
        (False, b"{}", {"host": "HOST"}),
        (True, b"{}", {"host": {"hostname": "HOST"}, "event": {"original": "{}"}}),
        (
            True,
            b'{"host":{"ip":"x"},"event":{"original":"y"}}',
            {"host": {"ip": "x", "hostname": "HOST"}, "event": {"original": "y"}},
        ),
        (True, b'{"host":"mine","event":1}', {"host": "mine", "event": 1}),
    ],
)
def test_fields(monkeypatch, ecs, data, expected):
    monkeypatch.setattr("socket.gethostname", lambda: "HOST")
    [event] = Stdin(DOCUMENTS, ecs=ecs).decode(data, {"id": "i"}, None)
    del event.fields["@timestamp"], event.fields["@version"]
    assert event.fields == expected


def test_ids_and_ordinals():
    events = list(Stdin(DOCUMENTS, ecs=False).decode(b'{}\n[{},{}]\n{"@metadata":{"_id":7,"x":1}}', {"id": "i"}, None))
    assert [event.metadata["event_id"] for event in events] == ["i", "i-1", "i-2", "7"]
    assert [event.ordinal for event in events] == [0, 1, 1 + SIBLING, 2]
    assert events[3].metadata["x"] == 1
    assert Stdin(DOCUMENTS, ecs=False).pick(b'{"a":1}\n{"b":1}', {}, 1) == b'{"b":1}'


def test_stop_gives_out_what_is_there():
    made = Stdin(LINES, ecs=False)
    reader, writer = os.pipe()
    made.descriptor = reader
    os.write(writer, b"whole\nrest")

    async def run():
        batches = []
        async for batch in made.batches():
            batches.append(batch.data)
            made.stop()
        return batches

    assert asyncio.run(run()) == [b"whole\n", b"rest"]
    os.close(writer)


def test_auto_flush():
    options = {"pattern": "^ ", "what": "previous", "auto_flush_interval": 0.01, "ecs_compatibility": "disabled"}
    codec = multiline.build(multiline.Options(**options))
    batches = read(Stdin(codec, ecs=False), b"a\n b\n")
    assert [event.fields["message"] for batch in batches for event in batch] == ["a\n b"]
