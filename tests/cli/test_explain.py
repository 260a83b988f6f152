"""`explain`: one event through the compiled pipeline, and what each step changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.event import Event
from tests.cli.program import invoke
from tests.harness import ScriptedOutput

STAMP = '"@timestamp": "2026-11-25T10:00:00.000Z"'
ORDER = """\
input { stdin { add_field => { "from" => "stdin" } } }
filter {
  if [kind] == "order" {
    json { source => "message" }
    mutate { rename => { "x" => "y" } add_tag => ["t"] }
  } else {
    drop {}
  }
  if [y] > 9 { mutate { uppercase => ["kind"] } }
}
output { stdout { codec => json_lines } }
"""
ORDER_EXPLAINED = r"""event
    + kind                     "order"
    + message                  "{\"x\": 7}"
    + @timestamp               "2026-11-25T10:00:00.000Z"
    + @version                 "1"
stdin at FILE:1:9: common options
    + from                     "stdin"
FILE:3:6  if [kind] == "order"  holds
FILE:4:5  json { source => "message" }  matched
    + x                        7
FILE:5:5  mutate { rename => { "x" => "y" } add_tag => ["t"] }  matched
    + y                        7
    + tags                     ["t"]
    - x                        7
FILE:9:6  if [y] > 9  does not hold
stdout at FILE:11:10 would be sent
    {"kind":"order","message":"{\"x\": 7}","@timestamp":"2026-11-25T10:00:00.000Z","@version":"1",\
"from":"stdin","y":7,"tags":["t"]}
""".replace("\\\n", "")


def explained(folder: Path, configuration: str, event: str, *arguments: str) -> str:
    (folder / "x.conf").write_text(configuration)
    (folder / "event").write_text(event)
    files = ["-f", str(folder / "x.conf"), "--event", str(folder / "event")]
    code, out, err = invoke("explain", *files, "--pipeline.ecs_compatibility", "disabled", *arguments)
    assert (code, err) == (0, "")
    return out.replace(str(folder / "x.conf"), "FILE")


def test_a_small_configuration(tmp_path: Path) -> None:
    event = '{"kind": "order", "message": "{\\"x\\": 7}", ' + STAMP + "}"
    assert explained(tmp_path, ORDER, event) == ORDER_EXPLAINED


def told(out: str) -> list[str]:
    """The lines that tell what happened, without what is in the events."""
    return [line for line in out.splitlines() if not line.startswith("    ") or "dropped" in line or "dead" in line]


def test_each_child_has_its_story(tmp_path: Path) -> None:
    configuration = """\
