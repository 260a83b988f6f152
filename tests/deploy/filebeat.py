"""What Filebeat 8 would send with our configurations: the envelope, and `fields` as the file under test says them.

A model, not Filebeat: it evaluates the conditions that the files use (`has_fields`, `not`, `and`), fills `${data.*}`
from the metadata of an autodiscover event, and builds the fields that a real Filebeat was seen to send. Labels are
dedotted, as the provider does.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.deploy.manifests import ROOT

FOLDER = ROOT / "shippers" / "filebeat"
CONTAINER = "3b1c0d8a4e5f60718293a4b5c6d7e8f90123456789abcdef0123456789abcdef"


def read(name: str) -> dict[str, Any]:
    """A configuration with dotted names unfolded."""
    return dict(unfolded(yaml.safe_load((FOLDER / f"{name}.yml").read_text())))


def unfolded(document: Any) -> Any:
    """`a.b: 1` as `a: {b: 1}`, at every depth, as Beats read YAML."""
    if isinstance(document, list):
        return [unfolded(each) for each in document]
    if not isinstance(document, dict):
        return document
    found: dict[str, Any] = {}
    for key, value in document.items():
        inner = found
        *parents, last = str(key).split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        value = unfolded(value)
        if isinstance(value, dict) and isinstance(inner.get(last), dict):
            inner[last] |= value
        else:
            inner[last] = value
    return found


def has(document: dict[str, Any], path: str) -> bool:
    """Whether a document has a field, by its dotted path."""
    inner: Any = document
    for part in path.split("."):
        if not isinstance(inner, dict) or part not in inner:
            return False
        inner = inner[part]
    return True


def holds(condition: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether a condition holds."""
    [(name, given)] = condition.items()
    match name:
        case "has_fields":
            return all(has(document, path) for path in given)
        case "not":
            return not holds(given, document)
        case "and":
            return all(holds(each, document) for each in given)
    raise AssertionError(f"this model knows no condition {name}")


def filled(value: Any, document: dict[str, Any]) -> Any:
    """`${data.a.b}` replaced; a variable that is not there fails, as in Beats."""
    if isinstance(value, list):
        return [filled(each, document) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, document) for key, each in value.items()}
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        inner: Any = document
        for part in found[1].split("."):
            inner = inner[part]
        return str(inner)

    return re.sub(r"\$\{data\.([^}]+)\}", replace, value)


def metadata(kind: str, labels: dict[str, str]) -> dict[str, Any]:
    """What autodiscover knows of a container."""
    dedotted = {name.replace(".", "_"): value for name, value in labels.items()}
    if kind == "docker":
        return {"docker": {"container": {"id": CONTAINER, "name": "api", "labels": dedotted}}}
    pod = {"name": "api-6d4cf56db6-x2v7q", "uid": "c1"}
    return {
        "kubernetes": {"container": {"id": CONTAINER, "name": "api"}, "pod": pod, "namespace": "logging",
                       "labels": dedotted}
    }  # fmt: skip


def inputs(name: str, labels: dict[str, str]) -> list[dict[str, Any]]:
    """The inputs that the configuration opens for a container with these labels, or at all."""
    configuration = read(name)["filebeat"]
    if "inputs" in configuration:
        return list(configuration["inputs"])
    [provider] = configuration["autodiscover"]["providers"]
    document = metadata(provider["type"], labels)
    return [
        filled(each, document)
        for template in provider["templates"]
        if holds(template["condition"], document)
        for each in template["config"]
    ]


def envelope(name: str, line: str, **labels: str) -> dict[str, Any]:
    """The event that Filebeat makes of a line that the application wrote."""
    [only] = inputs(name, labels)
    path = only["paths"][0].replace("*", "x")
    event: dict[str, Any] = {
        "@timestamp": "2026-11-21T06:29:46.000Z",
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
        "message": line,
        "input": {"type": only["type"]},
        "log": {"offset": 0, "file": {"path": path}},
        "ecs": {"version": "8.0.0"},
        "host": {"name": "node-1"},
        "agent": {"type": "filebeat", "version": "8.11.0", "id": "a1", "ephemeral_id": "e1", "name": "node-1"},
    }
    if "fields" in only:
        event["fields"] = only["fields"]
    if any("container" in parser for parser in only.get("parsers", [])):
        event["stream"] = "stdout"
        event |= metadata("docker" if name == "docker" else "kubernetes", labels)
    return event
