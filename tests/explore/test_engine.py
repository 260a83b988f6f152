"""The engine's figures, and dead letters."""

import asyncio

import pytest

from pipeline.explore import letters
from pipeline.explore.engine import Engine, NoEngine, Throughput, figures

METRICS = """
# TYPE apex_logs_info gauge
apex_logs_info{version="1"} 1.0
apex_logs_ready 1.0
apex_logs_events_in_total{pipeline="main",plugin="beats"} %d
apex_logs_items_out_total{pipeline="main",plugin="es"} %d
apex_logs_items_retried_total{pipeline="main",plugin="es",status="503"} 7.0
apex_logs_partition_lag{pipeline="main",plugin="kafka",topic="logs",partition="3"} 12.0
apex_logs_timed_events_total{pipeline="main",plugin="grok",kind="filter"} 10.0
apex_logs_timed_seconds_total{pipeline="main",plugin="grok",kind="filter"} 0.001
apex_logs_timed_events_total{pipeline="main",plugin="mutate",kind="filter"} 0.0
apex_logs_timed_seconds_total{pipeline="main",plugin="mutate",kind="filter"} 0.0
"""


def test_figures_are_read_from_metrics():
    found = figures(METRICS % (100, 90), 5.0)
    assert (found.read, found.written, found.retried, found.ready, found.blocked) == (100, 90, 7, True, False)
    assert (found.lag, found.retries) == ([("logs-3", 12)], [("es", "503", 7)])
    assert [(each.plugin, round(each.microseconds)) for each in found.plugins] == [("grok", 100)]
    with pytest.raises(ValueError, match="no metrics of apex-logs"):
        figures("up 1\n", 0.0)


def test_throughput_is_between_looks():
    throughput = Throughput()
    for seconds, read in ((10.0, 100), (12.0, 300), (14.0, 300)):
        throughput.add(figures(METRICS % (read, read), seconds))
    assert throughput.lines()["read"] == [(12_000, 100.0), (14_000, 0.0)]
    throughput.add(figures(METRICS % (1, 1), 16.0))  # started anew
    assert throughput.lines()["read"] == []


def test_an_engine_that_is_away_is_told_without_its_password():
    with pytest.raises(NoEngine, match=r"no engine answers at http://127\.0\.0\.1:1 ") as error:
        asyncio.run(Engine("http://user:secret@127.0.0.1:1").look(0.0))
    assert "secret" not in str(error.value)


def test_no_letters(tmp_path):
    assert letters.look(tmp_path / "none").total == 0
    done = asyncio.run(letters.retry([], ["--path.data", str(tmp_path)]))
    assert "retried and removed" in done.said or "no" in done.said


def test_a_name_from_the_browser_is_never_an_option(tmp_path):
    for name in ("--help", "--all", "-fother.conf"):
        done = asyncio.run(letters.retry([name], ["--path.data", str(tmp_path)]))
        assert not done.delivered
        assert f'"{name}" is no name of a dead letter' in done.said
