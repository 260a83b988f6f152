"""`dlq list`, `stats`, `export`, `purge`: exactly the letters that were asked for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.disk.segments import segments
from tests.cli.program import Answer, invoke

LETTERS = [
    (
        "2026-01-01T00:00:00.000Z",
        DeadLetter("Mapping: no date", "elasticsearch at a.conf:3:1", b"one", {}, b"i1\n", "e1"),
    ),
    (
        "2026-01-02T00:00:00.000Z",
        DeadLetter("mapping: no \x1b[31mlong", "elasticsearch at a.conf:9:1", b"two\nlines", {}),
    ),
    ("2026-01-03T00:00:00.000Z", DeadLetter("FieldError: x", "my-mutate", b"\xff", {}, plugin_type="mutate")),
    (
        "2026-01-04T00:00:00.000Z",
        DeadLetter("Mapping: no date", "elasticsearch at a.conf:3:1", b"2J\0\0\0\1\0\0\0\2{}", {}),
    ),
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four letters in two segments."""

    async def write() -> None:
        for half in (LETTERS[:2], LETTERS[2:]):
            queue = DeadLetterQueue(tmp_path / "dead_letter_queue" / "main", "main")
            for moment, letter in half:
                monkeypatch.setattr("pipeline.delivery.dead_letters.now", lambda moment=moment: moment)
                await queue.put([letter])
            queue.close()

    asyncio.run(write())
    return tmp_path


def dlq(data: Path, command: str, *arguments: str) -> Answer:
    return invoke("dlq", command, *arguments, "--path.data", str(data))


def names(data: Path, *arguments: str) -> list[str]:
    code, out, err = dlq(data, "list", *arguments)
    assert code == 0, err
    return [line.split()[0] for line in out.splitlines()]


ALL = ["1-0", "1-1", "2-0", "2-1"]
SELECTIONS = {
    "nothing": ([], ALL),
    "names": (["2-0", "1-0"], ["1-0", "2-0"]),
    "the plugin's name": (["--plugin", "elasticsearch"], ["1-0", "1-1", "2-1"]),
    "the name of one that has an id": (["--plugin", "mutate"], ["2-0"]),
    "its id": (["--plugin", "my-mutate"], ["2-0"]),
    "a place": (["--plugin", "a.conf:3"], ["1-0", "2-1"]),
    "a reason in any case": (["--reason", "MAPPING"], ["1-0", "1-1", "2-1"]),
    "since": (["--since", "2026-01-02T00:00:00Z"], ["1-1", "2-0", "2-1"]),
    "until": (["--until", "2026-01-02T00:00:00.000Z"], ["1-0", "1-1"]),
    "between": (["--since", "2026-01-01T12:00:00Z", "--until", "2026-01-03T12:00:00Z"], ["1-1", "2-0"]),
    "an age": (["--since", "-1h"], []),
    "an age without a sign": (["--until", "1h"], ALL),
    "a limit": (["--limit", "3"], ALL[:3]),
    "all at once": (["--plugin", "elasticsearch", "--reason", "date", "--since", "2026-01-02T00:00:00Z"], ["2-1"]),
}


@pytest.mark.parametrize(("arguments", "wanted"), SELECTIONS.values(), ids=SELECTIONS)
def test_what_is_selected(data: Path, arguments: list[str], wanted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    assert names(data, *arguments) == wanted


@pytest.mark.parametrize(("arguments", "said"), [(["x"], "is no name"), (["--since", "soon"], "takes a time such as")])
def test_what_cannot_be_read(data: Path, arguments: list[str], said: str) -> None:
    code, _, err = dlq(data, "list", *arguments)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


def test_what_is_not_there(data: Path) -> None:
    code, out, err = dlq(data, "list", "1-0", "7-0")
    assert (code, len(out.splitlines())) == (2, 1)
    assert 'there is no dead letter "7-0"' in err


def test_nothing_of_an_event_steers_the_terminal(data: Path) -> None:
    assert "\\x1b[31m" in dlq(data, "list").out
    assert "\\x1b[31m" in dlq(data, "show", "1-1").out


def test_stats(data: Path) -> None:
    code, out, _ = dlq(data, "stats")
    assert code == 0
    assert out.startswith("4 dead letters in ")
    assert "oldest 2026-01-01T00:00:00.000Z, newest 2026-01-04T00:00:00.000Z\n2 segments, 0 damaged; " in out
    assert "       2  elasticsearch at a.conf:3:1: Mapping: no date\n" in out
    stats = json.loads(dlq(data, "stats", "--json").out)
    assert (stats["letters"], stats["segments"], stats["storage_policy"]) == (4, 2, "block")
    assert sum(row["bytes"] for row in stats["by"]) == stats["bytes"] < stats["segment_bytes"]
    assert dlq(data / "none", "stats").out.startswith("0 dead letters")


def test_export(data: Path) -> None:
    code, out, _ = dlq(data, "export", "--plugin", "elasticsearch")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["name"] for row in rows] == ["1-0", "1-1", "2-1"]
    assert rows[0]["item"] == "i1\n"
    target = data / "out.ndjson"
    assert dlq(data, "export", "2-0", "-o", str(target)).code == 0
    assert json.loads(target.read_text())["original"] == {"base64": "/w=="}
    assert names(data) == ALL
    code, _, err = dlq(data, "export", "-o", str(data))
    assert code == 2
    assert "cannot write to" in err


