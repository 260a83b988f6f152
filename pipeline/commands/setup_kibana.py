"""`apex-logs setup kibana`: data view, searches, panels and dashboard, imported; a line for each change.

What is there and as it was made is left alone, and so is what a person changed in Kibana since.
Exit codes: 0 all is as it should be, or would be; 1 Kibana does not answer, or refuses; 2 an option cannot be used.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from mappings.changes import changes
from mappings.kibana.build import ndjson, objects
from mappings.kibana.objects import SavedObject, plain, same
from pipeline import tls
from pipeline.commands.cluster import Refused
from pipeline.elasticsearch.hosts import api_key, basic
from pipeline.errors import ConfigurationError

_TIMEOUT = 60.0
"""Seconds for one request."""


@dataclass(frozen=True, slots=True)
class Kibana:
    """Where Kibana is, and the credentials for it."""

    url: str
    space: str | None = None
    user: str | None = None
    password: str | None = None
    key: str | None = None
    authority: Path | None = None

    @property
    def api(self) -> str:
        """The address of the saved objects API of the space."""
        place = f"/s/{quote(self.space, safe='')}" if self.space else ""
        return f"{self.url.rstrip('/')}{place}/api/saved_objects"

    def headers(self) -> dict[str, str]:
        """Who one is; and the header without which Kibana refuses a change."""
        headers = {"kbn-xsrf": "apex-logs"}
        if self.key:
            headers["authorization"] = api_key(self.key)
        elif self.user:
            headers["authorization"] = basic(self.user, self.password or "")
        return headers

    def context(self) -> ssl.SSLContext:
        """TLS; raises `ConfigurationError` for an authority that cannot be used."""
        return tls.client_context(trust=tls.Trust([self.authority] if self.authority else []))


def run(kibana: Kibana, traces: str, dry: bool) -> int:
    """Does it, or says what it would do; returns the exit code."""
    try:
        if urlsplit(kibana.url).scheme not in ("http", "https"):
            raise ConfigurationError([f'--kibana: "{kibana.url}" is no address: it begins with http:// or https://'])
        if kibana.key and urlsplit(kibana.url).scheme != "https":
            raise ConfigurationError(["an API key is only sent over TLS: give --kibana an https address"])
        asyncio.run(_set_up(kibana, objects(traces), dry))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except (Refused, aiohttp.ClientError, TimeoutError) as error:
        print(f"{kibana.url}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


async def _set_up(kibana: Kibana, wanted: Sequence[SavedObject], dry: bool) -> None:
    connector = aiohttp.TCPConnector(ssl=kibana.context())
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    async with aiohttp.ClientSession(headers=kibana.headers(), connector=connector, timeout=timeout) as session:
        different = [each for each in wanted if not await _is_there(session, kibana, each, dry)]
        if not different:
            print("nothing to change")
        elif dry:
            print(f"{len(different)} to change; nothing was changed")
        else:
            await _import(session, kibana, different)


async def _is_there(session: aiohttp.ClientSession, kibana: Kibana, wanted: SavedObject, dry: bool) -> bool:
    """Whether Kibana has the object as it was made; says so, or what differs."""
    name = f"{wanted['type']} {wanted['id']}"
    async with session.get(f"{kibana.api}/{wanted['type']}/{wanted['id']}") as answer:
        found = None if answer.status == 404 else await _accepted(answer, name)
    if found is None:
        print(f"{name}: {'would create' if dry else 'create'}")
        return False
    if same(wanted, found):
        print(f"{name}: as it should be")
        return True
    print(f"{name}: {'would change' if dry else 'change'}")
    for line in changes(plain(found["attributes"]), plain(wanted["attributes"])):
        print(f"    {line}")
    return False


async def _import(session: aiohttp.ClientSession, kibana: Kibana, wanted: Sequence[SavedObject]) -> None:
    form = aiohttp.FormData()
    form.add_field("file", ndjson(wanted).encode(), filename="apex-logs.ndjson", content_type="application/ndjson")
    async with session.post(f"{kibana.api}/_import", params={"overwrite": "true"}, data=form) as answer:
        done = await _accepted(answer, "import")
    if not done["success"]:
        reasons = [f"{each['type']} {each['id']}: {each['error']['type']}" for each in done.get("errors", [])]
        raise Refused("not imported: " + "; ".join(reasons or ["no reason given"]))


async def _accepted(answer: aiohttp.ClientResponse, what: str) -> Any:
    body = await answer.read()
    if answer.status == 401:
        raise Refused("the credentials are refused: give --user and a password, or an API key")
    if answer.status == 403:
        raise Refused(f"{what} is forbidden: these credentials need the Kibana privilege Saved Objects Management, All")
    try:
        parsed = orjson.loads(body)
    except ValueError:
        parsed = None
    if not 200 <= answer.status < 300 or not isinstance(parsed, dict):
        shown = parsed.get("message") if isinstance(parsed, dict) else body[:200].decode("utf-8", "replace")
        raise Refused(f"{what}: HTTP {answer.status}: {shown}")
    return parsed
