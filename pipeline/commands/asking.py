"""What `search`, `tail` and `stats` share: whom they ask, for which time, and what they say when it fails."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ApexLogsError, StoreError
from pipeline.kql.dates import interval
from pipeline.kql.tree import QueryError
from pipeline.search.questions import Documents, Question

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
API_KEY = "ELASTICSEARCH_API_KEY"


class Refused(ValueError):
    """The command line asks for what cannot be."""


@dataclass(frozen=True, slots=True)
class Where:
    """Whom to ask: an embedded store, or Elasticsearch where a URL is given."""

    embedded: Path
    elasticsearch: str | None = None
    authority: Path | None = None
    """A PEM file with the authority of the server's certificate."""

    def __str__(self) -> str:
        return str(self.embedded) if self.elasticsearch is None else self.elasticsearch.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and a time, as the command line gives them."""

    query: str
    last: str | None = None
    since: str | None = None
    until: str | None = None
    index: str = "*"

    def question(self) -> Question:
        """The question; raises `Refused` for a time that cannot be read."""
        now = int(time.time() * 1000)
        if self.last is not None and self.since is not None:
            raise Refused("give --last or --from, not both")
        since = _time("--from", self.since, now, 0) if self.last is None else now - _age(self.last)
        return Question(self.query, since, _time("--to", self.until, now, 1), self.index, now)


def _age(last: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhdw])", last.strip())
    if found is None:
        raise Refused(f'--last takes a number and a unit, such as 15m, 2h or 7d; not "{last}"')
    return int(found[1]) * _UNITS[found[2]] * 1000


def _time(flag: str, text: str | None, now: int, edge: int) -> int | None:
    if text is None:
        return None
    found = interval(text, now)
    if found is None:
        raise Refused(f'{flag} takes a date such as 2026-11-23, 2026-11-23T09:30 or now-1d/d; not "{text}"')
    return found[edge]


def ask(where: Where, work: Callable[[Documents], Awaitable[None]]) -> int:
    """Lets a function ask; says what went wrong, and returns the exit code."""

    async def asked() -> None:
        async with opened(where) as documents:
            await work(documents)

    try:
        asyncio.run(asked())
    except (QueryError, Refused) as error:
        message = f"cannot read this query: {error}" if isinstance(error, QueryError) else str(error)
        return said(message, 2)
    except StoreError as error:
        return said(*no_store(where.embedded, error))
    except ApexLogsError as error:
        return said(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the end of Python complains
        return 0
    return 0


@asynccontextmanager
async def opened(where: Where) -> AsyncIterator[Documents]:
    """The documents; raises `Refused` for a URL that cannot be."""
    if where.elasticsearch is None:
        from pipeline.search import embedded

        async with embedded.opened(where.embedded) as store:
            yield store
        return
    from pydantic import ValidationError

    from pipeline.search import cluster

    try:
        connection = cluster.opened(where.elasticsearch, api_key=os.environ.get(API_KEY), authority=where.authority)
        async with connection as elastic:
            yield elastic
    except ValidationError as error:
        problems = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise Refused(f"--elasticsearch: {problems}") from None


def said(message: str, code: int) -> int:
    """Says why it ends, and with which code."""
    print(message, file=sys.stderr)
    return code


def no_store(directory: Path, error: StoreError) -> tuple[str, int]:
    """What to say, and the exit code, where a store cannot be read or is not there."""
    if (directory / "indices").is_dir():
        return str(error), 1
    make = f"make one with: apex-logs run -f FILE.conf --embedded {directory}"
    return f"{error}; name its folder with --embedded, or {make}", 2
