"""A parcel is a body with what is needed to say, item by item, whose end it is.

data       rendered items, one after the other
ends       where each item ends in data
ordinals   the ordinal of each item's event within its batch
runs       (ticket, items): which batch the items belong to, in their order
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from pipeline.delivery.tickets import Ticket
from pipeline.plugin import Body
from pipeline.spans import BatchSpan


@dataclass(slots=True)
class Parcel(Body):
    """A body on its way."""

    ordinals: array[int] = field(default_factory=lambda: array("Q"))
    runs: list[tuple[Ticket, int]] = field(default_factory=list)

    def ticket(self, index: int) -> Ticket:
        """The ticket of an item."""
        starts = list(accumulate((count for _, count in self.runs), initial=0))
        return self.runs[bisect_right(starts, index) - 1][0]

    def spans(self) -> list[tuple[BatchSpan, int]]:
        """The batches in it that are traced, each with how many of its items are here."""
        found: dict[int, tuple[BatchSpan, int]] = {}
        for ticket, count in self.runs:
            if ticket.span is not None:
                span, before = found.get(id(ticket), (ticket.span, 0))
                found[id(ticket)] = span, before + count
        return list(found.values())

    def finish(self) -> None:
        """Every item has its end."""
        for ticket, count in self.runs:
            ticket.done(count)

    def split(self, chosen: Sequence[int]) -> tuple[Parcel, Parcel]:
        """The chosen items (ascending), and the others, each as a parcel of its own."""
        taken = set(chosen)
        mine, others = Parcel(), Parcel()
        index = 0
        for ticket, count in self.runs:
            for parcel, wanted in ((mine, True), (others, False)):
                picked = [item for item in range(index, index + count) if (item in taken) is wanted]
                for item in picked:
                    parcel.data += self.item(item)
                    parcel.ends.append(len(parcel.data))
                    parcel.ordinals.append(self.ordinals[item])
                if picked:
                    parcel.runs.append((ticket, len(picked)))
            index += count
        return mine, others

    def halves(self) -> tuple[Parcel, Parcel]:
        """The first and the second half; a parcel of one item cannot be halved."""
        return self.split(range(len(self) // 2))
