"""Requests side by side, and their answers: a status, or why there is none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple

import aiohttp
from isal import igzip

from pipeline.http.options import ClientOptions

_SHOWN = 300
"""So many characters of an answer are said where it is a refusal."""

Request = tuple[str, str, dict[str, str], bytes]


class Answer(NamedTuple):
    """What a server said; `status` is 0 where it said nothing, and `text` says why."""

    status: int
    text: str
    impossible: bool = False
    """The request itself cannot be made, however often it is tried: there is no such address."""


class Client:
    """The connections of one output."""

    def __init__(self, options: ClientOptions, context: ssl.SSLContext) -> None:
        self._options = options
        self._compress = bool(getattr(options, "http_compression", False))
        self._at_once = asyncio.Semaphore(options.pool_max)
        login: Any = None
        if options.user is not None and options.password is not None:
            login = aiohttp.encode_basic_auth(options.user, options.password.get_secret_value())
        self._login: dict[str, str] = {} if login is None else {"Authorization": login}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=options.pool_max,
                limit_per_host=options.pool_max_per_route,
                ssl=context,
                force_close=not options.keepalive,
            ),
            cookie_jar=aiohttp.CookieJar(unsafe=True) if options.cookies else aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                options.request_timeout, sock_connect=options.connect_timeout, sock_read=options.socket_timeout
            ),
            headers={"User-Agent": "apex-logs"},
        )

    async def requests(self, wanted: Iterable[Request]) -> list[Answer]:
        """The answer to each, in their order."""
        return await asyncio.gather(*(self.request(*one) for one in wanted))

    async def request(self, method: str, url: str, headers: dict[str, str], content: bytes) -> Answer:
        """One request, tried once. Raises nothing of the network: the answer says what went wrong."""
        headers = {**self._login, **headers}
        if self._compress:
            content = igzip.compress(content, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        follow, proxy = self._options.follow_redirects, self._options.proxy
        asked: dict[str, Any] = {"headers": headers, "data": content, "allow_redirects": follow, "proxy": proxy}
        try:
            async with self._at_once, self._session.request(method, url, **asked) as answer:
                text = await answer.text(errors="replace")
                if answer.method != method:  # as browsers do it: what was to be sent stays behind
                    left = f"redirects to {answer.url} without the event; give the last address as url"
                    return Answer(answer.history[0].status, left)
                return Answer(answer.status, " ".join(text[:_SHOWN].split()))
        except aiohttp.InvalidURL as error:
            return Answer(0, f"no request can be made to {url}: {error}", impossible=True)
        except (aiohttp.ClientError, OSError) as error:  # a certificate that is refused is a ValueError too
            return Answer(0, f"{url}: {type(error).__name__}: {error}")
        except ValueError as error:
            return Answer(0, f"no request can be made to {url}: {error}", impossible=True)

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()
