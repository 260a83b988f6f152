"""The name of an address, for inputs that tell who sent: hosts file, then name servers; remembered for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.asyncresolver
import dns.resolver

from pipeline.clock import Clock
from pipeline.name_lookups import AT_ONCE, ExpiringCache, Hosts, NameLookups

_TIMEOUT = 1.0
"""Seconds that each name server has; a sender is not read meanwhile."""
_REMEMBERED = 10_000
_HOUR, _MINUTE = 3600.0, 60.0


def namer(clock: Clock, hosts: Path = Path("/etc/hosts")) -> Callable[[str], Awaitable[str]]:
    """A function that looks up the name of an address, and gives the address where there is none."""
    lookups = NameLookups(
        Hosts.read([hosts]),
        _resolver(),
        _TIMEOUT,
        0,
        ExpiringCache(_REMEMBERED, _HOUR, clock),
        ExpiringCache(_REMEMBERED, _MINUTE, clock),
    )

    turns = asyncio.Semaphore(AT_ONCE)

    async def name_of(address: str) -> str:
        async with turns:
            found = await lookups.answer(("reverse", address.partition("%")[0]))
        return found if isinstance(found, str) else address

    return name_of


def _resolver() -> dns.asyncresolver.Resolver | None:
    try:
        resolver = dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # then the hosts file alone knows names
        return None
    resolver.timeout = _TIMEOUT
    resolver.lifetime = 2 * _TIMEOUT * len(resolver.nameservers)
    return resolver
