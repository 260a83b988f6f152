"""Add where an IP address is, or whose it is, from a GeoIP database.

    filter {
      geoip {
        source => "[client][ip]"
        fields => ["city_name", "country_name", "location"]
      }
    }

Databases are files in MaxMind's format (.mmdb): City, Country, ASN, ISP, Domain, Enterprise and Anonymous-IP, of
MaxMind (GeoLite2, GeoIP2) or of others that keep to the same records (DB-IP). Without `database` one is looked for:
the environment variable GEOIP_DATABASE, then `GeoLite2-City.mmdb` and its like where systems keep them
(/usr/share/GeoIP, /var/lib/GeoIP, ...), then the city database of the extra "geoip-city" (DB-IP City Lite,
CC BY 4.0: name the source where you show its data). A line at the start says which it is.

The file is looked at every 30 seconds, and a new one is used from then on, without a restart; one that cannot be read
is reported and the old one kept. Replace a database by renaming the new file onto it (geoipupdate does); never write
into the file itself, which is mapped into memory.

Fields by `ecs_compatibility`; an answer is added to what the target holds already:

| in `fields` | disabled: in [geoip] | v1, v8: in the target |
| --- | --- | --- |
| ip | ip | [ip] |
| city_name, country_name, continent_code, continent_name | the same | [geo][city_name] and so on |
| region_name, region_code, region_iso_code (US-CA) | the same | [geo][region_name] and so on |
| postal_code, timezone, location (lat and lon) | the same | [geo][postal_code] and so on |
| country_code2 | country_code2 | [geo][country_iso_code] |
| country_code3 (two letters too) | country_code3 | left out |
| latitude, longitude | the same | [geo][location][lat], [geo][location][lon] |
| dma_code, isp, organization | the same | [mmdb][dma_code] and so on |
| autonomous_system_number | asn | [as][number] |
| autonomous_system_organization | as_org | [as][organization][name] |
| domain | domain | [domain] |
| network, hosting_provider, tor_exit_node, anonymous_vpn | the same | [ip_traits][network] and so on |
| anonymous, public_proxy, residential_proxy | the same | [ip_traits][anonymous] and so on |

Under v1 and v8 the target is the parent of a source that ends in `[ip]`: `[client][ip]` fills `[client]`. For any
other source Logstash asks for a `target` and refuses to start without one; here such a block writes the fields of
`disabled` to `[geoip]`, and a warning says so.

A look-up fails, and the event gets the tags of `tag_on_failure`, where the source is missing, blank, or no text; and
where it is no address (names are not resolved: use the dns filter before), the database does not know it (private
addresses), or a City database knows no latitude and longitude for it: then an empty object is left at the target,
as Logstash leaves it. Where the target or a field on the way holds a text or a number, the event is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from pipeline.errors import ConfigurationError, FieldError, FilterFailure
from pipeline.event import Event, Fields, copied
from pipeline.field_reference import METADATA, FieldReference
from pipeline.geoip.answers import Answers
from pipeline.geoip.databases import Database, DatabaseError, locate
from pipeline.geoip.layouts import FIELDS, Answer
from pipeline.options import Ecs, ExistingPath, FilterOptions, Integer, Refused, Texts
from pipeline.plugin import Filter, PluginContext

SMALLEST_CACHE = 50_000
SECONDS_BETWEEN_CHECKS = 30.0
ECS_TARGETS = ("client", "destination", "host", "observer", "server", "source")


class Options(FilterOptions):
    """The options of geoip."""

    source: Annotated[FieldReference, Field(description="The field with the address; of an array, its first value.")]
    target: Annotated[
        FieldReference | None,
        Field(description="Where the answer goes: `geoip`, or under ECS the parent of a source that ends in [ip]."),
    ] = None
    database: Annotated[
        ExistingPath | None, Field(description="The database file (.mmdb); without it one is looked for.")
    ] = None
    default_database_type: Annotated[
        Literal["City", "ASN"], Field(description="Which kind is looked for where `database` is not set.")
    ] = "City"
    fields: Texts = Field(
        [], description="The fields to add, see the table; without it those usual for the kind of database."
    )
    cache_size: Annotated[
        Integer,
        Field(gt=0, description="Answers kept ready; at least 50,000 are (about 1 kB each), whatever is set here."),
    ] = 1000
    tag_on_failure: Texts = Field(["_geoip_lookup_failure"], description="Tags to add where no answer was found.")
    ecs_compatibility: Annotated[Ecs, Field(description="The layout of the fields, see the table.")] = "v8"
    lru_cache_size: Annotated[
        Any, Refused("Logstash has dropped it; use `cache_size`"), Field(description="Former name of `cache_size`.")
    ] = None

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: list[str]) -> list[str]:
        unknown = [name for name in fields if name.lower() not in FIELDS]
        if unknown:
            raise ValueError(f'there is no field "{unknown[0]}"; the fields are {", ".join(FIELDS)}')
        return fields


def build(options: Options, context: PluginContext) -> Filter:
    """Finds and opens the database; the filter copies ready-made answers into events."""
    target, ecs = _target(options, context.warn)
    try:
        if options.database is not None:
            database = Database(options.database)
        else:
            database, notice = locate(options.default_database_type)
            context.warn(notice)
    except DatabaseError as error:
        raise ConfigurationError([str(error)]) from error
    bound = max(options.cache_size, SMALLEST_CACHE)
    plain = len(options.source.path) == len(target.path) == 1 and METADATA not in options.source.path + target.path
    sealing = plain and context.unread(target.path[0])
    answers = Answers(database, options.fields, bound, context.warn, ecs=ecs, sealing=sealing)
    context.every(SECONDS_BETWEEN_CHECKS, answers.check)
    if sealing:
        return _sealed_locator(options.source.path[0], target.path[0], answers, _slow_road(target, answers))
    return _locator(options.source, target, answers)


def _target(options: Options, warn: Callable[[str], None]) -> tuple[FieldReference, bool]:
    """The target, and whether the layout is that of ECS."""
    source, target = options.source.text, options.target
    if options.ecs_compatibility == "disabled":
        return target or FieldReference("geoip"), False
    if target is None:
        if not source.endswith("[ip]") or source == "[ip]":
            warn(
                f'geoip: under ecs_compatibility "{options.ecs_compatibility}" Logstash wants a `target` for the source'
                f' "{source}", as it does not end in a sub-field [ip]. Here the fields of the legacy layout are'
                ' written to [geoip]. Choose: `target => "source"` for ECS fields in [source], or'
                ' `ecs_compatibility => "disabled"` to keep this layout without the warning'
            )
            return FieldReference("geoip"), False
        target = FieldReference(source.removesuffix("[ip]"))
    if len(target.path) != 1 or target.path[0] not in ECS_TARGETS:
        warn(f"geoip: ECS expects the target to be one of {', '.join(ECS_TARGETS)}, not {target.text}")
    return target, True


def _locator(source: FieldReference, target: FieldReference, answers: Answers) -> Callable[[Event], bool]:
    cached, answer_or_fail, add = answers.cache.get, _slow_road(target, answers), _adder(target)
    if len(source.path) == len(target.path) == 1 and METADATA not in source.path + target.path:
        return _root_locator(source.path[0], target.path[0], cached, answer_or_fail, add)
    get = source.get

    def geoip(event: Event) -> bool:
        address = get(event)
        try:
            answer = cached(address)
        except TypeError:
            answer = None
        add(event, _fresh(answer or answer_or_fail(event, address)))
        return True

    return geoip


def _root_locator(
    source: str,
    target: str,
    cached: Callable[[Any], Any],
    answer_or_fail: Callable[[Event, Any], Answer],
    add: Callable[[Event, Fields], None],
) -> Callable[[Event], bool]:
    """The usual case, two plain names, without a call for each step."""

    def geoip(event: Event) -> bool:
        fields = event.fields
        address = fields.get(source)
        try:
            answer = cached(address)
        except TypeError:  # an array or an object
            answer = None
        flat, geo, location, others = answer or answer_or_fail(event, address)
        made = place = flat.copy()
        if geo is not None:
            made["geo"] = place = geo.copy()
        if location is not None:
            place["location"] = location.copy()
        if others is not None:
            made.update(copied(others))
        if fields.get(target) is None:
            fields[target] = made
        else:
            add(event, made)
        return True

    return geoip


def _sealed_locator(
    source: str, target: str, answers: Answers, answer_or_fail: Callable[[Event, Any], Answer]
) -> Callable[[Event], bool]:
    """Where nothing looks into the answer any more: it is ready-made JSON, shared by all events with the address."""
    cached, seal, add = answers.sealed.get, answers.seal, _adder(FieldReference(target))

    def geoip(event: Event) -> bool:
        fields = event.fields
        address = fields.get(source)
        try:
            ready = cached(address)
        except TypeError:  # an array or an object
            ready = None
        if fields.get(target) is not None:
            add(event, _fresh(answer_or_fail(event, address)))
        else:
            fields[target] = ready or seal(address, _fresh(answer_or_fail(event, address)))
        return True

    return geoip


def _fresh(answer: Answer) -> Fields:
    """An answer of the event's own, as filters that follow may change it."""
    flat, geo, location, others = answer
    made = place = flat.copy()
    if geo is not None:
        made["geo"] = place = geo.copy()
    if location is not None:
        place["location"] = location.copy()
    if others is not None:
        made.update(copied(others))
    return made


