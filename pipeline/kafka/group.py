"""What a member needs of its group: how it is joined, who listens, how partitions are shared, which there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any, NamedTuple

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from pipeline.batch import Batch
from pipeline.kafka.ledger import Span

GRACE = 10.0
"""Seconds, at most, that work on a partition has to end when the partition is taken away."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a group is joined and read."""

    settings: Mapping[str, Any]
    """What aiokafka's consumer is made with."""
    login: Callable[[], Mapping[str, Any]]
    topics: Sequence[str]
    pattern: Pattern[str] | None
    """Topics by their names, in place of `topics`."""
    strategy: str
    """`range`, `round_robin` or `sticky`."""
    reset: str | None
    """`earliest`, `latest`, `none`; None if the user left it open."""
    poll: float
    """Seconds that a poll waits for records."""
    records: int
    """Records of a poll, at most; as many may wait for the worker."""
    commit_every: float
    """Seconds between two commits; 0: as soon as there is something to commit."""
    members: int = 1
    """In this process."""
    before: int = 0
    """Members of the group in processes with a lower seat."""
    together: int = 1
    """Members in all processes that the front has hired."""
    grace: float = GRACE

    def of_member(self, number: int) -> dict[str, Any]:
        """The arguments of aiokafka's consumer for the member of that number."""
        number += self.before
        found = {**self.settings, **self.login(), "client_id": f"{self.settings['client_id']}-{number}"}
        if self.together > 1 and found.get("group_instance_id"):
            found["group_instance_id"] = f"{found['group_instance_id']}-{number}"
        return found | {"partition_assignment_strategy": [assignor(self.strategy)]}


class Taken(NamedTuple):
    """A batch that waits for the worker."""

    key: TopicPartition
    span: Span
    batch: Batch
    records: int


Hear = Callable[[Collection[TopicPartition]], Awaitable[None]]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Passes on what the group decides."""

    def __init__(self, revoked: Hear, assigned: Hear) -> None:
        self._revoked, self._assigned = revoked, assigned

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Partitions are taken away; the group waits for the return."""
        await self._revoked(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Partitions are given."""
        await self._assigned(assigned)


def assignor(strategy: str) -> type:
    """The class that shares out partitions."""

    class Sticky(StickyPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        """It remembers a member's partitions in its class: so each member has one of its own."""

    known: dict[str, type] = {"range": RangePartitionAssignor, "round_robin": RoundRobinPartitionAssignor}
    return known.get(strategy, Sticky)


async def partitions(terms: Terms) -> set[TopicPartition]:
    """Every partition of the cluster, before anything is read. Makes no topic."""
    names = {"bootstrap_servers", "client_id", "request_timeout_ms", "retry_backoff_ms", "security_protocol"}
    arguments = {name: value for name, value in terms.settings.items() if name in {*names, "ssl_context"}}
    client = AIOKafkaClient(**arguments, **terms.login())
    try:
        await client.bootstrap()
        cluster = await client.fetch_all_metadata()
        return {
            TopicPartition(topic, number)
            for topic in cluster.topics(exclude_internal_topics=False)
            for number in cluster.partitions_for_topic(topic) or ()
        }
    finally:
        await client.close()


def shown(key: TopicPartition) -> str:
    """A partition in words."""
    return f"partition {key.partition} of {key.topic}"


def said(error: BaseException) -> str:
    """An error in words; some of aiokafka's have none but their name."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
