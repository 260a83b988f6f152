"""What is damaged is read up to the damage, told of, and does not keep the others from being read."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest

from tests.replay.program import counts, envelope, lines, replay, stored

EVENTS = 3000
DRAW = random.Random(3)
DATA = lines([envelope(number, nonce=f"{DRAW.getrandbits(512):x}") for number in range(EVENTS)])
OTHER = lines([envelope(number) for number in range(EVENTS, EVENTS + 10)])


def corrupt(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + 64]) + data[place + 64 :]


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("a.log")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


PACKED, TAR = gzip.compress(DATA), tarred(DATA)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PACKED[:-200], "cut short"),
        (corrupt(PACKED, len(PACKED) // 2), "Error"),
        (PACKED + b"not a member", "in part 2 of it"),
        (TAR[: len(TAR) // 2], "in a.log"),
        (TAR[: 512 + (len(DATA) + 511) // 512 * 512], "the tar archive is cut short"),
        (gzip.compress(TAR)[:-500], "cut short in a.log"),
    ],
)
def test_damage(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b.log").write_bytes(OTHER)
    answer = replay(tmp_path, "a", "b.log")
    assert answer.code == 3
    assert "apex-logs: a: read up to byte " in answer.err
    assert reason in answer.err
    assert f"of its {len(data)} bytes are left out" in answer.err
    messages = [document.source["message"] for document in stored(tmp_path)]
    assert 10 < len(messages) == len(set(messages))
    assert {f"line {number}" for number in range(EVENTS, EVENTS + 10)} <= set(messages)
    again = replay(tmp_path, "a", "b.log")
    assert (again.code, counts(again)["indexed"]) == (3, 0), "the same command says it again, and sends nothing twice"
    (tmp_path / "a").write_bytes(PACKED)
    assert replay(tmp_path, "a", "b.log").code == 0, "one that was mended is read anew"
    assert {f"line {number}" for number in range(EVENTS + 10)} <= {one.source["message"] for one in stored(tmp_path)}


def test_a_decompression_bomb_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\n" * (80 << 20)))
    (tmp_path / "b.log").write_bytes(OTHER)
    answer = replay(tmp_path, "bomb.gz", "b.log", "--time", "mtime")
    assert answer.code == 3
    assert "decompression bomb" in answer.err
    assert len(stored(tmp_path)) == 10
    assert replay(tmp_path, "bomb.gz", "--max-ratio", "0", "--time", "mtime").code == 0


def test_what_is_not_there_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(OTHER)
    (tmp_path / "empty").mkdir()
    answer = replay(tmp_path, "b.log", "missing.log", "*.gz", "empty")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        "apex-logs: missing.log: No such file or directory",
        "apex-logs: *.gz: no file matches",
        "apex-logs: empty: there is no file in this folder",
    ]
    assert not (tmp_path / "store").exists()


def test_a_configuration_with_a_fault_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(OTHER)
    answer = replay(tmp_path, "b.log", text="output { nothing {} }")
    assert answer.code == 2
    assert "1 fault in the configuration" in answer.err
    assert replay(tmp_path, "b.log", text="filter { drop {} }").code == 2


def test_envelopes_without_a_time_are_never_of_today(tmp_path: Path) -> None:
    odd = [
        {**envelope(1), "@timestamp": "2026-11-21T10:00:00.000Z"},
        {"message": "none", "agent": {}},
        {"message": "its own", "agent": {}, "timestamp": "2025-01-01T00:00:00Z"},
        {"message": "no time", "agent": {}, "@timestamp": "soon"},
    ]
    (tmp_path / "b.log").write_bytes(lines(odd))
    answer = replay(tmp_path, "b.log", "--format", "envelopes")
    assert (answer.code, counts(answer)["indexed"]) == (0, 4)
    assert {one.source["message"]: one.index for one in stored(tmp_path)} == {
        "line 1": "logs-2026.11.21",
        "none": "logs-2026.11.21",
        "its own": "logs-2025.01.01",
        "no time": "logs-2025.01.01",
    }


def test_lines_that_are_no_envelopes_are_tagged_and_kept(tmp_path: Path) -> None:
    odd = OTHER[: OTHER.index(b"\n") + 1] + b'\xff\xfe\n{"cut": \n[1]\n\n' + OTHER[OTHER.index(b"\n") + 1 :]
    (tmp_path / "b.log").write_bytes(odd)
    answer = replay(tmp_path, "b.log")
    assert (answer.code, counts(answer)["indexed"]) == (0, 13)
    tagged = {one.source["message"] for one in stored(tmp_path) if "_jsonparsefailure" in one.source["tags"]}
    assert tagged == {"\\xFF\\xFE", '{"cut": ', "[1]"}
    assert {one.source["@timestamp"] for one in stored(tmp_path) if one.source["message"] in tagged} == {
        envelope(EVENTS)["@timestamp"]
    }
