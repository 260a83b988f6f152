"""Who may ask: the ASGI application around the page.

- The `Host` must be one under which the page listens; else another site could have its own name point here.
- An `Origin`, which browsers send with everything that changes state and with every websocket, must be that host.
- Of what another site may have a browser send without one, only links that are followed are answered: an image whose
  address is a download would keep the store busy.
- Where a token is set, it is needed: in a cookie that a form on `/token` gives, or as `Authorization: Bearer`.

The policy of the answers lets the browser load nothing from elsewhere. NiceGUI compiles its components in the browser,
which takes `unsafe-eval`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "apex_logs_explore"
_LONGEST = 4_096
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_FORM = b"""<!doctype html><meta charset="utf-8"><title>apex-logs</title>
<body style="font-family: system-ui; max-width: 24rem; margin: 15vh auto">
<h1>apex-logs</h1><p>This page needs the token that <code>apex-logs explore</code> was started with.</p>
<form method="post" action="/token"><input name="token" type="password" aria-label="Token" autofocus>
<button>Open</button></form>"""


class Guard:
    """The application, guarded."""

    def __init__(self, app: App, hosts: frozenset[str] | None, token: str | None) -> None:
        """`hosts` are the values of `Host` that are answered; None for any, which takes a token."""
        if hosts is None and token is None:
            raise ValueError("a page that answers to any name needs a token")
        self._app = app
        self._hosts = hosts
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, websocket or life span."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        why = self._why_not(scope, headers)
        if why is not None:
            await _refuse(scope, send, 403, why.encode(), b"text/plain")
        elif self._token is None or self._knows(headers):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/token"):
            await self._let_in(receive, send)
        else:
            await _refuse(scope, send, 401, _FORM, b"text/html; charset=utf-8")

    def _why_not(self, scope: Scope, headers: dict[str, str]) -> str | None:
        host = headers.get("host", "").lower()
        if self._hosts is not None and host not in self._hosts:
            return "this page is not known under that name: open the address that apex-logs explore prints\n"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            return "requests from other sites are refused\n"
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        followed = headers.get("sec-fetch-dest") == "document" and not changes
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed:
            return "requests from other sites are refused\n"
        return None

    def _knows(self, headers: dict[str, str]) -> bool:
        assert self._token is not None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(given, self._token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, _stamp(self._token))

    async def _let_in(self, receive: Receive, send: Send) -> None:
        assert self._token is not None
        body = b""
        while len(body) <= _LONGEST:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        given = parse_qs(body.decode("latin-1")).get("token", [""])[0]
        if not _same(given, self._token):
            await _answer(send, 401, [(b"content-type", b"text/html; charset=utf-8")], _FORM)
            return
        cookie = f"{COOKIE}={_stamp(self._token)}; Path=/; HttpOnly; SameSite=Lax"
        await _answer(send, 303, [(b"location", b"/"), (b"set-cookie", cookie.encode())], b"")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _stamp(token: str) -> str:
    """What the cookie holds in place of the token."""
    return hashlib.sha256(b"apex-logs explore\0" + token.encode()).hexdigest()


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return sent


async def _refuse(scope: Scope, send: Send, status: int, body: bytes, kind: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, status, [(b"content-type", kind)], body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    whole = [*headers, (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": whole})
    await send({"type": "http.response.body", "body": body})
