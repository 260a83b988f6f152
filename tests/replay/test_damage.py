"""What is damaged is read up to the damage, told of, and does not keep the others from being read."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import Damaged
from pipeline.replay.archives import find
from tests.replay.program import command, counts, envelope, lines, replay, stored

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
    assert "a: read up to byte " in answer.err
    assert "apex-logs: not read to the end: a\n" in answer.err
    assert reason in answer.err
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


def test_what_holds_no_lines_is_not_sent_as_lines(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(OTHER)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.log", OTHER)
    answer = replay(tmp_path, "b.log", "a.zip", "--time", "mtime")
    assert answer.code == 2
    assert "apex-logs: a.zip: it is a zip archive, which is not read: unpack it first" in answer.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(PACKED), "a: it is packed once more, with gzip, which is not read"),
        (tarred(gzip.compress(TAR)), "a:a.log: it is a tar in a tar, which is not read"),
        (tarred(TAR), "a:a.log: it is a tar in a tar, which is not read"),
    ],
)
def test_what_is_packed_in_what_is_packed(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(data)
    answer = replay(tmp_path, "a", "--time", "mtime")
    assert (answer.code, reason in answer.err) == (2, True), answer.err


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    answer = replay(tmp_path, "pipe")
    assert (answer.code, "pipe: it is no regular file" in answer.err) == (2, True)


@pytest.mark.parametrize("name", ["archive/closed", "archive/b.log"])
def test_what_may_not_be_read_is_not_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "archive" / "closed").mkdir(parents=True)
    for path in ("archive/a.log", "archive/b.log", "archive/closed/c.log"):
        (tmp_path / path).write_bytes(OTHER)
    (tmp_path / name).chmod(0)
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*powerless, *command(tmp_path, "archive")], cwd=tmp_path, capture_output=True, text=True)
    (tmp_path / name).chmod(0o700)
    assert (done.returncode, done.stderr) == (2, f"apex-logs: {name}: Permission denied\n")


def test_a_file_that_takes_the_place_of_an_archive_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(DATA)
    [archive] = find([str(tmp_path / "a.log")])
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    with pytest.raises(Damaged, match="cannot be opened any more"):
        next(archive.blocks(0))
    (tmp_path / "a.log").write_bytes(DATA + OTHER)
    with pytest.raises(Damaged, match="another file has taken its place"):
        next(archive.blocks(0))


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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_text_in_utf_16_is_told_of(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.log").write_bytes(OTHER.decode().encode(encoding))
    answer = replay(tmp_path, "a.log", "--time", "mtime")
    assert (answer.code, "a.log: it is text in UTF-16 or UTF-32: convert it first" in answer.err) == (2, True)
    assert replay(tmp_path, "a.log", "--time", "mtime", "--format", "lines", "--dry-run").code == 0


@pytest.mark.parametrize("packed", [False, True])
def test_what_there_is_of_a_file_that_is_cut_in_a_tar_is_read(tmp_path: Path, packed: bool) -> None:
    cut = TAR[: 512 + len(DATA) // 3]
    data = gzip.compress(cut) if packed else cut
    (tmp_path / "a.tar").write_bytes(data)
    answer = replay(tmp_path, "a.tar")
    assert (answer.code, counts(answer)["indexed"]) == (3, DATA[: len(DATA) // 3].count(b"\n"))


def test_it_is_told_where_the_damage_is(tmp_path: Path) -> None:
    """Of an archive of many parts, or one that is large: not behind the last byte of what was taken to be unpacked."""
    lengths = len(DATA) // 4
    parts = [gzip.compress(DATA[start : start + lengths]) for start in range(0, len(DATA), lengths)]
    start = sum(map(len, parts[:2]))
    (tmp_path / "a.gz").write_bytes(corrupt(b"".join(parts), start + 20_000))
    answer = replay(tmp_path, "a.gz")
    told = re.search(
        r"a.gz: read up to byte ([0-9,]+): .*; up to ([0-9,]+) of its ([0-9,]+) bytes are left out", answer.err
    )
    assert told is not None, answer.err
    read, left, size = (int(number.replace(",", "")) for number in told.groups())
    assert read + left == size == sum(map(len, parts))
    assert start <= read < start + len(parts[2]), "in the third of them"
    assert answer.err.count("Error") == 1, "told once"
