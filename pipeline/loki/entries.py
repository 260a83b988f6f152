"""An event as an entry of a stream: labels, line and structured metadata, compiled to closures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.dates import timestamps
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.loki.options import LokiOptions, name_of
from pipeline.protocols import loki
from pipeline.sprintf import Template
from pipeline.texts.json_documents import write_json
from pipeline.texts.ruby_values import to_s

_KNOWN = 10_000
"""Sets of labels that are remembered as JSON."""
_NO_LABELS = {"job": "apex-logs"}
"""Loki refuses a stream without labels."""

_Line = Callable[[Event], str]
_Pairs = Callable[[Event], dict[str, str]]


def renderer(options: LokiOptions, now: Callable[[], str]) -> Callable[[Event, bytearray], None]:
    """A function that appends the item of an event; `now` is its time where it has none."""
    labels_of, line_of, metadata_of = _labels(options), _line(options), _fields(options.metadata_fields)
    known: dict[tuple[tuple[str, str], ...], bytes] = {}

    def render(event: Event, body: bytearray) -> None:
        pairs = labels_of(event) or _NO_LABELS
        key = tuple(pairs.items())
        head = known.get(key)
        if head is None:
            if len(known) >= _KNOWN:
                known.clear()
            head = known[key] = loki.labels(pairs)
        stamp = event.fields.get("@timestamp")
        stamp = timestamps.canonical(stamp) if type(stamp) is str else None
        body += head
        body += loki.entry(timestamps.epoch_nanos(stamp or now()), line_of(event), metadata_of(event))

    return render


def _line(options: LokiOptions) -> _Line:
    if getattr(options.codec, "name", "plain") != "plain":
        encode = options.codec.encode
        return lambda event: encode(event).decode("utf-8", "replace").rstrip("\n")
    get = options.message_field.get

    def line(event: Event) -> str:
        value = get(event)
        if type(value) is str:
            return value
        return write_json(event.fields).decode() if value is None else to_s(value)

    return line


def _labels(options: LokiOptions) -> _Pairs:
    written = {name: Template(text) for name, text in options.labels.items()}
    if options.include_fields:
        fields = _fields(options.include_fields)
    elif options.labels:
        fields = _fields([])
    else:
        fields = _every_field(options.message_field)

    def pairs(event: Event) -> dict[str, str]:
        found = fields(event)
        for name, template in written.items():
            text = template.render(event)
            if text and (template.constant or "%{" not in text):
                found[name] = text
        return found

    return pairs if written else fields


def _fields(references: list[FieldReference]) -> _Pairs:
    named = [(name_of(reference), reference.get) for reference in references]

    def pairs(event: Event) -> dict[str, str]:
        found = ((name, _text(get(event))) for name, get in named)
        return {name: text for name, text in found if text}

    return pairs


def _every_field(message: FieldReference) -> _Pairs:
    names: dict[str, str] = {}

    def pairs(event: Event) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in event.fields.items():
            if key[:1] == "@" or type(value) is dict or (key,) == message.path:
                continue
            if key not in names:
                if len(names) >= _KNOWN:
                    names.clear()
                names[key] = loki.label_name([key])
            text = _text(value)
            if text:
                found.setdefault(names[key], text)
        return found

    return pairs


def _text(value: Any) -> str:
    """The value of a label, as the plugin writes it; an object, which it leaves out, as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, Mapping) else to_s(value)
