"""`run` with `pipelines.yml`: several pipelines in one process, joined and apart, reloaded and failing one by one."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shippers.lumberjack import Sender
from tests.cli.program import Answer, Running, invoke, run, until
from tests.servers.elasticsearch_node import free_port

LINES = "codec => json_lines"


def written(folder: Path, pipelines: Mapping[str, str], more: str = "") -> Path:
    """A settings folder; each pipeline in a file of its own."""
    entries = []
    for name, text in pipelines.items():
        (folder / f"{name}.conf").write_text(text)
        entries.append(f'- pipeline.id: {name}\n  path.config: "{folder}/{name}.conf"\n')
    (folder / "pipelines.yml").write_text("".join(entries) + more)
    return folder


def to_file(path: Path) -> str:
    return f'output {{ file {{ path => "{path}" {LINES} flush_interval => 0 }} }}'


def documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def numbers(path: Path) -> list[int]:
    return [document["n"] for document in documents(path)]


def through(folder: Path, *arguments: str, stdin: bytes = b'{"n":1}\n{"n":2}\n') -> Answer:
    return run("--path.settings", str(folder), "--path.data", str(folder / "data"), *arguments, stdin=stdin)


ENTRY = f"input {{ stdin {{ {LINES} }} }} output {{ pipeline {{ send_to => [%s] }} }}"


def takes(address: str) -> str:
    return f'input {{ pipeline {{ address => "{address}" tags => ["{address}"] }} }} '


def test_one_hands_to_two_and_all_end(tmp_path: Path) -> None:
    ids = 'filter { mutate { add_field => { "id" => "%{[@metadata][event_id]}" } } }'
    pipelines = {
        "a": ENTRY % '"b1", "c1"',
        "b": takes("b1") + ids + to_file(tmp_path / "b.out"),
        "c": takes("c1") + ids + to_file(tmp_path / "c.out"),
    }
    code, _, err = through(written(tmp_path, pipelines))
    assert (code, numbers(tmp_path / "b.out"), numbers(tmp_path / "c.out")) == (0, [1, 2], [1, 2]), err
    events = documents(tmp_path / "b.out") + documents(tmp_path / "c.out")
    assert [event["tags"] for event in events] == [["b1"], ["b1"], ["c1"], ["c1"]]
    assert len({event["id"] for event in events}) == 4
    assert "decoded=2" in err
    assert {f"pipeline={name}" in err for name in pipelines} == {True}


def test_two_ways_to_one_pipeline_are_two_events(tmp_path: Path) -> None:
    """Both have an id of their own: the embedded store takes each as a document."""
    twice = f"input {{ stdin {{ {LINES} }} }} output {{ {'pipeline { send_to => [b1] } ' * 2} }}"
    pipelines = {"a": twice, "b": takes("b1") + 'output { elasticsearch { index => "i" } }'}
    code, _, err = through(written(tmp_path, pipelines), "--embedded", str(tmp_path / "store"))
    assert code == 0, err
    _, out, _ = invoke("indices", "--embedded", str(tmp_path / "store"), "--json")
    assert [index["documents"] for index in json.loads(out)] == [4]


def test_metadata_and_what_json_cannot_hold_go_over(tmp_path: Path) -> None:
    entry = f"input {{ stdin {{ {LINES} }} }} filter {{ mutate {{ add_field => {{ '[@metadata][x]' => 'y' }} }} }}"
    pipelines = {
        "a": entry + 'output { pipeline { send_to => ["b1"] } }',
        "b": takes("b1")
        + "filter { mutate { add_field => { 'x' => '%{[@metadata][x]}' } } }"
        + to_file(tmp_path / "b.out"),
    }
    stdin = b'{"n":"\\ud83d"}\n{"n":18446744073709551615}\n{"n":[1,{"a":null}]}\n'
    code, _, err = through(written(tmp_path, pipelines), stdin=stdin)
    assert code == 0, err
    found = documents(tmp_path / "b.out")
    assert [(event["n"], event["x"]) for event in found] == [
        ("\ud83d", "y"),
        (18446744073709551615, "y"),
        ([1, {"a": None}], "y"),
    ]


def test_dead_letters_are_those_of_the_pipeline_where_it_died(tmp_path: Path) -> None:
    """And hold the event as it was handed over."""
    wrong = 'output { elasticsearch { index => "UPPER" } }'
    folder = written(tmp_path, {"a": ENTRY % '"b1"', "b": takes("b1") + wrong})
    code, _, err = through(folder, "--embedded", str(tmp_path / "store"))
    assert code == 0, err
    _, out, _ = invoke("dlq", "list", "--path.data", str(tmp_path / "data"), "--pipeline.id", "b", "--json")
    assert len(out.splitlines()) == 2
    assert not (tmp_path / "data" / "dead_letter_queue" / "a").exists()


def test_dlq_knows_the_folder_of_a_pipeline_and_sends_again_what_was_handed_over(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text(takes("b1") + 'output { elasticsearch { index => "UPPER" } }')
    entries = f"- pipeline.id: a\n  config.string: '{ENTRY % 'b1'}'\n"
    entries += f"- pipeline.id: b\n  path.config: {tmp_path}/b.conf\n  path.dead_letter_queue: {tmp_path}/dead\n"
    (tmp_path / "pipelines.yml").write_text(entries)
    code, _, err = through(tmp_path, "--embedded", str(tmp_path / "store"))
    assert code == 0, err
    named = ("--path.settings", str(tmp_path), "--path.data", str(tmp_path / "data"), "--pipeline.id", "b")
    _, out, _ = invoke("dlq", "list", *named, "--json")
    assert len(out.splitlines()) == 2
    (tmp_path / "b.conf").write_text(takes("b1") + 'output { elasticsearch { index => "lower" } }')
    code, out, err = invoke(
        "dlq", "retry", "--all", "-f", str(tmp_path / "b.conf"), *named, "--embedded", str(tmp_path / "store")
    )
    assert code == 0, out + err
    _, out, _ = invoke("indices", "--embedded", str(tmp_path / "store"), "--json")
    assert [index["documents"] for index in json.loads(out)] == [2]
    (tmp_path / "b.conf").write_text(takes("b1") + 'output { pipeline { send_to => ["c1"] } }')
    code, _, err = invoke("dlq", "retry", "--all", "-f", str(tmp_path / "b.conf"), *named)
    assert code == 2
    assert "there is no other pipeline here to hand events to" in err


def test_explain_takes_the_pipeline_that_is_named(tmp_path: Path) -> None:
    two = {"a": "input { } filter { drop { } }", "b": "input { } filter { mutate { add_tag => ['seen'] } }"}
    folder = str(written(tmp_path, two))
    (tmp_path / "event").write_text("one")
    event = str(tmp_path / "event")
    code, out, _ = invoke("explain", "--path.settings", folder, "--event", event, "--pipeline.id", "b")
    assert code == 0
    assert "seen" in out


def test_a_queue_on_disk_behind_an_address_is_filled_and_emptied(tmp_path: Path) -> None:
    folder = written(tmp_path, {"a": ENTRY % '"b1"'})
    (tmp_path / "b.conf").write_text(takes("b1") + to_file(tmp_path / "b.out"))
    with (folder / "pipelines.yml").open("a") as file:
        file.write(f'- pipeline.id: b\n  path.config: "{tmp_path}/b.conf"\n  queue: {{type: persisted, drain: true}}\n')
    code, _, err = through(folder)
    assert (code, numbers(tmp_path / "b.out")) == (0, [1, 2]), err
    assert any((tmp_path / "data" / "queue" / "b").iterdir())
    assert not (tmp_path / "data" / "queue" / "a").exists()


def test_joined_pipelines_run_in_one_process_and_say_so(tmp_path: Path) -> None:
    folder = written(tmp_path, {"a": ENTRY % '"b1"', "b": takes("b1") + to_file(tmp_path / "b.out")})
    code, _, err = through(folder, "--workers", "2")
    assert (code, numbers(tmp_path / "b.out")) == (0, [1, 2])
    assert "hands events to other pipelines of this process" in err


def test_what_f_or_e_give_stands_above_the_file_and_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path, {"a": "no configuration"})
    code, out, err = through(folder, "-e", f"input {{ stdin {{ {LINES} }} }} output {{ stdout {{ {LINES} }} }}")
    assert (code, [json.loads(line)["n"] for line in out.splitlines()]) == (0, [1, 2])
    assert f"{folder}/pipelines.yml is not read: -f, -e, path.config or config.string say what to run" in err


def test_check_tells_the_faults_of_all(tmp_path: Path) -> None:
    folder = written(tmp_path, {"a": "input { x {} }", "b": "filter { y {} }", "c": "output { stdout {} }"})
    code, out, err = invoke("check", "--path.settings", str(folder))
    assert (code, out) == (2, "")
    assert f"{folder}/a.conf:1:9: there is no input plugin" in err
    assert f"{folder}/b.conf:1:10: there is no filter plugin" in err
    assert "2 faults in the configuration" in err
    code, out, _ = invoke("check", "--path.settings", str(written(tmp_path, {"b": "", "c": "output { stdout {} }"})))
    assert (code, out.splitlines()) == (
        0,
        [
            "Configuration OK (b): 0 inputs, 0 filters, 0 outputs",
            "Configuration OK (c): 0 inputs, 0 filters, 1 output",
        ],
    )


def test_files_for_the_jvm_are_named_once(tmp_path: Path) -> None:
    for name in ("jvm.options", "log4j2.properties"):
        (tmp_path / name).write_text("-Xmx1g")
    code, _, err = invoke("check", "--path.settings", str(tmp_path), "-e", "input { }")
    assert code == 0
    assert err.splitlines()[0].startswith(f"warning: {tmp_path}/jvm.options does nothing here: ")
    assert err.splitlines()[1].startswith(f"warning: {tmp_path}/log4j2.properties does nothing here: ")


@pytest.mark.parametrize("flag", ["--debug", "--verbose", "--quiet"])
def test_a_text_alone_goes_from_standard_input_to_standard_output(flag: str, tmp_path: Path) -> None:
    """With Logstash's former flags for the level of the log."""
    code, out, err = run("-e", "filter { }", "--path.data", str(tmp_path), flag, "--no-api.enabled", stdin=b"one\n")
    assert code == 0
    assert '"message" => "one"' in out
    assert '"type" => "stdin"' in out
    assert ("drained" in err) == (flag != "--quiet")


