"""What an event says, whatever the line holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.disk.chunks import Chunk
from pipeline.disk.sincedb import Key
from shippers.node import agent
from shippers.node.containers import Containers
from shippers.node.entries import Format
from shippers.node.envelopes import Envelopes, Marks, Sender, canonical, timestamp
from shippers.node.lines import Lines
from tests.shippers.node.followed import SENDER

NOW = 1_700_000_000.123
T = "2026-11-23T12:23:31.624573922Z"


def events(
    data: bytes, formatted: Format | None = None, marks: Marks | None = None, **places: Any
) -> list[dict[str, Any]]:
    formatted = formatted or Lines(100)
    place = {"path": "/p", "identity": "ab", "offset": 10, "first_path": "/p", "key": Key(5, 1, 2)} | places
    chunk = Chunk(data=data, begin=lambda: None, end=lambda: None, **place)
    return [
        orjson.loads(event) for event in Envelopes(SENDER, marks or Marks(), formatted).of(chunk, 1_700_000_000.123)
    ]


def test_all_of_an_event() -> None:
    [event] = events(b"the line\n", marks=Marks({"service": "apex-api"}, tags=("a", "b")))
    assert event == {
        "@timestamp": "2023-11-14T22:13:20.123Z",
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
        "log": {
            "file": {"path": "/p", "device_id": str(1 << 24 | 2), "inode": "5", "fingerprint": "ab"},
            "offset": 10,
        },
        "message": "the line",
        "input": {"type": "filestream"},
        "ecs": {"version": "8.0.0"},
        "host": {"name": "node"},
        "agent": {"type": "filebeat", "version": "8.11.0", "id": "one", "name": "node"},
        "fields": {"service": "apex-api"},
        "tags": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": "b\\n"}', '{"a": "b\\n"}'),
        (b"tab\t nul\0 escape\x1b 100%d %s", "tab\t nul\0 escape\x1b 100%d %s"),
        ("Zürich ☃ 😀".encode(), "Zürich ☃ 😀"),
        (b"caf\xe9 \xff", "caf� �"),
        (b" blanks ", " blanks "),
    ],
)
def test_messages(line: bytes, message: str) -> None:
    assert [event["message"] for event in events(line + b"\n")] == [message]


def test_offsets_and_flags() -> None:
    found = events(b"one\n\n" + b"x" * 150 + b"\ntwo\n")
    assert [(each["log"]["offset"], each["log"].get("flags")) for each in found] == [
        (10, None),
        (15, ["truncated"]),
        (115, None),
        (166, None),
    ]


def test_the_first_path_is_shown_also_one_that_is_no_utf_8() -> None:
    [event] = events(b"a\n", path="/now", first_path="/first \udcff%")
    assert event["log"]["file"]["path"] == "/first �%"


def test_a_container_has_its_own_time_and_its_stream() -> None:
    [event, other] = events(f"{T} stderr F text\nno time stdout F x\n".encode(), Containers(100))
    assert (event["@timestamp"], event["stream"], event["message"]) == ("2026-11-23T12:23:31.624Z", "stderr", "text")
    assert (other["@timestamp"], other["message"]) == ("2023-11-14T22:13:20.123Z", "no time stdout F x")


def test_fields_under_the_root_do_not_replace_what_is_there() -> None:
    [event] = events(b"a\n", marks=Marks({"service": "s", "input": 1}, under_root=True))
    assert (event["service"], event["input"]) == ("s", {"type": "filestream"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (T, "2026-11-23T12:23:31.624Z"),
        ("2026-11-23T12:23:31Z", "2026-11-23T12:23:31.000Z"),
        ("2026-11-23T12:23:31.5Z", "2026-11-23T12:23:31.500Z"),
        ("2026-11-23T12:23:31.624573922+02:00", "2026-11-23T10:23:31.624Z"),
        ("2026-11-23T12:23:31", None),
        ("2026-13-23T12:23:31Z", None),
        ("2026-11-23T12:23:31.xZ", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times_of_containers(written: str, expected: str | None) -> None:
    assert canonical(written) == expected


def test_the_time_of_reading() -> None:
    assert timestamp(0.9996) == "1970-01-01T00:00:00.999Z"


# ---------------------------------------------------------------------------------------------- who sends


def test_the_agent_keeps_its_id(tmp_path: Path) -> None:
    first, second = (agent.sender(tmp_path, "", "filebeat", details=False) for _ in range(2))
    assert first.agent["id"] == second.agent["id"]
    assert first.agent["ephemeral_id"] != second.agent["ephemeral_id"]
    assert first.host == {"name": first.agent["name"]}
    named: Sender = agent.sender(tmp_path, "node-7", "other", details=True)
    assert (named.agent["name"], named.host["name"], named.agent["type"]) == ("node-7", "node-7", "other")
    assert named.host["os"]["kernel"]


@pytest.mark.parametrize("text", ["", "{}", '{"uuid": "x"}', '{"uuid": 1}', "[]"])
def test_an_id_that_is_damaged_is_not_drawn_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(agent.StoreError, match=r"meta\.json does not hold"):
        agent.sender(tmp_path, "", "filebeat", details=False)