def test_export_of_the_original_lines(data: Path) -> None:
    code, out, err = dlq(data, "export", "--original")
    assert (code, out) == (1, "one\n{}\n")
    assert "2 of 4 letters are left out" in err
    assert dlq(data, "export", "--original", "1-0") == (0, "one\n", "")


def test_purge_removes_what_was_asked_for(data: Path) -> None:
    assert dlq(data, "purge", "1-1") == (0, "1 dead letters are removed\n", "")
    assert names(data) == ["1-0", "2-0", "2-1"]
    assert len(segments(data / "dead_letter_queue" / "main")) == 2
    assert dlq(data, "purge", "1-1").code == 2
    assert dlq(data, "purge", "--plugin", "elasticsearch", "--limit", "1").out.startswith("1 ")
    assert names(data) == ["2-0", "2-1"]
    assert len(segments(data / "dead_letter_queue" / "main")) == 1
    assert dlq(data, "purge", "--all").out.startswith("2 ")
    assert segments(data / "dead_letter_queue" / "main") == []
    assert dlq(data, "purge", "--all") == (0, "0 dead letters are removed\n", "")
    assert dlq(data / "none", "purge", "--all").code == 0


@pytest.mark.parametrize("command", ["purge", "retry"])
@pytest.mark.parametrize("arguments", [[], ["--limit", "3"]])
def test_nothing_is_removed_that_was_not_named(data: Path, command: str, arguments: list[str]) -> None:
    code, _, err = dlq(data, command, *arguments)
    assert code == 2
    assert "nothing is chosen" in err
    assert names(data) == ALL


def test_damaged_segments_stay_until_they_are_named(data: Path) -> None:
    folder = data / "dead_letter_queue" / "main"
    first = segments(folder)[0]
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    code, out, err = dlq(data, "purge", "--all")
    assert (code, out) == (1, "3 dead letters are removed\n")
    assert "damaged at byte" in err
    assert segments(folder) == [first]
    assert json.loads(dlq(data, "stats", "--json").out)["damaged"]
    assert dlq(data, "purge", "--damaged", "--all").code == 2
    assert dlq(data, "purge", "--damaged") == (0, "1 damaged segments are deleted\n", "")
    assert segments(folder) == []
    assert dlq(data / "none", "purge", "--damaged").code == 0


def test_a_damaged_segment_that_is_written_to_stays(data: Path) -> None:
    async def scenario() -> None:
        queue = DeadLetterQueue(data / "dead_letter_queue" / "main", "main")
        await queue.put([LETTERS[0][1], LETTERS[0][1]])
        path = segments(queue.folder)[-1]
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        code, out, err = dlq(data, "purge", "--damaged")
        assert (code, out) == (1, "0 damaged segments are deleted\n")
        assert "1 are written to by a process" in err
        queue.close()

    asyncio.run(scenario())


HOLD = "import sys\nfrom pathlib import Path\nfrom pipeline.disk.removals import exclusive\n"
HOLD += "with exclusive(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


def test_two_operators(data: Path) -> None:
    folder = data / "dead_letter_queue" / "main"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "held\n"
    for command in (["purge", "--all"], ["purge", "--damaged"], ["retry", "--all", "-f", str(data / "c.conf")]):
        (data / "c.conf").write_text("output { stdout {} }")
        code, _, err = dlq(data, *command)
        assert code == 1
        assert f"another apex-logs dlq (process {other.pid}) works on" in err
    other.stdin.close()
    other.wait(20)
    other.stdout.close()
    assert names(data) == ALL


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    for command in (["stats"], ["export"], ["purge", "--all"], ["purge", "--damaged"], ["retry", "--all"]):
        code, _, err = invoke("dlq", *command, "--path.settings", str(tmp_path / "none"))
        assert code == 2
        assert "there is no folder" in err
