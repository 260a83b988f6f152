"""Ready-made answers for the addresses seen lately, from a database whose file may be replaced at any time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from sys import intern
from typing import Any

import orjson

from pipeline.event import Fields
from pipeline.geoip.addresses import LONGEST, java_form
from pipeline.geoip.databases import Database, DatabaseError, signature
from pipeline.geoip.layouts import Answer, reader, wanted_fields

NoAnswer = tuple[()]
"""The database does not know the address, or it is none: kept too, and false where an answer is true."""


class Answers:
    """`cache` has the answers by the text of the address; `find(text)` looks one up that is not there.

    An answer is shared by all events with the address: it must be copied, never changed.
    """

    __slots__ = ("_bound", "_database", "_ecs", "_fields", "_read", "_refused", "_sealing", "_warn", "cache", "sealed")

    def __init__(
        self,
        database: Database,
        fields: list[str],
        bound: int,
        warn: Callable[[str], None],
        *,
        ecs: bool,
        sealing: bool = False,
    ) -> None:
        self.cache: dict[str, Answer | NoAnswer] = {}
        self.sealed: dict[Any, orjson.Fragment] = {}
        """Answers as JSON, for events that are not read any more."""
        self._fields, self._bound, self._warn, self._ecs, self._sealing = fields, bound, warn, ecs, sealing
        self._refused = database.signature
        self._use(database)

    def _use(self, database: Database) -> None:
        wanted = wanted_fields(database.kind, self._fields, ecs=self._ecs)
        if absent := [name for name in wanted if name not in database.kind.available]:
            self._warn(f"geoip: a database of the type {database.type} never gives {', '.join(absent)}")
        # Between two events, on the one thread there is: no event sees the new database with the old cache.
        self._database = database
        self._read = reader(database.kind, wanted, ecs=self._ecs)
        self.cache.clear()
        self.sealed.clear()

    def find(self, text: str) -> Answer | NoAnswer:
        """The answer for the text of an address, from the cache, else from the database."""
        if len(text) > LONGEST:
            return ()
        answer = self.cache.get(text)
        if answer is None:
            address = java_form(text)
            record, length = self._database.find(address) if address else (None, 0)
            answer = () if address is None or record is None else self._read(record, address, length) or ()
            self._keep(text, answer)
        return answer

    def seal(self, value: Any, fields: Fields) -> orjson.Fragment:
        """The answer for a text as JSON, kept in place of the answer itself."""
        # A copy: what `dumps` returns holds a block of memory many times its size.
        fragment = orjson.Fragment(bytes(memoryview(orjson.dumps(fields))))
        if type(value) is str and self.cache.pop(value, ()):
            if len(self.sealed) >= self._bound:
                _halve(self.sealed)
            self.sealed[value] = fragment
        return fragment

    def _keep(self, text: str, answer: Answer | NoAnswer) -> None:
        cache = self.cache
        if answer and not self._sealing:
            _intern(answer)
        if len(cache) >= self._bound:
            _halve(cache)
        cache[text] = answer

    def check(self) -> None:
        """Takes up a file that was put in the place of the one in use; called now and then."""
        path = self._database.path
        now = signature(path)
        if now in (None, self._database.signature, self._refused):
            return
        try:
            self._use(Database(path))
        except DatabaseError as error:
            self._refused = now
            self._warn(f"geoip keeps the database it has, as the new one cannot be used: {error}")


def _intern(answer: Answer) -> None:
    """Lets answers share their texts: cities and countries come again and again."""
    for part in answer:
        for name, value in (part or {}).items():
            if type(value) is str:
                part[name] = intern(value)  # type: ignore[index]  # it has items


def _halve(cache: dict[str, Any]) -> None:
    """Takes out the older half: taking one by one would search through the gaps that the others left."""
    for oldest in list(islice(cache, (len(cache) + 1) // 2)):
        del cache[oldest]