filter { split { field => "items" add_tag => ["part"] }
clone { clones => ["copy"] }
if [type] == "copy" { drop {} }
} output { stdout { codec => line { format => "%{items}" } } }
"""
    out = explained(tmp_path, configuration, '{"items": [1, {"a": 2}], ' + STAMP + "}")
    child = [
        'FILE:2:1  clone { clones => ["copy"] }  made 2 events of it',
        "event 1 of 2, at FILE:2:1",
        'FILE:3:4  if [type] == "copy"  does not hold',
        "stdout at FILE:4:12 would be sent",
        "event 2 of 2, at FILE:2:1",
        'FILE:3:4  if [type] == "copy"  holds',
        "FILE:3:23  drop {}  dropped the event",
    ]
    assert told(out) == [
        "event",
        'FILE:1:10  split { field => "items" add_tag => ["part"] }  made 2 events of it',
        "event 1 of 2, at FILE:1:10",
        *child,
        "event 2 of 2, at FILE:1:10",
        *child,
    ]
    assert '    ~ items                    [1,{"a":2}] -> 1\n' in out
    assert '    + [items][a]               2\n    + tags                     ["part"]\n    - items' in out


ENDS = {
    "no output": ("filter { drop { percentage => 0 } }", "the event reaches no output"),
    "an order that nobody can judge": ("filter { if [kind] > 5 { drop {} } }", "dropped: FILE:1:13: the text"),
    "a filter that fails": (
        'filter { uuid { target => "[kind][x]" } }',
        "dead-lettered in uuid at FILE:1:10: [kind][x] cannot be set",
    ),
    "a child that fails": (
        'filter { clone { clones => ["c"] } uuid { target => "[kind][x]" } }',
        "dead-lettered in uuid at FILE:1:36: [kind][x] cannot be set",
    ),
}


@pytest.mark.parametrize(("configuration", "end"), ENDS.values(), ids=ENDS)
def test_where_an_event_ends(tmp_path: Path, configuration: str, end: str) -> None:
    assert end in explained(tmp_path, configuration, '{"kind": "order"}')


def test_an_answer_from_outside_is_told(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.7 api.example\n")
    configuration = (
        'filter { dns { resolve => ["host"] action => "replace" hostsfile => ["HOSTS"] } } output { stdout {} }'
    )
    out = explained(tmp_path, configuration.replace("HOSTS", str(tmp_path / "hosts")), '{"host": "api.example"}')
    assert "dns {" in out
    assert '    ~ host                     "api.example" -> "192.0.2.7"' in out
    assert "stdout at" in out


READ = {
    "a line": ("just a line\n", '+ message                  "just a line"'),
    "a window of lines: the first": ('{"a": 1}\n{"a": 2}\n', "+ a                        1"),
    "an object over lines": ('{\n "a": 1\n}\n', "+ a                        1"),
    "an array is no event": ("[1, 2]", '+ message                  "[1, 2]"'),
    "long values are cut": ('{"a": "' + "x" * 200 + '"}', '+ a                        "' + "x" * 98 + "…"),
}


@pytest.mark.parametrize(("event", "shown"), READ.values(), ids=READ)
def test_what_an_event_may_be(tmp_path: Path, event: str, shown: str) -> None:
    assert f"    {shown}\n" in explained(tmp_path, "", event)


def test_an_output_that_cannot_render_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(ScriptedOutput):
        def render(self, event: Event, body: bytearray) -> None:
            raise ValueError("cannot be rendered")

    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: Picky())
    out = explained(tmp_path, "output { stdout {} }", "x")
    assert out.endswith("    dead-lettered in stdout at FILE:1:10: ValueError: cannot be rendered\n")


def test_from_stdin() -> None:
    code, out, _ = invoke("explain", "-e", "", "--event", "-", stdin='{"a": 1}')
    assert code == 0
    assert "+ a  " in out


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert invoke("explain", "-e", "", "--event", str(tmp_path / "none")).code == 2
    code, _, err = invoke("explain", "-e", "filter { drop { x => 1 } }", "--event", __file__)
    assert code == 2
    assert 'drop has no option "x"' in err


LINE = """
input { stdin { codec => json id => "in" add_field => { "from" => "stdin" } } tcp { port => 0 type => "net" } }
filter { if [a] { mutate { add_tag => ["seen"] } } }
"""


def test_a_line_goes_through_the_decode_of_its_input() -> None:
    code, out, _ = invoke("explain", "-e", LINE, "--line", '{"a":1}')
    assert code == 0
    assert "+ a                        1" in out
    assert '+ from                     "stdin"' in out
    assert "net" not in out
    assert '+ tags                     ["seen"]' in out
    code, out, _ = invoke("explain", "-e", LINE, "--line", '{"a":1}', "--input", "tcp")
    assert code == 0
    assert '+ type                     "net"' in out
    assert "does not hold" in out


OF_INPUTS = {
    "beats": ("port => 0", '{"message":"m","@metadata":{"beat":"filebeat"}}', "beats_input_codec_plain_applied"),
    "exec": ('command => "true" interval => 60', "m", '+ message                  "m"'),
    "http": ("port => 0", "m", '+ [host][ip]               "127.0.0.1"'),
    "kafka": ('topics => ["t"] decorate_events => "basic"', "m", '[topic] "explained"'),
    "rabbitmq": ("codec => plain", "m", '+ message                  "m"'),
    "redis": ('data_type => "list" key => "k"', '{"message":"m"}', '+ message                  "m"'),
    "syslog": ("port => 0", "<13>Oct 11 22:14:15 h a: m", '+ [process][name]          "a"'),
    "tcp": ("port => 0", "m", '[source][ip] "127.0.0.1"'),
    "udp": ("port => 0", "m", '+ [host][ip]               "127.0.0.1"'),
}


@pytest.mark.parametrize("name", OF_INPUTS)
def test_a_line_of_each_input(name: str) -> None:
    options, line, said = OF_INPUTS[name]
    code, out, err = invoke("explain", "-e", f"input {{ {name} {{ {options} }} }}", "--line", line)
    assert code == 0, err
    assert said in out
    assert '+ message                  "m"' in out


def test_a_line_of_beats_is_an_event() -> None:
    code, _, err = invoke("explain", "-e", "input { beats { port => 0 } }", "--line", "no JSON")
    assert code == 2
    assert "beats at -e:1:9 cannot decode it, and dead-letters it" in err


def test_a_line_needs_an_input_that_takes_lines() -> None:
    text = "input { generator { } }"
    for more, said in (([], "no input that takes lines"), (["--input", "beats"], 'no input "beats" that takes lines')):
        code, _, err = invoke("explain", "-e", text, "--line", "x", *more)
        assert code == 2
        assert said in err
    code, _, err = invoke("explain", "-e", text)
    assert code == 2
    assert "give --event FILE or --line TEXT" in err


def test_a_grok_pattern_that_does_not_match_is_explained(tmp_path: Path) -> None:
    configuration = 'filter { grok { match => { "message" => "^%{WORD:verb} %{INT:size}$" } } }'
    out = explained(tmp_path, configuration, '{"message": "get many", ' + STAMP + "}")
    assert "    message: ^%{WORD:verb} %{INT:size}$: matches as far as ^%{WORD:verb} , up to character 4; " in out
    assert "then %{INT:size} does not match 'many'" in out
