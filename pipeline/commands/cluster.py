"""A cluster that a command talks to: where it is, who one is there, and requests whose refusals say what is missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from pipeline.elasticsearch.client import Client
from pipeline.elasticsearch.options import ElasticsearchOptions, tls_context
from pipeline.errors import ConfigurationError, Unavailable
from pipeline.protocols import bulk

_PAUSE = 0.5
"""Seconds between two attempts."""


class Refused(Exception):
    """A server answered, and not what was asked for; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the servers are, and the credentials for them."""

    hosts: str
    user: str | None = None
    password: str | None = None
    key: str | None = None
    authority: Path | None = None
    wait: float = 0.0
    """Seconds in which servers may come up, from the first request on."""

    def options(self) -> ElasticsearchOptions:
        """As options of the elasticsearch output; raises `ConfigurationError`."""
        given = {
            "hosts": self.hosts.split(","),
            "user": self.user,
            "password": self.password,
            "api_key": self.key,
            "ssl_certificate_authorities": [str(self.authority)] if self.authority else None,
        }
        try:
            return ElasticsearchOptions.model_validate({name: value for name, value in given.items() if value})
        except ValidationError as error:
            raise ConfigurationError([each["msg"] for each in error.errors()]) from None


class Connection:
    """Requests to a cluster."""

    def __init__(self, client: Client, wait: float) -> None:
        self._client = client
        self._deadline = time.monotonic() + wait

    async def look(self, path: str, privilege: str) -> Any:
        """What is there, or None where nothing is; raises `Refused`."""
        status, answer = await self._ask("GET", path, None)
        return None if status == 404 else self._accepted(f"GET {path}", status, answer, privilege)

    async def has(self, path: str, privilege: str) -> bool:
        """Whether the server knows a path at all, whatever is there; raises `Refused`."""
        status, answer = await self._ask("GET", path, None)
        if status == 405 or (status == 400 and b"no handler found" in answer):
            return False
        if status != 404:
            self._accepted(f"GET {path}", status, answer, privilege)
        return True

    async def change(self, method: str, path: str, body: Any, privilege: str) -> Any:
        """Has something made; raises `Refused`."""
        status, answer = await self._ask(method, path, body)
        return self._accepted(f"{method} {path}", status, answer, privilege)

    async def takes(self, method: str, path: str, body: Any, privilege: str) -> bool:
        """Whether the server accepts this; raises `Refused` for other reasons than the request itself."""
        status, answer = await self._ask(method, path, body)
        if status == 400:
            return False
        self._accepted(f"{method} {path}", status, answer, privilege)
        return True

    async def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        data = None if body is None else orjson.dumps(body)
        while True:
            try:
                answer = await self._client.request(method, path, data)
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() >= self._deadline:
                    return answer
            except Unavailable:
                if time.monotonic() >= self._deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    def _accepted(self, what: str, status: int, answer: bytes, privilege: str) -> Any:
        if 200 <= status < 300:
            return orjson.loads(answer)
        if status == 401:
            raise Refused("the credentials are refused: give --user and a password, or an API key")
        if status == 403:
            raise Refused(f"{what} is forbidden: these credentials need the privilege {privilege}")
        raise Refused(f"{what}: HTTP {status}: {_reason(answer)}")


def _reason(answer: bytes) -> str:
    try:
        return bulk.explain(orjson.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer[:200].decode("utf-8", "replace").strip() or "no reason given"


@asynccontextmanager
async def connected(cluster: Cluster) -> AsyncIterator[Connection]:
    """A connection; raises `ConfigurationError` for options that cannot be used."""
    options = cluster.options()
    client = Client(options, tls_context(options))
    try:
        yield Connection(client, cluster.wait)
    finally:
        await client.close()
