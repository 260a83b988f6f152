"""The time of an event: its own, and never today's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.replay.program import Answer, counts, envelope, lines, replay, stored

OUTPUT = 'output { elasticsearch { index => "logs-%{+YYYY.MM.dd}" } }'
PLAIN = f"input {{ beats {{ port => 5044 }} }} {OUTPUT}"
DATED = f"""
input {{ beats {{ port => 5044 }} }}
filter {{
  mutate {{ copy => {{ "message" => "when" }} }}
  date {{ match => ["when", "yyyy-MM-dd HH:mm:ss"] remove_field => ["when"] }}
}}
{OUTPUT}
"""
MTIME = 1_700_000_000  # 2023-11-14T22:13:20Z


def replayed(folder: Path, data: bytes, *arguments: str, text: str = PLAIN) -> Answer:
    path = folder / "a.log"
    path.write_bytes(data)
    os.utime(path, (MTIME, MTIME))
    return replay(folder, "a.log", *arguments, text=text)


def times(folder: Path) -> dict[str, str]:
    found = stored(folder)
    assert all(one.index == f"logs-{one.source['@timestamp'][:10].replace('-', '.')}" for one in found)
    return {one.source["message"]: one.source["@timestamp"] for one in found}


@pytest.mark.parametrize(
    ("line", "arguments", "time"),
    [
        ('{"time":"2025-01-02T03:04:05Z"}', (), "2025-01-02T03:04:05.000Z"),
        ('{"time":"2025-01-02T03:04:05Z","timestamp":"2025-02-02T03:04:05+01:00"}', (), "2025-02-02T02:04:05.000Z"),
        ('{"timestamp":"no time","time":"2025-01-02 03:04:05Z"}', (), "2025-01-02T03:04:05.000Z"),
        ('{"@timestamp":1735787045,"time":"2020-01-01"}', (), "2025-01-02T03:04:05.000Z"),
        ('{"ts":{"at":1735787045123}}', ("--time-field", "[ts][at]"), "2025-01-02T03:04:05.123Z"),
        ("anything", ("--time", "mtime"), "2023-11-14T22:13:20.000Z"),
        ('{"time":"2025-01-02T03:04:05Z"}', ("--time", "mtime"), "2025-01-02T03:04:05.000Z"),
    ],
)
def test_the_time_of_a_line(tmp_path: Path, line: str, arguments: tuple[str, ...], time: str) -> None:
    answer = replayed(tmp_path, line.encode() + b"\n", *arguments)
    assert answer.code == 0, answer.err
    assert times(tmp_path) == {line: time}


def test_a_date_filter_finds_the_time(tmp_path: Path) -> None:
    answer = replayed(tmp_path, b"2025-01-02 03:04:05\n2025-01-03 03:04:05\n", text=DATED)
    assert answer.code == 0, answer.err
    assert {time[:10] for time in times(tmp_path).values()} == {"2025-01-02", "2025-01-03"}


def test_a_line_that_no_date_filter_can_date_is_dead_lettered_not_dated_today(tmp_path: Path) -> None:
    answer = replayed(tmp_path, b"2025-01-02 03:04:05\nnot a date\n", text=DATED)
    assert (answer.code, counts(answer)["dead-lettered"]) == (0, 1)
    assert list(times(tmp_path)) == ["2025-01-02 03:04:05"]


def test_without_any_time_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(lines([envelope(1)]))
    (tmp_path / "a.log").write_bytes(b"no time\nat all\n")
    answer = replay(tmp_path, "b.log", "a.log", text=PLAIN)
    assert answer.code == 2
    assert "a.log: its lines have no time" in answer.err
    assert "--time mtime" in answer.err
    assert not (tmp_path / "store" / "indices").exists()
    assert replay(tmp_path, "a.log", "--time", "ctime", text=PLAIN).code == 2


@pytest.mark.parametrize("pace", [(), ("--rate", "10/s")])
def test_lines_without_a_time_belong_to_the_line_before(tmp_path: Path, pace: tuple[str, ...]) -> None:
    data = b'at the beginning\n{"time":"2025-01-02T03:04:05Z"}\n  a trace\n\n{"time":"2025-01-03T03:04:05Z"}\n\xff\n'
    answer = replayed(tmp_path, data, *pace)
    assert answer.code == 0, answer.err
    assert {message: time[:10] for message, time in times(tmp_path).items()} == {
        "at the beginning": "2025-01-02",
        '{"time":"2025-01-02T03:04:05Z"}': "2025-01-02",
        "  a trace": "2025-01-02",
        '{"time":"2025-01-03T03:04:05Z"}': "2025-01-03",
        "\\xFF": "2025-01-03",
    }


def test_raw_lines_look_as_if_filebeat_had_sent_them(tmp_path: Path) -> None:
    line = '{"timestamp":"2026-01-02T03:04:05Z","event":"login"}'
    text = f"""
    input {{ beats {{ port => 5044 tags => ["in"] }} }}
    filter {{ if [fields][service] == "apex-api" {{ json {{ source => "message" }} }} }}
    {OUTPUT}
    """
    fields = ("--field", "service=apex-api", "--field", "node.name=n1", "--field", "[host][name]=node-1")
    assert replayed(tmp_path, line.encode(), *fields, text=text).code == 0
    [document] = stored(tmp_path)
    assert document.source == {
        "@timestamp": "2026-01-02T03:04:05.000Z",
        "@version": "1",
        "agent": {"type": "filebeat", "name": document.source["agent"]["name"]},
        "ecs": {"version": "8.0.0"},
        "event": "login",
        "fields": {"service": "apex-api", "node": {"name": "n1"}},
        "host": {"name": "node-1"},
        "input": {"type": "filestream"},
        "log": {"offset": 0, "file": {"path": str(tmp_path / "a.log")}},
        "message": line,
        "tags": ["beats_input_codec_plain_applied", "in"],
        "timestamp": "2026-01-02T03:04:05Z",
    }
    assert replayed(tmp_path, line.encode(), "--field", "nothing", text=text).code == 2


def test_equal_files_are_two_where_fields_or_paths_tell_them_apart(tmp_path: Path) -> None:
    data = b'{"time":"2026-01-02T03:04:05Z"}\n'
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(data)
    assert counts(replay(tmp_path, "a.log", "b.log", text=PLAIN))["indexed"] == 2
    assert counts(replay(tmp_path, "a.log", "--field", "host=b", text=PLAIN))["indexed"] == 1
    (tmp_path / "moved").mkdir()
    (tmp_path / "a.log").rename(tmp_path / "moved" / "other")
    assert counts(replay(tmp_path, "moved/other", "--restart", text=PLAIN))["duplicates"] == 1


def test_from_and_to_look_at_the_time_after_the_filters(tmp_path: Path) -> None:
    data = b"".join(b"2025-01-%02d 03:04:05\n" % day for day in range(1, 11))
    answer = replayed(tmp_path, data, "--from", "2025-01-03T03:04:05Z", "--to", "2025-01-06T03:04:05Z", text=DATED)
    assert answer.code == 0, answer.err
    assert [message[8:10] for message in sorted(times(tmp_path))] == ["03", "04", "05"]
    assert counts(answer)["outside of --from and --to"] == 7
    assert counts(replayed(tmp_path, data, "--from", "-2d", text=DATED))["indexed"] == 0
    assert replayed(tmp_path, data, "--from", "soon", text=DATED).code == 2


def test_a_first_line_that_is_longer_than_what_is_looked_at_may_have_a_time(tmp_path: Path) -> None:
    long = {"m": "x" * 100_000, "timestamp": "2026-11-21T00:00:00Z"}
    (tmp_path / "a.log").write_bytes(lines([long, {"timestamp": "2026-11-22T00:00:00Z"}]))
    answer = replay(tmp_path, "a.log", text=OUTPUT)
    assert (answer.code, counts(answer)["indexed"]) == (0, 2), answer.err
    assert {document.index for document in stored(tmp_path)} == {"logs-2026.11.21", "logs-2026.11.22"}
