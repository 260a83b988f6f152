"""Puts what a grok pattern captured into an event, by a function that is generated for the pattern.

Most captures go to fields that are not there yet. For these the function sets keys of plain dicts and nothing else;
an object such as `[http]` is made whole before it is put into the event. Where a field is there already, or may not
be set freely (`@timestamp`, `tags`, `[@metadata]`), the general way is taken. The field that the text is from is there
in any case; that a capture goes to it (`message` of `SYSLOGLINE`) changes nothing for the others.

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
from pipeline.languages.grok import Capture
from pipeline.texts.conversions import leading_integer

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
    source: FieldReference | None = None
    """The field that the text is from."""


class _Place(NamedTuple):
    """Where one capture goes."""

    path: tuple[str, ...]
    capture: Capture
    overwrites: bool
    store: Store


def applier(captures: Sequence[Capture], groups: int, terms: Terms) -> Apply:
    """The function for these captures of so many groups; raises `FieldReferenceError` where one names no field."""
    places = [_place(capture, terms) for capture in captures]
    if not places:
        return lambda found, event: None
    tree = None if terms.keep_empty else _tree(places)
    if tree is None:
        return _general(places, terms.keep_empty)
    source = terms.source.path if terms.source is not None else ()
    return _generated(places, tree, groups, source[0] if len(source) == 1 and _again(tree, source[0], places) else None)


def _place(capture: Capture, terms: Terms) -> _Place:
    field = FieldReference(capture.field)
    overwrites = field in terms.overwrite
    if terms.target is not None:
        field = FieldReference(f"{_bracketed(terms.target)}{_bracketed(field)}")
    return _Place(field.path, capture, overwrites, _store(field, overwrites))


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
            value = found[place.capture.group]
            if place.capture.convert is not None and value is not None:
                place.store(event, place.capture.convert(value))
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


def _again(tree: Tree, key: str, places: Sequence[_Place]) -> bool:
    """Whether one capture goes to a field of the event's own, beside what is there."""
    node = tree.get(key)
    return type(node) is list and len(node) == 1 and not places[node[0]].overwrites


def _generated(places: Sequence[_Place], tree: Tree, total: int, again: str | None) -> Apply:
    """For `%{WORD:a} (%{WORD:b})? %{INT:[c][d]:int}`, with everything in `names` that it calls:

    def apply(found, event):
        v0, v1, v2 = found.groups()
        fields = event.fields
        if new.isdisjoint(fields):
            fields["a"] = v0
            if v1: fields["b"] = v1
            fields["c"] = {"d": integer2(v2)}
        else:
            store0(event, v0)
            if v1: store1(event, v1)
            store2(event, integer2(v2))

    `again` is the field that is there in any case, if it is one of them.
    """
    writer = _Writer(places)
    groups = [place.capture.group for place in places]
    values = "".join(f"v{number}, " for number in range(len(places)))
    if len(groups) == 1:
        writer.line(1, f"v0 = found[{groups[0]}]")
    elif groups == [*range(1, total + 1)]:
        writer.line(1, f"{values}= found.groups()")
    else:
        writer.line(1, f"{values}= found.group({_all(groups)})")
    writer.line(1, "fields = event.fields")
    writer.names["new"] = frozenset(key for key, node in tree.items() if key != again and not _overwrites(node, places))
    writer.line(1, "if new.isdisjoint(fields):")
    writer.fresh(tree, again)
    writer.line(1, "else:")
    writer.general()
    source = "\n".join(["def apply(found, event):", *writer.lines])
    exec(compile(source, "<grok captures>", "exec"), writer.names)  # noqa: S102  nothing of the user's but quoted keys
    apply: Apply = writer.names["apply"]
    return apply


def _all(groups: Sequence[int]) -> str:
    return ", ".join(map(str, groups))


def _overwrites(node: Any, places: Sequence[_Place]) -> bool:
    """A field of the event's own that is replaced whatever it holds."""
    return type(node) is list and all(places[number].overwrites for number in node)


