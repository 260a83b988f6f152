"""Field references: `[a][b]`, `[a][0]`, `[@metadata][x]`, or a bare name, compiled to closures.

The rules are Logstash's ("Field references deep dive" in its documentation):

    reference = name | element+            a bare name holds no bracket
    element   = "[" (name | element+) "]"  `[[a][b]][c]` is `[a][b][c]`

A key on an array is its index, from the end if negative; what is set under a key that is no index goes
nowhere (`Accessors.java` in logstash-core). Objects that are missing on the way to a field that
is set are made. `[@metadata]` is a place of its own, which outputs do not write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from pipeline.errors import FieldError, FieldReferenceError
from pipeline.event import Event

METADATA = "@metadata"


def parse(text: str) -> tuple[str, ...]:
    """The keys on the path of a reference, from the outside in; raises `FieldReferenceError`."""
    if "[" not in text and "]" not in text:
        return (text,)
    path: list[str] = []
    depth, end = 0, 0
    for found in _ELEMENT.finditer(text):
        if found.start() != end:
            raise _unreadable(text, f'"{text[end]}" outside the brackets')
        end = found.end()
        depth += found["open"].count("[")
        if found["name"]:
            path.append(found["name"])
        depth -= found["close"].count("]")
        if depth < 0:
            raise _unreadable(text, '"]" without "["')
    if end != len(text):
        raise _unreadable(text, f'"{text[end:]}" outside the brackets, or an empty name')
    if depth:
        raise _unreadable(text, '"[" without "]"')
    return tuple(path)


_ELEMENT = re.compile(r"(?P<open>\[+)(?P<name>[^\[\]]+)(?P<close>\]+)")
"""A name with the brackets around it: elements may hold elements, `[[a][b]]`."""


def _unreadable(text: str, why: str) -> FieldReferenceError:
    return FieldReferenceError(f'"{text}" is no field reference: {why}; write [outer][inner] or a bare name')


class FieldReference:
    """A compiled field reference. A field that is not there reads as None, as does one that is null.

    `get(event)` reads; `has(event)` tells null from absent; `set(event, value)` writes, and raises
    `FieldError` where a scalar is in the way; `remove(event)` takes the field away and returns it.
    """

    __slots__ = ("get", "has", "path", "remove", "set", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.path = parse(text)
        root, keys = _place(self.path)
        self.get: Callable[[Event], Any] = _getter(root, keys)
        self.has: Callable[[Event], bool] = _tester(root, keys)
        self.set: Callable[[Event, Any], None] = _setter(root, keys, text)
        self.remove: Callable[[Event], Any] = _remover(root, keys)

    def __repr__(self) -> str:
        return f"FieldReference({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldReference) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object) -> FieldReference:
            if isinstance(value, FieldReference):
                return value
            if isinstance(value, list) and len(value) == 1:
                value = value[0]
            if not isinstance(value, str):
                raise ValueError(f"expected a field reference, got {value!r}")
            try:
                return cls(value)
            except FieldReferenceError as error:
                raise ValueError(str(error)) from None

        return core_schema.no_info_plain_validator_function(validate)


def _place(path: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if path[0] == METADATA:
        return "metadata", path[1:]
    return "fields", path


def step(parent: Any, key: str) -> Any:
    """The child of an object or an array, None where there is none."""
    if type(parent) is dict:
        return parent.get(key)
    if type(parent) is list:
        index = _index(parent, key)
        return None if index is None else parent[index]
    return None


def _index(parent: list[Any], key: str) -> int | None:
    try:
        index = int(key)
    except ValueError:
        return None
    return index if -len(parent) <= index < len(parent) else None


def _getter(root: str, keys: tuple[str, ...]) -> Callable[[Event], Any]:
    if not keys:
        return lambda event: event.metadata
    if root == "fields" and len(keys) == 1:
        key = keys[0]
        return lambda event: event.fields.get(key)
    if root == "fields" and len(keys) == 2:
        outer, inner = keys

        def get_two(event: Event) -> Any:
            parent = event.fields.get(outer)
            return parent.get(inner) if type(parent) is dict else step(parent, inner)

        return get_two

    def get(event: Event) -> Any:
        value = event.fields if root == "fields" else event.metadata
        for key in keys:
            value = step(value, key)
            if value is None:
                return None
        return value

    return get


def _tester(root: str, keys: tuple[str, ...]) -> Callable[[Event], bool]:
    if not keys:
        return lambda event: True
    *outer, last = keys

    def has(event: Event) -> bool:
        parent: Any = event.fields if root == "fields" else event.metadata
        for key in outer:
            parent = step(parent, key)
        if type(parent) is list:
            return _index(parent, last) is not None
        return type(parent) is dict and last in parent

    return has


def _setter(root: str, keys: tuple[str, ...], text: str) -> Callable[[Event, Any], None]:
    if not keys:

        def set_metadata(event: Event, value: Any) -> None:
            if type(value) is not dict:
                raise FieldError(f"[@metadata] must be an object, not {value!r}")
            event.metadata = value

        return set_metadata
    if root == "fields" and len(keys) == 1:
        only = keys[0]

        def set_one(event: Event, value: Any) -> None:
            event.fields[only] = value

        return set_one
    *outer, last = keys

    def set_deep(event: Event, value: Any) -> None:
        parent: Any = event.fields if root == "fields" else event.metadata
        for key in outer:
            child = step(parent, key)
            if type(child) is not dict and type(child) is not list:
                if child is not None:
                    raise FieldError(f"{text} cannot be set: [{key}] holds {child!r}, which has no fields")
                child = {}
                _put(parent, key, child, text)
            parent = child
        _put(parent, last, value, text)

    return set_deep


def _put(parent: Any, key: str, value: Any, text: str) -> None:
    if type(parent) is dict:
        parent[key] = value
        return
    try:
        index = int(key)
    except ValueError:
        return
    if index < -len(parent):
        raise FieldError(f"{text} cannot be set: {index} is before the start of the array")
    if index >= len(parent):
        parent.extend([None] * (index - len(parent) + 1))
    parent[index] = value


def _remover(root: str, keys: tuple[str, ...]) -> Callable[[Event], Any]:
    if not keys:

        def clear(event: Event) -> Any:
            removed, event.metadata = event.metadata, {}
            return removed

        return clear
    if root == "fields" and len(keys) == 1:
        only = keys[0]
        return lambda event: event.fields.pop(only, None)
    *outer, last = keys

    def remove(event: Event) -> Any:
        parent: Any = event.fields if root == "fields" else event.metadata
        for key in outer:
            parent = step(parent, key)
        if type(parent) is dict:
            return parent.pop(last, None)
        if type(parent) is list:
            index = _index(parent, last)
            return None if index is None else parent.pop(index)
        return None

    return remove
