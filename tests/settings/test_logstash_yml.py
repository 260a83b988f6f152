"""`logstash.yml`, the environment and flags: which stands above which, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigurationError
from pipeline.settings.logstash_yml import IGNORED, read_settings


def read(folder: Path, text: str, environment: dict[str, str] | None = None, **flags: Any) -> Any:
    (folder / "logstash.yml").write_text(text)
    return read_settings(folder, environment or {}, {name.replace("__", "."): value for name, value in flags.items()})


VALUES = {
    "dotted": ("pipeline.batch.delay: 7", "pipeline_batch_delay", 7),
    "nested": ("pipeline:\n  batch:\n    delay: 7", "pipeline_batch_delay", 7),
    "half and half": ("pipeline.batch:\n  delay: 7", "pipeline_batch_delay", 7),
    "a size": ("in_flight.bytes: 2kb", "in_flight_bytes", 2048),
    "a duration": ("retry.initial_interval: 250 ms", "retry_initial_interval", 0.25),
    "an age": ("dead_letter_queue.retain.age: 5d", "dead_letter_queue_retain_age", 432_000.0),
    "the bound of dead letters": ("dead_letter_queue.max_bytes: 1024mb", "dead_letter_queue_max_bytes", 1 << 30),
    "their policy": (
        "dead_letter_queue:\n  storage_policy: drop_older",
        "dead_letter_queue_storage_policy",
        "drop_older",
    ),
    "their interval": ("dead_letter_queue.flush_interval: 1000", "dead_letter_queue_flush_interval", 1000),
    "a boolean as text": ('config.support_escapes: "true"', "config_support_escapes", True),
    "a variable": ("pipeline.id: ${NAME}", "pipeline_id", "from-environment"),
    "a variable with a default": ("pipeline.id: ${OTHER:fallback}", "pipeline_id", "fallback"),
    "a variable that is not there": ("pipeline.id: a${OTHER}", "pipeline_id", "a${OTHER}"),
    "a variable that YAML would read otherwise": ("node.name: ${ODD}", "node_name", "a: 'b #c"),
    "a number in a variable": ("pipeline.batch.delay: ${TWELVE}", "pipeline_batch_delay", 12),
    "nothing": ("", "pipeline_id", "main"),
    "only comments": ("# pipeline.id: x\n", "pipeline_id", "main"),
}

ENVIRONMENT = {"NAME": "from-environment", "ODD": "a: 'b #c", "TWELVE": "12"}


@pytest.mark.parametrize(("text", "name", "value"), VALUES.values(), ids=VALUES)
def test_values(tmp_path: Path, text: str, name: str, value: object) -> None:
    assert getattr(read(tmp_path, text, ENVIRONMENT).settings, name) == value


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


QUEUE = {
    "path.queue": "/q",
    "queue.max_bytes": "2gb",
    "queue.page_capacity": "1mb",
    "queue.drain": "true",
    "queue.compression": "speed",
    "queue.checkpoint.acks": "5",
    "queue.checkpoint.writes": "1",
    "queue.checkpoint.retry": "false",
    "queue.checkpoint.interval": "10",
}


def test_the_settings_of_the_queue_are_heeded_where_there_is_one(tmp_path: Path) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in QUEUE.items())
    found = read(tmp_path, f"queue.type: persisted\npipeline.id: p\n{text}")
    assert found.warnings == []
    assert found.settings.queue == Path("/q/p")
    assert (found.settings.queue_max_bytes, found.settings.queue_page_capacity) == (2 << 30, 1 << 20)
    assert (found.settings.queue_drain, found.settings.queue_checkpoint_retry) == (True, False)
    warned = [warning.message for warning in read(tmp_path, text).warnings]
    why = "changes nothing: it is for a queue on disk, and queue.type is memory"
    assert warned == [f'the setting "{name}" {why}' for name in QUEUE]
    assert read(tmp_path, "path.data: d").settings.queue == Path("d/queue/main")


def test_compression_that_is_disabled_is_as_none(tmp_path: Path) -> None:
    [warning] = read(tmp_path, "queue.type: persisted\nqueue.compression: disabled").warnings
    assert "disabled is as none" in warning.message


FAULTS = {
    "unknown": ("pipelin.id: x", 'there is no setting "pipelin.id"; did you mean "pipeline.id"?', "1:1"),
    "nested": ("pipeline:\n  identity: x", 'there is no setting "pipeline.identity"', "2:3"),
    "value": ("pipeline.batch.delay: soon", 'the setting "pipeline.batch.delay": ', "1:1"),
    "choice": ("log.level: loud", 'the setting "log.level": ', "1:1"),
    "policy": ("dead_letter_queue.storage_policy: drop", "'block', 'drop_newer' or 'drop_older'", "1:1"),
    "interval": ("dead_letter_queue.flush_interval: 10", "greater than or equal to 1000", "1:1"),
    "queue": ("pipeline.id: a\nqueue.type: disk", "the setting \"queue.type\": Input should be 'memory' or ", "2:1"),
    "queued events": ("queue:\n  max_events: 5", 'the setting "queue.max_events": only 0, no bound, is there', "2:3"),
    "queue pages": ("queue.max_bytes: 1mb", 'the setting "queue.page_capacity": 67108864 is more than', None),
    "compression": ("queue.compression: zip", 'the setting "queue.compression": ', "1:1"),
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


def warned(folder: Path, text: str, **flags: Any) -> list[str]:
    return [warning.message for warning in read(folder, text, **flags).warnings]


PORTS = {"9600": (9600, 9600), "9600-9700": (9600, 9700), "0": (0, 0), "9600..9601": (9600, 9601)}


@pytest.mark.parametrize(("text", "ports"), PORTS.items(), ids=PORTS)
def test_ports(tmp_path: Path, text: str, ports: tuple[int, int]) -> None:
    assert read(tmp_path, f"api.http.port: {text}").settings.api_http_port == ports
    assert read(tmp_path, "", {"API_HTTP_PORT": text}).settings.api_http_port == ports
    assert read(tmp_path, "").settings.api_http_port == (9600, 9700)


def test_former_names_of_the_api_are_honoured(tmp_path: Path) -> None:
    found = read(tmp_path, "http.host: 127.0.0.2\nhttp.enabled: false\nhttp:\n  port: 9601")
    settings = found.settings
    assert (settings.api_http_host, settings.api_http_port) == ("127.0.0.2", (9601, 9601))
    assert settings.api_enabled is False
    assert [(warning.message, warning.span.place.rpartition("/")[2]) for warning in found.warnings] == [
        ('the setting "http.enabled" is now called "api.enabled"', "logstash.yml:2:1"),
        ('the setting "http.host" is now called "api.http.host"', "logstash.yml:1:1"),
        ('the setting "http.port" is now called "api.http.port"', "logstash.yml:4:3"),
    ]
    with pytest.raises(ConfigurationError, match=r'give "api.http.host" alone; "http.host" is its former name'):
        read(tmp_path, "http.host: a", api__http__host="b")


PASSWORDS = {
    "good": ("Passw0rd", ""),
    "short": ("Pw0", "at least 8 characters"),
    "all lower": ("password", "an upper case letter, a digit"),
    "long enough?": ("PASSWORD1", "a lower case letter"),
}


@pytest.mark.parametrize(("password", "missing"), PASSWORDS.values(), ids=PASSWORDS)
def test_passwords(tmp_path: Path, password: str, missing: str) -> None:
    text = f"api.auth:\n  type: basic\n  basic:\n    username: me\n    password: {password}\n"
    said = [
        f'the setting "api.auth.basic.password": the password must contain {missing} (api.auth.basic.password_policy)'
    ]
    assert warned(tmp_path, text) == said * bool(missing)
    text += "    password_policy.mode: ERROR\n"
    if missing:
        with pytest.raises(ConfigurationError, match=f"the password must contain {missing}"):
            read(tmp_path, text)
    text += "    password_policy.include.symbol: REQUIRED\n"
    with pytest.raises(ConfigurationError, match="a special character"):
        read(tmp_path, text)


API_FAULTS = {
    "no user": ("api.auth.type: basic", '"api.auth.basic.username": it is needed'),
    "no keystore": ("api.ssl.enabled: true", '"api.ssl.keystore.path": it is needed'),
    "no file": (
        "api.ssl.enabled: true\napi.ssl.keystore: {path: /nowhere/x, password: y}",
        "there is no file /nowhere/x",
    ),
    "a protocol": ("api.ssl.supported_protocols: [SSLv3]", '"api.ssl.supported_protocols"'),
    "no port": ("api.http.port: many", 'expected a port or a range such as "9600-9700", got "many"'),
    "a wrong range": ("api.http.port: 9700-9600", "is no range of ports"),
    "a port too high": ("api.http.port: 70000", "is no range of ports"),
    "a share": ("otel.traces.sampler_ratio: 2", '"otel.traces.sampler_ratio"'),
}


@pytest.mark.parametrize(("text", "reason"), API_FAULTS.values(), ids=API_FAULTS)
def test_what_the_api_cannot_be_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert reason in str(caught.value)


def test_credentials_and_keystores_that_change_nothing(tmp_path: Path) -> None:
    assert warned(tmp_path, "api.auth.basic.username: me") == [
        'the setting "api.auth.type": credentials change nothing while it is "none"; say "basic"'
    ]
    assert warned(tmp_path, "api.ssl.keystore.path: x") == [
        'the setting "api.ssl.enabled": the keystore changes nothing while it is false'
    ]


def test_what_a_variable_holds_is_not_shown(tmp_path: Path) -> None:
    text = "xpack.monitoring.elasticsearch.password: ${PASSWORD}\nxpack.monitoring.elasticsearch.username: u\n"
    shown = [str(warning) for warning in read(tmp_path, text, {"PASSWORD": "hunter2"}).warnings]
    assert len(shown) == 2
    assert "${PASSWORD}" in shown[0]
    assert "hunter2" not in "".join(shown)
