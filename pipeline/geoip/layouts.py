"""What the geoip filter reads from each kind of database, and where it writes it: legacy or ECS.

The field names, the kinds, their default fields and which fields a kind can give are those of Logstash's plugin
(logstash-filter-geoip 7.3: `Field.java`, `Database.java`, `GeoIPFilter.java`, and the "Field mapping" table of
its documentation). The records are MaxMind's ("GeoIP2 and GeoLite2 database documentation").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.geoip.addresses import java_network

Record = dict[str, Any]
Values = dict[str, Any]

FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ip": ("ip", ("ip",)),
    "continent_code": ("continent_code", ("geo", "continent_code")),
    "continent_name": ("continent_name", ("geo", "continent_name")),
    "country_name": ("country_name", ("geo", "country_name")),
    "country_code2": ("country_code2", ("geo", "country_iso_code")),
    "country_code3": ("country_code3", ()),
    "location": ("location", ("geo", "location")),
    "latitude": ("latitude", ("geo", "location", "lat")),
    "longitude": ("longitude", ("geo", "location", "lon")),
    "city_name": ("city_name", ("geo", "city_name")),
    "region_name": ("region_name", ("geo", "region_name")),
    "region_code": ("region_code", ("geo", "region_code")),
    "timezone": ("timezone", ("geo", "timezone")),
    "postal_code": ("postal_code", ("geo", "postal_code")),
    "region_iso_code": ("region_iso_code", ("geo", "region_iso_code")),
    "dma_code": ("dma_code", ("mmdb", "dma_code")),
    "autonomous_system_number": ("asn", ("as", "number")),
    "autonomous_system_organization": ("as_org", ("as", "organization", "name")),
    "domain": ("domain", ("domain",)),
    "isp": ("isp", ("mmdb", "isp")),
    "organization": ("organization", ("mmdb", "organization")),
    "network": ("network", ("ip_traits", "network")),
    "hosting_provider": ("hosting_provider", ("ip_traits", "hosting_provider")),
    "tor_exit_node": ("tor_exit_node", ("ip_traits", "tor_exit_node")),
    "anonymous_vpn": ("anonymous_vpn", ("ip_traits", "anonymous_vpn")),
    "anonymous": ("anonymous", ("ip_traits", "anonymous")),
    "public_proxy": ("public_proxy", ("ip_traits", "public_proxy")),
    "residential_proxy": ("residential_proxy", ("ip_traits", "residential_proxy")),
}
"""Name in the option `fields`, in the order written: its legacy name, and its ECS path (none: left out)."""


Answer = tuple[Values, Values | None, Values | None, Values | None]
"""What is written to the target, kept apart where it nests, so that a copy for an event costs little: `flat` goes to
the target itself, `geo` to its child of that name, `location` into `geo` where there is one, else into `flat`; both
have their key there already, so that the order of the fields is kept. `others` are objects beside `geo`. A plain
tuple: one with names takes longer to take apart."""


# ---------------------------------------------------------------------------------------------- kinds of database


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: known by a part of its type, with the fields it can give, and gives by default."""

    part: str
    available: frozenset[str]
    default: frozenset[str]
    read: Callable[[Record], Values]


def kind_of(database_type: str) -> Kind | None:
    """The kind of a database of this type ("GeoLite2-City", "DBIP-City-Lite"), None where there is none."""
    return next((kind for kind in KINDS if kind.part in database_type), None)


def _city(record: Record) -> Values:
    values = _place(record)
    if values["latitude"] is None and values["longitude"] is None:
        return {}
    return values


def _place(record: Record) -> Values:
    continent, country, location = record.get("continent", {}), record.get("country", {}), record.get("location", {})
    region = (record.get("subdivisions") or [{}])[-1]
    code, region_code = country.get("iso_code"), region.get("iso_code")
    latitude, longitude = location.get("latitude"), location.get("longitude")
    both = latitude is not None and longitude is not None
    return {
        "continent_code": continent.get("code"),
        "continent_name": _english(continent),
        "country_name": _english(country),
        "country_code2": code,
        "country_code3": code,
        "location": {"lat": latitude, "lon": longitude} if both else None,
        "latitude": latitude,
        "longitude": longitude,
        "city_name": _english(record.get("city", {})),
        "region_name": _english(region),
        "region_code": region_code,
        "timezone": location.get("time_zone"),
        "postal_code": record.get("postal", {}).get("code"),
        "region_iso_code": f"{code}-{region_code}" if code and region_code else None,
        "dma_code": location.get("metro_code"),
    }


