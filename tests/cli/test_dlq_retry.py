"""`dlq retry`: exactly the letters that were asked for, through the real engine; removed when they were delivered."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.disk.letters import letters
from pipeline.disk.segments import segments
from pipeline.errors import BodyTooLarge, Unavailable
from pipeline.plugin import Sent
from pipeline.protocols.lumberjack import json_frames
from shippers.lumberjack import Sender
from tests.cli.program import APEX_LOGS, Answer, Running, invoke, run, until
from tests.harness import ScriptedOutput
from tests.servers.elasticsearch_node import free_port

UPDATES = 'output { elasticsearch { index => "logs" document_id => "%{id}" action => "%{do}" } }'
INPUT = "input { stdin { codec => json_lines } }"
FAIL = 'filter { uuid { target => "[text][inner]" } }'


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def dead(folder: Path) -> list[str]:
    return [letter.name for letter in letters(folder / "dead_letter_queue" / "main")]


def retry(folder: Path, *arguments: str) -> Answer:
    return invoke("dlq", "retry", *arguments, "--path.data", str(folder))


def stored(folder: Path) -> list[dict[str, Any]]:
    out = invoke("search", "--embedded", str(folder), "--json").out
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def refused_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two updates of documents that were not there, and then one of them is."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "updates.conf").write_text(f"{INPUT} {UPDATES}")
    events = lines(*({"id": name, "do": "update", "n": n} for n, name in enumerate("ab")))
    code, _, err = run("-f", "updates.conf", "--embedded", ".", stdin=events, cwd=folder)
    assert code == 0, err
    assert dead(folder) == ["1-0", "1-1"]
    run("-f", "updates.conf", "--embedded", ".", stdin=lines({"id": "a", "do": "index", "old": 1}), cwd=folder)
    return folder


@pytest.fixture
def refused(refused_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the test works: its configuration has the name that it had."""
    copytree(refused_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_items_go_again_to_the_output_that_refused_them(refused: Path) -> None:
    code, out, err = retry(refused, "--all", "--again", "-f", "updates.conf", "--embedded", str(refused))
    assert code == 0, err
    assert out == "2 of 2 dead letters are retried and removed: 1 delivered, 1 dead again\n"
    [document] = stored(refused)
    assert (document["_id"], document["_source"]["old"], document["_source"]["n"]) == ("a", 1, 0)
    [again] = letters(refused / "dead_letter_queue" / "main")
    assert again.name == "2-0"
    assert (again.input, again.plugin_type) == ("stdin", "sqlite")
    assert json.loads(again.original) == {"id": "b", "do": "update", "n": 1}
    assert again.record["origin"]["letter"] == "1-1"


def test_only_what_was_asked_for(refused: Path) -> None:
    code, out, _ = retry(refused, "1-1", "--again", "-f", "updates.conf", "--embedded", str(refused))
    assert (code, out[:6]) == (0, "1 of 1")
    assert dead(refused) == ["1-0", "2-0"]
    assert retry(refused, "1-1", "--again", "-f", "updates.conf").code == 2
    assert dead(refused) == ["1-0", "2-0"]


def test_the_configuration_of_the_settings(refused: Path) -> None:
    settings = refused / "settings"
    settings.mkdir()
    (settings / "logstash.yml").write_text("path.config: updates.conf\n")
    code, _, err = retry(refused, "1-0", "--path.settings", str(settings), "--embedded", str(refused))
    assert code == 0, err
    assert dead(refused) == ["1-1"]


def test_an_output_that_has_moved(refused: Path) -> None:
    moved = refused / "moved.conf"
    moved.write_text(f"{INPUT}\n\n{UPDATES}")
    assert retry(refused, "1-0", "--again", "-f", str(moved), "--embedded", str(refused)).code == 0
    moved.write_text(f"{UPDATES.replace('index', 'id => one index')} {UPDATES.replace('index', 'id => two index')}")
    arguments = ["1-1", "--again", "-f", str(moved), "--embedded", str(refused)]
    code, out, err = retry(refused, *arguments)
    assert (code, out[:6]) == (1, "0 of 1")
    assert '1-1 stays: the configuration does not say which output "sqlite at ' in err
    assert 'it has "one", "two": name one with --output' in err
    code, _, err = retry(refused, *arguments, "--output", "three")
    assert code == 2
    assert 'there is no output "three" in the configuration; it has "one", "two"' in err
    assert dead(refused) == ["1-1"]
    assert retry(refused, *arguments, "--output", "two").code == 0
    assert dead(refused) == ["2-0"]


def test_output_is_for_items(tmp_path: Path) -> None:
    code, _, err = retry(tmp_path, "1-0", "-f", "x.conf", "--output", "two")
    assert code == 2
    assert "--output is for items" in err


def test_originals_run_through_another_configuration(refused: Path) -> None:
    fixed = refused / "fixed.conf"
    fixed.write_text(
        'input { beats { port => 0 } stdin { codec => json_lines tags => ["again"] } }'
        'filter { mutate { remove_field => ["do", "id"] } } output { elasticsearch { index => "logs" } }'
    )
    ids = [letter.event_id for letter in letters(refused / "dead_letter_queue" / "main")]
    code, out, err = retry(refused, "1-1", "-f", str(fixed), "--embedded", str(refused))
    assert (code, out) == (0, "1 of 1 dead letters are retried and removed: 1 delivered\n"), err
    [document] = [one for one in stored(refused) if one["_id"] != "a"]
    assert document["_id"] == ids[1]
    assert (document["_source"]["n"], document["_source"]["tags"]) == (1, ["again"])
    assert dead(refused) == ["1-0"]


def test_what_was_delivered_before_is_known(refused: Path) -> None:
    """A crash between delivery and removal: the letter is there again, and its event is not written twice."""
    conf = refused / "same.conf"
    conf.write_text(f'{INPUT} output {{ elasticsearch {{ index => "other" }} }}')
    folder = refused / "dead_letter_queue" / "main"
    content = segments(folder)[0].read_bytes()
    assert retry(refused, "--all", "-f", str(conf), "--embedded", str(refused)).code == 0
    (folder / "0000000000000001.segment").write_bytes(content)
    for left in folder.glob("*.removed"):
        left.unlink()
    code, out, _ = retry(refused, "--all", "-f", str(conf), "--embedded", str(refused))
    assert (code, out) == (0, "2 of 2 dead letters are retried and removed: 0 delivered, 2 there before\n")
    assert segments(folder) == []


@pytest.fixture(scope="module")
def failed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of four events, in two lines of arrays, a filter failed on the two that have a text."""
    folder = tmp_path_factory.mktemp("failed")
    conf = f"{INPUT} {FAIL} output {{ file {{ path => 'out' }} }}"
    events = lines([{"n": 0}, {"text": "one"}], [{"text": "two"}, {"n": 3}])
    code, _, err = run("-e", conf, "--path.data", ".", stdin=events, cwd=folder)
    assert code == 0, err
    assert dead(folder) == ["1-0", "1-1"]
    return folder


@pytest.fixture
def failed(failed_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copytree(failed_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


def written(path: Path, *names: str) -> list[tuple[Any, ...]]:
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    return [tuple(document.get(name) for name in names) for document in documents]


def test_of_an_array_only_the_event_of_the_letter(failed: Path) -> None:
    conf, out = failed / "fixed.conf", failed / "again"
    conf.write_text(f"{INPUT} output {{ file {{ path => '{out}' }} }}")
    assert retry(failed, "--all", "-f", str(conf)).code == 0
    assert written(out, "text", "n") == [("one", None), ("two", None)]


def test_and_so_it_is_when_it_dies_again(failed: Path) -> None:
    conf, out = failed / "same.conf", failed / "again"
    conf.write_text(f"{INPUT} {FAIL} output {{ file {{ path => '{out}' }} }}")
    for _ in range(2):
        code, text, _ = retry(failed, "--all", "-f", str(conf))
        assert (code, text) == (0, "2 of 2 dead letters are retried and removed: 0 delivered, 2 dead again\n")
    assert dead(failed) == ["3-0", "3-1"]
    conf.write_text(f"{INPUT} output {{ file {{ path => '{out}' }} }}")
    assert retry(failed, "--all", "-f", str(conf)).code == 0
    assert written(out, "text", "n") == [("one", None), ("two", None)]


def test_an_input_of_that_kind_stands_in(failed: Path) -> None:
    conf, out = failed / "fixed.conf", failed / "again"
    conf.write_text(f"output {{ file {{ path => '{out}' codec => line {{ format => '%{{message}}' }} }} }}")
    code, _, err = retry(failed, "1-0", "-f", str(conf))
    assert code == 1  # the line is one event for a plain reader, and the letter is of the second
    assert "1-0 stays: its original cannot be decoded: it holds no event for this input" in err
    assert retry(failed, "1-1", "-f", str(conf)).code == 0
    assert out.read_text() == '[{"text": "two"}, {"n": 3}]\n'


BEATS = {"of the configuration": "input { beats { port => 0 tags => [again] } }", "that stands in": ""}


@pytest.mark.parametrize("source", BEATS.values(), ids=BEATS)
def test_the_event_of_a_beat_keeps_its_id(tmp_path: Path, source: str) -> None:
    event = json_frames([json.dumps({"message": "m", "log": {"offset": 1}}).encode()])
    origin = {"id": "w", "peer": "192.0.2.7:5", "window": 1}
    put(tmp_path, DeadLetter("r", "p", event, origin, None, "its-id", "beats"))
    conf = _conf(tmp_path, f"{source} output {{ elasticsearch {{ index => logs }} }}")
    code, _, err = retry(tmp_path, "--all", "-f", conf, "--embedded", str(tmp_path))
    assert code == 0, err
    [document] = stored(tmp_path)
    assert (document["_id"], document["_source"]["message"]) == ("its-id", "m")
    assert ("again" in document["_source"].get("tags", [])) == bool(source)
    assert dead(tmp_path) == []


BEATS_JSON = "input { beats { port => %d codec => json } }"
ARRAY = [{"n": 0}, {"n": 1, "bad": True}, {"n": 2, "bad": True}, {"n": 3}]
TO_LOGS = "elasticsearch { index => logs }"
REFUSING = {
    "a filter": f"filter {{ if [bad] {{ uuid {{ target => '[n][x]' }} }} }} output {{ {TO_LOGS} }}",
    "an output": f"output {{ if [bad] {{ elasticsearch {{ index => UPPER }} }} else {{ {TO_LOGS} }} }}",
}


def through_beats(folder: Path, text: str, event: dict[str, Any]) -> None:
    """Runs until one event of a Beat is acknowledged; the text has a place for the port."""
    port = free_port()

    async def ship() -> None:
        async with asyncio.timeout(30), Sender("127.0.0.1", port) as sender:
            await sender.send([event])

    with Running("-e", text % port, "--embedded", str(folder), cwd=folder) as running:
        running.says("listening")
        asyncio.run(ship())
        running.send(signal.SIGTERM)
        assert running.wait() == 0, running.log


@pytest.mark.parametrize("refusing", REFUSING.values(), ids=REFUSING)
def test_of_a_beats_array_only_the_event_of_the_letter(tmp_path: Path, refusing: str) -> None:
    """Where a codec makes several events of one: those that were refused, and no other in their place."""
    through_beats(tmp_path, f"{BEATS_JSON} {refusing}", {"message": json.dumps(ARRAY)})
    assert len(dead(tmp_path)) == 2
    fixed = _conf(tmp_path, f"{BEATS_JSON % 0} output {{ {TO_LOGS} }}")
    code, out, err = retry(tmp_path, "--all", "-f", fixed, "--embedded", str(tmp_path))
    assert (code, out) == (0, "2 of 2 dead letters are retried and removed: 2 delivered\n"), err
    assert sorted(document["_source"]["n"] for document in stored(tmp_path)) == [0, 1, 2, 3]


def test_what_a_filter_made_of_an_event_keeps_its_ids(tmp_path: Path) -> None:
    """One of three parts failed behind the split: the original goes again, and the others are known."""
    split = 'filter { split { field => items target => "n" } %s }'
    failing = split % "if [n] == 2 { uuid { target => '[n][x]' } }"
    conf, events = f"{INPUT} {failing} output {{ {TO_LOGS} }}", lines({"items": [1, 2, 3]})
    code, _, err = run("-e", conf, "--embedded", ".", stdin=events, cwd=tmp_path)
    assert code == 0, err
    assert len(dead(tmp_path)) == 1
    fixed = _conf(tmp_path, f"{INPUT} {split % ''} output {{ {TO_LOGS} }}")
    code, out, err = retry(tmp_path, "--all", "-f", fixed, "--embedded", str(tmp_path))
    assert (code, out) == (0, "1 of 1 dead letters are retried and removed: 1 delivered, 2 there before\n"), err
    assert sorted(document["_source"]["n"] for document in stored(tmp_path)) == [1, 2, 3]


def test_bytes_that_could_not_be_decoded(tmp_path: Path) -> None:
    """All of their events, under ids that no other letter of the same bytes has: a false duplicate would be a loss."""
    conf = _conf(tmp_path, f"{INPUT} output {{ elasticsearch {{ index => logs }} }}")
    for _ in range(2):
        put(tmp_path, DeadLetter("r", "p", b'[{"n":1},{"n":2}]', {"id": "b"}, None, None, "stdin"))
        code, _, err = retry(tmp_path, "--all", "-f", conf, "--embedded", str(tmp_path))
        assert code == 0, err
    assert sorted(document["_source"]["n"] for document in stored(tmp_path)) == [1, 1, 2, 2]
    ids = {document["_id"] for document in stored(tmp_path)}
    assert len(ids) == 4


def test_broken_frames_stay(tmp_path: Path) -> None:
    put(tmp_path, DeadLetter("r", "p", b"no frame", {"id": "w"}, None, None, "beats"))
    code, out, err = retry(tmp_path, "--all", "-f", _conf(tmp_path, "output { stdout {} }"))
    assert (code, out[:6]) == (1, "0 of 1")
    assert "1-0 stays: its original cannot be decoded: " in err
    assert dead(tmp_path) == ["1-0"]


def put(folder: Path, letter: DeadLetter) -> None:
    async def write() -> None:
        queue = DeadLetterQueue(folder / "dead_letter_queue" / "main", "main")
        await queue.put([letter])
        queue.close()

    asyncio.run(write())


def test_what_has_no_item_stays(failed: Path) -> None:
    code, out, err = retry(failed, "--all", "--again", "-f", _conf(failed, "output { stdout {} }"))
    assert (code, out[:6]) == (1, "0 of 2")
    assert "1-0 stays: it has no item, as it came to no output; run its original with -f CONF" in err
    assert dead(failed) == ["1-0", "1-1"]


def _conf(folder: Path, text: str) -> str:
    path = folder / "some.conf"
    path.write_text(text)
    return str(path)


def test_a_configuration_without_outputs_is_refused(failed: Path) -> None:
    code, _, err = retry(failed, "--all", "-f", _conf(failed, INPUT))
    assert code == 2
    assert "letters would be removed undelivered" in err
    code, _, err = retry(failed, "--all")
    assert code == 2
    assert "nothing to run" in err
    code, _, err = retry(failed, "--all", "-f", _conf(failed, "output { stdot {} }"))
    assert code == 2
    assert "1 fault in the configuration" in err
    assert dead(failed) == ["1-0", "1-1"]


def test_an_empty_queue(tmp_path: Path) -> None:
    code, out, _ = retry(tmp_path, "--all", "-f", _conf(tmp_path, "output { stdout {} }"))
    assert (code, out) == (0, "0 of 0 dead letters are retried and removed: 0 delivered\n")
    assert retry(tmp_path, "1-0", "-f", _conf(tmp_path, "output { stdout {} }")).code == 2


def test_items_are_repeated_and_halved_as_any(refused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = ScriptedOutput([Unavailable("away"), BodyTooLarge("413"), Sent(again=[(0, "429")])])
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    settings = refused / "settings"
    settings.mkdir()
    (settings / "logstash.yml").write_text("retry.initial_interval: 1ms\n")
    arguments = ["--again", "-f", _conf(refused, "output { stdout { id => out } }"), "--output", "out"]
    code, out, err = retry(refused, "--all", *arguments, "--path.settings", str(settings))
    assert (code, out) == (0, "2 of 2 dead letters are retried and removed: 2 delivered\n"), err
    assert [json.loads(item.splitlines()[0])["update"]["_id"] for item in output.written] == ["a", "b"]
    assert [len(body) for body in output.bodies] == [2, 2, 1, 1, 1]
    assert dead(refused) == []


@pytest.mark.parametrize("form", [["--again", "--output", "es"], []])
def test_what_was_not_delivered_when_it_is_stopped_stays(refused: Path, form: list[str]) -> None:
    text = f'{INPUT} output {{ elasticsearch {{ id => "es" hosts => "127.0.0.1:9" manage_template => false }} }}'
    command = [APEX_LOGS, "dlq", "retry", "--all", "-f", _conf(refused, text), *form, "--path.data", str(refused)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "es: " in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out) == (1, "0 of 2 dead letters are retried and removed: 0 delivered\n"), err
    assert dead(refused) == ["1-0", "1-1"]


def test_beside_a_running_engine(refused: Path) -> None:
    """What a process writes to is retried too; its open segment is deleted by that process alone."""
    conf = _conf(refused, f"{INPUT} {UPDATES}")
    command = [APEX_LOGS, "run", "-f", conf, "--embedded", str(refused)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as engine:
        try:
            assert engine.stdin is not None
            engine.stdin.write(lines({"id": "c", "do": "update"}))
            engine.stdin.flush()
            until(lambda: "2-0" in dead(refused), lambda: str(dead(refused)))
            through = refused / "through.conf"
            through.write_text(f'{INPUT} output {{ elasticsearch {{ index => "other" }} }}')
            assert retry(refused, "--all", "-f", str(through), "--embedded", str(refused)).code == 0
            assert dead(refused) == []
            folder = refused / "dead_letter_queue" / "main"
            until(lambda: segments(folder) == [], lambda: str(segments(folder)))
            engine.stdin.write(lines({"id": "d", "do": "update"}))
            engine.stdin.flush()
            until(lambda: len(dead(refused)) == 1, lambda: str(dead(refused)))
            engine.stdin.close()
            assert engine.wait(30) == 0
        finally:
            engine.kill()
    assert dead(refused) == ["3-0"]
