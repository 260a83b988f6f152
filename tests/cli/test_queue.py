"""`queue`: what `run` left on disk is shown, and repaired where it is damaged."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.disk.folder_lock import FolderLock
from pipeline.stored_queue.pages import Entry
from pipeline.stored_queue.queue import Bounds, StoredQueue
from tests.cli.program import THROUGH, invoke, run


def opened(folder: Path) -> StoredQueue:
    return StoredQueue(str(folder), Bounds(1000, 1 << 20))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A queue of ten records on several pages; the second and all of the last page are delivered."""
    queue = opened(tmp_path / "queue" / "main")
    for number in range(1, 11):
        text = b'{"n":%d}\n' % number if number != 4 else b"\xff\x00"
        queue.append([Entry("stdin #1", {"id": f"id{number}"}, text + b"\n" * 100, 1_764_000_000_000 + number)])
    for sequence in (1, 3, 10):
        queue.end(sequence)
    queue.checkpoint()
    queue.close()
    return tmp_path


def told(data: Path, *arguments: str) -> Any:
    return json.loads(invoke("queue", "inspect", "--path.data", str(data), "--json", *arguments).out)


def test_inspect(data: Path) -> None:
    code, out, err = invoke("queue", "inspect", "--path.data", str(data))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"queue       {data}/queue/main"
    assert lines[1].startswith("pages       3, ")
    assert lines[2].startswith("records     10; not delivered: 7, ")
    assert lines[3:6] == [
        "sequences   1 to 10; delivered up to 1",
        "            delivered beyond: 3 to 3",
        "            delivered beyond: 10 to 10",
    ]
    assert lines[6] == "oldest      2025-11-24T16:00:00.002Z"
    assert "00000000000000000001.page: " in lines[7]


def test_inspect_as_json_with_records(data: Path) -> None:
    found = told(data, "--records", "2")
    assert (found["records"], found["waiting"], found["first"][0]["sequence"]) == (10, 7, 2)
    assert found["first"] == [
        {
            "sequence": number,
            "input": "stdin #1",
            "origin": {"id": f"id{number}"},
            "time": f"2025-11-24T16:00:00.00{number}Z",
            "data": text,
        }
        for number, text in (
            (2, '{"n":2}\n' + "\n" * 100),
            (4, {"base64": base64.b64encode(b"\xff\x00" + b"\n" * 100).decode()}),
        )
    ]
    assert found["oldest"] == "2025-11-24T16:00:00.002Z"
    assert found["lost"] == []
    shown = invoke("queue", "inspect", "--path.data", str(data), "--records", "1").out.splitlines()[-1]
    assert json.loads(shown) == found["first"][0]


def test_damage_stops_the_start_and_is_repaired(data: Path) -> None:
    folder = data / "queue" / "main"
    [page] = [path for path in folder.glob("*.page") if b'{"n":5}' in path.read_bytes()]
    content = page.read_bytes()
    page.write_bytes(content.replace(b'{"n":5}', b'{"n":6}'))
    (data / "logstash.yml").write_text("queue.type: persisted\n")
    settings = ["--path.settings", str(data), "--path.data", str(data)]
    code, out, err = invoke("queue", "inspect", *settings)
    assert code == 1
    assert "the checksum of record 5 does not match" in out
    assert "lost        5 to 5: `apex-logs queue repair` keeps all that can be read" in out
    code, out, err = run("-e", THROUGH, *settings)
    assert (code, out) == (1, "")
    assert f"{page} is damaged at byte" in err
    assert "`apex-logs queue repair` keeps all that can be read" in err
    code, out, err = invoke("queue", "repair", *settings)
    kept = content.count(b"APXR") - 1
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"moved aside: {folder}/damaged/{page.name}",
        f"kept: {kept} records of damaged pages, in new ones",
        "lost: 1 records, 5 to 5",
    ]
    assert invoke("queue", "repair", *settings).out == f"{folder} needs no repair\n"
    code, out, err = run(
        "-e",
        'input { stdin { codec => json_lines } } output { stdout { codec => line { format => "%{n}" } } }',
        *settings,
    )
    assert code == 0
    assert [line for line in out.splitlines() if line.isdigit()] == ["2", "6", "7", "8", "9"]
    assert told(data)["waiting"] == 0


def test_a_queue_in_use_is_shown_and_not_repaired(data: Path) -> None:
    lock = FolderLock(str(data / "queue" / "main"))
    try:
        assert told(data)["in_use"] is True
        assert invoke("queue", "inspect", "--path.data", str(data)).out.startswith(
            f"queue       {data}/queue/main, in use\n"
        )
        code, _, err = invoke("queue", "repair", "--path.data", str(data))
        assert code == 1
        assert "in use by another process" in err
    finally:
        lock.release()
    assert told(data)["in_use"] is False


def test_a_damaged_checkpoint(data: Path) -> None:
    path = data / "queue" / "main" / "checkpoint"
    path.write_bytes(path.read_bytes()[:-1])
    code, _, err = invoke("queue", "inspect", "--path.data", str(data))
    assert code == 1
    assert f"{path} is damaged" in err
    code, out, _ = invoke("queue", "repair", "--path.data", str(data))
    assert (code, out) == (0, f"moved aside: {path.parent}/damaged/checkpoint\n")
    assert told(data)["waiting"] == 10  # nothing says that any was delivered


@pytest.mark.parametrize("command", ["inspect", "repair"])
def test_there_is_none(command: str, tmp_path: Path) -> None:
    code, _, err = invoke("queue", command, "--path.queue", str(tmp_path), "--pipeline.id", "p")
    assert (code, err) == (2, f"apex-logs: there is no queue in {tmp_path}/p\n")
    assert not (tmp_path / "p").exists()
    code, _, err = invoke("queue", command, "--path.settings", str(tmp_path / "none"))
    assert code == 2
    assert "there is no folder" in err


def test_pages_that_cannot_be_told(data: Path) -> None:
    folder = data / "queue" / "main"
    (folder / "checkpoint").unlink()
    for page in folder.glob("*.page"):
        page.write_bytes(b"x" + page.read_bytes()[1:])
    for command in ("inspect", "repair"):
        code, _, err = invoke("queue", command, "--path.data", str(data))
        assert code == 1
        assert "no page has a header that can be read" in err
