"""Cut long texts to a length in bytes.

    filter { truncate { fields => ["message"] length_bytes => 1024 } }

The start is kept, and no character is cut in two, so the result may be up to three bytes shorter. The texts in an
array and the members of objects are cut one by one; objects and arrays within an array, numbers and times are left
alone. An event in which nothing was too long counts as not matched.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import FilterOptions, Integer, as_list
from pipeline.plugin import Filter, PlainFilter

TIMESTAMP = "@timestamp"


class Options(FilterOptions):
    """What the truncate filter takes."""

    fields: Annotated[
        list[FieldReference] | None,
        BeforeValidator(as_list),
        Field(description="Fields to cut; without it, every text of the event, which costs more."),
    ] = None
    length_bytes: Annotated[Integer, Field(ge=0, description="Longest length kept, in UTF-8 bytes.")]


def build(options: Options) -> Filter:
    """The filter for these options."""
    if options.fields is None:
        return _everything(options.length_bytes)
    fields = [(field.get, setter(field)) for field in options.fields if field.path != (TIMESTAMP,)]
    length = options.length_bytes

    def truncate(event: Event) -> bool:
        changed = False
        for get, set_field in fields:
            before = get(event)
            after = cut(before, length)
            if after is not before:
                set_field(event, after)
                changed = True
        return changed

    return truncate


def _everything(length: int) -> PlainFilter:
    def truncate(event: Event) -> bool:
        changed = False
        for name, before in event.fields.items():
            if name != TIMESTAMP:
                after = cut(before, length)
                if after is not before:
                    event.fields[name] = after  # no name comes or goes, so the iteration may go on
                    changed = True
        return changed

    return truncate


def cut(value: Any, length: int) -> Any:
    """The value with every text in it cut to that many bytes; the very same object if none was too long."""
    if type(value) is str:
        if len(value) * 4 <= length:
            return value
        encoded = value.encode("utf-8", "surrogatepass")
        return value if len(encoded) <= length else encoded[:length].decode("utf-8", "ignore")
    if type(value) is list:
        items = [cut(item, length) if type(item) is str else item for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if type(value) is dict:
        members = {name: cut(item, length) for name, item in value.items()}
        return members if any(members[name] is not item for name, item in value.items()) else value
    return value
