"""Manifests as they are built, compose files as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy import composing
from tests.deploy.manifests import ROOT, Objects, built, secured
from tests.servers.skipping import or_skip


@pytest.fixture(scope="session")
def base() -> Objects:
    with or_skip("kustomize"):
        return built(ROOT / "k8s" / "base")


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the overlay with security on, in a copy that has secrets."""
    return secured(tmp_path_factory.mktemp("secure"))


@pytest.fixture(scope="session")
def secure(overlay: Path) -> Objects:
    with or_skip("kustomize"):
        return built(overlay)


@pytest.fixture(params=["base", "secure"])
def objects(request: pytest.FixtureRequest) -> Objects:
    found: Objects = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session", params=["core", "full"])
def project(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What compose makes of its file with a profile."""
    with or_skip("docker compose"):
        return composing.read(request.param)
