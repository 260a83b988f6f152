"""The ids of lines: of different places never the same, of the same line at the same place always."""

from __future__ import annotations

import random
from typing import Any

from pipeline.codecs import line
from pipeline.inputs.file import decoder

CODEC = line.build(line.Options(ecs_compatibility="disabled"))


def ids(data: bytes, offset: int = 0, identity: str = "f" * 32) -> list[Any]:
    decode = decoder(CODEC, 1, "host", ecs=False)
    origin = {"id": "x", "path": "/a.log", "identity": identity, "offset": offset}
    return [event.metadata["event_id"] for event in decode(data, origin, lambda raw, error: None)]


def test_short_lines_of_one_shape_have_ids_of_their_own() -> None:
    draw = random.Random(1)
    lines = [b"%d=value %d=other" % (draw.randrange(10), draw.randrange(10)) for _ in range(20_000)]
    assert len(set(ids(b"\n".join(lines) + b"\n"))) == len(lines)


def test_a_line_has_the_same_id_wherever_its_block_begins() -> None:
    data = b"one\ntwo\nthree\n"
    assert ids(data)[1:] == ids(data[4:], 4)


def test_another_file_or_another_text_has_another_id() -> None:
    assert ids(b"one\n") != ids(b"one\n", identity="e" * 32)
    assert ids(b"one\n") != ids(b"two\n")
