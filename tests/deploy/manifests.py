"""Kubernetes objects as `kustomize build` prints them, and what the tests ask of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.servers import go_programs

ROOT = Path(__file__).parents[2]
NAMESPACE = "logging"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")

Document = dict[str, Any]


class Pod(NamedTuple):
    """The pods of a workload, by its template."""

    workload: Document
    labels: dict[str, str]
    spec: Document

    @property
    def name(self) -> str:
        return str(self.workload["metadata"]["name"])

    def container(self) -> Document:
        [only] = self.spec["containers"]
        return dict(only)

    def environment(self) -> dict[str, str]:
        """The variables of the container that have plain values."""
        return {each["name"]: each["value"] for each in self.container().get("env", []) if "value" in each}


@dataclass(frozen=True)
class Objects:
    """All objects of one build."""

    documents: list[Document]

    def of(self, kind: str) -> dict[str, Document]:
        """The objects of a kind by their names."""
        return {each["metadata"]["name"]: each for each in self.documents if each["kind"] == kind}

    def pods(self) -> dict[str, Pod]:
        """The pods by the name of their workload."""
        found = {}
        for kind in WORKLOADS:
            for name, workload in self.of(kind).items():
                template = workload["spec"]["template"]
                found[name] = Pod(workload, template["metadata"]["labels"], template["spec"])
        return found

    def config(self, name: str) -> dict[str, str]:
        """The files of a ConfigMap, whose name the build has lengthened by a hash."""
        [found] = [each["data"] for key, each in self.of("ConfigMap").items() if key.startswith(f"{name}-")]
        return dict(found)


def kustomize() -> str:
    """The program."""
    return go_programs.program("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1")


def built(folder: Path) -> Objects:
    """What a kustomization becomes."""
    done = subprocess.run([kustomize(), "build", str(folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return Objects([each for each in yaml.safe_load_all(done.stdout) if each])


def secured(folder: Path) -> Path:
    """A copy of the overlay with secrets that its script has made; returns the overlay's folder."""
    for name in ("k8s", "infra", "shippers"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    overlay = folder / "k8s" / "overlays" / "secure"
    subprocess.run([overlay / "make-secrets"], check=True, capture_output=True, timeout=120)
    return overlay


def selected(selector: Document | None, labels: dict[str, str]) -> bool:
    """Whether a label selector chooses these labels; an empty one chooses everything."""
    wanted = selector or {}
    if any(labels.get(key) != value for key, value in wanted.get("matchLabels", {}).items()):
        return False
    return all(_holds(each, labels) for each in wanted.get("matchExpressions", []))


def _holds(expression: Document, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise AssertionError(expression["operator"])


def references(document: Any) -> Iterator[tuple[str, str, bool]]:
    """Kind, name and whether it may be missing, of each ConfigMap and Secret that a pod's spec names."""
    if isinstance(document, list):
        for each in document:
            yield from references(each)
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        optional = isinstance(value, dict) and bool(value.get("optional"))
        if key in ("configMap", "configMapRef", "configMapKeyRef"):
            yield "ConfigMap", value["name"], optional
        elif key in ("secretRef", "secretKeyRef"):
            yield "Secret", value["name"], optional
        elif key == "secret":
            yield "Secret", value["secretName"], optional
        else:
            yield from references(value)
