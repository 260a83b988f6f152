"""Warnings where a configuration meets a surprise of Logstash, which apex-logs follows all the same.

Only what the text really shows is warned of. Tests in `tests/config/test_quirks.py` list them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.config.condition_quirks import condition_quirks, pattern_quirk
from pipeline.config.text_fields import TextFields, path_of, texts
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Span

_FIELD_IN_TEXT = re.compile(r"%\{([^+{][^}]*)\}")
_WORK = ("input", "filter", "output")
_PATTERNS = {("grok", "match"), ("grok", "pattern_definitions"), ("mutate", "gsub")}


def quirks(configuration: ast.Configuration) -> list[Fault]:
    """The surprises in a configuration, in the order of its text."""
    fields = TextFields()
    found: dict[int, list[Fault]] = {}
    in_order_of_work = sorted(enumerate(configuration.sections), key=lambda item: _WORK.index(item[1].kind))
    for place, section in in_order_of_work:
        found[place] = list(_statements(section.body, TextFields() if section.kind == "input" else fields))
    return [fault for place in sorted(found) for fault in found[place]]


def _statements(statements: Iterable[ast.Statement], fields: TextFields) -> Iterator[Fault]:
    for statement in statements:
        if isinstance(statement, ast.Branch):
            yield from _branch(statement, fields)
        else:
            yield from _plugin(statement)
            fields.pass_plugin(statement)


def _branch(branch: ast.Branch, fields: TextFields) -> Iterator[Fault]:
    """What an arm learns holds only in it; what an arm forgets is forgotten behind the branch too."""
    kept = dict(fields.known)
    bodies: list[tuple[ast.Statement, ...]] = []
    for arm in branch.arms:
        yield from condition_quirks(arm.condition, fields)
        bodies.append(arm.body)
    for body in [*bodies, branch.otherwise]:
        inner = TextFields(fields.known)
        yield from _statements(body, inner)
        kept = {path: plugin for path, plugin in kept.items() if inner.known.get(path) is plugin}
    fields.known = kept


def _plugin(plugin: ast.Plugin) -> Iterator[Fault]:
    removed = {
        path_of(text) for option in plugin.options if option.name == "remove_field" for text in texts(option.value)
    }
    for option in plugin.options:
        for scalar in _scalars(option.value):
            yield from _number(scalar)
            yield from _backslash(scalar)
            if option.name == "add_tag":
                yield from _tag(scalar, removed)
            if (plugin.name, option.name) in _PATTERNS and isinstance(scalar.value, str):
                yield from pattern_quirk(scalar.value, scalar)


def _tag(scalar: ast.Scalar, removed: set[tuple[str, ...] | None]) -> Iterator[Fault]:
    for name in _FIELD_IN_TEXT.findall(str(scalar.value)):
        if path_of(name) in removed:
            message = (
                f"the tag will read %{{{name}}}: fields are removed before tags are added; add it in a block before"
            )
            yield Fault(message, scalar.span)


def _number(scalar: ast.Scalar) -> Iterator[Fault]:
    if isinstance(scalar.value, int) and re.match(r"-?0[0-9]", scalar.span.text):
        yield Fault(f"{scalar.span.text} is {scalar.value}, as the leading 0 makes it octal", scalar.span)


def _backslash(scalar: ast.Scalar) -> Iterator[Fault]:
    text = scalar.span.text
    found = re.search(rf"\\{text[0]}[ \t]*\r?\n", text) if scalar.quoted else None
    if found:
        start = scalar.span.start + found.start()
        message = "the string goes on behind this quote: a string cannot end in a backslash"
        yield Fault(message, Span(scalar.span.source, start, start + 2))


def _scalars(value: ast.Value) -> Iterator[ast.Scalar]:
    match value:
        case ast.Scalar():
            yield value
        case ast.Array():
            for item in value.items:
                yield from _scalars(item)
        case ast.Hash():
            for key, item in value.entries:
                yield from _scalars(key)
                yield from _scalars(item)
        case ast.Plugin():
            for option in value.options:
                yield from _scalars(option.value)
