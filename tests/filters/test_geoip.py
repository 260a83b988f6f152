"""The geoip filter: layouts, addresses and failures, for each kind of database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import FieldError, FilterFailure
from pipeline.event import Event
from pipeline.filters import geoip
from tests.databases import LONDON, SAN_DIEGO, SWEDEN, TELSTRA, write, write_asn, write_city, write_country
from tests.harness import context, filtered


@pytest.fixture
def city(tmp_path):
    return write_city(
        tmp_path / "city.mmdb",
        {
            "81.2.69.0/24": LONDON,
            "2001:db8::/32": LONDON,
            "214.78.120.0/22": SAN_DIEGO,
            "2.3.3.0/24": {"country": LONDON["country"]},
            "9.9.9.0/24": {"location": "somewhere"},
        },
    )


@pytest.fixture
def run(city):
    def run(event_fields: dict[str, Any], warnings: list[str] | None = None, **options: Any) -> dict[str, Any]:
        """The fields after the filter; under "failure" what it raised."""
        options = {"source": "addr", "database": str(city), "ecs_compatibility": "disabled"} | options
        located = geoip.build(geoip.Options(**options), context(warnings=warnings))
        event = Event(event_fields)
        try:
            assert located(event) is True
        except FilterFailure as failure:
            event.fields["failure"] = str(failure)
        return event.fields

    return run


LEGACY_LONDON = {
    "ip": "81.2.69.142",
    "continent_code": "EU",
    "country_name": "United Kingdom",
    "country_code2": "GB",
    "country_code3": "GB",
    "location": {"lat": 51.5142, "lon": -0.0931},
    "latitude": 51.5142,
    "longitude": -0.0931,
    "city_name": "London",
    "region_name": "City of London",
    "region_code": "LND",
    "timezone": "Europe/London",
    "postal_code": "EC1A",
}
ECS_SAN_DIEGO = {
    "ip": "214.78.120.1",
    "geo": {
        "continent_code": "NA",
        "country_name": "United States",
        "country_iso_code": "US",
        "location": {"lat": 32.7405, "lon": -117.0935},
        "city_name": "San Diego",
        "region_name": "California",
        "timezone": "America/Los_Angeles",
        "postal_code": "92105",
        "region_iso_code": "US-CA",
    },
    "mmdb": {"dma_code": 825},
}


def test_legacy_layout_and_order(run):
    fields = run({"addr": "81.2.69.142"})
    assert json.dumps(fields) == json.dumps({"addr": "81.2.69.142", "geoip": LEGACY_LONDON})


@pytest.mark.parametrize("ecs", ["v1", "v8"])
def test_ecs_layout_and_order(run, ecs):
    fields = run({"addr": "214.78.120.1"}, target="source", ecs_compatibility=ecs)
    assert json.dumps(fields["source"]) == json.dumps(ECS_SAN_DIEGO)


@pytest.mark.parametrize(
    ("wanted", "legacy", "ecs"),
    [
        (["IP", "Continent_Name"], {"ip": "214.78.120.1", "continent_name": "North America"}, None),
        (["dma_code"], {"dma_code": 825}, {"mmdb": {"dma_code": 825}}),
        (["latitude"], {"latitude": 32.7405}, {"geo": {"location": {"lat": 32.7405}}}),
        (["location", "longitude"], None, {"geo": {"location": {"lat": 32.7405, "lon": -117.0935}}}),
        (["region_code", "region_iso_code"], None, {"geo": {"region_code": "CA", "region_iso_code": "US-CA"}}),
        (["country_code3"], {"country_code3": "US"}, {}),
    ],
)
def test_fields(run, wanted, legacy, ecs):
    for mode, expected in (("disabled", legacy), ("v8", ecs)):
        if expected is not None:
            fields = run({"addr": "214.78.120.1"}, fields=wanted, target="server", ecs_compatibility=mode)
            assert fields == {"addr": "214.78.120.1", "server": expected}


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("81.2.69.1", "81.2.69.1"),
        ("81.2.17665", "81.2.69.1"),
        ("1359103233", "81.2.69.1"),
        ("081.002.069.001", "81.2.69.1"),
        ("::ffff:81.2.69.1", "81.2.69.1"),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1"),
        ("[2001:DB8::00ff]", "2001:db8:0:0:0:0:0:ff"),
        ("2001:db8::1.2.3.4", "2001:db8:0:0:0:0:102:304"),
    ],
)
def test_addresses_are_read_and_printed_as_java_does(run, text, ip):
    assert run({"addr": text}, fields=["ip"])["geoip"] == {"ip": ip}


@pytest.mark.parametrize(
    "text",
    [
        *("-", "N/A", "123.45.67.89,61.160.232.222", " 81.2.69.1", "81.2.69.1 ", "81.2.69.256", "1.2.3.4.5", "81.2."),
        *("0x51.2.69.1", "99999999999", "localhost", "::g", "[::1", "[81.2.69.1]", "fe80::1%eth0", "a\0b", "٨١.2.69.1"),
        *("192.168.1.5", "127.0.0.1", "10.0.0.1", "::1", "0.0.0.0", "2001::1", "x" * 100_000, "\ud800"),
        *("2.3.3.3", "9.9.9.9"),
    ],
)
def test_unknown_and_malformed_addresses_leave_an_empty_object(run, text):
    fields = run({"addr": text})
    assert fields.pop("failure")
    assert fields == {"addr": text, "geoip": {}}
    kept = run({"addr": text, "geoip": {"a": 1}})
    assert kept["geoip"] == {"a": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        *({"addr": value} for value in (None, "", "   ", "\t\r\n", 5, True, {"ip": "81.2.69.1"}, [], [5], [[]], [""])),
    ],
)
def test_without_a_text_there_is_a_failure_and_no_target(run, fields):
    after = run(dict(fields))
    assert after.pop("failure")
    assert after == fields


def test_the_first_of_an_array_counts(run):
    assert run({"addr": ["81.2.69.142", "214.78.120.1"]})["geoip"] == LEGACY_LONDON


def test_the_common_options_apply_and_failures_are_tagged(city):
    config = f"""filter {{ geoip {{ source => "addr" database => "{city}" ecs_compatibility => "disabled"
        fields => ["country_code2"] add_field => {{ "cc" => "%{{[geoip][country_code2]}}" }} add_tag => ["geo"] }} }}"""
    known, unknown, absent = filtered(config, {"addr": "81.2.69.1"}, {"addr": "10.0.0.1"}, {"addr": ""})
    assert (known["cc"], known["tags"]) == ("GB", ["geo"])
    assert (unknown["geoip"], unknown["tags"]) == ({}, ["_geoip_lookup_failure"])
    assert ("geoip" in absent, absent["tags"]) == (False, ["_geoip_lookup_failure"])


# ---------------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("source", "options", "path", "layout", "warned"),
    [
        ("[client][ip]", {}, ["client"], "ecs", ""),
        ("[a][b][ip]", {}, ["a", "b"], "ecs", "not [a][b]"),
        ("source_ip", {}, ["geoip"], "legacy", 'wants a `target` for the source "source_ip"'),
        ("[ip]", {}, ["geoip"], "legacy", "wants a `target`"),
        ("source_ip", {"target": "[source]"}, ["source"], "ecs", ""),
        ("source_ip", {"target": "place"}, ["place"], "ecs", "one of client, destination"),
        ("source_ip", {"ecs_compatibility": "disabled"}, ["geoip"], "legacy", ""),
        ("source_ip", {"ecs_compatibility": "disabled", "target": "[x][y]"}, ["x", "y"], "legacy", ""),
    ],
)
def test_target(run, source, options, path, layout, warned):
    event = Event({})
    geoip.FieldReference(source).set(event, "214.78.120.1")
    warnings: list[str] = []
    found: Any = run(event.fields, warnings, source=source, **{"ecs_compatibility": "v8"} | options)
    for key in path:
        found = found[key]
    assert (
        found["geo"]["city_name" if layout == "ecs" else ""] if layout == "ecs" else found["city_name"] == "San Diego"
    )
    assert len(warnings) == bool(warned)
    assert all(warned in warning for warning in warnings)


def test_a_target_in_the_metadata(city):
    located = geoip.build(
        geoip.Options(source="a", target="[@metadata][g]", database=city, ecs_compatibility="disabled"),
        context(),
    )
    event = Event({"a": "81.2.69.142"})
    located(event)
    assert (event.metadata, "geoip" in event.fields) == ({"g": LEGACY_LONDON}, False)


def test_an_existing_target_is_extended(run, tmp_path):
    fields = run({"addr": "81.2.69.1", "geoip": {"kept": 1, "location": {"old": 1}}}, fields=["location", "city_name"])
    assert fields["geoip"] == {"kept": 1, "location": {"lat": 51.5142, "lon": -0.0931}, "city_name": "London"}
    fields = run(
        {"addr": "214.78.120.1", "server": {"ip": "x", "geo": {"name": "here"}}},
        target="server",
        ecs_compatibility="v8",
    )
    assert fields["server"] == ECS_SAN_DIEGO | {"geo": {"name": "here"} | ECS_SAN_DIEGO["geo"]}
    asn = write_asn(tmp_path / "asn.mmdb", {"214.78.120.0/24": TELSTRA})
    fields = run(fields, target="server", ecs_compatibility="v8", database=asn)
    assert fields["server"]["as"] == {"number": 1221, "organization": {"name": "Telstra Pty Ltd"}}
    assert fields["server"]["geo"]["city_name"] == "San Diego"


@pytest.mark.parametrize(
    ("held", "options", "message"),
    [
        ("text", {}, "geoip cannot add to geoip: it holds 'text'"),
        ([1], {}, r"it holds \[1\]"),
        ({"geo": 5}, {"ecs_compatibility": "v8", "target": "geoip"}, r"cannot add to geoip\[geo\]: it holds 5"),
    ],
)
def test_what_has_no_fields_cannot_be_extended(run, held, options, message):
    with pytest.raises(FieldError, match=message):
        run({"addr": "214.78.120.1", "geoip": held}, **options)


@pytest.mark.parametrize("options", [{}, {"target": "source", "ecs_compatibility": "v8"}])
def test_events_share_nothing(city, options):
    options = {"source": "addr", "database": city, "ecs_compatibility": "disabled"} | options
    located = geoip.build(geoip.Options(**options), context())

    def spoil(value: Any) -> None:
        if type(value) is dict:
            for inner in value.values():
                spoil(inner)
            value.clear()

    first, second = Event({"addr": "214.78.120.1"}), Event({"addr": "214.78.120.1"})
    located(first)
    pristine = json.dumps(first.fields)
    spoil(first.fields)
    located(second)
    assert json.dumps(second.fields) == pristine


# ---------------------------------------------------------------------------------------------- databases


def traits(**true: bool) -> dict[str, bool]:
    names = ("hosting_provider", "tor_exit_node", "anonymous_vpn", "anonymous", "public_proxy", "residential_proxy")
    return {name: true.get(name, False) for name in names}


@pytest.mark.parametrize(
    ("database_type", "record", "options", "expected"),
    [
        (
            "GeoLite2-Country",
            SWEDEN,
            {},
            {"ip": "1.128.0.1", "continent_name": "Europe", "country_name": "Sweden", "country_code2": "SE"},
        ),
        ("GeoLite2-ASN", TELSTRA, {}, {"ip": "1.128.0.1", "asn": 1221, "as_org": "Telstra Pty Ltd"}),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", TELSTRA, {"fields": ["network"]}, {"network": "1.128.0.0/11"}),
        (
            "GeoIP2-ISP",
            TELSTRA | {"isp": "Telstra Internet", "organization": "Telstra"},
            {},
            {"ip": "1.128.0.1", "asn": 1221, "as_org": "Telstra Pty Ltd"}
            | {"isp": "Telstra Internet", "organization": "Telstra"},
        ),
        ("GeoIP2-Domain", {"domain": "telstra.net"}, {}, {"domain": "telstra.net"}),
        ("GeoIP2-Domain", {"other": "x"}, {}, {"domain": None}),
        ("GeoIP2-Anonymous-IP", {"is_anonymous": True}, {}, traits(anonymous=True)),
        (
            "GeoIP2-Enterprise",
            LONDON | {"traits": TELSTRA | {"is_tor_exit_node": True}},
            {"fields": ["city_name", "autonomous_system_number", "tor_exit_node", "anonymous", "postal_code"]},
            {"city_name": "London", "asn": 1221, "tor_exit_node": True, "anonymous": False},
        ),
    ],
)
def test_kinds(run, tmp_path, database_type, record, options, expected):
    path = write(tmp_path / "some.mmdb", database_type, {"1.128.0.0/11": record})
    assert run({"addr": "1.128.0.1"}, database=path, **options)["geoip"] == expected


def test_ecs_of_providers_and_traits(run, tmp_path):
    record = TELSTRA | {"isp": "I", "organization": "O"}
    isp = write(tmp_path / "isp.mmdb", "GeoIP2-ISP", {"2001:db8:ff00::/40": record})
    fields = run({"addr": "2001:db8:ff12::1"}, database=isp, ecs_compatibility="v8", target="source")
    assert fields["source"] == {
        "ip": "2001:db8:ff12:0:0:0:0:1",
        "as": {"number": 1221, "organization": {"name": "Telstra Pty Ltd"}},
        "mmdb": {"isp": "I", "organization": "O"},
    }
    asn = write_asn(tmp_path / "asn.mmdb", {"2001:db8:ff00::/40": TELSTRA})
    options = {"database": asn, "ecs_compatibility": "v8", "target": "source", "fields": ["network"]}
    assert run({"addr": "2001:db8:ff12::1"}, **options)["source"] == {
        "ip_traits": {"network": "2001:db8:ff00:0:0:0:0:0/40"}
    }


def test_an_ipv6_address_in_a_database_of_ipv4(run, tmp_path):
    path = write(tmp_path / "four.mmdb", "GeoLite2-City", {"81.2.69.0/24": LONDON}, ip_version=4)
    assert run({"addr": "2001:db8::1"}, database=path)["geoip"] == {}
    assert run({"addr": "81.2.69.142"}, database=path)["geoip"] == LEGACY_LONDON


def test_fields_that_the_database_never_gives_are_named(run, tmp_path):
    path = write_country(tmp_path / "country.mmdb", {"81.2.69.0/24": SWEDEN})
    warnings: list[str] = []
    run({"addr": "81.2.69.1"}, warnings, database=path, fields=["city_name", "country_name"])
    assert warnings == ["geoip: a database of the type GeoLite2-Country never gives city_name"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "source"),
        ({"source": "a", "fields": ["asn"]}, 'no field "asn"; the fields are ip, .*autonomous_system_number'),
        ({"source": "a", "cache_size": 0}, "cache_size"),
        ({"source": "a", "database": "/nowhere/x.mmdb"}, 'there is no file "/nowhere/x.mmdb"'),
        ({"source": "a", "default_database_type": "Country"}, "'City' or 'ASN'"),
        ({"source": "[a"}, "no field reference"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValidationError, match=message):
        geoip.Options(**options)
