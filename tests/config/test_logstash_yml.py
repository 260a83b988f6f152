"""`logstash.yml`, the environment and flags: which stands above which, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.logstash_yml import IGNORED, read_settings
from pipeline.errors import ConfigurationError


def read(folder: Path, text: str, environment: dict[str, str] | None = None, **flags: Any) -> Any:
    (folder / "logstash.yml").write_text(text)
    return read_settings(folder, environment or {}, {name.replace("__", "."): value for name, value in flags.items()})


VALUES = {
    "dotted": ("pipeline.batch.delay: 7", "pipeline_batch_delay", 7),
    "nested": ("pipeline:\n  batch:\n    delay: 7", "pipeline_batch_delay", 7),
    "half and half": ("pipeline.batch:\n  delay: 7", "pipeline_batch_delay", 7),
    "a size": ("in_flight.bytes: 2kb", "in_flight_bytes", 2048),
    "a duration": ("retry.initial_interval: 250 ms", "retry_initial_interval", 0.25),
    "a boolean as text": ('config.support_escapes: "true"', "config_support_escapes", True),
    "a variable": ("pipeline.id: ${NAME}", "pipeline_id", "from-environment"),
    "a variable with a default": ("pipeline.id: ${OTHER:fallback}", "pipeline_id", "fallback"),
    "a variable that is not there": ("pipeline.id: a${OTHER}", "pipeline_id", "a${OTHER}"),
    "nothing": ("", "pipeline_id", "main"),
    "only comments": ("# pipeline.id: x\n", "pipeline_id", "main"),
}


@pytest.mark.parametrize(("text", "name", "value"), VALUES.values(), ids=VALUES)
def test_values(tmp_path: Path, text: str, name: str, value: object) -> None:
    assert getattr(read(tmp_path, text, {"NAME": "from-environment"}).settings, name) == value


def test_flags_stand_above_the_environment_and_that_above_the_file(tmp_path: Path) -> None:
    text = "pipeline.id: file\npipeline.ecs_compatibility: disabled\nlog.level: debug\npath.data: /file"
    environment = {"PIPELINE_ID": "environment", "PIPELINE_ECS_COMPATIBILITY": "v1", "PATH_DATA": "/not-read"}
    settings = read(tmp_path, text, environment, pipeline__id="flag", log__level=None).settings
    assert settings.pipeline_id == "flag"
    assert settings.pipeline_ecs_compatibility == "v1"
    assert settings.log_level == "debug"
    assert settings.path_data == Path("/file")


def test_without_a_folder_or_a_file(tmp_path: Path) -> None:
    assert read_settings(None, {}).settings == read_settings(tmp_path, {}).settings
    with pytest.raises(ConfigurationError, match="there is no folder"):
        read_settings(tmp_path / "none", {})


def test_where_dead_letters_are(tmp_path: Path) -> None:
    assert read(tmp_path, "path.data: d\npipeline.id: p").settings.dead_letters == Path("d/dead_letter_queue/p")
    assert read(tmp_path, "path.dead_letter_queue: q").settings.dead_letters == Path("q/main")


@pytest.mark.parametrize("name", [*IGNORED, "xpack.monitoring.enabled", "modules", "xpack.management.enabled"])
def test_what_changes_nothing_is_said_with_its_place(tmp_path: Path, name: str) -> None:
    [warning] = read(tmp_path, f"# settings\n{name}: 5\n").warnings
    assert f'the setting "{name}" changes nothing: ' in warning.message
    assert warning.span.place == f"{tmp_path}/logstash.yml:2:1"
    [warning] = read(tmp_path, "", **{name.replace(".", "__"): 5}).warnings
    assert warning.message.startswith(f"--{name} changes nothing: ")


FAULTS = {
    "unknown": ("pipelin.id: x", 'there is no setting "pipelin.id"; did you mean "pipeline.id"?', "1:1"),
    "nested": ("pipeline:\n  identity: x", 'there is no setting "pipeline.identity"', "2:3"),
    "value": ("pipeline.batch.delay: soon", 'the setting "pipeline.batch.delay": ', "1:1"),
    "choice": ("log.level: loud", 'the setting "log.level": ', "1:1"),
    "queue": ("a: 1\nqueue.type: persisted", 'the setting "queue.type": only "memory" is there', "2:1"),
    "not yaml": ("a: [", "logstash.yml: ", None),
    "a list": ("- a", "expected settings as name: value", None),
    "in flow style": ("{pipeline.batch.delay: soon}", 'the setting "pipeline.batch.delay": ', None),
}


@pytest.mark.parametrize(("text", "message", "place"), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path: Path, text: str, message: str, place: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    fault = caught.value.faults[-1]
    assert message in fault.message
    assert (fault.span and fault.span.place.removeprefix(f"{tmp_path}/logstash.yml:")) == place


def test_every_fault_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, "a: 1\nb: 2\nlog.level: loud\nlog.format: x\n")
    assert len(caught.value.faults) == 4
