"""The dashboards: that they are what the code makes, that every expression is one, and every panel says what it is."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.boards.__main__ import BOARDS, rendered
from tests.monitoring_rules.programs import told
from tests.monitoring_rules.watching import MONITORING, ROOT, alerts, board_expressions, boards, read
from tests.servers.debian import Program

PANELS = [(name, panel) for name, board in boards().items() for panel in board["panels"]]
FOLDER = MONITORING / "dashboards"


@pytest.mark.parametrize("name", BOARDS)
def test_the_file_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text() == rendered(BOARDS[name]()), "run make dashboards"


def test_there_are_no_others() -> None:
    assert set(boards()) == set(BOARDS)


def test_every_expression_is_one(promtool: Program, tmp_path: Path) -> None:
    """Prometheus' own parser judges them, each as a rule that records it."""
    recorded = [{"record": f"panel:{n}", "expr": each.text} for n, each in enumerate(board_expressions())]
    assert len(recorded) > 50
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    told(promtool, "check", "rules", path)


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=lambda each: each if isinstance(each, str) else each["title"])
def test_every_panel_says_what_it_is(name: str, panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    uids = {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])}
    assert uids == {"prometheus"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for alert in re.findall(r"\b([A-Z]\w+) (?:warns|pages)\b", panel["description"]):
        assert alert in {each["alert"] for each in alerts()}


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    places = [panel["gridPos"] for panel in boards()[name]["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_what_the_document_shows() -> None:
    titles = {name: {panel["title"] for panel in board["panels"]} for name, board in boards().items()}
    assert boards()["business-metrics.json"]["title"] == "APEX Business Metrics"
    shown = {"Projects Created Today", "Submission Success Rate", "Average Calculation Time"}
    assert shown <= titles["business-metrics.json"]
    health = {"API Latency Heatmap", "Database Connection Pool", "Cache Hit Rates"}
    assert health | {"Error Rate by Endpoint", "Error Trends"} <= titles["system-health.json"]
    assert {"Events", "Delivery Time", "Lag", "Dead Letters", "Time of a Plugin"} <= titles["pipeline.json"]


def test_provisioning_finds_the_source_by_its_uid() -> None:
    [source] = read("dashboards/provisioning/datasources/prometheus.yaml")["datasources"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    assert source["jsonData"]["timeInterval"] == read("prometheus.yml")["global"]["scrape_interval"]
    [provider] = read("dashboards/provisioning/dashboards/apex.yaml")["providers"]
    assert provider["type"] == "file"
    assert [board["uid"] for board in boards().values()] == ["apex-business", "apex-pipeline", "apex-system"]


def test_the_page_names_the_dashboards() -> None:
    text = (ROOT / "docs" / "watching.md").read_text()
    for name, board in boards().items():
        assert name in text
        assert board["title"] in text
