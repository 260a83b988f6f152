"""The common options of filters and inputs: what is added to and removed from an event that matched.

The order is Logstash's (`filter_matched` in `logstash/filters/base.rb`): add_field, remove_field, add_tag,
remove_tag. A tag that names a field which the same block removes therefore keeps its `%{...}`.

A value that is added to a field makes an array of it; an object becomes pairs of name and value then, as Ruby's
`Array()` makes of a hash. A tag is added though it is there (`logstash/util/decorators.rb`; only the tags of failures
are added once). What an event refuses, such as a text as its `@timestamp`, is a failure of the filter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, remove_tag
from pipeline.field_reference import FieldReference
from pipeline.field_setting import Setter, text_setter
from pipeline.options import FilterOptions, InputOptions
from pipeline.sprintf import Template
from pipeline.texts import conversions

Decorate = Callable[[Event], None]


@lru_cache(maxsize=1000)
def reference(text: str) -> FieldReference:
    """A field reference whose text is only known once an event is there, kept compiled."""
    try:
        return FieldReference(text)
    except FieldReferenceError as error:
        raise FilterFailure(str(error)) from error


def of_filter(options: FilterOptions) -> Decorate | None:
    """What a filter's common options do to an event; None where there are none."""
    return _together(
        *(_field(name, value) for name, value in options.add_field.items()),
        *(_removal(name) for name in options.remove_field),
        *(_tag(tag, append_tag) for tag in options.add_tag),
        *(_tag(tag, remove_tag) for tag in options.remove_tag),
    )


def of_input(options: InputOptions) -> Decorate | None:
    """What an input's common options do to each of its events; None where there are none."""
    steps = []
    if options.type is not None:
        steps.append(_type(options.type))
    steps += [_field(name, value) for name, value in options.add_field.items()]
    steps += [_tag(tag, append_tag) for tag in options.tags]
    return _together(*steps)


def _together(*steps: Decorate) -> Decorate | None:
    if len(steps) < 2:
        return steps[0] if steps else None

    def decorate(event: Event) -> None:
        for step in steps:
            step(event)

    return decorate


def _type(name: str) -> Decorate:
    def set_type(event: Event) -> None:
        event.fields.setdefault("type", name)

    return set_type


def _tag(text: str, change: Callable[[Event, str], None]) -> Decorate:
    template = Template(text)

    def change_tag(event: Event) -> None:
        change(event, template.render(event))

    return change_tag


def _removal(text: str) -> Decorate:
    template = Template(text)
    if template.constant:
        constant = FieldReference(text)

        def remove(event: Event) -> None:
            constant.remove(event)

        return remove

    def remove_named(event: Event) -> None:
        reference(template.render(event)).remove(event)

    return remove_named


def append_tag(event: Event, tag: str) -> None:
    """Adds a tag, whether it is there or not; a text in `tags` becomes an array first."""
    event.fields["tags"] = [*_array(event.fields.get("tags")), tag]


def _field(name: str, value: Any) -> Decorate:
    name_template = Template(name)
    values = [Template(conversions.text(item)) for item in _array(value)]
    constant = _place(FieldReference(name)) if name_template.constant else None

    def add_field(event: Event) -> None:
        field, set_field = constant or _place(reference(name_template.render(event)))
        for template in values:
            text = template.render(event)
            if not field.has(event):
                set_field(event, text)
                continue
            existing = field.get(event)
            if type(existing) is list:
                existing.append(text)
            else:
                set_field(event, [*_array(existing), text])

    return add_field


def _place(field: FieldReference) -> tuple[FieldReference, Setter]:
    return field, text_setter(field)


def _array(value: Any) -> list[Any]:
    """Ruby's `Array()`."""
    if type(value) is dict:
        return [[name, item] for name, item in value.items()]
    if type(value) is list:
        return value
    return [] if value is None else [value]
