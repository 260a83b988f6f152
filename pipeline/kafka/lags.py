"""How far a consumer is behind: what brokers say with every answer of where a partition ends, less what has ended here.

A paused partition is not fetched, so nobody says where it ends: while outputs stall, that is asked for, now and then.
The mark that ends a transaction is a record, too, for the broker that counts them.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pipeline.kafka.ledger import Ledger
from pipeline.plugin import Lag

_EVERY = 10.0
"""Seconds between two looks at the ends of paused partitions."""
_PATIENCE = 1.0
"""Seconds that such a look may take: the group is not to wait for it."""


class Ends:
    """Where the partitions of one consumer end."""

    def __init__(self, *, committed: bool) -> None:
        """`committed`: transactions that are open are not read, and so not waited for."""
        self._committed = committed
        self._asked: dict[TopicPartition, int] = {}
        self._next = 0.0

    def lags(self, consumer: Any, ledger: Ledger[TopicPartition]) -> list[Lag]:
        """Records between what has ended and the end, of each partition of which both are known."""
        told = consumer.last_stable_offset if self._committed else consumer.highwater
        found = []
        for key in sorted(consumer.assignment()):
            reached, ends = ledger.reached(key), [told(key), self._asked.get(key)]
            known = [end for end in ends if end is not None]
            if reached is not None and known:
                found.append(Lag(key.topic, key.partition, max(0, max(known) - reached)))
        return found

    async def look(self, consumer: Any) -> None:
        """Asks for the ends of paused partitions, if that was not done lately."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _EVERY
        with contextlib.suppress(asyncio.TimeoutError, KafkaError):
            async with asyncio.timeout(_PATIENCE):
                self._asked = dict(await consumer.end_offsets(consumer.paused()))
