"""What an event should have become, worked out anew: by the document's filters, in the slowest and plainest way."""

from __future__ import annotations

import functools
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import maxminddb

from bench.material import PACKAGE


def document(envelope: bytes, *, beats: bool = False) -> dict[str, Any]:
    """The document of an envelope, but for what only the engine knows; see `same`."""
    fields: dict[str, Any] = json.loads(envelope)
    fields.pop("@metadata")
    fields.update(json.loads(fields["message"]))
    fields["log_event"] = fields.pop("event")
    fields["@version"] = "1"
    if beats:
        fields["tags"] = ["beats_input_codec_plain_applied"]
    record: Any = _database().get(fields["source_ip"])
    where = (record or {}).get("location", {})
    if "latitude" not in where or "longitude" not in where:
        fields["geoip"] = {}
        fields["tags"] = [*fields.get("tags", []), "_geoip_lookup_failure"]
    else:
        fields["geoip"] = {
            "ip": fields["source_ip"],
            "location": {"lat": where["latitude"], "lon": where["longitude"]},
            "country_name": record["country"]["names"]["en"],
            "continent_code": record["continent"]["code"],
        }
    return fields


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Equal; of `geoip` what is wanted must be in it, and the file input may have added its `path`."""
    found = dict(found)
    geo, wanted_geo = found.pop("geoip", None), wanted["geoip"]
    rest = {name: value for name, value in wanted.items() if name != "geoip"}
    return found == rest and isinstance(geo, dict) and geo | wanted_geo == geo


@functools.cache
def _database() -> maxminddb.Reader:
    named = os.environ.get("GEOIP_DATABASE")
    if named:
        return maxminddb.open_database(named)
    spec = find_spec(PACKAGE)
    assert spec is not None
    folder = next(iter(spec.submodule_search_locations or ()))
    return maxminddb.open_database(next(Path(folder).rglob("*.mmdb")))
