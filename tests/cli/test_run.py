"""`run`: from stdin to stdout, exit codes, Logstash's flags, the program's own log."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import APEX_LOGS, PATIENCE, THROUGH, invoke, run

CONFIGURATION = """\
input { stdin { codec => json_lines } }
filter { mutate { add_field => { "greeting" => "hello ${NAME:nobody}" } remove_field => ["@timestamp", "host"] } }
output { stdout { codec => json_lines } }
"""
GREETED = {"n": 1, "greeting": "hello world", "@version": "1"}


def test_from_stdin_to_stdout(tmp_path: Path) -> None:
    (tmp_path / "logstash.yml").write_text("pipeline:\n  ecs_compatibility: disabled\n  workers: 4\n")
    (tmp_path / "a.conf").write_text(CONFIGURATION)
    arguments = ["--path.config", str(tmp_path / "a.conf"), "--path.settings", str(tmp_path), "--path.data", "d"]
    code, out, err = run(*arguments, stdin=b'{"n":1}\n', cwd=tmp_path, NAME="world")
    assert (code, json.loads(out)) == (0, GREETED)
    assert len(os.sched_getaffinity(0)) == 1 or "keeps the order of events" in err
    assert "decoded=1 delivered=1" in err
    assert not (tmp_path / "data").exists()


FLAGS = [
    *("--pipeline.id", "p", "--pipeline.batch.delay=5", "-w", "2", "-b", "125", "--log.level", "info"),
    *("--node.name", "n", "-l", "logs", "--path.plugins=x", "--api.http.port", "0", "--no-api.enabled"),
    *("--pipeline.ordered", "auto", "--plugin-classloaders", "false", "--config.debug", "--pipeline.unsafe_shutdown"),
    *("--pipeline.ecs_compatibility", "disabled", "--config.reload.interval", "5s", "--log.format", "json"),
    *("--field-reference-escape-style", "none", "--log.format.json.fix_duplicate_message_fields"),
]
CHANGES_NOTHING = {
    *("pipeline.batch.size", "path.logs", "path.plugins"),
    *("pipeline.ordered", "pipeline.plugin_classloaders", "config.debug", "pipeline.unsafe_shutdown"),
    *("config.field_reference.escape_style", "log.format.json.fix_duplicate_message_fields"),
}


def test_logstashs_flags_are_honoured_or_explained_and_the_log_is_json() -> None:
    code, out, err = run("--config.string", CONFIGURATION, *FLAGS, stdin=b'{"n":1}\n', NAME="world")
    assert (code, json.loads(out)) == (0, GREETED)
    lines = [json.loads(line) for line in err.splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    said = {line["event"].split(" ")[0].removeprefix("--") for line in lines if "changes nothing" in line["event"]}
    assert said == CHANGES_NOTHING
    assert lines[-1]["event"] == "drained"
    assert (lines[-1]["decoded"], lines[-1]["delivered"]) == (1, 1)


WRONG = {
    "a misspelt flag": (["--node.nam", "x"], 'no such option: --node.nam; did you mean "--node.name"?'),
    "a flag without its value": (["--path.logs"], "option --path.logs requires an argument"),
    "a short flag without its value": (["-n"], "option -n requires an argument"),
    "a shell": (["-i", "irb"], "there is no Ruby here"),
    "modules": (["--modules", "x"], "Logstash modules are not part of apex-logs"),
    "a bare argument": (["x.conf"], 'unexpected argument "x.conf"; give a configuration with -f FILE.conf'),
    "nothing": ([], "nothing to run"),
    "a level": (["-e", "", "--log.level", "loud"], 'the setting "log.level"'),
    "a number": (["-e", "", "-u", "soon"], "Invalid value for '-u' / '--pipeline.batch.delay'"),
    "two faults": (["-e", "input { x {} y {} }"], "2 faults in the configuration"),
    "no file": (["-f", "/nowhere/*.conf"], "no file matches /nowhere/*.conf"),
    "a queue": (["-e", "", "--path.settings", "SETTINGS"], 'the setting "queue.type"'),
    "what only building finds": (["-e", 'filter { geoip { source => "[a][ip]" database => "/etc/passwd" } }'], "geoip"),
}


@pytest.mark.parametrize(("arguments", "reason"), WRONG.values(), ids=WRONG)
def test_wrong_usage_and_wrong_configurations_exit_with_2(arguments: list[str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "logstash.yml").write_text("queue.type: disk\n")
    code, out, err = invoke("run", *[str(tmp_path) if item == "SETTINGS" else item for item in arguments])
    assert (code, out) == (2, "")
    assert reason in " ".join(err.split())


@pytest.mark.parametrize("flag", ["-t", "--config.test_and_exit"])
def test_test_and_exit(flag: str) -> None:
    assert invoke("run", flag, "-e", THROUGH) == (0, "Configuration OK\n", "")
    assert invoke("run", flag, "-e", "input { nowhere {} }").code == 2


def test_test_and_exit_as_a_setting(tmp_path: Path) -> None:
    (tmp_path / "logstash.yml").write_text("config.test_and_exit: true\n")
    assert invoke("run", "--path.settings", str(tmp_path), "-e", THROUGH).out == "Configuration OK\n"


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = run("-e", f"input {{ beats {{ port => {port} }} }} output {{ stdout {{}} }}")
    assert (code, out) == (1, "")
    [line] = [line for line in err.splitlines() if "[error" in line]
    assert str(port) in line
    assert "in use" in line
    assert "Traceback" not in err


def test_a_reader_that_is_gone_ends_the_pipeline_with_1() -> None:
    configuration = "input { generator {} } output { stdout { codec => json_lines } }"
    with subprocess.Popen(
        [APEX_LOGS, "run", "-e", configuration], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["message"] == "Hello world!"
        process.stdout.close()
        log = process.stderr.read().decode()
        assert process.wait(PATIENCE) == 1
    assert "standard output is closed: the program that read it has ended" in log
    assert "Traceback" not in log
