"""Setting a field as a filter may: what Logstash's events refuse is a failure of the filter.

Only a time may be `@timestamp`, only a string or an array of strings may be `tags`, and nothing can be set
below a scalar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.dates import timestamps
from pipeline.errors import FieldError, FilterFailure
from pipeline.event import Event
from pipeline.field_reference import METADATA, FieldReference

Setter = Callable[[Event, Any], None]


def setter(field: FieldReference) -> Setter:
    """A function that sets the field, or raises `FilterFailure`; for most fields, just `field.set`."""
    if field.path == ("@timestamp",):
        return _set_timestamp
    if field.path[0] == "tags":
        return _tags_setter(field)
    if len(field.path) == 1 and field.path[0] != METADATA:
        return field.set

    def set_deep(event: Event, value: Any) -> None:
        try:
            field.set(event, value)
        except FieldError as error:
            raise FilterFailure(str(error)) from error

    return set_deep


def text_setter(field: FieldReference) -> Setter:
    """The same for a value that is certainly a text: `@timestamp` takes none, not even one that reads as a time.

    Logstash's events take only a `LogStash::Timestamp` there (`ruby_set_field` in JrubyEventExtLibrary.java).
    """
    return _refuse_text if field.path == ("@timestamp",) else setter(field)


def _refuse_text(_event: Event, value: Any) -> None:
    raise FilterFailure(f"@timestamp must be a time, not the text {value!r:.100}: read it with the date filter")


def _set_timestamp(event: Event, value: Any) -> None:
    if type(value) is not str or timestamps.canonical(value) != value:
        raise FilterFailure(f"@timestamp must be a time, not {value!r:.100}")
    event.fields["@timestamp"] = value


def _tags_setter(field: FieldReference) -> Setter:
    def set_tags(event: Event, value: Any) -> None:
        if len(field.path) > 1 or not may_be_tags(value):
            raise FilterFailure(f"tags must be a string or an array of strings, not {value!r:.100}")
        event.fields["tags"] = value

    return set_tags


def may_be_tags(value: Any) -> bool:
    """A string, an array of strings, or null."""
    return value is None or type(value) is str or (type(value) is list and all(type(tag) is str for tag in value))
