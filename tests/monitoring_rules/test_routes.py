"""Who is told of what: by amtool, by a running Alertmanager, and by a receiver that takes PagerDuty's place."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring_rules.programs import PATIENCE, serving, told
from tests.monitoring_rules.watching import MONITORING
from tests.servers.debian import Program
from tests.servers.elasticsearch_node import free_port

ROUTES = MONITORING / "pagerduty-routes.yaml"


def test_the_configuration_is_one(amtool: Program) -> None:
    found = told(amtool, "check-config", ROUTES)
    assert "SUCCESS" in found
    assert "2 receivers" in found


@pytest.mark.parametrize(
    ("severity", "receiver"),
    [("critical", "pagerduty-critical"), ("warning", "pagerduty-warning"), ("", "pagerduty-critical")],
)
def test_where_a_severity_goes(amtool: Program, severity: str, receiver: str) -> None:
    labels = ["alertname=Any", *([f"severity={severity}"] if severity else [])]
    command = ("config", "routes", "test", f"--config.file={ROUTES}", f"--verify.receivers={receiver}")
    assert receiver in told(amtool, *command, *labels).splitlines()


def test_no_secret_is_in_the_file() -> None:
    text = ROUTES.read_text()
    assert "routing_key_file:" in text
    assert not {"routing_key:", "service_key:", "${"} & set(text.split())


@contextmanager
def running(alertmanager: tuple[Program, list[str]], folder: Path, configuration: Path) -> Iterator[str]:
    program, before = alertmanager
    address = f"127.0.0.1:{free_port()}"
    arguments = [*before, f"--config.file={configuration}", f"--storage.path={folder / 'storage'}"]
    arguments += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with serving(program, *arguments, ready=f"http://{address}/-/ready", log=folder / "alertmanager.log"):
        yield f"http://{address}"


def fire(amtool: Program, url: str, **labels: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    told(amtool, "alert", "add", f"--alertmanager.url={url}", "--annotation=summary=it is so", *pairs)


def silent(amtool: Program, url: str) -> list[tuple[str, str]]:
    """Names and instances of the alerts that another one silences, once that is decided."""
    text = told(amtool, "alert", "query", f"--alertmanager.url={url}", "--inhibited", "--output=json")
    found = [each["labels"] for each in json.loads(text) if each["status"]["inhibitedBy"]]
    return sorted((labels["alertname"], labels.get("instance", "")) for labels in found)


@pytest.mark.parametrize(
    ("critical", "warnings", "silenced"),
    [
        pytest.param(
            {"alertname": "CriticalErrorRate", "component": "api"},
            [{"alertname": "HighLatency", "component": "api"}, {"alertname": "HighQueueLag", "component": "worker"}],
            [("HighLatency", "")],
            id="the same component",
        ),
        pytest.param(
            {"alertname": "DeadLettersBlocked", "component": "pipeline", "instance": "p", "pipeline": "main"},
            [
                {"alertname": "ConsumerLag", "component": "pipeline", "instance": "p", "pipeline": "main"},
                {"alertname": "ConsumerLag", "component": "pipeline", "instance": "q", "pipeline": "main"},
            ],
            [("ConsumerLag", "p")],
            id="the same instance",
        ),
        pytest.param(
            {"alertname": "ApiDown", "component": "api"},
            [
                {"alertname": "TargetDown", "component": "api", "instance": "a"},
                {"alertname": "TargetDown", "component": "node", "instance": "n"},
            ],
            [("TargetDown", "a")],
            id="a component as a whole",
        ),
        pytest.param(
            {"alertname": "ErrorBudgetBurn", "sli": "derive_latency", "window": "1h"},
            [
                {"alertname": "DeriveSLIViolation", "sli": "derive_latency"},
                {"alertname": "ErrorBudgetBurn", "sli": "derive_latency", "window": "3d"},
                {"alertname": "ReportSLIViolation", "sli": "report_generation"},
            ],
            [("DeriveSLIViolation", ""), ("ErrorBudgetBurn", "")],
            id="the same service level",
        ),
        pytest.param(
            {"alertname": "Unlabelled"}, [{"alertname": "Other"}], [], id="labels that neither has are no bond"
        ),
    ],
)
def test_a_critical_silences_its_warning(
    amtool: Program,
    alertmanager: tuple[Program, list[str]],
    tmp_path: Path,
    critical: dict[str, str],
    warnings: list[dict[str, str]],
    silenced: list[tuple[str, str]],
) -> None:
    with running(alertmanager, tmp_path, ROUTES) as url:
        for labels in warnings:
            fire(amtool, url, **labels, severity="warning")
        assert silent(amtool, url) == []
        fire(amtool, url, **critical, severity="critical")
        deadline = time.monotonic() + PATIENCE
        while silent(amtool, url) != silenced and time.monotonic() < deadline:
            time.sleep(0.1)
        assert silent(amtool, url) == silenced


class PagerDuty(ThreadingHTTPServer):
    """Takes events as PagerDuty's Events API v2 does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Events)
        self.events: list[Any] = []


class _Events(BaseHTTPRequestHandler):
    server: PagerDuty

    def do_POST(self) -> None:
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    with PagerDuty() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_pagerduty_gets(
    amtool: Program, alertmanager: tuple[Program, list[str]], tmp_path: Path, pagerduty: PagerDuty
) -> None:
    """The file as it is, but for PagerDuty's address, the folder of the keys, and the waits."""
    text = ROUTES.read_text()
    for old, new in {
        "/etc/alertmanager/secrets": str(tmp_path),
        "group_wait: 30s": "group_wait: 0s",
        "group_wait: 2m": "group_wait: 0s",
    }.items():
        assert old in text
        text = text.replace(old, new)
    configuration = tmp_path / "routes.yaml"
    configuration.write_text(f"global:\n  pagerduty_url: http://127.0.0.1:{pagerduty.server_port}\n{text}")
    for severity in ("critical", "warning"):
        (tmp_path / f"pagerduty-{severity}").write_text(f"key-of-{severity}\n")
    with running(alertmanager, tmp_path, configuration) as url:
        fire(amtool, url, alertname="CriticalErrorRate", severity="critical", component="api")
        fire(amtool, url, alertname="HighQueueLag", severity="warning", component="worker")
        deadline = time.monotonic() + PATIENCE
        while len(pagerduty.events) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
    told_ = {event["routing_key"]: event["payload"] for event in pagerduty.events}
    assert set(told_) == {"key-of-critical", "key-of-warning"}
    critical, warning = told_["key-of-critical"], told_["key-of-warning"]
    assert (critical["severity"], warning["severity"]) == ("critical", "warning")
    assert critical["summary"] == "CriticalErrorRate: it is so"
    assert (critical["component"], warning["component"]) == ("api", "worker")
