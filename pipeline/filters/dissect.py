"""Cut texts at their delimiters into fields: faster than grok, for lines that all have the same form.

    filter {
      dissect {
        mapping => { "message" => "%{ts} %{+ts} %{+ts} %{src} %{prog}[%{pid}]: %{msg}" }
        convert_datatype => { "pid" => "int" }
      }
    }

`%{name}` takes the text up to the next delimiter, the last one takes the rest. `%{}` and `%{?name}` are not kept,
`%{+name}` is appended to what the field has, in the order of `%{+name/2}` and `%{+name/1}` where it is given,
`%{&name}` takes the value of `name` for its own name, and `%{name->}` takes the delimiter after it as often as it is
there.

As in Logstash, a text that begins with the first delimiter (`,x` for `%{a},%{b}`) gives an empty field, and the
delimiter is part of the next one; `%{a->}` takes it. Two fields with nothing between them match no text. What follows
the last field is a delimiter, too, but no further back than its last `}`: with `{"a":"%{a}"}` the field reaches to the
end.

A text in which a delimiter is missing gives no field at all, and its event is tagged. A source that the event lacks is
left out. `convert_datatype` works on fields of whatever origin, makes no event match, and tags what it cannot convert
`_dataconversionnullvalue_name_int` or `_dataconversionuncoercible_name_int`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.languages import dissection
from pipeline.options import FilterOptions, Text, TextHash, Texts, as_hash
from pipeline.plugin import Filter
from pipeline.texts import conversions

Step = Callable[[Event, list[str]], None]


def _mapping(mapping: dict[str, str]) -> dict[str, str]:
    try:
        for source, text in mapping.items():
            FieldReference(source)
            if text:
                for field in dissection.fields_of(text)[0]:
                    FieldReference(field.key or "message")
    except FieldReferenceError as error:
        raise ValueError(str(error)) from error
    return mapping


def _type(name: str) -> str:
    if name.lower() not in ("int", "float"):
        raise ValueError(f'expected "int" or "float", got "{name}"')
    return name


class Options(FilterOptions):
    """What the dissect filter takes."""

    mapping: Annotated[TextHash, AfterValidator(_mapping)] = Field({}, description="Field to the dissection of it.")
    convert_datatype: Annotated[
        dict[Text, Annotated[Text, AfterValidator(_type)]],
        BeforeValidator(as_hash),
        Field(description="Field to type, int or float."),
    ] = {}
    tag_on_failure: Texts = Field(["_dissectfailure"], description="Tags for an event that failed.")


def build(options: Options) -> Filter:
    """The filter for these options."""
    sources = [(FieldReference(source), _dissector(text)) for source, text in options.mapping.items() if text]
    conversions = [_conversion(name, kind) for name, kind in options.convert_datatype.items()]
    tags = options.tag_on_failure

    def dissect(event: Event) -> bool:
        matched = failed = False
        for source, run in sources:
            if source.has(event):
                done = run(event, source.get(event))
                matched, failed = matched or done, failed or not done
        for convert in conversions:
            convert(event)
        if failed:
            for tag in tags:
                add_tag(event, tag)
        return matched

    return dissect


def _dissector(mapping: str) -> Callable[[Event, Any], bool]:
    """A function that sets the fields of one text, all or none; False if the text has another form."""
    fields, after = dissection.fields_of(mapping)
    cut = dissection.cutter(fields, after)
    steps = [_step(place, field, fields) for place, field in dissection.in_order(fields)]

    def run(event: Event, text: Any) -> bool:
        values = cut(conversions.text(text)) if text is not None else None
        if values is None:
            return False
        for step in steps:
            step(event, values)
        return True

    return run


def _step(place: int, field: dissection.Field, fields: list[dissection.Field]) -> Step:
    if field.kind == "&":
        return _indirect(place, field.key, fields)
    reference = FieldReference(field.key)
    get, set_field = reference.get, setter(reference)
    if field.kind == "":
        return lambda event, values: set_field(event, values[place])
    joint = field.before or " "

    def append(event: Event, values: list[str]) -> None:
        before = get(event)
        set_field(event, values[place] if before is None else conversions.text(before) + joint + values[place])

    return append


def _indirect(place: int, key: str, fields: list[dissection.Field]) -> Step:
    """Sets the field that is named by the value of another, of the event or, if it is not kept, of this text."""
    named = next((index for index, other in enumerate(fields) if other.key == key and index != place), None)
    reference = FieldReference(key)

    def set_named(event: Event, values: list[str]) -> None:
        name = "" if named is None else values[named]
        if reference.has(event):
            name = conversions.text(reference.get(event))
        if name:
            try:
                target = FieldReference(name)
            except FieldReferenceError as error:
                raise FilterFailure(str(error)) from error
            setter(target)(event, values[place])

    return set_named


# --------------------------------------------------------------------------------------------- conversion

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGERS = range(-(1 << 63), 1 << 64)
"""Whole numbers beyond become floats, as everywhere."""


def _conversion(name: str, kind: str) -> Callable[[Event], None]:
    reference = FieldReference(name)
    get, set_field = reference.get, setter(reference)
    whole = kind.lower() == "int"

    def convert(event: Event) -> None:
        value = get(event)
        if value is None:
            add_tag(event, f"_dataconversionnullvalue_{name}_{kind}")
            return
        number = _number(value, whole)
        if number is None:
            add_tag(event, f"_dataconversionuncoercible_{name}_{kind}")
        else:
            set_field(event, number)

    return convert


def _number(value: Any, whole: bool) -> int | float | None:
    if type(value) is bool or not _NUMBER.fullmatch(text := conversions.text(value)):
        return None
    number = float(text)
    if not isfinite(number):
        return None  # nothing could write it
    if not whole or abs(number) > 1e20:
        return number
    integer = int(Decimal(text))
    return integer if integer in _INTEGERS else number
