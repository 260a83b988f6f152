"""Every object is one that Kubernetes knows, field for field: its JSON schemas, the strict ones, of two versions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.deploy.manifests import Document, Objects
from tests.servers import wheels
from tests.servers.skipping import or_skip

SCHEMAS = ("kubernetes-validate", "1.37.0")
VERSIONS = ["v1.28.0", "v1.37.0"]


class Schemas:
    """The schemas of one version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        definitions: Resource[Any] = Resource.from_contents(json.loads((folder / "_definitions.json").read_text()))
        self._registry: Registry[Any] = definitions @ Registry()

    def faults(self, document: Document) -> list[str]:
        """What is wrong with an object: its place and the reason."""
        group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", document["apiVersion"])
        schema = json.loads((self._folder / f"{document['kind'].lower()}-{group}.json").read_text())
        found = Draft202012Validator(schema, registry=self._registry).iter_errors(document)
        return [f"{'.'.join(map(str, each.absolute_path))}: {each.message[:200]}" for each in found]


@pytest.fixture(scope="session", params=VERSIONS)
def schemas(request: pytest.FixtureRequest) -> Schemas:
    with or_skip("Kubernetes schemas"):
        folder = wheels.unpacked(*SCHEMAS)
    return Schemas(folder / "kubernetes_validate" / "kubernetes-json-schema" / f"{request.param}-local-strict")


def test_every_object(schemas: Schemas, objects: Objects) -> None:
    assert len(objects.documents) > 40
    found = {
        f"{each['kind']} {each['metadata']['name']}": wrong
        for each in objects.documents
        if (wrong := schemas.faults(each))
    }
    assert found == {}


def test_a_wrong_object_is_found(schemas: Schemas, base: Objects) -> None:
    wrong: Document = json.loads(json.dumps(base.of("Deployment")["pipeline"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    wrong["spec"]["minReadySeconds"] = "ten"
    assert len(schemas.faults(wrong)) == 2
