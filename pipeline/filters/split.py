r"""Make many events of one: one for each element of an array, or each part of a text.

    filter {
      split {
        field => "[response][items]"
        target => "item"
      }
    }

Each new event is a copy of the event, with one element in place of the array, or under `target`. Empty parts and null
make no event; a text without the terminator is left alone; an array without elements drops the event. A field that
holds neither text nor an array, or is absent, is left alone, and the event is tagged `_split_type_failure`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from pipeline.event import Event, add_tag, copied
from pipeline.field_reference import FieldReference
from pipeline.field_setting import Setter, setter
from pipeline.options import FilterOptions, Text
from pipeline.plugin import Filter, Spreading
from pipeline.texts import conversions

FAILED = "_split_type_failure"


class Options(FilterOptions):
    """What the split filter takes."""

    field: Annotated[FieldReference, Field(description="The field to split.")] = FieldReference("message")
    target: Annotated[
        FieldReference | None, Field(description="The field for each element; without it, the field that was split.")
    ] = None
    terminator: Annotated[Text, Field(description="What is between the parts of a text.")] = "\n"


def build(options: Options) -> Filter:
    """The filter for these options."""
    get, terminator = options.field.get, options.terminator
    set_target = setter(options.target or options.field)
    # The array need not be copied into every event if an element takes its place.
    remove = None if options.target else options.field.remove

    def split(event: Event) -> Iterable[Event]:
        value = get(event)
        if type(value) is str:
            parts = _parts(value, terminator)
            return (event,) if len(parts) == 1 else _spread(event, parts, set_target)
        if type(value) is list:
            if remove:
                remove(event)
            return _spread(event, value, set_target)
        add_tag(event, FAILED)
        return (event,)

    return Spreading(split)


def _parts(text: str, terminator: str) -> list[str]:
    """All parts, as Ruby's `split` with a limit of -1 gives them: none of a text that is empty."""
    if not text:
        return []
    if not terminator:
        return [*text, ""]
    if terminator == " ":
        return [*conversions.split(text, " "), *([""] if text[-1] in "\t\n\v\f\r " else [])]
    return text.split(terminator)


def _spread(event: Event, values: list[Any], set_target: Setter) -> Iterable[Event]:
    for value in values:
        if value is not None and value != "":
            child = event.clone()
            set_target(child, copied(value))
            yield child
