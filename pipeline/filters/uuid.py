"""Give each event a random identifier of version 4.

    filter { uuid { target => "request_id" overwrite => true } }

A field that is there already keeps what it has, unless `overwrite` is set. To have events written once, nothing is
needed: each has an id of its own in `[@metadata][event_id]`.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import Field

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import Boolean, FilterOptions
from pipeline.plugin import Filter


class Options(FilterOptions):
    """What the uuid filter takes."""

    target: Annotated[FieldReference, Field(description="The field for the identifier.")]
    overwrite: Annotated[Boolean, Field(description="Replace what the field holds.")] = False


def build(options: Options) -> Filter:
    """The filter for these options."""
    get, set_target, overwrite = options.target.get, setter(options.target), options.overwrite

    def identify(event: Event) -> bool:
        if overwrite or get(event) is None:
            set_target(event, str(uuid.uuid4()))
        return True

    return identify
