"""Which fields the text of a filter section shows to hold texts: what grok and dissect cut out, and what is set.

A field is forgotten where anything may give it another value. Nothing is guessed: a field that is not
known here may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.errors import FieldReferenceError
from pipeline.field_reference import parse
from pipeline.grammar import ast

Path = tuple[str, ...]

_SEMANTIC = re.compile(r"%\{\w+:([^:}]+)(:[^}]*)?\}|\(\?<([^>=!]+)>")
_KEY = re.compile(r"%\{([\w@\[\]. -]+)\}")
_HARMLESS = {"grok", "dissect", "mutate", "date", "drop", "geoip", "useragent", "fingerprint", "cidr", "syslog_pri"}
_SETTING = ("add_field", "replace", "update")
_CHANGING = (
    "convert",
    "convert_datatype",
    "remove_field",
    "rename",
    "copy",
    "coerce",
    "split",
    "join",
    "merge",
    "target",
)


class TextFields:
    """The fields that hold texts at a place of the filter section, each with what makes it so."""

    def __init__(self, known: dict[Path, ast.Plugin] | None = None) -> None:
        self.known = dict(known or {})

    def pass_plugin(self, plugin: ast.Plugin) -> None:
        """What is known behind a plugin."""
        if plugin.name not in _HARMLESS:
            self.known.clear()
            return
        options = [option for option in plugin.options if not isinstance(option.value, ast.Plugin)]
        for option in options:
            if (plugin.name, option.name) == ("grok", "match"):
                self._captured(plugin, option.value)
            elif (plugin.name, option.name) == ("dissect", "mapping"):
                self._learn(plugin, (found for text in texts(option.value) for found in _KEY.findall(text)))
            elif option.name in _SETTING and isinstance(option.value, ast.Hash):
                entries = [(str(key.value), value) for key, value in option.value.entries]
                self._learn(plugin, (key for key, value in entries if _is_text(value)))
        for option in options:
            if option.name in _CHANGING:
                self._forget(text for text in texts(option.value))

    def _captured(self, plugin: ast.Plugin, value: ast.Value) -> None:
        for text in texts(value):
            for name, kind, group in _SEMANTIC.findall(text):
                if kind:
                    self._forget([name])
                else:
                    self._learn(plugin, [name or group])

    def _learn(self, plugin: ast.Plugin, names: Iterable[str]) -> None:
        for name in names:
            path = path_of(name)
            if path and "%{" not in name:
                self.known[path] = plugin

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            path = path_of(name)
            for known in [known for known in self.known if path and known[: len(path)] == path]:
                del self.known[known]


def path_of(name: str) -> Path | None:
    """The path of a field, None if the name cannot be read."""
    try:
        return parse(name)
    except FieldReferenceError:
        return None


def _is_text(value: ast.Value) -> bool:
    return isinstance(value, ast.Scalar) and isinstance(value.value, str)


def texts(value: ast.Value) -> Iterable[str]:
    """All texts in a value, the keys of hashes too; not those of a codec."""
    match value:
        case ast.Scalar():
            if isinstance(value.value, str):
                yield value.value
        case ast.Array():
            for item in value.items:
                yield from texts(item)
        case ast.Hash():
            for key, item in value.entries:
                yield from texts(key)
                yield from texts(item)
