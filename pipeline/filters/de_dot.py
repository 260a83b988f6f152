"""Replace the dots in names of fields, or make objects of them.

    filter { de_dot { } }

`a.b` becomes `a_b`; with `nested`, a member `b` of the object `a`. Without `fields`, the names of the event's own
fields are looked at; with `recursive`, those inside of objects in them, too, but not in arrays. What had the new name
already is replaced. Of a reference with several dotted names, as `[a.b][c.d]`, the outermost field is removed whole, as
in Logstash: its other members go with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import Boolean, FilterOptions, Text, as_list
from pipeline.plugin import Filter

Path = tuple[str, ...]


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
        list[FieldReference] | None,
        BeforeValidator(as_list),
        Field(description="References of the fields to look at; without it, all of the event."),
    ] = None


def build(options: Options) -> Filter:
    """The filter for these options."""
    by = "][" if options.nested else options.separator
    recursive = options.recursive
    fields = None if options.fields is None else [field.path for field in options.fields]

    def rename(event: Event) -> bool:
        for path in [(name,) for name in event.fields] if fields is None else fields:
            if (recursive or any("." in name for name in path)) and _reference(path).has(event):
                _rename(event, path, by, recursive)
        return True

    return rename


def _rename(event: Event, path: Path, by: str, recursive: bool) -> None:
    """Gives a field the name without dots; with `recursive`, the members of an object in it, too."""
    dotted = next((level for level, name in enumerate(path) if "." in name), None)
    if dotted is not None:
        renamed = _undotted(path, by)
        setter(renamed)(event, _reference(path).get(event))
        _reference(path[: dotted + 1]).remove(event)
        path = renamed.path
    if recursive:
        content = _reference(path).get(event)
        for name in [*content] if type(content) is dict else ():
            _rename(event, (*path, name), by, recursive)


def _reference(path: Path) -> FieldReference:
    return _read("".join(f"[{name}]" for name in path))


def _undotted(path: Path, by: str) -> FieldReference:
    return _read("".join(f"[{name.replace('.', by)}]" for name in path))


@lru_cache(maxsize=4096)
def _read(text: str) -> FieldReference:
    try:
        return FieldReference(text)
    except FieldReferenceError as error:
        raise FilterFailure(str(error)) from error
