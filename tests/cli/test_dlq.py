"""`dlq`: what was dead-lettered by `run` is listed and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import invoke, run

CONFIGURATION = """\
input { stdin { codec => json_lines } }
filter { uuid { target => "[text][inner]" } }
output { file { path => "out" } }
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dead letters of a run: two events of four."""
    folder = tmp_path_factory.mktemp("dlq")
    lines = b'{"text": {"a": 1}}\n{"text": "b\xc3\xa4d"}\n{"n": 3}\n{"text": "worse"}\n'
    code, _, err = run("-e", CONFIGURATION, "--pipeline.id", "p", stdin=lines, cwd=folder)
    assert code == 0
    assert "dead=2" in err
    assert "delivered=2" in err
    return folder / "data"


def test_list(data: Path) -> None:
    code, out, err = invoke("dlq", "list", "--path.data", str(data), "--pipeline.id", "p")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("1-0 ")
    assert second.startswith("1-1 ")
    assert "uuid at -e:2:10: FilterFailure: [text][inner] cannot be set" in first


def test_list_as_json_and_show(data: Path) -> None:
    where = ["--path.data", str(data), "--pipeline.id", "p"]
    letters = [json.loads(line) for line in invoke("dlq", "list", *where, "--json").out.splitlines()]
    assert [letter["original"] for letter in letters] == ['{"text": "bäd"}', '{"text": "worse"}']
    assert [letter["name"] for letter in letters] == ["1-0", "1-1"]
    assert letters[0]["pipeline"] == "p"
    code, out, _ = invoke("dlq", "show", "1-1", *where)
    assert code == 0
    assert 'original:\n    {"text": "worse"}\n' in out
    assert f"id:\n    {letters[1]['id']}\n" in out
    assert letters[1]["id"] != letters[0]["id"]


def test_there_is_none(tmp_path: Path) -> None:
    code, out, err = invoke("dlq", "list", "--path.data", str(tmp_path))
    assert (code, out) == (0, "")
    assert "no dead letters" in err
    assert invoke("dlq", "list", "--json", "--path.data", str(tmp_path)) == (0, "", "")
    code, _, err = invoke("dlq", "show", "1-0", "--path.data", str(tmp_path))
    assert code == 2
    assert 'there is no dead letter "1-0"' in err


def test_a_damaged_segment_is_reported_after_what_is_before_it(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dead_letter_queue" / "main"
    folder.mkdir(parents=True)
    [segment] = (data / "dead_letter_queue" / "p").iterdir()
    content = bytearray(segment.read_bytes())
    content[-2] ^= 1
    (folder / segment.name).write_bytes(content)
    (folder / "0000000000000002.segment").write_bytes(segment.read_bytes())
    code, out, err = invoke("dlq", "list", "--path.data", str(tmp_path))
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["1-0", "2-0", "2-1"]
    assert "1.segment is damaged at byte" in err
    assert invoke("dlq", "show", "1-0", "--path.data", str(tmp_path)).code == 0
    code, _, err = invoke("dlq", "show", "1-1", "--path.data", str(tmp_path))
    assert code == 1
    assert "damaged" in err


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    for command in (["list"], ["show", "1-0"]):
        code, _, err = invoke("dlq", *command, "--path.settings", str(tmp_path / "none"))
        assert code == 2
        assert "there is no folder" in err
