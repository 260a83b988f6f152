"""Tokens for OAUTHBEARER: from an endpoint, for a client's id and secret (RFC 6749, 4.4), or unsigned, for a trial.

A token is kept while it is valid for another minute, or for another tenth of its life, whichever is shorter.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from pipeline.kafka.options import ConnectionOptions

_LIFE = 3600.0
"""Seconds that an unsigned token is valid for, and one whose endpoint does not say."""

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""A token, and the seconds that it is valid for."""


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Gives aiokafka a token that is valid."""

    def __init__(self, fetch: Fetch, extensions: dict[str, str]) -> None:
        self._fetch = fetch
        self._extensions = extensions
        self._token = ""
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def token(self) -> str:
        """The token that is there, or a new one."""
        async with self._turn:
            if time.monotonic() >= self._until:
                self._token, life = await self._fetch()
                self._until = time.monotonic() + life - min(60.0, life / 10)
            return self._token

    def extensions(self) -> dict[str, str]:
        """What else the broker is told (`extension_NAME` of the JAAS entry)."""
        return self._extensions


def provider(options: ConnectionOptions, login: Mapping[str, str]) -> Tokens:
    """The tokens that the options and the JAAS entry ask for."""
    extensions = {
        name.removeprefix("extension_"): value for name, value in login.items() if name.startswith("extension_")
    }
    url = options.sasl_oauthbearer_token_endpoint_url
    if url is None:
        return Tokens(lambda: _unsigned(login), extensions)
    timeouts = options.sasl_login_connect_timeout_ms, options.sasl_login_read_timeout_ms
    return Tokens(lambda: _fetched(url, login, timeouts), extensions)


async def _unsigned(login: Mapping[str, str]) -> tuple[str, float]:
    now = time.time()
    claims: dict[str, object] = {"iat": now, "exp": now + _LIFE}
    for name, value in login.items():
        if name.startswith("unsecuredLoginStringClaim_"):
            claims[name.removeprefix("unsecuredLoginStringClaim_")] = value
    parts = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in ({"alg": "none"}, claims)]
    return f"{b'.'.join(parts).decode()}.", _LIFE


async def _fetched(url: str, login: Mapping[str, str], timeouts: tuple[int | None, int | None]) -> tuple[str, float]:
    import aiohttp

    connect, read = (None if timeout is None else timeout / 1000 for timeout in timeouts)
    timeout = aiohttp.ClientTimeout(total=60, sock_connect=connect, sock_read=read)
    form = {"grant_type": "client_credentials"}
    if login.get("scope"):
        form["scope"] = login["scope"]
    headers = {"Authorization": aiohttp.encode_basic_auth(login["clientId"], login["clientSecret"])}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=form, headers=headers) as answer,
        ):
            text = await answer.read()
            if answer.status != 200:
                raise KafkaConnectionError(f"the token endpoint {url} answers {answer.status}")
            found = orjson.loads(text)
            return str(found["access_token"]), float(found.get("expires_in", _LIFE))
    except (TimeoutError, aiohttp.ClientError, ValueError, KeyError, TypeError) as error:
        raise KafkaConnectionError(f"no token from the endpoint {url}: {type(error).__name__}: {error}") from error
