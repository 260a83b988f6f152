"""The API as its pod and its compose services run it: settings that it takes, and probes that it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from apex.api.client_address import client_address
from apex.api.settings import Settings

from tests.cli.program import until
from tests.deploy import composing
from tests.deploy.manifests import ROOT, Objects, selected
from tests.servers.elasticsearch_node import free_port


def pod_settings(base: Objects) -> dict[str, str]:
    return dict(base.of("ConfigMap")["api-settings"]["data"])


def test_settings_of_every_place_are_taken(base: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    services: dict[str, Any] = composing.read("core")["services"]
    image = dict(line.split("=") for line in _image_environment())
    for given in (pod_settings(base), services["api"]["environment"], services["worker"]["environment"]):
        with monkeypatch.context() as patched:
            for name, value in (image | given).items():
                assert name.lower() in Settings.model_fields, name
                patched.setenv(name, value)
            settings = Settings()
            assert (settings.host, settings.port) == ("0.0.0.0", 8000)
            assert settings.otel_exporter == "otlp"


def _image_environment() -> list[str]:
    stage = (ROOT / "Dockerfile").read_text().split(" AS api\n")[1]
    [line] = [line for line in stage.splitlines() if line.startswith("ENV ")]
    return line.removeprefix("ENV ").split()


@pytest.mark.parametrize("peer", ["10.42.3.7", "172.18.0.1", "192.168.65.1"])
def test_a_client_behind_the_proxy_of_the_place_is_named(
    base: Objects, monkeypatch: pytest.MonkeyPatch, peer: str
) -> None:
    """The peer is a pod of the ingress, or the gateway of Docker's network; what a client claims is not believed."""
    for given in (pod_settings(base), composing.read("core")["services"]["api"]["environment"]):
        monkeypatch.setenv("TRUSTED_PROXIES", given["TRUSTED_PROXIES"])
        trusted = Settings().trusted_proxies
        assert client_address(peer, ["203.0.113.9, 81.2.69.160"], trusted) == "81.2.69.160"
        assert client_address("81.2.69.160", ["203.0.113.9"], trusted) == "81.2.69.160"


def test_the_worker_is_scraped_where_it_listens() -> None:
    worker = composing.read("full")["services"]["worker"]
    assert worker["command"] == ["apex.api.worker"]
    assert worker["environment"]["WORKER_METRICS_PORT"] in worker["expose"]


def test_the_worker_of_the_cluster(base: Objects) -> None:
    """Requests go to the API alone, and the worker's metrics are where its probes and Prometheus look."""
    api, worker = base.pods()["api"], base.pods()["worker"]
    services = base.of("Service")
    for name, pod, other in (("api", api, worker), ("worker-monitoring", worker, api)):
        assert selected({"matchLabels": services[name]["spec"]["selector"]}, pod.labels)
        assert not selected({"matchLabels": services[name]["spec"]["selector"]}, other.labels)
    assert worker.container()["args"] == ["apex.api.worker"]
    [port] = worker.container()["ports"]
    assert worker.environment() == {"WORKER_METRICS_HOST": "0.0.0.0", "WORKER_METRICS_PORT": str(port["containerPort"])}
    assert worker.container()["envFrom"] == api.container()["envFrom"]


def test_probes_of_the_pod(base: Objects, tmp_path: Path) -> None:
    port = free_port()
    given = pod_settings(base) | {
        "HOST": "0.0.0.0",
        "PORT": str(port),
        "OTEL_EXPORTER": "none",
        "DATABASE_URL": f"sqlite:///{tmp_path}/apex.db",
    }
    container = base.pods()["api"].container()
    probes = ("startupProbe", "readinessProbe", "livenessProbe")
    with (tmp_path / "log").open("wb") as log:
        api = subprocess.Popen(
            [sys.executable, "-m", "apex.api"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "services" / "api" / "src"), **given},
            stdout=log,
            stderr=log,
        )
    try:
        for path in {container[probe]["httpGet"]["path"] for probe in probes}:
            url = f"http://127.0.0.2:{port}{path}"  # the pod's own address
            until(lambda url=url: _answers(url), lambda url=url: url)
        assert api.poll() is None
    finally:
        api.terminate()
        assert api.wait(60) in (0, -15)
    assert (tmp_path / "log").read_text()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
