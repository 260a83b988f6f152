"""Dissections, as in `%{ts} %{+ts} %{src->} [%{pid}]: %{msg}`: text in, places out.

    dissection = delimiter? (field delimiter)*        the text after the last field, if any, is a delimiter, too
    field      = "%{" ["?" | "+" | "&"] key ["/" one or two digits] ["->"] "}"        the two also the other way round

A field reaches to the next delimiter, the last one to the end. `->` takes the delimiter that follows as often as it is
there. What the fields mean is in the documentation of Logstash's dissect filter: `?` is not kept, `+` is appended, `&`
takes the value of another field for its key. Three things surprise there, and here:

- a delimiter at the very beginning of a text ends an empty field, and stays part of the next one, unless `->` takes it;
- between two fields with nothing between them there is a delimiter that no text has (its DissectorTest has three such);
- of the text after the last field only what follows its last `}` is a delimiter (`Dissector.java`, 1.2.0): with
  `{"a":"%{a}"}` the field reaches to the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["", "?", "+", "&"]

_FIELD = re.compile(r"%\{([^}]*)\}")
_KEY = re.compile(
    r"(?P<kind>[?+&]?)(?P<key>.*?)(?:(?:/(?P<order>[0-9]{1,2}))?(?P<greedy>->)?|->/(?P<order_after>[0-9]{1,2}))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a dissection."""

    kind: Kind
    key: str
    order: int
    """Where an appended field stands among those of its key; 0, before all others, where it is not given."""
    before: str
    """The delimiter before it, by which it is appended."""
    greedy: bool
    """Whether the delimiter after it may come several times."""


class DissectionError(ValueError):
    """A dissection that cannot be read."""


def fields_of(mapping: str) -> tuple[list[Field], str]:
    """The fields, and what is after the last one; raises `DissectionError`."""
    fields: list[Field] = []
    position = 0
    for found in _FIELD.finditer(mapping):
        fields.append(_field(found[1], mapping[position : found.start()]))
        position = found.end()
    if not fields:
        raise DissectionError(f'"{mapping}" has no field, such as %{{name}}')
    return fields, mapping[max(position, mapping.rfind("}") + 1) :]


def _field(text: str, before: str) -> Field:
    found = _KEY.fullmatch(text)
    assert found
    kind, key = found["kind"], found["key"]
    if kind in ("+", "&") and key[:1] in ("+", "&"):
        raise DissectionError(f'"%{{{text}}}" cannot be appended and take its key from another field')
    if kind in ("+", "&") and not key:
        raise DissectionError(f'"%{{{text}}}" has no name')
    if not key and not kind:
        kind = "?"
    order = int(found["order"] or found["order_after"] or 0)
    return Field(cast(Kind, kind), key, order, before, bool(found["greedy"] or found["order_after"]))


def cutter(fields: list[Field], after: str) -> Callable[[str], list[str] | None]:
    """A function that cuts a text into the values of the fields; None where a delimiter is not there."""
    start, *delimiters = [field.before for field in fields]
    steps = [(delimiter, field.greedy) for field, delimiter in zip(fields, delimiters, strict=False)]
    if after:
        steps.append((after, fields[-1].greedy))
    to_end = not after
    never = any(not delimiter for delimiter, _ in steps)

    def cut(text: str) -> list[str] | None:
        if never or not text or not text.startswith(start):
            return None
        position = len(start)
        values = []
        for delimiter, greedy in steps:
            found = text.find(delimiter, position)
            if found < 0:
                return None
            values.append(text[position:found])
            if found:
                position = found + len(delimiter)
            while greedy and text.startswith(delimiter, position):
                position += len(delimiter)
        if to_end:
            values.append(text[position:])
        return values

    return cut


def in_order(fields: list[Field]) -> list[tuple[int, Field]]:
    """The fields that are kept, each with its place among all, in the order in which they are set."""
    ranks = {"": 0, "+": 1, "&": 2}
    kept = [(place, field) for place, field in enumerate(fields) if field.kind != "?"]
    return sorted(
        kept, key=lambda item: (ranks[item[1].kind], item[1].order if item[1].kind == "+" else item[0], item[0])
    )
