"""Replace the dots in names of fields, or make objects of them.

    filter { de_dot { } }

`a.b` becomes `a_b`; with `nested`, a member `b` of the object `a`. Without `fields`, the names of the event's own
fields are looked at; with `recursive`, those inside of objects, too. What had the new name already is replaced.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import Boolean, FilterOptions, Text, Texts
from pipeline.plugin import Filter


def _dotless(value: str) -> str:
    if "." in value:
        raise ValueError("a separator with a dot in it would replace a dot by a dot")
    return value


class Options(FilterOptions):
    """What the de_dot filter takes."""

    separator: Annotated[Text, AfterValidator(_dotless), Field(description="What takes the place of a dot.")] = "_"
    nested: Annotated[Boolean, Field(description="Make objects of names with dots; `separator` is not used.")] = False
    recursive: Annotated[Boolean, Field(description="Look at the names inside of objects, too.")] = False
    fields: Annotated[
        Texts | None, Field(description="References of the fields to look at; without it, all of the event.")
    ] = None


def build(options: Options) -> Filter:
    """The filter for these options."""
    by = "][" if options.nested else options.separator
    recursive, names = options.recursive, options.fields

    def rename(event: Event) -> bool:
        if recursive:
            for value in event.fields.values():
                _rename_inside(value, by)
        for name in event.fields.copy() if names is None else names:
            if "." in name:
                _move(event, name, by)
        return True

    return rename


def _move(event: Event, name: str, by: str) -> None:
    """Gives a field of the event the name without dots."""
    try:
        old = FieldReference(name)
        new = FieldReference(_undotted(old.path, by))
    except FieldReferenceError as error:
        raise FilterFailure(str(error)) from error
    if old.has(event):
        setter(new)(event, old.remove(event))


def _undotted(path: tuple[str, ...], by: str) -> str:
    return "".join(f"[{name.replace('.', by)}]" for name in path)


def _rename_inside(value: Any, by: str) -> None:
    """Renames the members of an object and of all objects in it, in place."""
    if type(value) is list:
        for item in value:
            _rename_inside(item, by)
    if type(value) is not dict:
        return
    for member in value.values():
        _rename_inside(member, by)
    if any("." in name for name in value):
        place = Event(value)
        for name in [name for name in value if "." in name]:
            inner = value.pop(name)
            setter(FieldReference(_undotted((name,), by)))(place, inner)
