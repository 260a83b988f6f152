"""Topics as a file says them, and what has to change on a cluster so that it has them. Imports no client.

    topics:
      - name: apex-logs
        partitions: 12
        replication_factor: 3
        settings: { min.insync.replicas: 2, retention.ms: 259200000 }

Nothing is ever made smaller or taken away: a topic that is not in the file, a partition too many and a setting that the
file does not name stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

REPLICAS = "min.insync.replicas"
"""The setting that cannot ask for more copies than there are."""


class Topic(BaseModel):
    """A topic as it should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    partitions: Annotated[int, Field(ge=1)]
    replication_factor: Annotated[int, Field(ge=1, le=32767)]
    settings: dict[str, str] = {}

    @field_validator("settings", mode="before")
    @classmethod
    def _as_texts(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: str(each).lower() if isinstance(each, bool) else str(each) for name, each in value.items()}

    def with_copies(self, copies: int) -> Topic:
        """The same topic for a cluster that keeps so many copies, as one of a single broker does."""
        settings = dict(self.settings)
        if settings.get(REPLICAS, "").isdigit():
            settings[REPLICAS] = str(min(int(settings[REPLICAS]), copies))
        return self.model_copy(update={"replication_factor": copies, "settings": settings})


def _distinct(topics: list[Topic]) -> list[Topic]:
    names = [topic.name for topic in topics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"named twice: {', '.join(twice)}")
    return topics


class Layout(BaseModel):
    """What the file of topics holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: Annotated[list[Topic], Field(min_length=1), AfterValidator(_distinct)]


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the cluster has it."""

    partitions: int
    replication_factor: int
    settings: Mapping[str, str]
    """Those in force, whether they were set for the topic or are the cluster's."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Those that were set for the topic."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be done to one topic. Nothing of it: `said` alone, or not even that."""

    topic: Topic
    create: bool = False
    partitions: int | None = None
    """How many it gets, where it has fewer."""
    settings: Mapping[str, str] | None = None
    """All settings of its own that it has afterwards: Kafka takes them whole."""
    said: Sequence[str] = ()
    """What is done, and what differs and stays."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.create and self.partitions is None and self.settings is None


def change(topic: Topic, found: Found | None) -> Change:
    """What makes the topic what it should be; `found` is None where the cluster does not have it."""
    if found is None:
        settings = "".join(f", {name}={value}" for name, value in topic.settings.items())
        return Change(
            topic, create=True, said=[f"create: {_shape(topic.partitions, topic.replication_factor)}{settings}"]
        )
    said: list[str] = []
    partitions = None
    if found.partitions < topic.partitions:
        partitions = topic.partitions
        said.append(f"partitions: {found.partitions} -> {partitions}")
    elif found.partitions > topic.partitions:
        said.append(f"stays: {found.partitions} partitions, not {topic.partitions}, as Kafka takes none away")
    if found.replication_factor != topic.replication_factor:
        said.append(
            f"stays: {found.replication_factor} copies, not {topic.replication_factor}: "
            "move them with kafka-reassign-partitions.sh"
        )
    different = {name: value for name, value in topic.settings.items() if found.settings.get(name) != value}
    said += [f"{name}: {found.settings.get(name, 'not set')} -> {value}" for name, value in different.items()]
    return Change(topic, False, partitions, {**found.own, **different} if different else None, said)


def _shape(partitions: int, copies: int) -> str:
    return f"{partitions} partition{'s' * (partitions != 1)}, {copies} cop{'y' if copies == 1 else 'ies'}"
