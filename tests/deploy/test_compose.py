"""docker-compose.yml, as compose reads it: services, health checks, files, ports, who waits for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.grammar.loader import load
from tests.deploy import composing
from tests.deploy.manifests import ROOT

CORE = {"api", "elasticsearch", "filebeat", "jaeger", "kibana", "pipeline", "postgres", "redis", "worker"}
FULL = CORE | {"alertmanager", "grafana", "kafka", "kafka-setup", "loki", "node-exporter", "postgres-exporter",
               "prometheus"}  # fmt: skip
ONCE = {"kafka-setup"}
MADE = {ROOT / "data" / "pagerduty"}
"""Folders that need not be there: the engine makes them."""

Service = dict[str, Any]


def test_the_profiles(project: dict[str, Any]) -> None:
    services: dict[str, Service] = project["services"]
    assert set(services) in (CORE, FULL)
    assert all("core" in each["profiles"] for name, each in services.items() if name in CORE)


def test_every_service_says_whether_it_is_well(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert name in ONCE or service["healthcheck"]["test"], name
        assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped"), name


def test_who_waits_waits_for_a_health_check(project: dict[str, Any]) -> None:
    services = project["services"]
    waited = 0
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            waited += 1
            assert how["condition"] == "service_healthy", f"{name} -> {other}"
            assert "healthcheck" in services[other]
    assert waited >= 7


def test_what_is_mounted_exists(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                source = Path(mount["source"])
                assert source.exists() or source in MADE, f"{name}: there is no {source}"
                assert mount["read_only"], f"{name} may write to {source}"
            else:
                assert mount["source"] in project["volumes"]


def test_ports_are_open_on_this_machine_alone(project: dict[str, Any]) -> None:
    taken: list[str] = []
    for name, service in project["services"].items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", f"{name}: {port}"
            taken.append(port["published"])
    assert len(taken) == len(set(taken))


def test_files_that_commands_name_are_mounted(project: dict[str, Any]) -> None:
    named = 0
    for name, service in project["services"].items():
        targets = [Path(mount["target"]) for mount in service.get("volumes", [])]
        for argument in [*(service.get("command") or []), *service.get("healthcheck", {}).get("test", [])]:
            path = Path(argument.partition("=")[2] or argument)
            if path.is_absolute() and path.parts[1] == "etc":
                named += 1
                assert any(path.is_relative_to(target) for target in targets), f"{name}: {argument}"
    assert named >= 6


def test_our_images_run_with_few_rights(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        if service["image"].startswith("apex-"):
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["build"]["target"] == ("api" if "api" in service["image"] else "pipeline")


def test_filebeat_reads_where_the_api_writes(project: dict[str, Any]) -> None:
    services = project["services"]
    host = yaml.safe_load((ROOT / "shippers" / "filebeat" / "host.yml").read_text())
    pattern = host["filebeat.inputs"][0]["paths"][0].partition(":")[2].rstrip("}")
    shared = {mount["target"] for mount in services["filebeat"]["volumes"] if mount["source"] == "api-logs"}
    for name in ("api", "worker"):
        target = services[name]["environment"]["LOG_TARGET"]
        assert target.startswith("file:")
        path = Path(target.removeprefix("file:"))
        assert path.match(pattern), name
        assert str(path.parent) in shared
        assert {"type": "volume", "source": "api-logs", "target": str(path.parent), "volume": {}} in services[name][
            "volumes"
        ]
    assert len({services[name]["environment"]["LOG_TARGET"] for name in ("api", "worker")}) == 2


def test_the_same_files_as_in_kubernetes(project: dict[str, Any]) -> None:
    """What the kustomizations in infra/ and shippers/ make ConfigMaps of is what compose mounts."""
    mounted = {
        Path(mount["source"])
        for service in project["services"].values()
        for mount in service.get("volumes", [])
        if mount["type"] == "bind"
    }
    for room in ("infra", "shippers"):
        kustomization = yaml.safe_load((ROOT / room / "kustomization.yaml").read_text())
        for made in kustomization["configMapGenerator"]:
            if not any(name in made["name"] for name in ("loki", "kafka")) or "kafka" in project["services"]:
                for file in made["files"]:
                    path = ROOT / room / file
                    assert any(path.is_relative_to(each) for each in mounted), f"compose does not mount {path}"


def test_addresses_are_those_of_services() -> None:
    """A name and a port that a variable or a configuration gives is a service and a port that it listens at."""
    services = composing.read("full")["services"]
    assert services["api"]["environment"]["OTEL_ENDPOINT"] == "http://jaeger:4317"
    assert "4317" in services["jaeger"]["expose"]
    prometheus = yaml.safe_load((ROOT / "infra" / "monitoring" / "prometheus.yml").read_text())
    targets = [
        target
        for job in prometheus["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
        if not target.startswith("localhost")
    ]
    assert len(targets) >= 5
    for target in targets:
        name, _, port = target.partition(":")
        published = {str(each["target"]) for each in services[name].get("ports", [])}
        assert port in published | set(services[name].get("expose", [])), target


@pytest.mark.parametrize("given", ["", "{logstash,kafka}.conf", "{logstash,kafka,http}.conf"])
def test_which_configurations_the_pipeline_reads(given: str) -> None:
    variables = {"PIPELINE_CONFIGS": given} if given else {}
    command = composing.read("core", **variables)["services"]["pipeline"]["command"]
    [path] = [each.partition("=")[2] for each in command if each.startswith("--path.config=")]
    sources, faults = load(path.replace("/etc/apex-logs", str(ROOT / "infra" / "logging")))
    assert faults == []
    assert len(sources) == (given.count(",") + 1 if given else 1)
