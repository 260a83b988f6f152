"""Fields of documents, as Elasticsearch sees them: their kinds, and their values wherever they are.

The kind of a field is told by its name, as the mapping of this project does: `message` and `*.message` are text,
`ip`, `*.ip` and `*_ip` addresses, `@timestamp`, `event.created`, `event.start`, `event.end` and `event.ingested` dates.
Else a string is a keyword (exact, with its case), and numbers, true and false are what they are. Arrays are taken
apart, objects have fields of their own, and null is no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal

from pipeline.kql.tree import Literal as Text

Kind = Literal["text", "keyword", "number", "boolean", "date", "ip", "other"]

_TEXT = re.compile(r"(?:.*\.)?message")
_DATE = re.compile(r"@timestamp|event\.(?:created|start|end|ingested)")
_IP = re.compile(r"(?:.*[._])?ip")


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """The kind that the name of a field tells; None where the value does."""
    if _TEXT.fullmatch(name):
        return "text"
    if _DATE.fullmatch(name):
        return "date"
    return "ip" if _IP.fullmatch(name) else None


def values(value: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path: `a.b` is `{"a": {"b": 1}}` and `{"a.b": 1}`, also inside arrays."""
    if type(value) is list:
        for item in value:
            yield from values(item, path)
    elif not path:
        if value is not None and type(value) is not dict:
            yield value
    elif type(value) is dict:
        if path in value:
            yield from values(value[path], "")
        dot = path.find(".")
        while dot > 0:
            if path[:dot] in value:
                yield from values(value[path[:dot]], path[dot + 1 :])
            dot = path.find(".", dot + 1)


def exists(value: Any, path: str) -> bool:
    """Whether there is a value at a path, or, where that is an object, anywhere in it."""
    if any(True for _ in values(value, path)):
        return True
    inside = f"{path}."
    return any(name.startswith(inside) for name, _ in leaves(value))


def leaves(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every value of a document, with the dotted name of its field."""
    pending: list[tuple[str, Any]] = list(reversed(document.items()))
    while pending:
        name, value = pending.pop()
        if type(value) is dict:
            pending.extend((f"{name}.{key}", inner) for key, inner in reversed(value.items()))
        elif type(value) is list:
            pending.extend((name, item) for item in reversed(value))
        elif value is not None:
            yield name, value


def fitting(literal: Text) -> Callable[[str], bool]:
    """What tells whether a whole text is a literal with wildcards. Its time grows with the text, not with the stars."""
    if not literal.wild:
        return literal.text.__eq__
    first, *inner, last = literal.pieces
    shortest = len(first) + len(last)

    def fits(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        start, end = len(first), len(text) - len(last)
        for piece in inner:
            start = text.find(piece, start, end)
            if start < 0:
                return False
            start += len(piece)
        return True

    return fits