class _Writer:
    def __init__(self, places: Sequence[_Place]) -> None:
        self.places = places
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"add": _add}
        self._trees = 0
        self._depth = 2
        for number, place in enumerate(places):
            self.names[f"store{number}"] = place.store
            self.names[f"convert{number}"] = place.capture.convert

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def condition(self, number: int) -> str:
        """When a capture is kept; empty if always."""
        if self.places[number].capture.certain:
            return ""
        return f"v{number} is not None" if self.places[number].capture.convert else f"v{number}"

    def when(self, number: int) -> str:
        condition = self.condition(number)
        return f"if {condition}: " if condition else ""

    def value(self, number: int) -> str:
        place = self.places[number]
        if place.capture.convert is leading_integer and place.capture.digits:
            return f"int(v{number}) if len(v{number}) < 19 else convert{number}(v{number})"
        return f"convert{number}(v{number})" if place.capture.convert else f"v{number}"

    def fresh(self, tree: Tree, again: str | None) -> None:
        """For events that have none of the fields, but `again`."""
        for key, node in tree.items():
            if key == again:
                self.second(key, node[0])
            elif type(node) is list:
                self.leaf("fields", key, node)
            else:
                self.put("fields", key, node)

    def second(self, key: str, number: int) -> None:
        """Puts a capture beside the text that the field has."""
        condition, value = self.condition(number), self.value(number)
        depth = 2
        if condition:
            self.line(depth, f"if {condition}:")
            depth = 3
        self.line(depth, f"before = fields.get({key!r})")
        self.line(depth, f"if type(before) is str: fields[{key!r}] = [before, {value}]")
        self.line(depth, f"else: store{number}(event, {value})")

    def put(self, into: str, key: str, node: Tree) -> bool:
        """Puts an object into another; returns whether there is something in it for certain."""
        leaves = self.leaves(node)
        if self.only_leaf(node):
            self.line(self._depth, f"{self.when(leaves[0])}{into}[{key!r}] = {self.literal(node)}")
            return self.places[leaves[0]].capture.certain
        conditions = [self.condition(number) for number in leaves]
        if all(conditions):
            self.perhaps(f"{into}[{key!r}]", node, conditions)
            return False
        first = {key: child for key, child in node.items() if self.certain(child)}
        self.line(self._depth, f"{into}[{key!r}] = {self.filled(node, first)}")
        return True

    def perhaps(self, place: str, node: Tree, conditions: Sequence[str]) -> None:
        """An object in which nothing is for certain: none is made where nothing was captured."""
        self.line(self._depth, f"if {' or '.join(dict.fromkeys(conditions))}:")
        self._depth += 1
        self.line(self._depth, f"{place} = {self.filled(node, {})}")
        self._depth -= 1

    def filled(self, node: Tree, first: Tree) -> str:
        """Writes what makes an object; returns its name. `first` is what it has for certain."""
        self._trees += 1
        name = f"t{self._trees}"
        self.line(self._depth, f"{name} = {self.literal(first)}")
        for inner, child in node.items():
            if type(child) is list:
                self.leaf(name, inner, child[1:] if inner in first else child, inner in first)
            elif inner not in first:
                self.put(name, inner, child)
        return name

    def leaves(self, node: Any) -> list[int]:
        """The captures of an object."""
        return node if type(node) is list else [number for child in node.values() for number in self.leaves(child)]

    def only_leaf(self, node: Any) -> bool:
        """Whether an object can hold but one capture."""
        while type(node) is dict and len(node) == 1:
            (node,) = node.values()
        return type(node) is list and len(node) == 1

    def certain(self, node: Any) -> bool:
        """Whether all that is in it is there after every match; of a field with several captures, the first."""
        if type(node) is list:
            return self.places[node[0]].capture.certain
        return all(self.certain(child) and (type(child) is dict or len(child) == 1) for child in node.values())

    def literal(self, node: Any) -> str:
        """An object as it is written, with the first capture of each field."""
        if type(node) is list:
            return self.value(node[0])
        return f"{{{', '.join(f'{key!r}: {self.literal(child)}' for key, child in node.items())}}}"

    def leaf(self, into: str, key: str, numbers: Sequence[int], again: bool = False) -> None:
        for number in numbers:
            value = self.value(number)
            put = f"add({into}, {key!r}, {value}, {self.places[number].overwrites})"
            self.line(self._depth, f"{self.when(number)}{put if again else f'{into}[{key!r}] = {value}'}")
            again = True

    def general(self) -> None:
        for number in range(len(self.places)):
            self.line(2, f"{self.when(number)}store{number}(event, {self.value(number)})")


def _add(into: dict[str, Any], key: str, value: Any, overwrites: bool) -> None:
    """A further value of a field that this match has set, perhaps."""
    before = into.get(key)
    if before is None or overwrites:
        into[key] = value
    elif type(before) is list:
        before.append(value)
    elif type(before) is str:
        into[key] = [before, value]
