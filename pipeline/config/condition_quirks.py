"""Warnings for a condition that Logstash, and apex-logs with it, reads other than it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.config.conditions import TIMESTAMP, parts
from pipeline.config.predicates import ORDERS
from pipeline.config.text_fields import TextFields, path_of
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault

_QUOTED_NAME = re.compile(r"""\[\s*("[^"]*"|'[^']*')\s*\]""")
_PART_VARIABLE = re.compile(r"\$\{[a-zA-Z_.][a-zA-Z0-9_.]*(?::[^}]*)?\}")


def condition_quirks(condition: ast.Condition, fields: TextFields) -> Iterator[Fault]:
    """The surprises in a condition, given the fields that are known to hold texts."""
    if isinstance(condition, ast.Truth) and isinstance(condition.operand, ast.Scalar):
        verdict = "never" if condition.operand.value in ("", "false") else "always"
        yield Fault(f"this condition is {verdict} true, as it asks for no field", condition.span)
        return
    yield from _quirks(condition, fields)


def _quirks(condition: ast.Condition, fields: TextFields) -> Iterator[Fault]:
    match condition:
        case ast.Junction():
            yield from _grouping(condition)
            for part in parts(condition):
                yield from _quirks(part, fields)
        case ast.Not():
            yield from _quirks(condition.inner, fields)
        case ast.Truth():
            yield from _operands(condition.operand)
        case ast.Compare():
            yield from _operands(condition.left, condition.right)
            yield from _comparison(condition, fields)
        case ast.In():
            yield from _operands(condition.item, condition.container)
            if isinstance(condition.item, ast.Scalar) and isinstance(condition.container, ast.Array):
                yield Fault(
                    "never true: a text or number is not looked for in an array that is written out", condition.span
                )
        case ast.Match():
            yield from _operands(condition.left)
            if _is_time(condition.left):
                yield Fault("[@timestamp] is a time and matches no pattern", condition.span)
            yield from pattern_quirk(condition.pattern.pattern, condition.pattern)


def _grouping(condition: ast.Junction) -> Iterator[Fault]:
    """`a and b and c or d` is read as `a and (b and c or d)`: a chain gives way to `or` by one step only."""
    waiting: list[ast.Condition] = [condition]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.Junction) or node.operator != "and":
            continue
        waiting += [node.right, node.left]
        right = node.right
        bare = isinstance(right, ast.Junction) and right.span.start == right.left.span.start
        if bare and isinstance(right, ast.Junction) and right.operator == "or":
            message = f"read as: {_short(node.left.span.text)} and ({_short(right.span.text)})"
            yield Fault(f"{message}; put parentheses to say what is meant", node.span)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:28]} ... {text[-28:]}"


def _operands(*operands: ast.Operand) -> Iterator[Fault]:
    for operand in operands:
        if isinstance(operand, ast.Field) and _QUOTED_NAME.fullmatch(operand.text):
            name = operand.text.strip("[] \t\r\n")
            yield Fault(
                f"[{name}] is read as the field named {name}, as it has one element; write == {name}", operand.span
            )
        items = operand.items if isinstance(operand, ast.Array) else (operand,)
        for item in items:
            if isinstance(item, ast.Scalar) and isinstance(item.value, str):
                found = _PART_VARIABLE.search(item.value)
                if found and found[0] != item.value:
                    message = f"{found[0]} stays as it is: in a condition a variable must be the whole text"
                    yield Fault(message, item.span)


def _comparison(condition: ast.Compare, fields: TextFields) -> Iterator[Fault]:
    left, right = condition.left, condition.right
    if isinstance(right, ast.Array):
        yield Fault('compared with the first item only; for any of them write "in"', condition.span)
    for field, constant in ((left, right), (right, left)):
        if not isinstance(field, ast.Field) or not isinstance(constant, ast.Scalar):
            continue
        path = path_of(field.text)
        outcome = "every event is dropped here" if condition.operator in ORDERS else "the two are never equal"
        if path == TIMESTAMP:
            yield Fault(
                f"[@timestamp] is a time and cannot be compared with a text or number: {outcome}", condition.span
            )
        elif path in fields.known and not isinstance(constant.value, str):
            plugin = fields.known[path]
            where = f"{plugin.name} in {plugin.span.place}"
            remedy = "convert it to a number first, or compare it with a text"
            yield Fault(f"{field.text} is a text, set by {where}: {outcome}; {remedy}", condition.span)


def _is_time(operand: ast.Operand) -> bool:
    return isinstance(operand, ast.Field) and path_of(operand.text) == TIMESTAMP


def pattern_quirk(pattern: str, node: ast.Regex | ast.Scalar) -> Iterator[Fault]:
    r"""`\w` knows only ASCII, which surprises where a pattern is written for more."""
    if not pattern.isascii() and re.search(r"(?<!\\)(?:\\\\)*\\w", pattern):
        letter = min(character for character in pattern if not character.isascii())
        yield Fault(f"\\w matches ASCII letters only, not {letter}: write [[:alnum:]_] for all letters", node.span)
