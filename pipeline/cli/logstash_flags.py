"""Logstash's other command line flags: each changes nothing here, and says so, or is refused with the reason.

`run` has the flags that do something as options of its own; the rest of Logstash's are read here, so that a command
line that was written for Logstash still works.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from pipeline.grammar.faults import did_you_mean

VALUED = {
    "-n": "node.name",
    "-l": "path.logs",
    "-p": "path.plugins",
    "--cloud.auth": "cloud.auth",
    "--cloud.id": "cloud.id",
    "--api.auth.type": "api.auth.type",
    "--api.http.host": "api.http.host",
    "--api.http.port": "api.http.port",
    "--field-reference-escape-style": "config.field_reference.escape_style",
    "--http.host": "http.host",
    "--http.port": "http.port",
    "--node.name": "node.name",
    "--path.logs": "path.logs",
    "--path.plugins": "path.plugins",
    "--pipeline.buffer.type": "pipeline.buffer.type",
    "--pipeline.ordered": "pipeline.ordered",
    "--pipeline.plugin_classloaders": "pipeline.plugin_classloaders",
    "--plugin-classloaders": "pipeline.plugin_classloaders",
}
"""Flags with a value, and the settings they stand for."""

SWITCHES = {
    "--api.enabled": "api.enabled",
    "--config.debug": "config.debug",
    "--enable-local-plugin-development": "path.plugins",
    "--http.enabled": "http.enabled",
    "--log.format.json.fix_duplicate_message_fields": "log.format.json.fix_duplicate_message_fields",
    "--pipeline.unsafe_shutdown": "pipeline.unsafe_shutdown",
}
"""Flags without a value."""

LEVELS = {"--debug": "debug", "--verbose": "info", "--quiet": "error"}
"""Former flags, and the `log.level` that they stand for."""

REFUSED = {
    "--modules": "Logstash modules are not part of apex-logs: give the configuration with -f",
    "-M": "Logstash modules are not part of apex-logs: give the configuration with -f",
    "--modules.variable": "Logstash modules are not part of apex-logs: give the configuration with -f",
    "--setup": "Logstash modules are not part of apex-logs: give the configuration with -f",
    "--interactive": "there is no Ruby here; `apex-logs explain` shows what a configuration does",
    "-i": "there is no Ruby here; `apex-logs explain` shows what a configuration does",
}

_OWN = [
    "--config.reload.automatic",
    "--config.reload.interval",
    "--config.string",
    "--config.support_escapes",
    "--config.test_and_exit",
    "--embedded",
    "--help",
    "--log.format",
    "--log.level",
    "--path.config",
    "--path.data",
    "--path.settings",
    "--pipeline.batch.delay",
    "--pipeline.batch.size",
    "--pipeline.ecs_compatibility",
    "--pipeline.id",
    "--pipeline.workers",
    "--version",
]


def settings_of(arguments: Sequence[str]) -> dict[str, Any]:
    """The settings that the flags stand for; raises `BadParameter` for one that nobody knows."""
    settings: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, has_value, value = argument.partition("=")
        if flag in REFUSED:
            raise typer.BadParameter(f"{flag}: {REFUSED[flag]}")
        if flag in VALUED:
            settings[VALUED[flag]] = value if has_value else _next(flag, rest)
        elif flag.replace("--no-", "--", 1) in SWITCHES:
            settings[SWITCHES[flag.replace("--no-", "--", 1)]] = value or not flag.startswith("--no-")
        elif flag in LEVELS:
            settings["log.level"] = LEVELS[flag]
        elif flag.startswith("-"):
            hint = did_you_mean(flag, [*VALUED, *SWITCHES, *LEVELS, *_OWN])
            raise typer.BadParameter(f"no such option: {flag}{hint}")
        else:
            raise typer.BadParameter(f'unexpected argument "{argument}"; give a configuration with -f FILE.conf')
    return settings


def _next(flag: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise typer.BadParameter(f"option {flag} requires an argument")
    return value
