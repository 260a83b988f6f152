"""`make release` with the real sentry-cli, against a local endpoint that answers as Sentry's API does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.api.receivers import Http, http
from tests.servers import sentry_cli
from tests.servers.skipping import or_skip

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "services" / "api" / "release" / "sentry_release.sh"
RELEASE = {"version": "abc123", "dateCreated": "2026-11-30T00:00:00Z", "newGroups": 0, "projects": []}
UPLOADS = {
    "chunkSize": 1 << 23,
    "chunksPerRequest": 64,
    "maxRequestSize": 1 << 25,
    "concurrency": 1,
    "hashAlgorithm": "sha1",
    "compression": ["gzip"],
    "accept": ["release_files", "artifact_bundles_v2"],
}


def answer(path: str) -> bytes:
    if "/repos/" in path:
        return b"[]"
    if "/chunk-upload/" in path:
        return json.dumps({**UPLOADS, "url": "/api/0/organizations/signs/chunk-upload/"}).encode()
    if "/assemble/" in path:
        return b'{"state": "ok", "missingChunks": []}'
    return json.dumps(RELEASE).encode()


def release(sentry: Http, static: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    with or_skip("sentry-cli"):
        program = sentry_cli.program()
    own = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "SENTRY_URL": f"http://127.0.0.1:{sentry.port}",
        "SENTRY_AUTH_TOKEN": "token",
        "SENTRY_ORG": "signs",
        "SENTRY_PROJECT": "apex-api",
        "GIT_SHA": "abc123",
        "STATIC": str(static),
        **variables,
    }
    return subprocess.run([SCRIPT], env={**os.environ, **own}, capture_output=True, text=True, timeout=120)


def test_a_release_is_made_and_finalized(tmp_path: Path) -> None:
    with http(body=answer) as sentry:
        done = release(sentry, tmp_path / "none")
    assert done.returncode == 0, done.stderr
    assert "no source maps under" in done.stdout
    calls = [(each.method, each.path.partition("?")[0]) for each in sentry.received]
    releases = "/api/0/organizations/signs/releases/"
    assert calls[0] == ("POST", releases)
    assert json.loads(sentry.received[0].body)["version"] == "abc123"
    assert {each.headers["authorization"] for each in sentry.received} == {"Bearer token"}
    changes = [json.loads(each.body) for each in sentry.received if each.method == "PUT"]
    assert any("commits" in change for change in changes)
    assert "dateReleased" in changes[-1]
    assert not any("artifactbundle" in path for _, path in calls)


def test_source_maps_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("var a=1;\n//# sourceMappingURL=app.js.map\n")
    (tmp_path / "app.js.map").write_text('{"version":3,"sources":["app.ts"],"names":[],"mappings":"AAAA"}')
    with http(body=answer) as sentry:
        done = release(sentry, tmp_path, STATIC_URL="https://signs.example.com/static")
    assert done.returncode == 0, done.stderr
    assert "https://signs.example.com/static/app.js (sourcemap at app.js.map)" in done.stdout + done.stderr
    [bundle, *_] = [json.loads(each.body) for each in sentry.received if "artifactbundle/assemble" in each.path]
    assert bundle["version"] == "abc123"


@pytest.mark.parametrize("name", ["SENTRY_AUTH_TOKEN", "SENTRY_ORG", "SENTRY_PROJECT"])
def test_what_is_not_set_is_named(tmp_path: Path, name: str) -> None:
    with http(body=answer) as sentry:
        done = release(sentry, tmp_path, **{name: ""})
    assert (done.returncode, done.stderr) == (2, f"{name} is not set; sentry-cli needs it\n")
    assert sentry.received == []
