"""Hand events to other pipelines of this process, by their address.

    input { stdin { } }
    output {
      if [type] == "access" { pipeline { send_to => "web" } }
      else { pipeline { send_to => ["rest", "archive"] } }
    }

The pipelines are named in `pipelines.yml`; one that has the address in a `pipeline` input takes the events. Each
address gets a copy of its own, metadata included. An event ends here when it has ended there, so that a sender is
acknowledged after the outputs of the last pipeline.

While no pipeline with the address runs, events wait. With `ensure_delivery => false` they are let go instead, and
counted as lost. Where one address of several is slow, all wait for it, as in Logstash; a pipeline with
`queue.type: persisted` is slow only when its queue is full.

`check` refuses an address that no pipeline has, and a way that leads an event back to where it was.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pipeline.bus import Box
from pipeline.event import Event
from pipeline.options import Boolean, OutputOptions, Texts
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.texts.handed import write_event

log = logging.getLogger("apex.pipeline")


class Options(OutputOptions):
    """Options of the pipeline output."""

    send_to: Annotated[Texts, Field(min_length=1, description="The addresses that get the events.")]
    ensure_delivery: Annotated[
        Boolean, Field(description="Wait while no pipeline with the address runs; else let the events go.")
    ] = True


def build(options: Options, context: PluginContext) -> Handing:
    """Makes the output."""
    boxes = [context.bus.box(address) for address in dict.fromkeys(options.send_to)]
    return Handing([(box, f"p{context.number()}") for box in boxes], ensure=options.ensure_delivery)


class Handing:
    """Several bodies may be on their way, and are taken in their order."""

    ordered = False
    meets = "hands events to other pipelines of this process"

    def __init__(self, ways: Sequence[tuple[Box, str]], *, ensure: bool) -> None:
        self.ways = ways
        """Each address with what an id is prolonged by on the way there."""
        self._ensure = ensure

    def render(self, event: Event, body: bytearray) -> None:
        """Appends the event as a line."""
        body += write_event(event)

    async def send(self, body: Body) -> Sent:
        """Returns when the events have ended behind every address."""
        open_ways = [(box, way) for box, way in self.ways if self._ensure or box.served]
        for box, _ in self.ways:
            if not (self._ensure or box.served):
                log.warning("no pipeline takes what is sent to %s: %d events are lost", box.address, len(body))
        data, id_ = bytes(body.data), secrets.token_hex(16)
        handed = [(box, box.put(data, {"id": f"{id_}{way}", "branch": way})) for box, way in open_ways]
        try:
            for _, handover in handed:
                await handover.ended
        finally:
            for box, handover in handed:
                if not handover.ended.done():
                    handover.ended.cancel()
                box.withdraw(handover)
        return Sent(lost=len(body) if len(open_ways) < len(self.ways) else 0)

    async def start(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """Nothing to free."""
