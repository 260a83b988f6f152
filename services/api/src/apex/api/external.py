"""Other services over HTTP, with the current trace in the headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from apex.api.tracing import carried

TIMEOUT = 5.0
"""Seconds for a connection, and for an answer."""


async def call_external_api(
    client: httpx.AsyncClient, url: str, data: Any, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Posts data as JSON; the client is one for the process, so that connections are kept.

    Raises `httpx.HTTPError` where there was no answer; what the answer says is the caller's to judge.
    """
    return await client.post(url, json=data, headers={**(headers or {}), **carried()}, timeout=TIMEOUT)
