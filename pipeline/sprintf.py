"""Texts with `%{...}` in them, which Logstash's documentation calls sprintf format, compiled once.

    %{field}  %{[a][b]}     the field; as it stands here if the event has none, or null in it
    %{+YYYY.MM.dd}          @timestamp in UTC, by a pattern of Joda-Time
    %{{yyyy-MM-dd}}         @timestamp in UTC, by a pattern of java.time
    %{+%s}                  @timestamp in whole seconds since 1970
    %{{TIME_NOW}}           the present

An array is its values with commas between them, an object is JSON, a number is written as Java does (`java_text`).
Dates of an event without `@timestamp` are empty. A pattern or a field reference that cannot be read is a fault of the
configuration; Logstash finds it when the first event arrives, and stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from pipeline.dates import java_time, joda_format, timestamps
from pipeline.dates.patterns import Formatter
from pipeline.errors import FieldReferenceError
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.java_text import as_text

Render = Callable[[Event], str]

_EPOCH_SECONDS = ("", "+", "+%", "+%s")
"""Logstash compares only as much of "+%s" as there is, so that `%{}` is the time too."""
_CACHED = 4096


class Template:
    """A compiled text: `text` as it was written, `constant` if nothing in it depends on the event.

    `render(event)` gives the finished text. `dated` is set where that depends on nothing but @timestamp: on so many
    of its first characters.
    """

    __slots__ = ("constant", "dated", "render", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        pieces = _pieces(text)
        self.constant = all(isinstance(piece, str) for piece in pieces)
        self.render: Render = _joined(pieces)
        lengths = [piece.formatter.length for piece in pieces if isinstance(piece, _Date)]
        alone = all(isinstance(piece, str | _Date) for piece in pieces)
        self.dated = max(lengths) if lengths and alone else None

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object) -> Template:
            if isinstance(value, Template):
                return value
            if isinstance(value, list) and len(value) == 1:
                value = value[0]
            if isinstance(value, list | dict) or value is None:
                raise ValueError(f"expected a string, got {value!r}")
            return cls(value if isinstance(value, str) else as_text(value))

        return core_schema.no_info_plain_validator_function(validate)


def nested(value: Any, scalar: Callable[[Any], Callable[[Event], Any]]) -> Callable[[Event], Any]:
    """A function that renders what is in a hash or an array, however deep; `scalar` says how a single value is."""
    if isinstance(value, dict):
        members = {name: nested(inner, scalar) for name, inner in value.items()}
        return lambda event: {name: render(event) for name, render in members.items()}
    if isinstance(value, list):
        elements = [nested(inner, scalar) for inner in value]
        return lambda event: [render(event) for render in elements]
    return scalar(value)


# -------------------------------------------------------------------------------------------- compiling


class _Date:
    """A date of @timestamp inside a template."""

    __slots__ = ("formatter",)

    def __init__(self, formatter: Formatter) -> None:
        self.formatter = formatter


_Piece = str | _Date | Render


def _pieces(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    position = 0
    while True:
        start = text.find("%{", position)
        end = text.find("}", start) if start >= 0 else -1
        if end < 0:
            break
        if start > position:
            pieces.append(text[position:start])
        piece, position = _placeholder(text, start, end)
        pieces.append(piece)
    if position < len(text) or not pieces:
        pieces.append(text[position:])
    return pieces


def _placeholder(text: str, start: int, end: int) -> tuple[_Piece, int]:
    inside = text[start + 2 : end]
    if inside in _EPOCH_SECONDS:
        return _Date(Formatter(lambda stamp: str(timestamps.epoch_seconds(stamp)), 19)), end + 1
    if inside.startswith("{") and text.startswith("}}", end):
        if inside == "{TIME_NOW":
            return lambda _event: timestamps.now(), end + 2
        return _Date(java_time.compile_format(inside[1:])), end + 2
    if inside.startswith("+"):
        return _Date(joda_format.compile_format(inside[1:])), end + 1
    try:
        return _field(FieldReference(inside)), end + 1
    except FieldReferenceError as error:
        raise ValueError(f'in "{text}": {error}') from None


def _field(reference: FieldReference) -> Render:
    get, absent = reference.get, f"%{{{reference.text}}}"

    def render(event: Event) -> str:
        value = get(event)
        if type(value) is str:
            return value
        return absent if value is None else as_text(value)

    return render


def _joined(pieces: list[_Piece]) -> Render:
    dates = [piece for piece in pieces if isinstance(piece, _Date)]
    if all(isinstance(piece, str) for piece in pieces):
        text = "".join([piece for piece in pieces if isinstance(piece, str)])
        return lambda _event: text
    if dates and all(isinstance(piece, str | _Date) for piece in pieces):
        return _dated([piece if isinstance(piece, str) else piece.formatter for piece in pieces if not callable(piece)])
    parts: list[Render] = []
    for piece in pieces:
        if isinstance(piece, _Date):
            parts.append(_dated([piece.formatter]))
        else:
            parts.append(_same(piece) if isinstance(piece, str) else piece)
    if len(parts) == 1:
        return parts[0]
    return lambda event: "".join([part(event) for part in parts])


def _same(text: str) -> Render:
    return lambda _event: text


def _dated(pieces: list[str | Formatter]) -> Render:
    """A text that depends on nothing but @timestamp, and on that only down to a day, or an hour, or a second.

    It is remembered by so many characters of @timestamp, which makes an index of a day a look-up.
    """
    length = max(piece.length for piece in pieces if isinstance(piece, Formatter))
    undated = "".join([piece for piece in pieces if isinstance(piece, str)])
    known: dict[str, str] = {}

    def learn(stamp: Any) -> str:
        stamp = timestamps.canonical(stamp) if type(stamp) is str else None
        if stamp is None:
            return undated
        text = "".join([piece if isinstance(piece, str) else piece.format(stamp) for piece in pieces])
        if len(known) >= _CACHED:
            known.clear()
        known[stamp[:length]] = text
        return text

    def render(event: Event) -> str:
        stamp = event.fields.get("@timestamp")
        try:
            return known[stamp[:length]]  # type: ignore[index]  # TypeError is caught: cheaper than a test
        except (KeyError, TypeError):
            return learn(stamp)

    return render
