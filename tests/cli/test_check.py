"""`check`: every fault at once, in the form of the style guide; warnings where a configuration surprises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import invoke
from tests.proofs.engine import LOGGING

INPUTS = """\
input {
  stdin { codec => jsonn }
  beets { port => 5044 }
}
filtre { drop {} }
"""
OUTPUTS = """\
filter {
  if [status] == { mutate { uppercase => ["a"] } }
  mutate {
    renam => { "a" => "b" }
    convert => { "n" => "number" }
  }
\tjson { target => "x" }
}
output {
  stdout { codec => line { format => 5 colour => "red" } }
  elasticsearch { index => "%{[a}" }
}
"""
FAULTS = """\
{folder}/a.conf:2:20: there is no codec plugin "jsonn"; did you mean "json"?
    2 |   stdin { codec => jsonn }
      |                    ^^^^^
{folder}/a.conf:3:3: there is no input plugin "beets"; did you mean "beats"?
    3 |   beets { port => 5044 }
      |   ^^^^^
{folder}/a.conf:5:1: there is no section "filtre"; did you mean "filter"?
    5 | filtre { drop {} }
      | ^^^^^^
"""


def test_every_fault_over_two_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(INPUTS)
    (tmp_path / "b.conf").write_text(OUTPUTS)
    code, out, err = invoke("check", "-f", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith(FAULTS.replace("{folder}", str(tmp_path)))
    places = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in err.splitlines() if ".conf:" in line]
    assert places == [
        "a.conf:2:20",
        "a.conf:3:3",
        "a.conf:5:1",
        "b.conf:2:18",
        "b.conf:4:5",
        "b.conf:5:16",
        "b.conf:7:2",
        "b.conf:10:40",
        "b.conf:11:28",
    ]
    assert err.endswith("\n9 faults in the configuration\n")


def test_the_design_documents_configuration_is_sound() -> None:
    code, out, _ = invoke("check", "-f", str(LOGGING / "logstash.conf"), "--path.settings", str(LOGGING))
    assert (code, out) == (0, "Configuration OK: 1 input, 3 filters, 1 output\n")


@pytest.mark.parametrize("embedded", [[], ["--embedded", "data"]])
def test_an_elasticsearch_output_is_checked_as_what_it_will_be(embedded: list[str]) -> None:
    text = 'output { elasticsearch { script => "x" script_type => "inline" action => "update" document_id => "1" } }'
    code, _, err = invoke("check", "-e", text, *embedded)
    assert code == (2 if embedded else 0), err
    assert ("the embedded store runs no scripts" in err) is bool(embedded)


WARNED = {
    "an option that changes nothing": ("input { generator { threads => 2 } }", 'generator: "threads" changes nothing'),
    "a former name": ("input { beats { port => 0 ssl => false } }", '"ssl" is now called "ssl_enabled"'),
    "a quirk": ('filter { if [a] in ["x"] { drop {} } }', "warning: -e:1:"),
}


@pytest.mark.parametrize(("text", "warning"), WARNED.values(), ids=WARNED)
def test_what_surprises_is_said(text: str, warning: str) -> None:
    code, out, err = invoke("check", "-e", text)
    assert (code, out.split(":")[0]) == (0, "Configuration OK")
    assert warning in err
    assert err.startswith("warning: -e:1:")


REFUSED = {
    "nothing": ([], "nothing to run: give a configuration with -f FILE.conf or -e STRING"),
    "no such file": (["-f", "/nowhere/x.conf"], "there is no file or directory /nowhere/x.conf"),
    "no such settings": (["-e", "", "--path.settings", "/nowhere"], "there is no folder /nowhere"),
    "a wrong mode": (["-e", "", "--pipeline.ecs_compatibility", "v9"], 'the setting "pipeline.ecs_compatibility"'),
    "an unknown flag": (["--colour"], "No such option: --colour"),
}


@pytest.mark.parametrize(("arguments", "reason"), REFUSED.values(), ids=REFUSED)
def test_wrong_usage_exits_with_2(arguments: list[str], reason: str) -> None:
    code, out, err = invoke("check", *arguments)
    assert (code, out) == (2, "")
    assert reason in err
