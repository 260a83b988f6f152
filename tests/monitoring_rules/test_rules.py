"""The rules: that Prometheus takes them, that each alert fires and keeps silent where it should, and its runbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.monitoring_rules.programs import told
from tests.monitoring_rules.watching import MONITORING, RULES, RUNBOOKS, alerts, cases, read, rules
from tests.servers.debian import Program

DOCUMENT = {
    "CriticalErrorRate": ("> 0.05", "2m", {"severity": "critical", "component": "api"}),
    "DatabaseDown": ("== 0", "1m", {"severity": "critical", "component": "database"}),
    "HighDiskUsage": ("> 0.9", "5m", {"severity": "critical", "component": "infrastructure"}),
    "HighLatency": ("> 0.25", "5m", {"severity": "warning", "component": "api"}),
    "HighQueueLag": ("> 300", "5m", {"severity": "warning", "component": "worker"}),
    "HighCacheMissRate": ("> 0.5", "10m", {"severity": "warning", "component": "cache"}),
    "SLIViolation": ("< 0.999", "5m", {"severity": "critical", "sli": "availability"}),
    "DeriveSLIViolation": ("> 0.2", "5m", {"severity": "warning", "sli": "derive_latency"}),
    "ReportSLIViolation": ("< 0.95", "5m", {"severity": "warning", "sli": "report_generation"}),
}
"""The design document's alerts: threshold, duration, labels. Two durations are others: docs/departures.md."""


def test_the_configuration_is_one(promtool: Program) -> None:
    assert "2 rule files found" in told(promtool, "check", "config", MONITORING / "prometheus.yml")


def test_the_rules_are_rules(promtool: Program) -> None:
    files = [MONITORING / name for name in RULES]
    assert told(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files).count("SUCCESS") == len(files)


@pytest.mark.parametrize("name", sorted(path.name for path in (MONITORING / "tests").glob("*.yml")))
def test_the_cases(promtool: Program, name: str) -> None:
    assert "SUCCESS" in told(promtool, "test", "rules", MONITORING / "tests" / name)


def test_a_case_fails_where_a_rule_is_broken(promtool: Program, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "alerts.yml").write_text((MONITORING / "tests" / "alerts.yml").read_text())
    text = (MONITORING / "alerts.yml").read_text()
    assert text.count("> 0.05") == 1
    (tmp_path / "alerts.yml").write_text(text.replace("> 0.05", "> 0.5"))
    with pytest.raises(AssertionError, match="alertname: CriticalErrorRate"):
        told(promtool, "test", "rules", tmp_path / "tests" / "alerts.yml")


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: "-".join([alert["alert"], *alert["labels"].values()]))
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(alert: dict[str, Any]) -> None:
    own = [case for case in cases() if case["alertname"] == alert["alert"]]
    wanted = {name: value for name, value in alert["labels"].items() if "{{" not in value}
    fired = [each["exp_labels"] for case in own for each in case["exp_alerts"]]
    assert any(wanted.items() <= labels.items() for labels in fired)
    assert any(case["exp_alerts"] == [] for case in own)


def test_every_service_level_has_a_case_that_fires() -> None:
    levels = {rule["labels"]["sli"] for rule in rules() if rule.get("record") == "slo:objective:ratio"}
    fired = {each["exp_labels"].get("sli") for case in cases() for each in case["exp_alerts"]} - {None}
    assert fired == levels == {"availability", "derive_latency", "derive_latency_p99", "report_generation"}


@pytest.mark.parametrize("name", DOCUMENT)
def test_what_the_document_says_of_its_alerts(name: str) -> None:
    [alert] = [each for each in alerts() if each["alert"] == name]
    threshold, duration, labels = DOCUMENT[name]
    assert threshold in alert["expr"]
    assert (alert["for"], alert["labels"]) == (duration, labels)
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    linked: dict[str, set[str]] = {}
    for alert in alerts():
        linked.setdefault(alert["annotations"]["runbook_url"].rpartition("/")[2], set()).add(alert["alert"])
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(linked) | {"README"}
    index = (RUNBOOKS / "README.md").read_text()
    for name, [alert] in linked.items():
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert text.startswith(f"# {alert}\n")
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## What it means",
            "## What to look at",
            "## What to do",
        ]
        assert f"[{alert}]({name}.md)" in index


def test_every_job_that_a_rule_names_is_scraped() -> None:
    jobs = {each["job_name"] for each in read("prometheus.yml")["scrape_configs"]}
    assert {"api", "pipeline", "postgres", "node", "celery"} <= jobs
