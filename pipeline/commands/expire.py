"""`apex-logs indices expire`: whole indices are dropped by age, in the embedded store or in Elasticsearch.

Exit codes: 0 done, or said what would be; 1 the store or a server refuses; 2 an option cannot be used.
"""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.commands.asking import no_store
from pipeline.commands.cluster import Cluster, Refused, connected
from pipeline.errors import ConfigurationError, StoreError, Unavailable
from pipeline.store.expiry import By, day_end, expire

_AGE = re.compile(r"([1-9]\d{0,4})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_SAFE = re.compile(r"[a-z0-9][^,?\[\]\s]*")
"""One name or one glob that begins with a name: Elasticsearch knows no wildcard but `*`."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What the command was given."""

    older: str
    by: By
    dry: bool = False

    def moment(self, now: datetime) -> datetime:
        """Before when an index is old; raises `ConfigurationError`."""
        found = _AGE.fullmatch(self.older.strip())
        if found is None:
            raise ConfigurationError(
                [f'--older-than takes a number and a unit, such as 12h, 30d or 4w; not "{self.older}"']
            )
        return now - timedelta(hours=int(found[1]) * _HOURS[found[2]])


def expire_embedded(directory: Path, wish: Expiry) -> int:
    """Drops in the embedded store; returns the exit code."""
    try:
        if not (directory / "indices").is_dir():
            raise StoreError(f"there is no embedded store in {directory}")
        dropped = expire(directory, wish.moment(datetime.now(UTC)), wish.by, dry=wish.dry)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except StoreError as error:
        message, code = no_store(directory, error)
        print(message, file=sys.stderr)
        return code
    _say(dropped, wish)
    return 0


def expire_in_cluster(cluster: Cluster, pattern: str, wish: Expiry) -> int:
    """Drops in Elasticsearch; returns the exit code."""
    try:
        if not _SAFE.fullmatch(pattern):
            raise ConfigurationError(
                [f'--index "{pattern}" would be any index, or is no single glob: write one with *, such as apex-logs-*']
            )
        asyncio.run(_expire(cluster, pattern, wish, wish.moment(datetime.now(UTC))))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except (Refused, Unavailable) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _expire(cluster: Cluster, pattern: str, wish: Expiry, older_than: datetime) -> None:
    what = f"view_index_metadata and delete_index on {pattern}"
    path = f"/{quote(pattern, safe='*')}/_settings/index.creation_date?expand_wildcards=open,closed"
    async with connected(cluster) as connection:
        found: dict[str, Any] = await connection.look(path, what) or {}
        if found and "*" not in pattern and pattern not in found:
            raise ConfigurationError([f"{pattern} is an alias of {', '.join(sorted(found))[:200]}: name the indices"])
        # An alias of the pattern may lead to indices of other names, such as those of a data stream.
        old = [name for name in sorted(found) if fnmatchcase(name, pattern) and _age(name, found, wish.by) < older_than]
        if not wish.dry:
            for name in old:
                await connection.change("DELETE", f"/{quote(name, safe='')}", None, what)
    _say(old, wish)


def _age(name: str, found: dict[str, Any], by: By) -> datetime:
    """When an index was made, or when its day ended."""
    if by == "name":
        return day_end(name)
    return datetime.fromtimestamp(int(found[name]["settings"]["index"]["creation_date"]) / 1000, UTC)


def _say(names: list[str], wish: Expiry) -> None:
    for name in names:
        print(f"{name}: {'would drop' if wish.dry else 'dropped'}")
    if not names:
        print(f"no index is older than {wish.older}")
