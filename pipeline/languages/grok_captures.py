"""Puts what a grok pattern captured into an event, by a function that is generated for the pattern.

Most captures go to fields that are not there yet. For these the function sets keys of plain dicts and nothing else;
an object such as `[http]` is made whole before it is put into the event. Where a field is there already, or may not
be set freely (`@timestamp`, `tags`, `[@metadata]`), the general way is taken:

    nothing there    the value               a text     an array of both
    an array         the value is appended   else       left alone, as in Logstash
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pipeline.event import Event
from pipeline.field_reference import METADATA, FieldReference
from pipeline.field_setting import setter
from pipeline.languages.grok import Capture, Convert

Apply = Callable[[re.Match[str], Event], None]
Store = Callable[[Event, Any], None]
Tree = dict[str, Any]
"""Keys to trees; a leaf is the list of the numbers of its captures."""

_GUARDED = ("@timestamp", "tags", METADATA)


class Terms(NamedTuple):
    """What the options say of captures."""

    target: FieldReference | None = None
    overwrite: Sequence[FieldReference] = ()
    keep_empty: bool = False


class _Place(NamedTuple):
    """Where one capture goes."""

    path: tuple[str, ...]
    group: int
    convert: Convert | None
    overwrites: bool
    store: Store


def applier(captures: Sequence[Capture], terms: Terms) -> Apply:
    """The function for these captures; raises `FieldReferenceError` where one names no field."""
    places = [_place(capture, terms) for capture in captures]
    if not places:
        return lambda found, event: None
    tree = None if terms.keep_empty else _tree(places)
    return _general(places, terms.keep_empty) if tree is None else _generated(places, tree)


def _place(capture: Capture, terms: Terms) -> _Place:
    field = FieldReference(capture.field)
    overwrites = field in terms.overwrite
    if terms.target is not None:
        field = FieldReference(f"{_bracketed(terms.target)}{_bracketed(field)}")
    return _Place(field.path, capture.group, capture.convert, overwrites, _store(field, overwrites))


def _bracketed(field: FieldReference) -> str:
    return "".join(f"[{key}]" for key in field.path)


def _store(field: FieldReference, overwrites: bool) -> Store:
    get, put = field.get, setter(field)
    if overwrites:
        return put

    def store(event: Event, value: Any) -> None:
        before = get(event)
        if before is None:
            put(event, value)
        elif type(before) is list:
            put(event, [*before, value])
        elif type(before) is str:
            put(event, [before, value])

    return store


def _general(places: Sequence[_Place], keep_empty: bool) -> Apply:
    def apply(found: re.Match[str], event: Event) -> None:
        for place in places:
            value = found[place.group]
            if place.convert is not None and value is not None:
                place.store(event, place.convert(value))
            elif value or keep_empty:
                place.store(event, value)

    return apply


# ---------------------------------------------------------------------------------------------- generation


def _tree(places: Sequence[_Place]) -> Tree | None:
    """The fields as a tree; None where a field is inside another, or may not be set freely."""
    tree: Tree = {}
    for number, place in enumerate(places):
        if place.path[0] in _GUARDED:
            return None
        node: Any = tree
        for key in place.path[:-1]:
            node = node.setdefault(key, {})
            if type(node) is not dict:
                return None
        leaf = node.setdefault(place.path[-1], [])
        if type(leaf) is not list:
            return None
        leaf.append(number)
    return tree


def _generated(places: Sequence[_Place], tree: Tree) -> Apply:
    """For `%{WORD:a} %{INT:[b][c]:int}`, with everything in `names` that it calls:

    def apply(found, event):
        v0, v1 = found.groups()
        fields = event.fields
        if v0:
            if "a" in fields: store0(event, v0)
            else: fields["a"] = v0
        if "b" in fields:
            if v1 is not None: store1(event, convert1(v1))
        else:
            t1 = {}
            if v1 is not None: t1["c"] = convert1(v1)
            if t1: fields["b"] = t1
    """
    writer = _Writer(places)
    groups = [place.group for place in places]
    values = "".join(f"v{number}, " for number in range(len(places)))
    if len(groups) == 1:
        writer.line(1, f"v0 = found[{groups[0]}]")
    else:
        writer.line(1, f"{values}= found.group({', '.join(map(str, groups))})")
    writer.line(1, "fields = event.fields")
    for key, node in tree.items():
        writer.top(key, node)
    source = "\n".join(["def apply(found, event):", *writer.lines])
    exec(compile(source, "<grok captures>", "exec"), writer.names)  # noqa: S102  nothing of the user's but quoted keys
    apply: Apply = writer.names["apply"]
    return apply


class _Writer:
    def __init__(self, places: Sequence[_Place]) -> None:
        self.places = places
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"add": _add}
        self._trees = 0
        for number, place in enumerate(places):
            self.names[f"store{number}"] = place.store
            self.names[f"convert{number}"] = place.convert

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def test(self, number: int) -> str:
        return f"if v{number}{' is not None' if self.places[number].convert else ''}:"

    def value(self, number: int) -> str:
        return f"convert{number}(v{number})" if self.places[number].convert else f"v{number}"

    def top(self, key: str, node: Any) -> None:
        if type(node) is list:
            for number in node:
                self.line(1, self.test(number))
                if self.places[number].overwrites:
                    self.line(2, f"fields[{key!r}] = {self.value(number)}")
                    continue
                self.line(2, f"if {key!r} in fields: store{number}(event, {self.value(number)})")
                self.line(2, f"else: fields[{key!r}] = {self.value(number)}")
            return
        self.line(1, f"if {key!r} in fields:")
        for number in _leaves(node):
            self.line(2, f"{self.test(number)} store{number}(event, {self.value(number)})")
        self.line(1, "else:")
        whole = self.branch(node)
        self.line(2, f"if {whole}: fields[{key!r}] = {whole}")

    def branch(self, node: Tree) -> str:
        self._trees += 1
        name = f"t{self._trees}"
        self.line(2, f"{name} = {{}}")
        for inner, child in node.items():
            if type(child) is dict:
                below = self.branch(child)
                self.line(2, f"if {below}: {name}[{inner!r}] = {below}")
                continue
            for place, number in enumerate(child):
                put = f"add({name}, {inner!r}, {self.value(number)}, {self.places[number].overwrites})"
                self.line(2, f"{self.test(number)} {put if place else f'{name}[{inner!r}] = {self.value(number)}'}")
        return name


def _leaves(node: Any) -> list[int]:
    """The captures in a tree, in their order."""
    if type(node) is list:
        return node
    return sorted(number for child in node.values() for number in _leaves(child))


def _add(into: dict[str, Any], key: str, value: Any, overwrites: bool) -> None:
    """A further value of a field in an object that is being made."""
    before = into.get(key)
    if before is None or overwrites:
        into[key] = value
    elif type(before) is list:
        before.append(value)
    elif type(before) is str:
        into[key] = [before, value]
