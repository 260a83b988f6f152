"""A catastrophic pattern is stopped in the worker that runs into it; every event is delivered, by workers that live."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from pipeline.front.front import Front
from pipeline.settings.logstash_yml import Settings
from tests.cli.program import invoke, run
from tests.harness import planned

FILTER = 'grok { match => { "message" => "^(a+)+$" } timeout_millis => 250 add_tag => ["fine"] }'
ENDLESS = "a" * 60 + "!"
LATE, GOOD, OTHER = ["_groktimeout"], ["fine"], ["_grokparsefailure"]


def test_in_one_process() -> None:
    config = (
        f"input {{ stdin {{ codec => line }} }} filter {{ {FILTER} }} output {{ stdout {{ codec => json_lines }} }}"
    )
    code, out, err = run("-e", config, stdin=f"{ENDLESS}\naaa\nb\n{ENDLESS}\naaa\n".encode())
    assert (code, "dead=0 decoded=5 delivered=5" in err) == (0, True)
    assert [json.loads(line)["tags"] for line in out.splitlines()] == [LATE, GOOD, OTHER, LATE, GOOD]


def test_in_two_workers(tmp_path: Path) -> None:
    config = f"""
input {{ generator {{ count => 3 lines => ["{ENDLESS}", "aaa", "b"] }} }}
filter {{ {FILTER} }}
output {{ sqlite {{ path => "{tmp_path / "data"}" index => "x" }} }}
"""
    service = Front(Settings(path_data=tmp_path / "data"), planned(config), 2)
    asyncio.run(service.run())
    assert (service.counters.decoded, service.counters.delivered) == (9, 9)
    found = invoke("search", "--embedded", str(tmp_path / "data"), "--json").out.splitlines()
    assert sorted(json.loads(line)["_source"]["tags"] for line in found) == sorted([LATE, GOOD, OTHER] * 3)
