"""Errors to Sentry: what went wrong and where, but no address, no credentials, no body of a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration

from apex.api.settings import Settings

TRACES_SAMPLE_RATE = 0.1
"""The share of requests that Sentry times."""
FILTERED = "[Filtered]"
PRIVATE = frozenset(
    {
        *("authorization", "proxy-authorization", "www-authenticate", "cookie", "cookies", "set-cookie"),
        *("x-api-key", "x-auth-token", "x-csrf-token", "password", "secret", "token", "dsn"),
        *("forwarded", "x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"),
        *("query_string", "http.query", "url.query"),
        *("remote_addr", "ip_address", "client", "client.address", "net.peer.ip"),
    }
)
"""Names, in lower case, whose values are never sent."""
_ADDRESS = re.compile(r"(?<![\w.:])[0-9a-fA-F:.]{2,}+(\w?)")
"""What may be an address, and whether a word goes on behind it; `ip_address` says whether it is one.

It never goes back a step: headers are the sender's, and a request waits while they are searched.
"""
_LONGEST_ADDRESS = 64
"""Characters, a port and dots behind it included."""
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic|digest|token)\s+[\w.~+/=-]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")


def setup_sentry(settings: Settings) -> None:
    """Starts Sentry's client, once in a process; without `SENTRY_DSN` nothing happens."""
    if settings.sentry_dsn is None:
        return
    ignore_logger("apex.api")  # the line of a request that failed says less than its exception
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        integrations=[FastApiIntegration(), SqlalchemyIntegration()],
        traces_sample_rate=TRACES_SAMPLE_RATE,
        environment=settings.env,
        release=settings.git_sha,
        send_default_pii=False,
        include_local_variables=False,  # the locals of a server are headers and addresses
        max_request_body_size="never",
        trace_propagation_targets=[],  # OpenTelemetry carries the trace
        before_send=scrub,
        before_send_transaction=scrub,
    )


def scrub(event: Any, hint: Mapping[str, Any] | None = None) -> Any:
    """The event without values of `PRIVATE` names, addresses and credentials, wherever they stand in it."""
    event.pop("user", None)
    return _scrubbed(event)


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _CREDENTIALS.sub(FILTERED, _ADDRESS.sub(_address, value))
    if isinstance(value, Mapping):
        return {
            key: FILTERED if str(key).lower() in PRIVATE and each is not None else _scrubbed(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_scrubbed(each) for each in value]
    return value


def _address(found: re.Match[str]) -> str:
    word = found[1]
    text = found[0].removesuffix(word)
    if len(text) <= _LONGEST_ADDRESS:
        before_port = text[: text.rfind(":")] if ":" in text else ""
        for candidate in (before_port,) if word else (text.rstrip("."), before_port):
            if _is_address(candidate):
                return FILTERED + found[0][len(candidate) :]
    return found[0]  # a time, a version


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
