"""Drop events: all that get here, or some of them by chance.

    filter {
      if [loglevel] == "debug" {
        drop { percentage => 40 }
      }
    }

A dropped event has its end, like one that was written: its sender is told so. `add_field` and the other common
options apply to events that are kept.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from pipeline.event import Event
from pipeline.options import FilterOptions, Number
from pipeline.plugin import Filter, Spreading


class Options(FilterOptions):
    """What the drop filter takes."""

    percentage: Annotated[Number, Field(description="How many events of a hundred to drop, chosen by chance.")] = 100.0


def build(options: Options) -> Filter:
    """The filter for these options."""
    if options.percentage >= 100:
        return Spreading(lambda _event: ())
    share = options.percentage / 100

    def keep_some(event: Event) -> Iterable[Event]:
        if random.random() < share:  # noqa: S311 - a sample, no secret
            return ()
        # To the engine it is another event, so that it counts as matched.
        return (Event(event.fields, event.metadata, event.ordinal),)

    return Spreading(keep_some)
