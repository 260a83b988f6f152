"""Duplicate events: one copy for each name in a list.

    filter {
      clone {
        clones => ["audit"]
      }
    }
    output {
      if "audit" in [tags] { stdout { } }
    }

The event goes on unchanged, before its clones. A clone is marked with its name: in its `tags` with ECS, as its `type`
without. `add_field` and the other common options apply to the clones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import Field

from pipeline.event import Event, add_tag
from pipeline.options import Ecs, FilterOptions, Texts
from pipeline.plugin import Filter, PluginContext, Spreading


class Options(FilterOptions):
    """What the clone filter takes."""

    clones: Annotated[Texts, Field(description="The names of the clones, one clone for each.")]
    ecs_compatibility: Annotated[
        Ecs, Field(description="Where a clone's name goes: `type` if disabled, else `tags`.")
    ] = "v8"


def build(options: Options, context: PluginContext) -> Filter:
    """The filter for these options."""
    if not options.clones:
        context.warn('clone: "clones" is empty, so no event is cloned')
    mark = _set_type if options.ecs_compatibility == "disabled" else add_tag
    return Spreading(_cloning(options.clones, mark))


def _cloning(names: list[str], mark: Callable[[Event, str], None]) -> Callable[[Event], Iterable[Event]]:
    def clone(event: Event) -> Iterable[Event]:
        # All are made before the first goes on, as what follows may change the event.
        events = [event]
        for name in names:
            copy = event.clone()
            mark(copy, name)
            events.append(copy)
        return events

    return clone


def _set_type(event: Event, name: str) -> None:
    event.fields["type"] = name
