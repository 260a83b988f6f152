"""A tree as KQL again, such that reading it gives the tree: for those who put queries together.

field_is("level", "error")         level: "error"
"""

from __future__ import annotations

import re

from pipeline.kql.tree import And, Compare, Everything, Is, Literal, Node, Not, Or

_TO_ESCAPE = re.compile(r'[\\():<>"*{}]')
_KEYWORD = re.compile(r"(?<!\S)(and|or|not)(?!\S)", re.IGNORECASE)
_BLANK = {"\t": r"\t", "\r": r"\r", "\n": r"\n"}


def write(node: Node) -> str:
    """The text of a tree."""
    match node:
        case Everything():
            return "*"
        case Is(None, value):
            return _literal(value)
        case Is(field, value):
            return f"{_literal(field)}: {_literal(value)}"  # type: ignore[arg-type]  # None was the case before
        case Compare(field, sign, value):
            return f"{_literal(field)} {sign} {_literal(value)}"
        case Not(inner):
            return f"not {_grouped(inner)}"
        case And(nodes):
            return " and ".join(map(_grouped, nodes))
        case Or(nodes):
            return " or ".join(map(_grouped, nodes))


def field_is(field: str, value: str) -> str:
    """The query for one value of one field, both taken as they are; `not ` before it is its opposite."""
    return write(Is(Literal((field,)), Literal((value,), quoted=True)))


def _grouped(node: Node) -> str:
    return f"({write(node)})" if isinstance(node, And | Or | Not) else write(node)


def _literal(literal: Literal) -> str:
    if literal.quoted:
        return '"' + "".join(_BLANK.get(c, "\\" + c if c in '\\"' else c) for c in literal.text) + '"'
    return "*".join(map(_piece, literal.pieces))


def _piece(text: str) -> str:
    text = _KEYWORD.sub(r"\\\1", _TO_ESCAPE.sub(r"\\\g<0>", text))
    return "".join(f"\\u{ord(c):04x}" if c.isspace() and c != " " and ord(c) < 0x10000 else c for c in text)
