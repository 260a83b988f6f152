"""`logstash.yml`: Logstash's settings under their names, nested or dotted, each honoured, explained or refused.

Environment variables of the form PIPELINE_ECS_COMPATIBILITY, as Logstash's container image reads them, stand
above the file; command line flags stand above both.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault, did_you_mean
from pipeline.grammar.sources import Source, Span
from pipeline.options import Boolean, Ecs, Integer, Seconds, Size, Text
from pipeline.settings.monitoring import FORMER, MonitoringSettings, remarks
from pipeline.settings.queue import queue_faults, queue_warnings

FILE = "logstash.yml"

IGNORED = {
    "pipeline.batch.size": "batches are what senders sent; bodies are bounded by pipeline.batch.delay and size",
    "pipeline.ordered": "filters keep the order of events, and so do outputs where order matters",
    "pipeline.unsafe_shutdown": "a second signal stops at once",
    "pipeline.plugin_classloaders": "there is no JVM",
    "config.debug": "explain shows what the configuration does",
    "allow_superuser": "privileges are the system's matter",
    "api.environment": "it only names the environment of Logstash's own web server",
    "path.plugins": "plugins are Python modules",
    "path.logs": "logs go to stderr",
    "dead_letter_queue.enable": "dead letters are always kept",
    "pipeline.buffer.type": "there is no JVM",
    "pipeline.separate_logs": "logs go to stderr",
    "metric.collect": "counters cost nothing per event here and stay on",
    "config.field_reference.escape_style": "names of fields are never escaped",
    "cloud.id": "it is for Logstash modules; the elasticsearch output has cloud_id",
    "cloud.auth": "it is for Logstash modules; the elasticsearch output has cloud_auth",
    "log.format.json.fix_duplicate_message_fields": "a line of the log never has a field twice",
    "pipeline.system": "no pipeline of the engine's own runs beside yours",
    "pipeline.recoverable": "a pipeline that has failed is tried again at a reload",
    "pipeline.batch.output_chunking.growth_threshold_factor": "bodies are bounded by their items and bytes",
    "pipeline.batch.metrics.sampling_mode": "batches are counted as they are",
    "dead_letter_queue.flush_check_interval": "dead_letter_queue.flush_interval says how often segments are looked at",
    "ssl.reload.automatic": "SIGHUP takes new certificates",
    "keystore.file": "there is no keystore: variables are those of the environment",
    "keystore.classname": "there is no keystore: variables are those of the environment",
    "path.settings": "the flag --path.settings says where this file is",
    "interactive": "there is no Ruby here; explain shows what a configuration does",
    "enable-local-plugin-development": "plugins are Python modules",
    "slowlog.threshold.warn": "explain shows where time goes",
    "slowlog.threshold.info": "explain shows where time goes",
    "slowlog.threshold.debug": "explain shows where time goes",
    "slowlog.threshold.trace": "explain shows where time goes",
}
"""Settings that change nothing here, and why; each is said once at the start."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][\w.]*)(?::([^}]*))?\}")
_PREFIXES_IGNORED = {
    "xpack.": "Elastic's monitoring and central management are not part of apex-logs",
    "monitoring.": "Elastic's monitoring is not part of apex-logs",
    "otel.metrics.": "metrics are at /metrics, where a collector can fetch them",
    "otel.service.name": "the environment variable OTEL_SERVICE_NAME says it",
    "otel.resource.attributes": "the environment variable OTEL_RESOURCE_ATTRIBUTES says them",
    "modules": "Logstash modules are not part of apex-logs",
}


Level = Literal["trace", "debug", "info", "warn", "error", "fatal"]
Compression = Literal["none", "speed", "balanced", "size", "disabled"]


