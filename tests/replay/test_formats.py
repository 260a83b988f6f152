"""What an archive may be packed in, and what it may hold."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from tests.replay.program import APEX_LOGS, THROUGH, command, counts, envelope, lines, program, replay, stored

DATA = lines([envelope(number) for number in range(60)])
HALF = DATA[: DATA.index(b'"line 30"')].rfind(b"\n") + 1


def members(*named: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in named:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def twice(pack: Callable[[bytes], bytes]) -> bytes:
    return pack(DATA[:HALF]) + pack(DATA[HALF:])


TAR = members(("logs/a.log", DATA[:HALF]), ("logs/b.log.gz", gzip.compress(DATA[HALF:])), ("logs/empty", b""))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.log", DATA),
        ("no-newline.log", DATA.rstrip(b"\n")),
        ("crlf.log", DATA.replace(b"\n", b"\r\n")),
        ("a.gz", twice(gzip.compress) + b"\0" * 512),
        ("a.zst", twice(zstd.compress)),
        ("a.bz2", twice(bz2.compress)),
        ("a.xz", twice(lzma.compress)),
        ("packed-under-another-name", gzip.compress(DATA)),
        ("a.tar", TAR),
        ("a.tar.gz", gzip.compress(TAR)),
        ("a.tar.zst", zstd.compress(TAR)),
        ("a.tar.xz", lzma.compress(TAR)),
    ],
)
def test_packings(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    answer = replay(tmp_path, name)
    assert answer.code == 0, answer.err
    assert {document.source["message"] for document in stored(tmp_path)} == {f"line {number}" for number in range(60)}
    assert counts(answer) == {
        "read": 60,
        "indexed": 60,
        "duplicates": 0,
        "dropped by a filter": 0,
        "dead-lettered": 0,
    }
    assert "Filebeat's envelopes; --format overrides" in answer.err
    again = replay(tmp_path, name)
    assert (again.code, counts(again)["read"]) == (0, 0), again.err
    assert "all of it was delivered before" in again.err


def test_files_of_one_name_in_a_tar_are_two(tmp_path: Path) -> None:
    first, second = (
        lines([{"time": "2026-11-20T10:00:00Z", "text": text} for text in texts])
        for texts in (["the same", "a"], ["the same", "b", "c"])
    )
    (tmp_path / "a.tar").write_bytes(members(("app.log", first), ("app.log", second)))
    answer = replay(tmp_path, "a.tar")
    assert (answer.code, counts(answer)["indexed"]) == (0, 5), answer.err
    again = replay(tmp_path, "a.tar", "--restart")
    assert (again.code, counts(again)["duplicates"]) == (0, 5)
    assert counts(replay(tmp_path, "a.tar"))["read"] == 0


def test_folders_and_globs(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "node 1"
    folder.mkdir(parents=True)
    (folder / "a.log").write_bytes(DATA[:HALF])
    (folder / ".hidden").write_bytes(b"not read\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(DATA[HALF:]))
    answer = replay(tmp_path, "archive", "*.gz")
    assert (answer.code, counts(answer)["indexed"]) == (0, 60)
    for glob in ("arch*/node*", "arch*", "archive/**", "{archive,other}"):
        (other := tmp_path / f".{len(glob)}").mkdir()
        answer = replay(other, f"../{glob}")
        assert (answer.code, counts(answer)["indexed"] >= 30) == (0, True), glob


def test_standard_input(tmp_path: Path) -> None:
    for expected in ("indexed", "duplicates"):
        answer = program(tmp_path, "-", "-", stdin=gzip.compress(DATA))
        assert (answer.code, counts(answer)[expected]) == (0, 60), answer.err


def test_standard_input_that_is_closed(tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *command(tmp_path, "-")]
    done = subprocess.run(closed, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "apex-logs: -: it is closed\n")


def test_documents_go_straight_to_the_outputs_under_their_own_ids(tmp_path: Path) -> None:
    sources = [
        {"@timestamp": "2025-01-02T03:04:05.000Z", "message": "a", "tags": ["seen"]},
        {"timestamp": "2025-01-03T03:04:05+01:00", "message": "b"},
    ]
    exported = [
        {"_index": "old-1", "_id": f"id-{number}", "_score": 1, "_source": source}
        for number, source in enumerate(sources)
    ]
    answers = {"took": 3, "timed_out": False, "hits": {"total": {"value": 2}, "hits": exported}}
    (tmp_path / "elasticdump.json").write_bytes(lines(exported))
    (tmp_path / "compact.json").write_bytes(lines([answers]))
    (tmp_path / "pretty.json").write_text(json.dumps(answers, indent=2) * 2)
    text = """
    input { beats { port => 5044 tags => ["live"] } }
    filter { mutate { add_field => { "filtered" => "yes" } } }
    output { elasticsearch { index => "logs-%{+YYYY.MM.dd}" } }
    """
    for number, name in enumerate(("elasticdump.json", "compact.json", "pretty.json")):
        answer = replay(tmp_path, name, text=text)
        assert answer.code == 0, answer.err
        assert counts(answer)["indexed"] == (0 if number else 2)
        assert [(one.index, one.id, one.source) for one in stored(tmp_path)] == [
            ("logs-2025.01.02", "id-0", sources[0]),
            ("logs-2025.01.03", "id-1", {**sources[1], "@timestamp": "2025-01-03T02:04:05.000Z"}),
        ]
    other = tmp_path / "other"
    other.mkdir()
    answer = replay(other, "../elasticdump.json", "--refilter", text=text)
    assert [one.source.get("filtered") for one in stored(other)] == ["yes", "yes"]


def test_a_field_cannot_be_mistaken_for_an_answer(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([{"time": "2026-01-01T00:00:00Z", "hits": 3, "message": "took"}]))
    answer = replay(tmp_path, "a.log")
    assert "a.log: raw lines" in answer.err
    assert len(stored(tmp_path)) == 1


def test_format_overrides_what_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(DATA)
    answer = replay(tmp_path, "a.log", "--format", "lines")
    assert (answer.code, counts(answer)["indexed"]) == (0, 60)
    assert "--format overrides" not in answer.err
    assert json.loads(stored(tmp_path)[0].source["message"])["agent"] == {
        "id": "agent-1",
        "name": "node-1",
        "type": "filebeat",
    }
    assert replay(tmp_path, "a.log", "--format", "wrong").code == 2


BROKEN = """
input { beats { port => 5044 } }
output { elasticsearch { index => "Logs" } }
"""


def test_dead_letters_are_replayed_as_they_came(tmp_path: Path) -> None:
    """An index that no store takes; then the segment, and what `dlq export` makes of it, through one that it takes."""
    (tmp_path / "a.log").write_bytes(DATA + b"no JSON at all\n")
    first = replay(tmp_path, "a.log", text=BROKEN)
    assert (first.code, counts(first)["dead-lettered"]) == (0, 61)
    [segment] = (tmp_path / "store" / "dead_letter_queue" / "main").glob("*.segment")
    answer = replay(tmp_path, str(segment))
    assert (answer.code, counts(answer)["indexed"]) == (0, 61), answer.err
    live = tmp_path / "live"
    live.mkdir()
    replay(live, "../a.log")
    assert stored(tmp_path) == stored(live)
    exported = tmp_path / "exported"
    exported.mkdir()
    export = [APEX_LOGS, "dlq", "export", "--path.data", str(tmp_path / "store"), "-o", "letters.ndjson"]
    subprocess.run(export, cwd=exported, check=True)
    answer = replay(exported, "letters.ndjson")
    assert "letters.ndjson: dead letters of apex-logs" in answer.err
    assert stored(exported) == stored(live)


def test_what_is_dead_after_a_replay_can_be_retried(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(DATA + b"no JSON at all\n")
    replay(tmp_path, "a.log", text=BROKEN)
    data = ("--path.data", str(tmp_path / "store"), "--pipeline.ecs_compatibility", "disabled")
    retry = [APEX_LOGS, "dlq", "retry", "--all", "-f", "fixed.conf", "--embedded", "store", *data]
    (tmp_path / "fixed.conf").write_text(THROUGH)
    done = subprocess.run(retry, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    live = tmp_path / "live"
    live.mkdir()
    replay(live, "../a.log")
    assert stored(tmp_path) == stored(live)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """The first line has its own time, and its place in the file."""
    bom = b"\xef\xbb\xbf"
    data = b'{"time": "2026-11-20T00:00:00Z"}\n{"time": "2026-11-21T00:00:00Z"}\n'
    (tmp_path / "a.log").write_bytes(bom + data)
    (tmp_path / "b.log").write_bytes(bom + data[: data.index(b"\n")])
    (tmp_path / "c.json").write_bytes(
        bom + lines([{"took": 1, "hits": {"hits": [{"_id": "1", "_source": {"time": "2026-11-22T00:00:00Z"}}]}}])
    )
    answer = replay(tmp_path, "a.log", "b.log", "c.json")
    assert (answer.code, counts(answer)["indexed"]) == (0, 4), answer
    assert "c.json: answers of Elasticsearch's _search" in answer.err
    found = [document for document in stored(tmp_path) if document.source.get("message")]
    assert {document.source["message"] for document in found} == set(data.decode().splitlines())
    assert {document.source["log"]["offset"] for document in found} == {3, 3 + data.index(b"\n") + 1}
    assert sorted(document.source["@timestamp"][:10] for document in found) == [
        "2026-11-20",
        "2026-11-20",
        "2026-11-21",
    ]
