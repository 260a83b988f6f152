"""Parse a date from a field and use it as the event's timestamp.

    filter {
      date {
        match => ["logdate", "MMM dd yyyy HH:mm:ss", "ISO8601"]
        timezone => "Europe/Paris"
      }
    }

`match` names the field first, then the formats, which are tried in their order:

- `ISO8601`: `2026-02-03T04:05:06.789+01:00` and its shorter forms; with a space instead of the T only with a fraction;
- `UNIX`: seconds since 1970, as a number or a text, up to 2147483647, with a fraction if need be;
- `UNIX_MS`: milliseconds since 1970;
- `TAI64N`: a label such as `@4000000050d506482dbdf024`;
- anything else is a pattern of Joda-Time, in which letters stand for the parts of a date:

      y, Y year (yy: two digits)     M month (MMM, MMMM: its name)     d day of month     D day of year
      x week year     w week         E day of week (its name)          e day of week (1: Monday)
      a AM or PM      h hour, 1-12   K hour, 0-11     H hour, 0-23     k hour, 1-24
      m minute        s second       S fraction of a second            G era              C century
      Z offset (+0100, +01:00, Z)    ZZZ time zone (Europe/Paris)      z one of UTC, GMT, EST, EDT, CST, CDT, ...

  Text that is not to be read as letters goes between single quotes: `yyyy-MM-dd'T'HH:mm`. Every pattern must fit the
  whole value, and takes one space for each space. Of a fraction, milliseconds are kept.

A date without a year gets the present one; if it is January now, December is of last year, and if it is December,
January is of the next. A time that the clocks skipped in spring fails, and one that they ran through twice in autumn is
the earlier of the two. A weekday that does not fit its date moves the date within its week.

An event without the field, or with null in it, is left alone. If no format fits, the event is tagged
`_dateparsefailure` and keeps its timestamp. Years go from 1 to 9999. Month and day names are English unless `locale`
says otherwise, whatever the machine's language is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.clock import Clock
from pipeline.dates import iso8601, joda_parse, numeric, parsers, zones
from pipeline.dates.locales import names_of
from pipeline.dates.parsers import Parser, this_year
from pipeline.dates.zones import Zone
from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import FilterOptions, Text, Texts
from pipeline.plugin import Filter, PluginContext
from pipeline.sprintf import Template

TIMESTAMP = ("@timestamp",)
_NUMERIC: dict[str, Callable[[Any], str | None]] = {
    "UNIX": numeric.unix,
    "UNIX_MS": numeric.unix_ms,
    "TAI64N": numeric.tai64n,
}


def _with_formats(match: list[str]) -> list[str]:
    if len(match) < 2:
        raise ValueError(
            'match needs a field and at least one format after it, as in ["timestamp", "yyyy-MM-dd HH:mm:ss"]'
        )
    try:
        FieldReference(match[0])
    except FieldReferenceError as error:
        raise ValueError(str(error)) from None
    for form in match[1:]:
        text_parser(form, zones.UTC, None, None)
    return match


def _time_zone(template: Template) -> Template:
    if "%{" not in template.text:
        zones.required(template.text)
    return template


def _locale(locale: str) -> str:
    names_of(locale)
    return locale


class Options(FilterOptions):
    """What the date filter takes."""

    match: Annotated[
        Texts, AfterValidator(_with_formats), Field(description="The field, and after it the formats to try.")
    ]
    target: Annotated[FieldReference, Field(description="The field that takes the timestamp.")] = FieldReference(
        "@timestamp"
    )
    timezone: Annotated[
        Template | None,
        AfterValidator(lambda zone: zone and _time_zone(zone)),
        Field(
            description="The time zone of dates that have none in them: a name such as Europe/Paris, or an offset. "
            "It may come from the event: %{zone}. Without it, the zone of the machine."
        ),
    ] = None
    locale: Annotated[
        Text | None,
        AfterValidator(lambda locale: locale and _locale(locale)),
        Field(description="The language of month and day names, as in fr, pt-BR or de_AT."),
    ] = None
    tag_on_failure: Texts = Field(["_dateparsefailure"], description="Tags for an event that fits no format.")


def build(options: Options, context: PluginContext) -> Filter:
    """A closure that sets the target from the source."""
    source, target, formats = FieldReference(options.match[0]), options.target, options.match[1:]
    if source.path == TIMESTAMP:
        return _refuse
    parse = _parse(formats, options, context.clock)
    get, put, direct = source.get, setter(target), target.path == TIMESTAMP

    def date(event: Event) -> bool:
        value = get(event)
        if value is None:
            return False
        stamp = parse(event, value)
        if stamp is None:
            raise FilterFailure(f"{str(value)[:200]!r} in {source.text} is no date of the formats {', '.join(formats)}")
        if direct:
            event.fields["@timestamp"] = stamp
        else:
            put(event, stamp)
        return True

    return date


def _refuse(event: Event) -> bool:
    """For a match on @timestamp: it is a timestamp, not a text, and Logstash's date filter does not take one."""
    if "@timestamp" not in event.fields:
        return False
    raise FilterFailure("@timestamp is a time already, and no text to be parsed")


_Parse = Callable[[Event, Any], str | None]


def _parse(formats: list[str], options: Options, clock: Clock) -> _Parse:
    zone = options.timezone
    if zone is None or zone.constant:
        fixed = zones.of_machine() if zone is None else zones.required(zone.text)
        steps = [_step(form, fixed, options.locale, clock) for form in formats]
        return _first(steps)
    return _zoned(zone, lambda found: _first([_step(form, found, options.locale, clock) for form in formats]))


def _zoned(template: Template, parse_in: Callable[[Zone | None], _Parse]) -> _Parse:
    """Chooses the parsers by the zone that the event names; texts in a zone that is not known fail."""
    known: dict[str, _Parse] = {}

    def parse(event: Event, value: Any) -> str | None:
        name = template.render(event)
        chosen = known.get(name)
        if chosen is None:
            if len(known) >= 1024:
                known.clear()
            chosen = known[name] = parse_in(zones.find(name))
        return chosen(event, value)

    return parse


def _first(steps: list[Callable[[Any], str | None]]) -> _Parse:
    if len(steps) == 1:
        only = steps[0]
        return lambda _event, value: only(value)

    def parse(_event: Event, value: Any) -> str | None:
        for step in steps:
            stamp = step(value)
            if stamp is not None:
                return stamp
        return None

    return parse


def _step(form: str, zone: Zone | None, locale: str | None, clock: Clock) -> Callable[[Any], str | None]:
    if form in _NUMERIC:
        return _NUMERIC[form]
    if zone is None:
        return lambda _value: None
    parse = text_parser(form, zone, locale, clock)
    return lambda value: parse(value) if type(value) is str else None


def text_parser(form: str, zone: Zone, locale: str | None, clock: Clock | None) -> Parser:
    """The parser of a format for texts; raises ValueError if the format cannot be read."""
    if form == "ISO8601":
        return parsers.parser(iso8601.read, zone)
    if form in _NUMERIC:
        return _NUMERIC[form]
    reader = joda_parse.compile_reader(form, names_of(locale or "en"), this_year(clock))
    if "y" in form or "Y" in form:
        return parsers.parser(reader, zone)
    return parsers.guessing_parser(reader, zone, offset_read="Z" in form, clock=clock)
