"""Every counter of a pipeline, explained in one place. Plain integers; published per batch, never per event."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """What became of the events of one pipeline since it started."""

    decoded: int = 0
    """Events that inputs decoded."""
    delivered: int = 0
    """Items that outputs wrote; an event that goes to two outputs counts twice."""
    duplicates: int = 0
    """Items that an output refused as already there: a repeat of something delivered before."""
    dead: int = 0
    """Items and events that were written to the dead letter queue."""
    lost: int = 0
    """Dead letters that a full queue dropped, new ones and older ones, as `storage_policy` said; never by default."""
    dropped: int = 0
    """Events that a condition could not judge (a text ordered against a number), dropped as in Logstash."""
    unrouted: int = 0
    """Events that reached the outputs section and matched no output."""
    retried: int = 0
    """Items that were sent more than once, counted at each repeat."""
    refused: int = 0
    """Batches whose framing was broken; their senders were not acknowledged."""

    def as_dict(self) -> dict[str, int]:
        """The counters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}
