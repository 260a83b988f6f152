"""Functions that give a field another name, in the cheapest way that is right for it."""

from __future__ import annotations

from pipeline.errors import FilterFailure
from pipeline.event import Event
from pipeline.field_reference import METADATA, FieldReference
from pipeline.field_setting import setter
from pipeline.plugin import PlainFilter


def renaming(source: FieldReference, target: FieldReference) -> PlainFilter:
    """A function that moves what is in `source` to `target`; raises `FilterFailure` where it cannot be, and then the
    event keeps it under its old name."""
    if _plain(source) and _plain(target):
        old_name, new_name = source.path[0], target.path[0]

        def rename_plain(event: Event) -> bool:
            fields = event.fields
            if old_name in fields:
                fields[new_name] = fields.pop(old_name)
            return True

        return rename_plain
    has, remove, put_back, set_target = source.has, source.remove, source.set, setter(target)
    is_there = target.has

    def rename(event: Event) -> bool:
        if has(event):
            value = remove(event)
            try:
                set_target(event, value)
                if not is_there(event):
                    raise FilterFailure(f"{target.text} is no place of an array")
            except FilterFailure:
                put_back(event, value)
                raise
        return True

    return rename


def _plain(field: FieldReference) -> bool:
    """A field of the event itself that may hold anything."""
    return len(field.path) == 1 and field.path[0] not in (METADATA, "@timestamp", "tags")
