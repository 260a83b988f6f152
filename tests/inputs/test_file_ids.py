"""The ids of lines: of different places never the same, of the same line at the same place always."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.codecs import line
from pipeline.disk.sincedb import Key
from pipeline.texts.file_lines import decoder
from tests.inputs.following import Following, write

Follow = Callable[..., Following]

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


# ---------------------------------------------------------------------------------------------- whole inputs


def ids_of(events: list[Any]) -> list[str]:
    return [event.metadata["event_id"] for event in events]


def test_two_complete_files_with_one_content_have_ids_of_their_own(tmp_path: Path, follow: Follow) -> None:
    for name in "xy":
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.log", "service started\n")
    made = ids_of(follow(mode="read", path=f"{tmp_path}/*/a.log").passes())
    assert len(set(made)) == 2


def test_a_complete_file_that_comes_again_has_other_ids(tmp_path: Path, follow: Follow) -> None:
    files, made = follow(mode="read"), []
    for day in range(2):
        write(tmp_path / "job.log", "backup done\n")
        os.utime(tmp_path / "job.log", (day, day))
        made += ids_of(files.passes())
        assert not (tmp_path / "job.log").exists()
    assert len(set(made)) == 2


@pytest.mark.parametrize("mode", ["tail", "read"])
def test_files_with_one_inode_on_two_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(Key, "of", classmethod(lambda cls, status: cls(7, 0, 1)))
    made = []
    for host in "ab":
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        write(tmp_path / "a.log", "service started\n", mode="w")
        os.utime(tmp_path / "a.log", (1, 1))
        files = Following(tmp_path, mode=mode, start_position="beginning", sincedb_path="/dev/null")
        made += ids_of(files.passes())
        files.close()
    assert len(set(made)) == 2


@pytest.mark.parametrize("mode", ["tail", "read"])
@pytest.mark.parametrize("change", [{"id": "b"}, {"tags": ["b"]}, {"sincedb_path": "/dev/null"}, {}])
def test_two_inputs_of_one_file_have_ids_of_their_own(
    tmp_path: Path, follow: Follow, mode: str, change: dict[str, Any]
) -> None:
    """And one input that is started again has the same, whatever else was changed in it."""
    write(tmp_path / "a.log", "service started\n")
    options = {"mode": mode, "start_position": "beginning"}
    [first] = ids_of(follow(**options).passes(end=False))
    [second] = ids_of(follow(**options, stat_interval=5, **change).passes(end=False))
    assert (first != second) == bool(change)


@pytest.mark.parametrize(
    ("options", "text", "more"),
    [
        ({"delimiter": ";"}, "a;b;", "x" * 1100 + ";"),
        ({"codec": line.build(line.Options(delimiter="\r\n"))}, "same\r\n" * 3, "same\r\n" * 3),
        ({"codec": line.build(line.Options(delimiter="\r\n")), "file_chunk_size": 6}, "same\r\n" * 3, "same\r\n"),
        ({}, "x" * 2000 + "\n", "y\n"),
    ],
)
def test_the_ids_of_a_file_that_grows(
    tmp_path: Path, follow: Follow, options: dict[str, Any], text: str, more: str
) -> None:
    options = {"start_position": "beginning", "id": "grows"} | options
    write(tmp_path / "a.log", text)
    files = follow(**options)
    first = ids_of(files.passes(end=False))
    write(tmp_path / "a.log", more)
    first += ids_of(files.passes(end=False))
    files.close()
    assert len(set(first)) == len(first)
    for chunks in ({}, {"file_chunk_size": 7, "file_chunk_count": 1000}):
        assert ids_of(follow(**options | {"sincedb_path": "/dev/null"} | chunks).passes(end=False)) == first


def test_a_first_line_that_comes_between_looking_and_reading(tmp_path: Path, follow: Follow) -> None:
    write(tmp_path / "a.log", "")
    files = follow(start_position="beginning").input.files
    files.scan()
    write(tmp_path / "a.log", "one\n")
    [chunk] = files.chunks()
    files.scan()
    write(tmp_path / "a.log", "two\n")
    files.scan()
    [later] = files.chunks()
    assert chunk.identity == later.identity
