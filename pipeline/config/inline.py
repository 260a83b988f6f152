"""Conditions as Python expressions for the generated source, where they are as simple as most conditions are.

An expression reads `fields`, the fields of the event, and means what `conditions.py` compiles for the same tree;
what it cannot say (numbers, orders, patterns, variables) is left to that.

    [a]                     (v := fields.get('a')) is not None and v is not False and v != '' and v != 'false'
    [a][b] == "x"           (p.get('b') if type(p := fields.get('a')) is dict else None) == 'x'
"""

from __future__ import annotations

from pipeline.config.conditions import parts
from pipeline.errors import FieldReferenceError
from pipeline.field_reference import METADATA, parse
from pipeline.grammar import ast

_DEEPEST = 2


def inlined(condition: ast.Condition) -> str | None:
    """The expression for a condition; None if it is better called."""
    match condition:
        case ast.Truth(ast.Field() as field):
            value = _value(field)
            if value is None:
                return None
            return f"((v := {value}) is not None and v is not False and v != '' and v != 'false')"
        case ast.Compare(("==" | "!=") as operator, ast.Field() as field, ast.Scalar(str() as text)):
            return _compared(operator, field, text)
        case ast.Compare(("==" | "!=") as operator, ast.Scalar(str() as text), ast.Field() as field):
            return _compared(operator, field, text)
        case ast.Not(inner):
            expression = inlined(inner)
            return None if expression is None else f"(not {expression})"
        case ast.Junction(("and" | "or") as operator):
            expressions = [inlined(part) for part in parts(condition)]
            known = [expression for expression in expressions if expression is not None]
            return f"({f' {operator} '.join(known)})" if len(known) == len(expressions) else None
    return None


def _compared(operator: str, field: ast.Field, text: str) -> str | None:
    value = _value(field)
    if value is None or "${" in text:
        return None
    return f"({value} {operator} {text!r})"


def _value(field: ast.Field) -> str | None:
    """An expression for the value of a field that lies in objects alone, at most two deep."""
    try:
        path = parse(field.text)
    except FieldReferenceError:
        return None
    # A time is no text in a condition; a key that is a number may be an index; metadata lies elsewhere.
    if path[0] in (METADATA, "@timestamp") or len(path) > _DEEPEST or path[-1].lstrip("-").isdigit():
        return None
    outer = f"fields.get({path[0]!r})"
    if len(path) == 1:
        return outer
    return f"(p.get({path[1]!r}) if type(p := {outer}) is dict else None)"
