r"""Parse JSON text in a field, into the event or into a field of it.

    filter {
      json {
        source => "message"
        remove_field => ["message"]
      }
    }

Without `target` the members of the object become fields of the event; those of the same name are
overwritten, not merged. Three names are special then: `@timestamp` becomes the event's time (what is no
time goes to `_@timestamp`, with the tag `_timestampparsefailure`), `@metadata` becomes its metadata, and
`tags` must be a string or an array of strings, or the event is tagged as one that failed. A name such as
`[a][b]` is a field reference, as everywhere.

A source that is absent, null or false leaves the event alone. A source that is no text fails.

What is JSON is decided as Logstash does: NaN, single quotes, comments and trailing commas are refused; a
byte order mark is skipped; half a surrogate pair (`"\ud800"`) reads as `?`. Three things differ:

- integers beyond 64 bits become floats, as they do in Elasticsearch's clients and in JavaScript;
- numbers beyond the range of a float (`1e400`) are refused, where Logstash keeps them for the output to fail;
- several documents in one text are refused, where Logstash keeps only the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

import orjson
from pydantic import Field

from pipeline.dates import timestamps
from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import METADATA, FieldReference
from pipeline.field_setting import Setter, setter
from pipeline.options import Boolean, Ecs, FilterOptions, Texts
from pipeline.plugin import Filter, PlainFilter
from pipeline.texts import conversions

TIMESTAMP = "@timestamp"


class Options(FilterOptions):
    """What the json filter takes."""

    source: Annotated[FieldReference, Field(description="The field that holds the text.")]
    target: Annotated[
        FieldReference | None,
        Field(description="The field that takes what was parsed, of any type; without it, an object's members do."),
    ] = None
    skip_on_invalid_json: Annotated[
        Boolean, Field(description="Leave an event alone, untagged, if the text is no JSON.")
    ] = False
    tag_on_failure: Texts = Field(["_jsonparsefailure"], description="Tags for an event that failed.")
    ecs_compatibility: Annotated[
        Ecs, Field(description="Changes nothing in this filter; with ECS a target is advisable.")
    ] = "v8"


def build(options: Options) -> Filter:
    """The filter for these options."""
    if options.target is None:
        return _into_event(options)
    return _into_target(options, setter(options.target))


def _into_event(options: Options) -> PlainFilter:
    get, loads, skip = options.source.get, orjson.loads, options.skip_on_invalid_json
    path = options.source.path
    plain = path[0] if len(path) == 1 and path[0] != METADATA else None

    def parse(event: Event) -> bool:
        # A field of the event itself, as the source mostly is, is read without a call.
        text: Any = event.fields.get(plain) if plain is not None else get(event)
        try:
            parsed = loads(text)
        except orjson.JSONDecodeError:
            parsed = _second_try(text, skip)
            if parsed is _NONE:
                return False
        if type(parsed) is not dict:
            raise FilterFailure("the JSON is no object: it needs a target")
        when = parsed.pop(TIMESTAMP) if TIMESTAMP in parsed else None
        if "tags" in parsed or METADATA in parsed or (("[" in text or "]" in text) and _has_references(parsed)):
            # Some member is not just a field.
            _set_each(event, parsed)
        else:
            event.fields.update(parsed)
        if when is not None and when is not False:
            _set_timestamp(event, when)
        return True

    return parse


def _into_target(options: Options, set_target: Setter) -> PlainFilter:
    get, loads, skip = options.source.get, orjson.loads, options.skip_on_invalid_json

    def parse(event: Event) -> bool:
        text = get(event)
        try:
            parsed = loads(text)
        except orjson.JSONDecodeError:
            parsed = _second_try(text, skip)
            if parsed is _NONE:
                return False
        set_target(event, parsed)
        return True

    return parse


def _has_references(names: Iterable[str]) -> bool:
    return any("[" in name or "]" in name for name in names)


def _set_each(event: Event, parsed: dict[str, Any]) -> None:
    """Sets one member after the other, as names may be field references, and stops where Logstash does."""
    for name, value in parsed.items():
        try:
            field = FieldReference(name)
        except FieldReferenceError as error:
            raise FilterFailure(str(error)) from error
        setter(field)(event, value)


def _set_timestamp(event: Event, when: Any) -> None:
    canonical = timestamps.canonical(when) if type(when) is str else None
    event.fields[TIMESTAMP] = canonical or timestamps.now()
    if canonical is None:
        event.fields["_@timestamp"] = conversions.text(when)
        add_tag(event, "_timestampparsefailure")


_NONE = object()
"""There is nothing to parse, and nothing to complain of."""


def _second_try(text: Any, skip: bool) -> Any:
    """What orjson refused: parsed leniently, or `_NONE`, or a failure."""
    if text is None or text is False:
        return _NONE
    if type(text) is not str:
        raise FilterFailure(f"the source holds no text but {text!r:.100}")
    try:
        return loads_leniently(text)
    except ValueError as error:
        if skip:
            return _NONE
        raise FilterFailure(f"no JSON: {error}") from error


_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<lone>u[dD][89a-fA-F]..)|.)", re.DOTALL)


def loads_leniently(text: str) -> Any:
    """What Logstash's parser takes beyond orjson: blank text, a byte order mark, halves of surrogate pairs."""
    text = text.removeprefix("\ufeff")
    if not text.strip(" \t\r\n"):
        return None
    return orjson.loads(_ESCAPE.sub(lambda found: "?" if found["lone"] else found[0], text))
