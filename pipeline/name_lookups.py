"""Names to addresses and addresses to names: from hosts files, then from name servers, with bounded caches.

What is asked, and in which order, is what Ruby's `resolv` does under Logstash's dns filter: a name is looked for in
the hosts files (the last line that has it wins), then as A and, where there is none, as AAAA; of several answers the
first counts. A name with fewer dots than `ndots` is tried in the search domains first, else as it is first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Literal

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
import dns.reversename

from pipeline.clock import Clock

Kind = Literal["resolve", "reverse"]
AT_ONCE = 100
"""Questions that one batch has under way at the same time."""
LONGEST_NAME = 254
"""With a dot at the end."""


class TimedOut:
    """No name server answered in time."""


TIMED_OUT = TimedOut()
Outcome = str | TimedOut | None
"""The address or name found, None where there is none."""


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address in its usual form."""
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


class ExpiringCache:
    """At most `size` values, each for `ttl` seconds; the one that was not asked for longest goes first."""

    def __init__(self, size: int, ttl: float, clock: Clock) -> None:
        self._size, self._ttl, self._now = size, ttl, clock.monotonic
        self._entries: OrderedDict[tuple[Kind, str], tuple[str, float]] = OrderedDict()

    def get(self, key: tuple[Kind, str]) -> str | None:
        """The value, None where there is none or it has expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until = entry
        if until <= self._now():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: tuple[Kind, str], value: str) -> None:
        """Keeps a value, from now on for `ttl` seconds."""
        if self._size <= 0:
            return
        self._entries[key] = value, self._now() + self._ttl
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


@dataclass(slots=True)
class Hosts:
    """The entries of hosts files; an earlier file goes before a later one."""

    addresses: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Hosts:
        """Reads the files; the system's own may be missing."""
        hosts = cls()
        for path in paths:
            addresses: dict[str, str] = {}
            text = path.read_text("utf-8", errors="replace") if path.exists() else ""
            for line in text.splitlines():
                address, *names = line.partition("#")[0].split() or [""]
                addresses |= dict.fromkeys(names, address)
                if names:
                    hosts.names.setdefault(address, names[0])
            hosts.addresses = addresses | hosts.addresses
        return hosts


@dataclass(frozen=True, slots=True)
class NameLookups:
    """Where answers come from: hosts files, name servers (None: hosts files alone), and two caches."""

    hosts: Hosts
    resolver: dns.asyncresolver.Resolver | None
    timeout: float
    """Seconds that each name server has for an answer."""
    retries: int
    hits: ExpiringCache
    failures: ExpiringCache

    async def answer_all(self, questions: Iterable[tuple[Kind, str]]) -> dict[tuple[Kind, str], Outcome]:
        """The outcomes of different questions, asked at the same time within a bound."""
        waiting = list(questions)
        outcomes: dict[tuple[Kind, str], Outcome] = {}
        remaining = iter(waiting)

        async def work() -> None:
            for question in remaining:
                outcomes[question] = await self.answer(question)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(work())
        return outcomes

    async def answer(self, question: tuple[Kind, str]) -> Outcome:
        """The outcome of one question. A failure that is remembered is no time-out, as in Logstash."""
        kind, text = question
        if kind == "resolve" and is_address(text):
            return text
        if self.failures.get(question):
            return None
        if hit := self.hits.get(question):
            return hit
        found: Outcome = self._in_hosts(kind, text)
        if found is None and self.resolver is not None:
            found = await self._asked(self.resolver, kind, text)
        if isinstance(found, str):
            self.hits.put(question, found)
        else:
            self.failures.put(question, "failed")
        return found

    def _in_hosts(self, kind: Kind, text: str) -> str | None:
        return self.hosts.names.get(text) if kind == "reverse" else self.hosts.addresses.get(text)

    async def _asked(self, resolver: dns.asyncresolver.Resolver, kind: Kind, text: str) -> Outcome:
        try:
            name = dns.reversename.from_address(text) if kind == "reverse" else _name(text)
        except (dns.exception.DNSException, UnicodeError):
            return None
        for record_type in ("PTR",) if kind == "reverse" else ("A", "AAAA"):
            records = await self._records(resolver, name, record_type)
            if isinstance(records, TimedOut):
                return records
            for record in records:
                return _unicode(record.target.to_text(omit_final_dot=True)) if kind == "reverse" else record.address
        return None

    async def _records(self, resolver: dns.asyncresolver.Resolver, name: Any, record_type: str) -> Any:
        for _ in range(1 + self.retries):
            try:
                async with asyncio.timeout(self.timeout * len(resolver.nameservers)):
                    return (await resolver.resolve(name, record_type, search=True)).rrset or ()
            except (TimeoutError, dns.exception.Timeout):
                continue
            except (dns.exception.DNSException, OSError):
                return ()  # there is no such name, it has no such record, or the servers cannot tell
        return TIMED_OUT


def _name(text: str) -> dns.name.Name:
    if not 0 < len(text) <= LONGEST_NAME:
        raise dns.name.NameTooLong
    return dns.name.from_text(text if text.isascii() else text.encode("idna").decode("ascii"), origin=None)


def _unicode(name: str) -> str:
    try:
        return name.encode("ascii").decode("idna") if "xn--" in name.lower() else name
    except UnicodeError:
        return name