class Settings(MonitoringSettings):
    """The settings that the engine honours. Field names are Logstash's with `_` for `.`."""

    pipeline_id: Text = Field("main", alias="pipeline.id")
    pipeline_batch_delay: Integer = Field(50, alias="pipeline.batch.delay", ge=0, description="milliseconds")
    pipeline_ecs_compatibility: Ecs = Field("v8", alias="pipeline.ecs_compatibility")
    pipeline_reloadable: Boolean = Field(True, alias="pipeline.reloadable")
    pipeline_inputs_host: Text | None = Field(None, alias="pipeline.inputs.host")
    node_name: Text | None = Field(None, alias="node.name")
    pipeline_workers: Integer = Field(1, alias="pipeline.workers", ge=1, description="processes")
    path_data: Path = Field(Path("data"), alias="path.data")
    path_config: Text | None = Field(None, alias="path.config")
    path_dead_letter_queue: Path | None = Field(None, alias="path.dead_letter_queue")
    dead_letter_queue_max_bytes: Size = Field(1 << 30, alias="dead_letter_queue.max_bytes", ge=1)
    dead_letter_queue_storage_policy: Literal["block", "drop_newer", "drop_older"] = Field(
        "block", alias="dead_letter_queue.storage_policy"
    )
    dead_letter_queue_retain_age: Seconds | None = Field(None, alias="dead_letter_queue.retain.age", gt=0)
    dead_letter_queue_flush_interval: Integer = Field(
        5000, alias="dead_letter_queue.flush_interval", ge=1000, description="milliseconds"
    )
    dead_letter_queue_fsync: Literal["always", "interval", "never"] = Field("always", alias="dead_letter_queue.fsync")
    config_string: Text | None = Field(None, alias="config.string")
    config_support_escapes: Boolean = Field(False, alias="config.support_escapes")
    config_test_and_exit: Boolean = Field(False, alias="config.test_and_exit")
    log_level: Level = Field("info", alias="log.level")
    log_format: Literal["plain", "json"] = Field("plain", alias="log.format")
    queue_type: Literal["memory", "persisted"] = Field("memory", alias="queue.type")
    queue_max_bytes: Size = Field(1 << 30, alias="queue.max_bytes", ge=1)
    queue_page_capacity: Size = Field(64 << 20, alias="queue.page_capacity", ge=1)
    queue_max_events: Integer = Field(0, alias="queue.max_events", ge=0)
    queue_drain: Boolean = Field(False, alias="queue.drain")
    queue_compression: Compression = Field("none", alias="queue.compression")
    queue_checkpoint_acks: Integer = Field(1024, alias="queue.checkpoint.acks", ge=0)
    queue_checkpoint_writes: Integer = Field(1024, alias="queue.checkpoint.writes", ge=0)
    queue_checkpoint_interval: Integer = Field(1000, alias="queue.checkpoint.interval", ge=0, description="ms")
    queue_checkpoint_retry: Boolean = Field(True, alias="queue.checkpoint.retry")
    path_queue: Path | None = Field(None, alias="path.queue")
    config_reload_automatic: Boolean = Field(False, alias="config.reload.automatic")
    config_reload_interval: Seconds = Field(3.0, alias="config.reload.interval", gt=0)
    shutdown_timeout: Seconds | None = Field(None, alias="shutdown.timeout", gt=0)
    in_flight_events: Integer = Field(100_000, alias="in_flight.events", ge=1)
    in_flight_bytes: Size = Field(16 << 20, alias="in_flight.bytes", ge=1)
    retry_initial_interval: Seconds = Field(2.0, alias="retry.initial_interval", gt=0)
    retry_max_interval: Seconds = Field(64.0, alias="retry.max_interval", gt=0)

    @property
    def dead_letters(self) -> Path:
        """The folder of the pipeline's dead letters."""
        return (self.path_dead_letter_queue or self.path_data / "dead_letter_queue") / self.pipeline_id

    @property
    def queue(self) -> Path:
        """The folder of the pipeline's queue on disk."""
        return (self.path_queue or self.path_data / "queue") / self.pipeline_id


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings, and what is to be said of those that change nothing."""

    settings: Settings
    warnings: list[Fault]


@dataclass(slots=True)
class Gathered:
    """What was given under which name, before it is judged as a whole."""

    values: dict[str, Any]
    faults: list[Fault]
    warnings: list[Fault]
    span: Callable[[str], Span | None]
    """Where a setting stands, by its name."""

    def take(self, name: str, value: Any) -> None:
        """A setting of a file: kept, warned of, or a fault."""
        if why := why_ignored(name):
            self.warnings.append(Fault(f'the setting "{name}" changes nothing: {why}', self.span(name)))
        elif name in KNOWN or name in FORMER:
            self.values[name] = value
        else:
            hint = did_you_mean(name, [*KNOWN, *FORMER, *IGNORED])
            self.faults.append(Fault(f'there is no setting "{name}"{hint}', self.span(name)))


def read_settings(
    folder: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> ReadSettings:
    """Reads `logstash.yml` in the folder, if there is one; raises `ConfigurationError` with every fault."""
    return judged(gathered(folder, environment, flags))


def gathered(folder: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Gathered:
    """The settings of file, environment and flags, under their names; raises `ConfigurationError` for a bad file."""
    source, given = _file(folder, environment)
    found = Gathered({}, [], [], lambda name: _span(source, name))
    for name, value in given.items():
        found.take(name, value)
    chosen = {name: value for name, value in (flags or {}).items() if value is not None}
    found.warnings += [Fault(f"--{name} changes nothing: {why}") for name in chosen if (why := why_ignored(name))]
    found.values |= _from_environment(environment)
    at_most_a_core_each(found.values)
    found.values |= {name: value for name, value in chosen.items() if not why_ignored(name)}
    return found


def judged(given: Gathered) -> ReadSettings:
    """The settings; raises `ConfigurationError` with every fault."""
    values, faults, warnings, span = dict(given.values), list(given.faults), list(given.warnings), given.span
    _rename(values, span, faults, warnings)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        for detail in error.errors():
            name = str(detail["loc"][0])
            faults.append(Fault(f'the setting "{name}": {detail["msg"]}', span(name)))
        raise ConfigurationError(list(faults)) from None
    faults += [Fault(f'the setting "{name}": {why}', span(name)) for name, why in queue_faults(settings)]
    for name, why in queue_warnings(settings, values):
        warnings.append(Fault(f'the setting "{name}" changes nothing: {why}', span(name)))
    for name, text, wrong in remarks(settings):
        (faults if wrong else warnings).append(Fault(f'the setting "{name}": {text}', span(name)))
    if faults:
        raise ConfigurationError(list(faults))
    return ReadSettings(settings, warnings)


def _rename(
    values: dict[str, Any], span: Callable[[str], Span | None], faults: list[Fault], warnings: list[Fault]
) -> None:
    """Puts settings under former names where they are read now; both names at once are a fault, as in Logstash."""
    for former, name in FORMER.items():
        if former not in values:
            continue
        value = values.pop(former)
        if name in values:
            faults.append(Fault(f'give "{name}" alone; "{former}" is its former name', span(former)))
        else:
            warnings.append(Fault(f'the setting "{former}" is now called "{name}"', span(former)))
            values[name] = value


def at_most_a_core_each(values: dict[str, Any]) -> None:
    """A settings file that was written for Logstash asks for threads: more processes than cores would help nobody."""
    name = "pipeline.workers"
    if str(values.get(name, "")).isdecimal():
        values[name] = min(int(values[name]), len(os.sched_getaffinity(0)))


def why_ignored(name: str) -> str:
    """Why a setting changes nothing here; empty if it does."""
    return IGNORED.get(name) or next((why for start, why in _PREFIXES_IGNORED.items() if name.startswith(start)), "")


KNOWN = [str(field.alias) for field in Settings.model_fields.values()]
"""The settings that are honoured."""


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """PIPELINE_BATCH_DELAY is `pipeline.batch.delay`; those of a pipeline, its queue, end, log, API and traces."""
    starts = ("pipeline.", "queue.", "shutdown.", "config.support", "log.", "api.", "otel.")
    names = {name: name.replace(".", "_").upper() for name in KNOWN if name.startswith(starts)}
    return {name: environment[variable] for name, variable in names.items() if variable in environment}


def _file(folder: Path | None, environment: Mapping[str, str]) -> tuple[Source | None, dict[str, Any]]:
    if folder is None:
        return None, {}
    if not folder.is_dir():
        raise ConfigurationError([Fault(f"--path.settings: there is no folder {folder}")])
    path = folder / FILE
    if not path.exists():
        return None, {}
    import yaml  # most runs have no settings file

    text = path.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigurationError([Fault(f"{path}: {error}")]) from None
    if not isinstance(document, dict):
        raise ConfigurationError([Fault(f"{path}: expected settings as name: value")])
    # What a variable holds is not read as YAML, and not shown with a fault.
    return Source(str(path), text), {name: _filled(value, environment) for name, value in _flat(document)}


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(item, environment) for item in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda found: environment.get(found[1], found[2] if found[2] is not None else found[0]), value)


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs


def _span(source: Source | None, name: str) -> Span | None:
    if source is None:
        return None
    found = re.search(rf"^\s*{re.escape(name)}\s*:", source.text, re.MULTILINE) or re.search(
        rf"^\s*{re.escape(name.rsplit('.', 1)[-1])}\s*:", source.text, re.MULTILINE
    )
    if found is None:
        return None
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    return Span(source, start, found.end() - 1)
