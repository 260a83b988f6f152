"""The options of one plugin as plain values, merged and with variables replaced.

An option that is given more than once is one option, as in Logstash: hashes are merged, values under the
same key becoming an array; to an array all is appended; different scalars become an array, equal ones
stay one. Only then are variables replaced. A bareword is a text (`true` is "true"), as is a key of a hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config.substitution import substituted
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Span


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of an option, and where it stands; of one given more than once, where it stands first."""

    value: Any
    """A plain value, or the `ast.Plugin` of a codec."""
    name_span: Span
    value_span: Span


def plugin_settings(plugin: ast.Plugin, environment: Mapping[str, str]) -> tuple[dict[str, Setting], list[Fault]]:
    """The options of a plugin by their names, and the faults of their values."""
    settings: dict[str, Setting] = {}
    faults: list[Fault] = []
    for option in plugin.options:
        before = settings.get(option.name)
        given = plain(option.value)
        if before is None:
            settings[option.name] = Setting(given, option.name_span, option.value.span)
            continue
        try:
            merged = _merged(before.value, given)
        except ValueError as error:
            line = before.name_span.source.line_and_column(before.name_span.start)[0]
            message = f'the option "{option.name}" is given in line {line} already, and {error}'
            faults.append(Fault(message, option.name_span))
            continue
        settings[option.name] = Setting(merged, before.name_span, before.value_span)
    for name, setting in settings.items():
        value = substituted(setting.value, environment, setting.value_span, faults)
        settings[name] = Setting(value, setting.name_span, setting.value_span)
    return settings, faults


def plain(value: ast.Value) -> Any:
    """A value of the syntax tree as a plain Python value; a codec stays what it is."""
    match value:
        case ast.Scalar():
            return value.value
        case ast.Array():
            return [plain(item) for item in value.items]
        case ast.Hash():
            return {str(key.value): plain(item) for key, item in value.entries}
        case ast.Plugin():
            return value


def _merged(before: Any, given: Any) -> Any:
    if isinstance(before, ast.Plugin) or isinstance(given, ast.Plugin):
        raise ValueError("a codec can be given only once: take one away")
    if isinstance(before, dict):
        if not isinstance(given, dict):
            raise ValueError("a hash can be merged only with a hash")
        return _merged_hashes(before, given)
    if isinstance(before, list):
        if isinstance(given, dict):
            raise ValueError("a hash cannot be appended to an array: write all as one")
        return [*before, *(given if isinstance(given, list) else [given])]
    if isinstance(given, list):
        return [before, *given]
    return before if before == given else [before, given]


def _merged_hashes(before: dict[str, Any], given: dict[str, Any], *, inner: bool = False) -> dict[str, Any]:
    merged = dict(before)
    for key, value in given.items():
        merged[key] = _under_one_key(merged[key], value, inner=inner) if key in merged else value
    return merged


def _under_one_key(before: Any, given: Any, *, inner: bool) -> Any:
    """Both values of a key. Inside an inner hash, Logstash leaves out what an array has already."""
    if isinstance(before, dict) and isinstance(given, dict):
        return _merged_hashes(before, given, inner=True)
    if isinstance(given, list):
        known = before if isinstance(before, list) else [before]
        return [*known, *(item for item in given if not (inner and item in known))]
    if isinstance(before, list):
        return before if given in before else [*before, given]
    return before if before == given else [before, given]
