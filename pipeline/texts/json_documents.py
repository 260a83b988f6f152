"""JSON in bytes: what the json codecs have in common.

orjson does the work. Where it refuses what Logstash takes (half of a surrogate pair in an escape, a charset
that is not UTF-8), the standard library reads; where it refuses to write (NaN, half of a surrogate pair), the
standard library writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson

from pipeline.event import Event, Fields
from pipeline.field_reference import FieldReference
from pipeline.texts.codecs import Parse, keep_original, python_charset, text_of

FAILURE_TAG = "_jsonparsefailure"


def write_json(fields: Fields) -> bytes:
    """A document in UTF-8, in the order of its fields, in one line."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))  # orjson.Fragment


def render_json(end: bytes = b"") -> Callable[[Event], bytes]:
    """A function from an event to its document, ended by `end`."""
    if end == b"\n":
        option = orjson.OPT_APPEND_NEWLINE

        def line(event: Event) -> bytes:
            try:
                return orjson.dumps(event.fields, None, option)
            except TypeError:
                return write_json(event.fields) + end

        return line
    return lambda event: write_json(event.fields) + end


def json_parser(charset: str, target: FieldReference | None, *, original: bool) -> Parse:
    """A piece as the fields of its event or events; what is no JSON becomes a tagged message."""
    text = text_of(charset)
    finish = _finisher(target, text, original=original)

    def parse_slowly(piece: bytes) -> Fields | list[Fields]:
        shown = text(piece)
        documents = _documents(shown)
        if documents is None:
            failed: Fields = {"message": shown, "tags": [FAILURE_TAG]}
            if original:
                keep_original(failed, shown)
            return failed
        return [finish(document, piece) if finish else document for document in documents]

    if python_charset(charset) != "utf-8":
        return parse_slowly
    loads = orjson.loads

    def parse(piece: bytes) -> Fields | list[Fields]:
        try:
            value: Fields = loads(piece)
        except orjson.JSONDecodeError:
            return parse_slowly(piece)
        if type(value) is not dict:
            return parse_slowly(piece)
        return finish(value, piece) if finish else value

    return parse


def _documents(text: str) -> list[Fields] | None:
    """The documents of a text, none if it is blank; None if it is no JSON, or no document."""
    if not text or text.isspace():
        return []
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    documents = value if isinstance(value, list) else [value]
    return documents if all(isinstance(document, dict) for document in documents) else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finisher(
    target: FieldReference | None, text: Callable[[bytes], str], *, original: bool
) -> Callable[[Fields, bytes], Fields] | None:
    """Puts a document under the target and keeps its text; None where there is nothing to do."""
    if target is None and not original:
        return None

    def finish(document: Fields, piece: bytes) -> Fields:
        if target is not None:
            document = _placed(target, document)
        if original:
            keep_original(document, text(piece))
        return document

    return finish


def _placed(target: FieldReference, document: Fields) -> Fields:
    event = Event({})
    target.set(event, document)
    if event.metadata:
        event.fields["@metadata"] = event.metadata
    return event.fields
