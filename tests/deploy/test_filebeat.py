"""Filebeat's configurations: options that Filebeat 8 documents, and events for which the document's condition holds.

No Filebeat runs here; see docs/deployment.md for what that leaves open.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.filebeat import CONTAINER, FOLDER, envelope, has, holds, inputs, read
from tests.deploy.manifests import ROOT, Objects
from tests.harness import filtered
from tests.proofs.engine import design_configuration

PLACES = ["host", "docker", "kubernetes"]
OUTPUTS = ["to-pipeline", "to-pipeline-tls", "to-kafka", "to-kafka-tls"]
LINE = '{"timestamp":"2026-11-21T06:29:45.816Z","level":"info","event":"request_finished","status":200}'

SSL = {"certificate_authorities", "certificate", "key", "supported_protocols", "verification_mode"}
SCANNER = {"exclude_files", "symlinks", "fingerprint.enabled", "fingerprint.offset", "fingerprint.length"}
KNOWN = {
    "name", "http.enabled", "http.host", "http.port", "logging.to_stderr", "monitoring.enabled",
    *(f"filebeat.inputs.{option}" for option in (
        "type", "id", "paths", "fields.service", "file_identity.fingerprint", "message_max_bytes",
        "parsers.container.stream", "parsers.container.format", *(f"prospector.scanner.{name}" for name in SCANNER),
    )),
    "filebeat.autodiscover.providers.type", "filebeat.autodiscover.providers.node",
    "filebeat.autodiscover.providers.labels.dedot",
    "filebeat.autodiscover.providers.templates.condition.has_fields",
    "filebeat.autodiscover.providers.templates.condition.and.has_fields",
    "filebeat.autodiscover.providers.templates.condition.and.not.has_fields",
    *(f"output.logstash.{option}" for option in (
        "hosts", "bulk_max_size", "compression_level", "ttl", "pipelining", "timeout", "backoff.init", "backoff.max",
        *(f"ssl.{name}" for name in SSL),
    )),
    *(f"output.kafka.{option}" for option in (
        "hosts", "topic", "version", "key", "partition.hash.reachable_only", "required_acks", "compression",
        "max_message_bytes", "bulk_max_size", "username", "password", "sasl.mechanism",
        *(f"ssl.{name}" for name in SSL),
    )),
}  # fmt: skip
"""Options as the reference of Filebeat 8.11 names them (filebeat.reference.yml and its pages)."""


def leaves(document: Any, path: str = "") -> set[str]:
    """The dotted names of all options; the inputs of templates under the name of inputs."""
    if isinstance(document, list):
        return set().union(*(leaves(each, path) for each in document)) if document else {path}
    if isinstance(document, dict):
        found = (leaves(value, f"{path}.{key}".removeprefix(".")) for key, value in document.items())
        return set().union(*found)
    return {path.replace("filebeat.autodiscover.providers.templates.config.", "filebeat.inputs.")}


@pytest.mark.parametrize("name", [*PLACES, *OUTPUTS])
def test_only_options_that_filebeat_documents(name: str) -> None:
    assert leaves(read(name)) <= KNOWN


def test_there_is_a_file_for_each_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*PLACES, *OUTPUTS}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_file_holds_one_output_and_a_place_none(name: str) -> None:
    assert list(read(name)) == ["output"]
    assert len(read(name)["output"]) == 1
    assert all("output" not in read(place) for place in PLACES)


@pytest.mark.parametrize("name", PLACES)
def test_the_documents_condition_holds(name: str) -> None:
    label = {"docker": {"service": "apex-api"}, "kubernetes": {"app": "apex-api"}}.get(name, {})
    event = envelope(name, LINE, **label)
    [document] = filtered(design_configuration(0), event, ecs="disabled")
    assert document["fields"]["service"] == "apex-api"
    assert document["log_event"] == "request_finished"


def test_a_pod_with_another_label_or_none_is_shipped_and_left_alone() -> None:
    for labels, fields in (({"app": "kibana"}, {"service": "kibana"}), ({}, None)):
        event = envelope("kubernetes", LINE, **labels)
        assert event.get("fields") == fields
        [document] = filtered(design_configuration(0), event, ecs="disabled")
        assert document["message"] == LINE
        assert "log_event" not in document
    assert inputs("docker", {}) == [], "containers without the label are not read"


def test_the_pods_of_the_api_have_the_label(objects: Objects) -> None:
    assert objects.pods()["api"].labels["app"] == "apex-api"
    labelled = [name for name, pod in objects.pods().items() if pod.labels.get("app") == "apex-api"]
    assert labelled == ["api", "worker"]


def test_files_are_those_of_the_container_and_are_mounted(base: Objects) -> None:
    [only] = inputs("kubernetes", {"app": "x"})
    [path] = only["paths"]
    file = Path("/var/log/containers") / f"api-6d4cf56db6-x2v7q_logging_api-{CONTAINER}.log"
    assert file.match(path)
    assert only["id"].endswith(CONTAINER)
    pod = base.pods()["filebeat"]
    volumes = {volume["name"]: volume["hostPath"]["path"] for volume in pod.spec["volumes"] if "hostPath" in volume}
    mounts = {mount["mountPath"]: volumes.get(mount["name"]) for mount in pod.container()["volumeMounts"]}
    for place in ("/var/log", "/var/lib/docker/containers"):  # links lead from one to the other
        assert mounts[place] == place
    assert mounts["/usr/share/filebeat/data"] == "/var/lib/filebeat-data", "positions outlive the pod"


def test_variables_without_a_default_are_given(base: Objects) -> None:
    text = "".join((FOLDER / f"{name}.yml").read_text() for name in ("kubernetes", "to-pipeline"))
    needed = {name for name, default in re.findall(r"\$\{([A-Z_]+)(:[^}]*)?\}", text) if not default}
    assert needed == {"NODE_NAME"}
    assert needed <= {each["name"] for each in base.pods()["filebeat"].container()["env"]}


def test_what_it_sends_to_is_a_service_with_that_port(objects: Objects) -> None:
    environment = objects.pods()["filebeat"].environment()
    service = objects.of("Service")[environment["PIPELINE_HOST"]]
    assert int(environment["PIPELINE_PORT"]) in {port["port"] for port in service["spec"]["ports"]}


def test_bounds_fit_each_other() -> None:
    """A longest line fits a record, and a record the topic and the broker."""
    topics = (ROOT / "shippers" / "kafka" / "topics.yaml").read_text()
    broker = (ROOT / "infra" / "kafka" / "server.properties").read_text()
    for name in ("to-kafka", "to-kafka-tls"):
        longest = read(name)["output"]["kafka"]["max_message_bytes"]
        assert f"max.message.bytes: {longest}" in topics
        assert f"message.max.bytes={longest}" in broker
    for name in PLACES:
        assert {each["message_max_bytes"] for each in inputs(name, {"app": "x", "service": "x"})} == {10_485_760}


def test_the_rights_are_what_autodiscover_watches(base: Objects) -> None:
    rules = base.of("ClusterRole")["filebeat"]["rules"]
    granted = {(group, resource): rule["verbs"] for rule in rules for group in rule["apiGroups"]
               for resource in rule["resources"]}  # fmt: skip
    for resource in (("", "pods"), ("", "nodes"), ("", "namespaces"), ("apps", "replicasets"), ("batch", "jobs")):
        assert granted[resource] == ["get", "list", "watch"]
    assert len(granted) == 5, "and nothing else"


def test_the_model_itself() -> None:
    document = {"a": {"b": 1}}
    assert has(document, "a.b")
    assert not has(document, "a.b.c")
    assert holds({"not": {"has_fields": ["a.x"]}}, document)
    assert not holds({"and": [{"has_fields": ["a.b"]}, {"has_fields": ["a.x"]}]}, document)
    with pytest.raises(AssertionError, match="equals"):
        holds({"equals": {"a": 1}}, document)


def test_a_pod_without_a_container_opens_no_input() -> None:
    """Autodiscover tells of pods too; `${data.kubernetes.container.id}` could not be filled then."""
    [provider] = read("kubernetes")["filebeat"]["autodiscover"]["providers"]
    for labels in ({}, {"app": "apex-api"}):
        pod = {"kubernetes": {"pod": {"name": "api"}, "labels": labels}}
        assert not any(holds(template["condition"], pod) for template in provider["templates"])