def _english(named: Record) -> str | None:
    name: str | None = named.get("names", {}).get("en")
    return name


def _provider(record: Record) -> Values:
    return {
        "autonomous_system_number": record.get("autonomous_system_number"),
        "autonomous_system_organization": record.get("autonomous_system_organization"),
        "isp": record.get("isp"),
        "organization": record.get("organization"),
    }


def _traits(record: Record) -> Values:
    return {
        "hosting_provider": record.get("is_hosting_provider", False),
        "tor_exit_node": record.get("is_tor_exit_node", False),
        "anonymous_vpn": record.get("is_anonymous_vpn", False),
        "anonymous": record.get("is_anonymous", False),
        "public_proxy": record.get("is_public_proxy", False),
        "residential_proxy": record.get("is_residential_proxy", False),
    }


def _enterprise(record: Record) -> Values:
    traits = record.get("traits", {})
    return _place(record) | _provider(traits) | _traits(traits)


_AS = frozenset({"autonomous_system_number", "autonomous_system_organization"})
_ANONYMITY = frozenset(_traits({}))
_COUNTRY = frozenset({"ip", "country_code2", "country_name", "continent_name"})
_CITY = frozenset({"ip", *_place({})})
_ENTERPRISE = _COUNTRY | {"region_iso_code", "region_name", "city_name", "location"}
_ISP = _AS | {"ip", "isp", "organization"}

KINDS = (
    Kind("City", _CITY, _CITY - {"continent_name", "region_code", "region_iso_code"}, _city),
    Kind("Country", _COUNTRY, _COUNTRY, _place),
    Kind("Enterprise", _ENTERPRISE | _AS | _ANONYMITY | {"timezone", "network"}, _ENTERPRISE, _enterprise),
    Kind("Domain", frozenset({"domain"}), frozenset({"domain"}), lambda record: {"domain": record.get("domain")}),
    Kind("ASN", _AS | {"ip", "network"}, _AS | {"ip"}, _provider),
    Kind("ISP", _ISP, _ISP, _provider),
    Kind("Anonymous-IP", _ANONYMITY | {"ip"}, _ANONYMITY, _traits),
)
"""In the order in which the part is looked for in the type. The plugin wants "GeoIP2-" or "GeoLite2-" before
"Domain", "ASN" and "ISP"; other makers' databases of these kinds have the same records, and are read here too."""

# ---------------------------------------------------------------------------------------------- layouts


def wanted_fields(kind: Kind, fields: list[str], *, ecs: bool) -> tuple[str, ...]:
    """The fields to write: those asked for, else the kind's own; a city's region code depends on the layout."""
    wanted = {name.lower() for name in fields} or set(kind.default)
    if not fields and kind.part == "City":
        wanted.add("region_iso_code" if ecs else "region_code")
    return tuple(name for name in FIELDS if name in wanted)


def reader(kind: Kind, wanted: tuple[str, ...], *, ecs: bool) -> Callable[[Record, str, int], Answer | None]:
    """A function of a record, its address and its prefix length to what is written; None if that is nothing."""
    given = tuple((name, name if ecs else FIELDS[name][0]) for name in wanted if name in kind.available)
    place = _ecs if ecs else _legacy
    networks = any(name == "network" for name, _ in given)
    # The plugin sets a domain that is missing to null; every other value that is missing it leaves out.
    keep_null = kind.part == "Domain"

    def read(record: Record, address: str, length: int) -> Answer | None:
        try:
            values = kind.read(record)
        except (AttributeError, TypeError, KeyError, IndexError):
            return None  # a record in a shape of its own: to the plugin a failed look-up too
        if not values:
            return None
        values["ip"] = address
        values["network"] = java_network(address, length) if networks else None
        found = {shown: value for name, shown in given if (value := values[name]) is not None or keep_null}
        return place(found) if found else None

    return read


def _legacy(found: Values) -> Answer:
    return found, None, found.get("location"), None


def _ecs(found: Values) -> Answer:
    tree: Values = {}
    for name, value in found.items():
        path = FIELDS[name][1]
        if path:
            parent = tree
            for key in path[:-1]:
                parent = parent.setdefault(key, {})
            parent[path[-1]] = value
    geo = tree.get("geo")
    others = {key: value for key, value in tree.items() if key != "geo" and type(value) is dict}
    flat = {key: value for key, value in tree.items() if key not in others}
    return flat, geo, geo.get("location") if geo else None, others or None