def _slow_road(target: FieldReference, answers: Answers) -> Callable[[Event, Any], Answer]:
    """What is done where there is no answer in the cache: find one, or leave the event as a failure leaves it."""

    def answer_or_fail(event: Event, value: Any) -> Answer:
        address = value[0] if type(value) is list and value else value
        if type(address) is not str:
            raise FilterFailure("there is no source" if value is None else f"the source is no text: {value!r}")
        if not address.strip(_BLANK):
            raise FilterFailure("the source is blank")
        answer = answers.find(address)
        if not answer:
            if target.get(event) is None:
                target.set(event, {})
            raise FilterFailure(f'there is no answer for "{address}"')
        return answer

    return answer_or_fail


_BLANK = "".join(map(chr, range(33)))
"""What Java's `trim` takes away."""


def _adder(target: FieldReference) -> Callable[[Event, Fields], None]:
    """Puts an answer, which it may keep, into the target, or adds it to what is there."""
    get, put, text = target.get, target.set, target.text

    def add(event: Event, made: Fields) -> None:
        existing = get(event)
        if existing is None:
            put(event, made)
        elif type(existing) is dict:
            _extend(existing, made, text)
        else:
            raise _no_object(text, existing)

    return add


def _extend(existing: Fields, made: Fields, text: str) -> None:
    for key, value in made.items():
        if type(value) is dict and key != "location" and (inner := existing.get(key)) is not None:
            if type(inner) is not dict:
                raise _no_object(f"{text}[{key}]", inner)
            _extend(inner, value, f"{text}[{key}]")
        else:
            existing[key] = value


def _no_object(text: str, value: Any) -> FieldError:
    return FieldError(f"geoip cannot add to {text}: it holds {value!r}, which has no fields")
