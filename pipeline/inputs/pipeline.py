"""Take events from other pipelines of this process, under an address.

    input { pipeline { address => "parsed" } }
    output { stdout { } }

Pipelines that are named in `pipelines.yml` hand events over with the `pipeline` output. A batch of the pipeline that
hands over ends, and its sender is acknowledged, when its events have ended here; with `queue.type: persisted`, when
they are in the queue of this pipeline. An event keeps its id, with the way that it went: what two ways bring to one
index is two documents, as in Logstash.

What was handed over while this pipeline is reloaded, or after it has failed, waits, and so does who handed it over. An
address is that of one input: `check` refuses a second one, and one to which an event could come back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from pipeline.batch import Batch, Origin
from pipeline.bus import Box, Handover
from pipeline.errors import Unavailable
from pipeline.event import Event
from pipeline.options import CodecOption, Ignored, InputOptions, Text, default_codec
from pipeline.plugin import PluginContext, Reject
from pipeline.texts.handed import read_event


class Options(InputOptions):
    """Options of the pipeline input."""

    address: Annotated[Text, Field(min_length=1, description="The address that other pipelines send to.")]
    codec: Annotated[
        CodecOption,
        Ignored("what comes from another pipeline is events already"),
        Field(description="Accepted as in Logstash."),
    ] = default_codec("plain")

    def claim(self) -> tuple[str, str] | None:
        """The address, which only one input can have."""
        return f'the address "{self.address}"', "give each input an address of its own"


def build(options: Options, context: PluginContext) -> Address:
    """Makes the input."""
    return Address(context.bus.box(options.address))


class Address:
    """Its data is a line an event."""

    meets = "takes events from other pipelines of this process"

    def __init__(self, box: Box) -> None:
        self.box = box
        self._stopped = False
        self._open: dict[Handover, None] = {}
        """Taken and not ended, in their order."""

    async def batches(self) -> AsyncIterator[Batch]:
        """What is handed over, until `stop` is called."""
        while (handover := await self.box.take(lambda: self._stopped)) is not None:
            self._open[handover] = None
            yield Batch(handover.data, handover.origin, partial(self._end, handover), partial(self._refuse, handover))

    def _end(self, handover: Handover, _events: int) -> None:
        self._open.pop(handover, None)
        if not handover.ended.done():  # else who handed it over is gone
            handover.ended.set_result(None)

    def _refuse(self, handover: Handover, error: Exception) -> None:
        self._open.pop(handover, None)
        if not handover.ended.done():
            handover.ended.set_exception(Unavailable(str(error)))

    def stop(self) -> None:
        """Take no more."""
        self._stopped = True
        self.box.look()

    async def close(self) -> None:
        """What has no end waits for who takes the address next."""
        self.box.give_back(self._open)
        self._open = {}

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events, whose ids are prolonged by the way they came."""
        branch, ordinal = origin["branch"], 0
        for line in data.split(b"\n"):
            if not line:
                continue
            fields, metadata = read_event(line)
            known = metadata.get("event_id")
            # Without an id it was made by a filter from what it had seen: it is new, and the body's id names it.
            metadata["event_id"] = f"{origin['id']}.{ordinal}" if known is None else f"{known}.{branch}"
            yield Event(fields, metadata, ordinal)
            ordinal += 1

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The line of one event."""
        return data.split(b"\n", piece + 1)[piece]