# ---------------------------------------------------------------------------------------------- while it runs


class Several(Running):
    """A process with several pipelines and its API."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.api = free_port()
        settings = ("--path.settings", str(folder), "--path.data", str(folder / "data"))
        super().__init__(*settings, "--api.http.port", str(self.api), *arguments, cwd=folder)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}{path}", timeout=30) as answer:
            return json.load(answer)

    def report(self) -> dict[str, str]:
        """The status of each pipeline."""
        try:
            found = self.get("/_health_report")["indicators"]["pipelines"]["indicators"]
        except OSError:
            return {}
        return {name: one["status"] for name, one in found.items()}

    def is_seen(self, report: dict[str, str]) -> None:
        until(lambda: self.report() == report, lambda: f"{report} in {self.report()}: {self.log}")


def tcp(port: int) -> str:
    return f"input {{ tcp {{ port => {port} {LINES} }} }} "


def send(port: int, *ns: int) -> None:
    until(lambda: _sent(port, ns), lambda: f"somebody at {port}")


def _sent(port: int, ns: tuple[int, ...]) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"".join(b'{"n":%d}\n' % n for n in ns))
            return True
    except ConnectionRefusedError:
        return False


def comes(path: Path, *ns: int) -> None:
    until(lambda: numbers(path) == list(ns), lambda: f"{ns} in {numbers(path)}")


def test_a_pipeline_that_fails_leaves_the_others_alone_and_health_says_so(tmp_path: Path) -> None:
    """One has a fault, one finds its port taken; a reload brings back what was put right."""
    port, other, out = free_port(), free_port(), tmp_path / "out"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        late = tcp(taken.getsockname()[1]) + to_file(tmp_path / "late.out")
        pipelines = {"good": tcp(port) + to_file(out), "faulty": "input { no }", "late": late}
        with Several(written(tmp_path, pipelines)) as engine:
            engine.is_seen({"good": "green", "faulty": "red", "late": "red"})
            assert engine.get("/health/ready")["status"] == "ready"
            assert list(engine.get("/_node/stats/pipelines")["pipelines"]) == ["good"]
            send(port, 1)
            comes(out, 1)
            (tmp_path / "faulty.conf").write_text(tcp(other) + to_file(tmp_path / "faulty.out"))
            engine.send(signal.SIGHUP)
            engine.is_seen({"good": "green", "faulty": "green", "late": "red"})
            send(other, 2)
            comes(tmp_path / "faulty.out", 2)
            engine.send(signal.SIGTERM)
            assert engine.wait() == 1


def test_when_no_pipeline_can_run_it_ends(tmp_path: Path) -> None:
    code, _, err = through(written(tmp_path, {"a": "input { x1 {} }", "b": "input { y1 {} }"}))
    assert code == 2
    assert "the pipeline a cannot run" in err
    assert "the pipeline b cannot run" in err


def test_reload_leaves_the_others_alone_and_pipelines_come_and_go(tmp_path: Path) -> None:
    """The connection to the one that has not changed stays open through it all."""
    first, second, third = free_port(), free_port(), free_port()
    pipelines = {"a": tcp(first) + to_file(tmp_path / "a.out"), "b": tcp(second) + to_file(tmp_path / "b.out")}
    folder = written(tmp_path, pipelines)
    with Several(folder, "--config.reload.automatic", "--config.reload.interval", "50ms") as engine:
        engine.is_seen({"a": "green", "b": "green"})
        with socket.create_connection(("127.0.0.1", first), timeout=30) as kept:
            kept.sendall(b'{"n":1}\n')
            comes(tmp_path / "a.out", 1)
            send(second, 1)
            comes(tmp_path / "b.out", 1)
            changed = "filter { mutate { add_field => { 'new' => 'yes' } } } "
            (tmp_path / "b.conf").write_text(tcp(second) + changed + to_file(tmp_path / "b.out"))
            engine.says("reloaded")
            send(second, 2)
            comes(tmp_path / "b.out", 1, 2)
            assert documents(tmp_path / "b.out")[1]["new"] == "yes"
            written(tmp_path, {"a": pipelines["a"], "c": tcp(third) + to_file(tmp_path / "c.out")})
            engine.is_seen({"a": "green", "c": "green"})
            send(third, 3)
            comes(tmp_path / "c.out", 3)
            kept.sendall(b'{"n":2}\n')
            comes(tmp_path / "a.out", 1, 2)
        stats = engine.get("/_node/stats/pipelines")["pipelines"]
        assert {name: one["reloads"]["successes"] for name, one in stats.items()} == {"a": 0, "c": 0}
        (tmp_path / "c.conf").write_text("input { no }")
        engine.says("the new configuration has faults")
        until(
            lambda: engine.get("/_node/stats/pipelines/c")["pipelines"]["c"]["reloads"]["failures"] == 1,
            lambda: "one failure",
        )
        send(third, 4)
        comes(tmp_path / "c.out", 3, 4)
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0


def test_a_pipeline_that_is_not_reloadable_stays_as_it_is(tmp_path: Path) -> None:
    """As in Logstash, whose reload fails then: the setting is that of the pipeline that runs. One that is gone ends."""
    first, second = free_port(), free_port()
    pipelines = {"b": tcp(second) + to_file(tmp_path / "b.out"), "a": tcp(first) + to_file(tmp_path / "a.out")}
    folder = written(tmp_path, pipelines, "  pipeline.reloadable: false\n")
    with Several(folder) as engine:
        engine.is_seen({"a": "green", "b": "green"})
        for name in pipelines:
            changed = "filter { mutate { add_field => { 'new' => 'yes' } } } "
            (tmp_path / f"{name}.conf").write_text(pipelines[name].replace("output", f"{changed} output"))
        engine.send(signal.SIGHUP)
        engine.says("the pipeline is not reloaded, as its pipeline.reloadable is false")
        engine.says("reloaded")
        for port, name in ((first, "a"), (second, "b")):
            send(port, 1)
            comes(tmp_path / f"{name}.out", 1)
        assert "new" not in documents(tmp_path / "a.out")[0]
        assert documents(tmp_path / "b.out")[0]["new"] == "yes"
        assert engine.get("/_node/stats/pipelines/a")["pipelines"]["a"]["reloads"]["failures"] == 1
        written(tmp_path, {"b": pipelines["b"]})
        engine.send(signal.SIGHUP)
        engine.is_seen({"b": "green"})
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0


def beats(port: int) -> str:
    return f"input {{ beats {{ port => {port} }} }} "


async def acknowledged(port: int, seconds: float) -> bool:
    async with Sender("127.0.0.1", port) as sender:
        try:
            async with asyncio.timeout(seconds):
                await sender.send([{"message": "one", "n": 1}])
        except TimeoutError:
            return False
        return True


def test_a_sender_is_acknowledged_after_the_last_output(tmp_path: Path) -> None:
    """What is handed over while nobody takes it, waits: it is acknowledged when another pipeline has delivered it."""
    port = free_port()
    pipelines = {"a": beats(port) + 'output { pipeline { send_to => ["b1"] } }', "b": takes("b1") + "x"}
    with Several(written(tmp_path, pipelines)) as engine:
        engine.is_seen({"a": "green", "b": "red"})
        assert not asyncio.run(acknowledged(port, 1.0))
        (tmp_path / "b.conf").write_text(takes("b1") + to_file(tmp_path / "b.out"))
        engine.send(signal.SIGHUP)
        assert asyncio.run(acknowledged(port, 30.0))
        until(lambda: numbers(tmp_path / "b.out").count(1) == 2, lambda: str(numbers(tmp_path / "b.out")))
        engine.send(signal.SIGTERM)
        assert engine.wait() == 1


def test_without_ensure_delivery_what_nobody_takes_is_counted_as_lost(tmp_path: Path) -> None:
    entry = f'input {{ stdin {{ {LINES} }} }} output {{ pipeline {{ send_to => ["b1"] ensure_delivery => false }} }}'
    code, _, err = through(written(tmp_path, {"a": entry, "b": takes("b1") + "x"}))
    assert code == 1
    assert "no pipeline takes what is sent to b1: 2 events are lost" in err
    assert "lost=2" in err


def test_at_the_end_those_that_hand_over_go_first(tmp_path: Path) -> None:
    """A stop in the middle of it: whatever was taken comes out at the other end."""
    entry = "input { generator { } } output { pipeline { send_to => ['b1'] } }"
    middle = takes("b1") + "output { pipeline { send_to => ['c1'] } }"
    folder = written(tmp_path, {"c": takes("c1") + to_file(tmp_path / "c.out"), "b": middle, "a": entry})
    with Several(folder) as engine:
        until(lambda: len(documents(tmp_path / "c.out")) > 1000, lambda: "events")
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
    drained = [
        dict(part.split("=") for part in line.split() if "=" in part) for line in engine.log if "drained" in line
    ]
    by_name = {one["pipeline"]: one for one in drained}
    lines = str(len((tmp_path / "c.out").read_text().splitlines()))
    assert [by_name[name]["decoded"] for name in "abc"] == [lines] * 3
    assert [one["pipeline"] for one in drained] == ["a", "b", "c"]
