"""The common options of filters and inputs: what is added to and removed from an event that matched.

The order is Logstash's (`filter_matched` in `logstash/filters/base.rb`): add_field, remove_field, add_tag,
remove_tag. A tag that names a field which the same block removes therefore keeps its `%{...}`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pipeline.event import Event, add_tag, remove_tag
from pipeline.field_reference import FieldReference
from pipeline.options import FilterOptions, InputOptions
from pipeline.sprintf import Template

Decorate = Callable[[Event], None]

reference = lru_cache(maxsize=1000)(FieldReference)
"""Field references whose text is only known once an event is there, kept compiled."""


def of_filter(options: FilterOptions) -> Decorate | None:
    """What a filter's common options do to an event; None where there are none."""
    return _together(
        *(_field(name, value) for name, value in options.add_field.items()),
        *(_removal(name) for name in options.remove_field),
        *(_tag(tag, add_tag) for tag in options.add_tag),
        *(_tag(tag, remove_tag) for tag in options.remove_tag),
    )


def of_input(options: InputOptions) -> Decorate | None:
    """What an input's common options do to each of its events; None where there are none."""
    steps = []
    if options.type is not None:
        steps.append(_type(options.type))
    steps += [_field(name, value) for name, value in options.add_field.items()]
    steps += [_tag(tag, add_tag) for tag in options.tags]
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


def _field(name: str, value: Any) -> Decorate:
    name_template = Template(name)
    values = [Template(str(item)) for item in (value if isinstance(value, list) else [value])]
    constant = FieldReference(name) if name_template.constant else None

    def add_field(event: Event) -> None:
        field = constant or reference(name_template.render(event))
        for template in values:
            text = template.render(event)
            if not field.has(event):
                field.set(event, text)
                continue
            existing = field.get(event)
            if type(existing) is list:
                existing.append(text)
            else:
                field.set(event, [text] if existing is None else [existing, text])

    return add_field
