"""Small GeoIP databases, written for a test: `write_city(path, {"81.2.69.0/24": LONDON})`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

Record = dict[str, Any]

LONDON: Record = {
    "city": {"names": {"en": "London", "de": "London"}},
    "continent": {"code": "EU", "names": {"en": "Europe", "de": "Europa"}},
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom", "fr": "Royaume-Uni"}},
    "location": {"latitude": 51.5142, "longitude": -0.0931, "time_zone": "Europe/London", "accuracy_radius": 100},
    "postal": {"code": "EC1A"},
    "subdivisions": [
        {"iso_code": "ENG", "names": {"en": "England"}},
        {"iso_code": "LND", "names": {"en": "City of London"}},
    ],
}
SAN_DIEGO: Record = {
    "city": {"names": {"en": "San Diego"}},
    "continent": {"code": "NA", "names": {"en": "North America"}},
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "location": {"latitude": 32.7405, "longitude": -117.0935, "time_zone": "America/Los_Angeles", "metro_code": 825},
    "postal": {"code": "92105"},
    "subdivisions": [{"iso_code": "CA", "names": {"en": "California"}}],
}
SWEDEN: Record = {
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "SE", "names": {"en": "Sweden"}},
}
TELSTRA: Record = {"autonomous_system_number": 1221, "autonomous_system_organization": "Telstra Pty Ltd"}


def write(path: Path, database_type: str, networks: dict[str, Record], *, ip_version: int = 6) -> Path:
    """Writes a database of any type: networks (`"1.2.3.0/24"`, `"2001:db8::/32"`) and their records."""
    writer = MMDBWriter(ip_version, database_type, languages=["en"], ipv4_compatible=ip_version == 6)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def write_city(path: Path, networks: dict[str, Record]) -> Path:
    """Writes a database of the type GeoLite2-City."""
    return write(path, "GeoLite2-City", networks)


def write_country(path: Path, networks: dict[str, Record]) -> Path:
    """Writes a database of the type GeoLite2-Country."""
    return write(path, "GeoLite2-Country", networks)


def write_asn(path: Path, networks: dict[str, Record]) -> Path:
    """Writes a database of the type GeoLite2-ASN."""
    return write(path, "GeoLite2-ASN", networks)
