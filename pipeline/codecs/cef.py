r"""Read and write ArcSight's Common Event Format (CEF).

    input { tcp { port => 5140 codec => cef { delimiter => "\r\n" } } }
    output { file { path => "/var/log/out.cef" codec => cef { fields => ["src", "msg"] delimiter => "\n" } } }

Read, the header and the extensions become fields: in ECS mode those of ECS (`[source][ip]` for `src`), else those that
CEF names (`sourceAddress`). In ECS mode times are read as such; `rt` becomes `@timestamp`. A time without a zone is in
the event's (`dtz`), else in `default_timezone`. What is no CEF becomes the message of an event that is tagged
`_cefparsefailure`. With `delimiter` each part of what is received is an event; without, all of it is one, and in a
stream (tcp, stdin, file) a line.

Written, an event has the header that the options say, and the extensions in `fields`, by their long names or, with
`reverse_mapping`, their short keys.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field

from pipeline.dates import zones
from pipeline.errors import FieldError, FieldReferenceError
from pipeline.event import Event, Fields
from pipeline.field_reference import FieldReference
from pipeline.options import Boolean, Ecs, Ignored, PluginOptions, Refused, Text, Texts
from pipeline.plugin import Codec
from pipeline.sprintf import Template
from pipeline.texts import cef, cef_times, conversions
from pipeline.texts.cef_fields import HEADER, HEADER_ECS, LEGACY, SYSLOG, SYSLOG_ECS, Extension, extensions
from pipeline.texts.codecs import LineCodec, Parse, WholeCodec, text_of

log = logging.getLogger("apex.codec.cef")
FAILURE_TAG = "_cefparsefailure"
TIMESTAMP = "@timestamp"
_OBSOLETE = "it went with version 6 of the codec: "


def _zone(name: str) -> str:
    zones.required(name)
    return name


class Options(PluginOptions):
    """Options of the cef codec."""

    delimiter: Annotated[
        Text | None,
        Field(min_length=1, description="Between two events; `\\\\r` and `\\\\n` mean line breaks."),
    ] = None
    raw_data_field: Annotated[FieldReference | None, Field(description="A field for the text as it came.")] = None
    device: Annotated[
        Literal["observer", "host"],
        Field(description="ECS: the device saw the event, or is where it happened."),
    ] = "observer"
    default_timezone: Annotated[
        Text, AfterValidator(_zone), Field(description="The zone of times that name none; the machine's by default.")
    ] = Field(default_factory=lambda: zones.of_machine().name)
    locale: Annotated[
        Text | None, Ignored("names of months are read in English"), Field(description="As in Logstash.")
    ] = None
    fields: Annotated[Texts, Field(description="Fields to write as extensions.")] = []
    reverse_mapping: Annotated[Boolean, Field(description="Write the short keys of extensions.")] = False
    vendor: Annotated[Template, Field(description="Of the header that is written; may hold %{...}.")] = Template(
        "Elasticsearch"
    )
    product: Annotated[Template, Field(description="The same.")] = Template("Logstash")
    version: Annotated[Template, Field(description="The same.")] = Template("1.0")
    signature: Annotated[Template, Field(description="The same.")] = Template("Logstash")
    name: Annotated[Template, Field(description="The same.")] = Template("Logstash")
    severity: Annotated[Template, Field(description="The same: 0 to 10; what is none of them is written as 6.")] = (
        Template("6")
    )
    deprecated_v1_fields: Annotated[
        Boolean | None, Refused(_OBSOLETE + "rename fields with mutate"), Field(description="Gone in Logstash.")
    ] = None
    sev: Annotated[Text | None, Refused(_OBSOLETE + "use severity"), Field(description="Gone in Logstash.")] = None
    ecs_compatibility: Annotated[Ecs, Field(description="Whether fields have the names of ECS or of CEF.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    parse, delimiter = _parser(options), b""
    if options.delimiter is not None:
        delimiter = options.delimiter.replace("\\r", "\r").replace("\\n", "\n").encode()
        return LineCodec(parse, _renderer(options, delimiter), delimiter)
    return WholeCodec(parse, _renderer(options, delimiter))


def _parser(options: Options) -> Parse:
    ecs, text_of_bytes = options.ecs_compatibility != "disabled", text_of("UTF-8")
    known = extensions(options.device)
    names = _decoded_names(known, ecs)
    times = {each.ecs for each in known if each.time and ecs}
    header = [FieldReference(name) for name in (HEADER_ECS if ecs else HEADER)]
    syslog, raw = FieldReference(SYSLOG_ECS if ecs else SYSLOG), options.raw_data_field
    references: dict[str, FieldReference] = {}
    default = zones.required(options.default_timezone)

    def read(text: str) -> Fields:
        event = Event({})
        values, before, pairs = cef.read(text, len(header))
        for field, part in zip(header, values, strict=True):
            field.set(event, part)
        if before:
            syslog.set(event, before)
        zone = _zone_of(pairs, default) if times else default
        for key, text in pairs:
            name = names.get(key, key)
            value = _time(text, zone) if name in times else text
            if value is None and name == TIMESTAMP:
                continue
            if name not in references:
                if len(references) > 10_000:
                    references.clear()
                references[name] = FieldReference(_reference(name))
            references[name].set(event, value)
        return event.fields

    def parse(piece: bytes) -> Fields:
        text = text_of_bytes(piece)
        try:
            fields = read(piece.decode())
        except (ValueError, FieldError, FieldReferenceError, OverflowError) as error:
            log.error("no CEF: %s: %.300s", error, text)
            return {"message": text, "tags": [FAILURE_TAG]}
        if raw is not None:
            raw.set(Event(fields), text)
        return fields

    return parse


def _decoded_names(known: list[Extension], ecs: bool) -> dict[str, str]:
    """The field of each key and name."""
    names = {name: each.ecs if ecs else each.name for each in known for name in (each.key, each.name)}
    return names | {legacy: names[name] if ecs else legacy for legacy, name in LEGACY.items()}


def _time(text: str, zone: zones.Zone | None) -> str | None:
    return cef_times.read(text, zone) if text.strip() else None


def _zone_of(pairs: list[cef.Pair], default: zones.Zone) -> zones.Zone | None:
    """The zone that the event names last, None if it is not known."""
    named = [value for key, value in pairs if key in ("dtz", "deviceTimeZone", "destinationTimeZone")]
    return zones.find(named[-1]) if named else default


def _reference(name: str) -> str:
    """`name[0]`, which some senders write, is an element of a field."""
    if name.startswith("[") or not name.endswith("]"):
        return name
    base, _, index = name.partition("[")
    return f"[{base}][{index}"


def _encoded_names(options: Options) -> Mapping[tuple[str, ...], str]:
    """How a field is called when it is written; of two that share one, the first."""
    found: dict[tuple[str, ...], str] = {}
    ecs = options.ecs_compatibility != "disabled"
    for each in extensions(options.device):
        written = each.key if options.reverse_mapping else each.name
        for field in (each.ecs, each.name) if ecs else (each.name,):
            found.setdefault(FieldReference(field).path, written)
    for legacy, name in LEGACY.items():
        found[(legacy,)] = found[(name,)] if options.reverse_mapping else legacy
    return found


def _renderer(options: Options, end: bytes) -> Callable[[Event], bytes]:
    names = _encoded_names(options)
    fields = [FieldReference(name) for name in options.fields]
    columns = [(field.get, names.get(field.path) or cef.key_text(field.text)) for field in fields]
    templates = (options.vendor, options.product, options.version, options.signature, options.name)
    defaults = ("Elasticsearch", "Logstash", "1.0", "Logstash", "Logstash")
    header = list(zip([template.render for template in templates], defaults, strict=True))
    severity = options.severity.render

    def render(event: Event) -> bytes:
        parts = ["CEF:0", *(cef.header_text(text(event)) or default for text, default in header)]
        parts.append(_severity(severity(event)))
        pairs = [f"{key}={_extension(value)}" for get, key in columns if (value := get(event)) is not None]
        return f"{'|'.join(parts)}|{' '.join(pairs)}".encode("utf-8", "replace") + end

    return render


def _severity(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return "6"
    return str(int(number)) if number % 1 == 0 and 0 <= number <= 10 else "6"


def _extension(value: Any) -> str:
    return cef.value_text(orjson.dumps(value).decode() if isinstance(value, dict | list) else conversions.text(value))
