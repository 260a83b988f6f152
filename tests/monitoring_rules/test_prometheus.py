"""A Prometheus that runs on our configuration, and reads what the API, the pipeline and the exporters said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.api.serving import until
from tests.monitoring_rules.programs import fetched, serving
from tests.monitoring_rules.watching import MONITORING, RULES, Expression, board_expressions, read, recorded, rules
from tests.servers.debian import Program
from tests.servers.elasticsearch_node import free_port


class Page(ThreadingHTTPServer):
    """Says one text to whoever asks."""

    def __init__(self, text: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.text = text


class _Answer(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def configured(folder: Path, targets: dict[str, str]) -> Path:
    """Our files in a folder: with other targets, and a second where they say a quarter of a minute and more."""
    for name in RULES:
        (folder / name).write_text((MONITORING / name).read_text().replace("interval: 2m", "interval: 1s"))
    settings = read("prometheus.yml")
    settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    settings["alerting"] = {}
    for job in settings["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, prometheus: Program, pages: dict[str, str]) -> Iterator[str]:
    """A Prometheus that asks them all, every second."""
    folder = tmp_path_factory.mktemp("prometheus")
    address = f"127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        targets = {"prometheus": address, "alertmanager": f"127.0.0.1:{free_port()}"}
        for job, text in {**pages, "celery": pages["api"]}.items():
            server = stack.enter_context(Page(text))
            threading.Thread(target=server.serve_forever).start()
            stack.callback(server.shutdown)
            targets[job] = f"127.0.0.1:{server.server_port}"
        arguments = [f"--config.file={configured(folder, targets)}", f"--storage.tsdb.path={folder / 'data'}"]
        arguments += [f"--web.listen-address={address}"]
        log = folder / "prometheus.log"
        stack.enter_context(serving(prometheus, *arguments, ready=f"http://{address}/-/ready", log=log))
        yield f"http://{address}"


def asked(url: str, expression: str) -> list[Any]:
    answer = json.loads(fetched(f"{url}/api/v1/query?query={quote(expression)}"))
    return answer["data"]["result"]


def silent(url: str) -> list[str]:
    """Names of what no rule has recorded yet."""
    return [name for name in recorded() if not asked(url, name)]


def test_every_rule_is_judged_and_none_fails(url: str) -> None:
    until(lambda: not silent(url))
    groups = json.loads(fetched(f"{url}/api/v1/rules"))["data"]["groups"]
    judged = [rule for group in groups for rule in group["rules"]]
    assert len(judged) == len(rules())
    assert [(rule["name"], rule["lastError"]) for rule in judged if rule["health"] != "ok"] == []


def test_every_service_level_is_recorded(url: str) -> None:
    wanted = {"availability", "derive_latency", "derive_latency_p99", "report_generation"}
    until(lambda: {each["metric"]["sli"] for each in asked(url, "slo:error_budget_remaining:ratio")} == wanted)


@pytest.mark.parametrize("expression", board_expressions(), ids=lambda each: each.where)
def test_every_panel_has_something_to_show(url: str, expression: Expression) -> None:
    until(lambda: asked(url, expression.text))


def test_what_is_away_is_told(url: str) -> None:
    """The exporter says that its database is away; Alertmanager is."""
    wanted = {("DatabaseDown", "postgres"), ("TargetDown", "alertmanager")}
    until(lambda: wanted <= {(each["metric"]["alertname"], each["metric"].get("job")) for each in asked(url, "ALERTS")})
