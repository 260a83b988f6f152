"""The API of a process as users start it: where it listens, and what it tells of reloads."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

from tests.cli.program import Running, until
from tests.monitoring.watched import fetch

TEXT = 'input { beats { port => 0 id => "in" } } output { stdout { codec => json_lines } }'


def address(running: Running) -> str:
    running.says("the API listens at")
    [found] = [match for line in running.log if (match := re.search(r"listens at (http://\S+)", line))]
    return found[1]


def reloads(url: str) -> Any:
    return fetch(f"{url}/_node/stats/pipelines").document["pipelines"]["main"]["reloads"]


def test_a_process_tells_of_itself_and_of_its_reloads(tmp_path: Path) -> None:
    configuration = tmp_path / "a.conf"
    configuration.write_text(TEXT)
    with Running("-f", "a.conf", "--path.data", "d", "--api.http.port", "0", "--node.name", "me", cwd=tmp_path) as it:
        url = address(it)
        until(lambda: fetch(f"{url}/health/ready").status == 200, lambda: "readiness")
        root = fetch(url + "/").document
        assert (root["name"], root["engine"]["name"], root["id"]) == (
            *("me", "apex-logs"),
            (tmp_path / "d" / "uuid").read_text(),
        )
        configuration.write_text(TEXT.replace("id =>", "name =>"))
        it.send(signal.SIGHUP)
        until(lambda: reloads(url)["failures"] == 1, lambda: "a failed reload")
        assert 'beats has no option "name"' in reloads(url)["last_error"]["message"]
        configuration.write_text(TEXT.replace('"in"', '"other"'))
        it.send(signal.SIGHUP)
        until(lambda: reloads(url)["successes"] == 1, lambda: "a reload")
        until(lambda: fetch(f"{url}/health/ready").status == 200, lambda: "readiness")
        assert 'apex_logs_batches_total{pipeline="main",plugin="other"} 0.0' in fetch(url + "/metrics").text
        assert 'apex_logs_reloads_total{result="failure"} 1.0' in fetch(url + "/metrics").text
        it.send(signal.SIGTERM)
        assert it.wait() == 0


def test_a_thousand_equal_complaints_in_its_log(tmp_path: Path) -> None:
    text = "input { generator { count => 1000 } } filter { if [message] > 5 { drop {} } } output { stdout {} }"
    with Running("-e", text, "--path.data", "d", "--no-api.enabled", cwd=tmp_path) as it:
        assert it.wait() == 0
    dropped = [line for line in it.log if "an event was dropped, as Logstash does" in line]
    assert len(dropped) == 2
    assert "(999 more like it in" in dropped[1]
    assert not any("the API" in line for line in it.log)


def test_several_workers_are_told_of_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(
        """
        input { beats { port => 0 } generator { id => "in" count => 3000 lines => ['{"a":[1,2]}'] codec => json } }
        filter { split { id => "apart" field => "a" } if [a] == 2 { drop { id => "away" } } }
        output { elasticsearch { id => "out" index => "x" } }
        """
    )
    arguments = ("-f", "a.conf", "--embedded", "d", "--api.http.port", "0", "-w", "2")
    with Running(*arguments, cwd=tmp_path) as it:
        url = address(it)

        def events() -> Any:
            return fetch(f"{url}/_node/stats/events").document["events"]

        until(lambda: events()["out"] == 3000, lambda: f"3000 events, not {events()}")
        text = fetch(f"{url}/metrics").text
        for line in (
            'events_in_total{pipeline="main",plugin="in"} 3000.0',
            'items_out_total{pipeline="main",plugin="out"} 3000.0',
            'events_made_total{pipeline="main",place="a.conf:3:18",plugin="apart"} 3000.0',
            'events_dropped_total{pipeline="main",place="a.conf:3:69",plugin="away"} 3000.0',
            'in_flight_events{pipeline="main"} 0.0',
        ):
            assert f"apex_logs_{line}" in text, text
        assert fetch(f"{url}/health/ready").status == 200
        assert fetch(url).document["pipeline"]["workers"] == 2
        it.send(signal.SIGTERM)
        assert it.wait() == 0
