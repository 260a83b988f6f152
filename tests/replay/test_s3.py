"""Archives in S3, against a server that speaks it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.program import counts, envelope, lines, program, stored
from tests.servers import s3

DATA = lines([envelope(number) for number in range(40)])
HALF = DATA[: DATA.index(b'"line 20"')].rfind(b"\n") + 1


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with s3.started(tmp_path_factory.mktemp("s3")) as environment:
        url = environment["AWS_ENDPOINT_URL"]
        s3.put(url, "logs", b"")
        s3.put(url, "logs/2026/a.ndjson.gz", gzip.compress(DATA[:HALF]))
        s3.put(url, "logs/2026/b.ndjson", DATA[HALF:])
        s3.put(url, "logs/damaged.gz", gzip.compress(DATA[:HALF])[:-30])
        yield environment


@pytest.mark.parametrize("path", ["s3://logs/2026", "s3://logs/2026/*.ndjson*"])
def test_objects_of_a_bucket(tmp_path: Path, bucket: dict[str, str], path: str) -> None:
    answer = program(tmp_path, path, environment=bucket)
    assert (answer.code, counts(answer)["indexed"]) == (0, 40), answer.err
    assert "s3://logs/2026/a.ndjson.gz: Filebeat's envelopes" in answer.err
    again = program(tmp_path, path, environment=bucket)
    assert (again.code, counts(again)["read"]) == (0, 0), again.err


def test_an_object_is_the_same_as_its_copy_on_disk(tmp_path: Path, bucket: dict[str, str]) -> None:
    raw = ("--format", "lines", "--time-field", "@timestamp")
    (tmp_path / "copy").write_bytes(DATA[HALF:])
    assert counts(program(tmp_path, "copy", *raw, environment=bucket))["indexed"] == 20
    answer = program(tmp_path, "s3://logs/2026/b.ndjson", "--restart", *raw, environment=bucket)
    assert (answer.code, counts(answer)["duplicates"]) == (0, 20), answer.err
    assert len(stored(tmp_path)) == 20


def test_what_is_not_there_or_damaged(tmp_path: Path, bucket: dict[str, str]) -> None:
    answer = program(tmp_path, "s3://logs/missing", "s3://nowhere/x", environment=bucket)
    assert answer.code == 2
    assert "s3://logs/missing: there is nothing" in answer.err
    assert "s3://nowhere/x: " in answer.err
    answer = program(tmp_path, "s3://logs/damaged.gz", environment=bucket)
    assert answer.code == 3
    assert "it is cut short" in answer.err
