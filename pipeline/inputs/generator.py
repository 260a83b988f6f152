"""Make events out of nothing, to try a configuration or to measure it.

    input { generator { lines => ["first", "second"] count => 3 } }

Every line is an event, in order, `count` times; without `count`, for ever. The number of the round is in `sequence`
or, in ECS mode, in `[event][sequence]`, and the name of this machine in `host` or `[host][name]`.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from pipeline.arrivals import arrive
from pipeline.batch import Batch, Origin
from pipeline.event import SIBLING, Event, Fields
from pipeline.options import CodecOption, Ecs, Ignored, InputOptions, Integer, Text, Texts, default_codec
from pipeline.plugin import Reject

BATCH_EVENTS = 500


def _not_stdin(message: str) -> str:
    if message == "stdin":
        raise ValueError('"stdin" is not taken as a source here; write the line, or use the stdin input')
    return message


class Options(InputOptions):
    """Options of the generator input."""

    message: Annotated[Text, AfterValidator(_not_stdin), Field(description="The line, where there are no lines.")] = (
        "Hello world!"
    )
    lines: Annotated[Texts | None, Field(min_length=1, description="The lines of one round, in order.")] = None
    count: Annotated[Integer, Field(description="How many rounds; 0 means without end.")] = 0
    threads: Annotated[
        Integer,
        Ignored("one loop makes events as fast as a worker takes them"),
        Field(description="Accepted as in Logstash."),
    ] = 1
    codec: Annotated[CodecOption, Field(description="How a line becomes events.")] = default_codec("plain")
    ecs_compatibility: Annotated[
        Ecs, Field(description="With v1 or v8, `[event][sequence]` and `[host][name]` are set.")
    ] = "v8"


def build(options: Options) -> Generator:
    """Makes the input."""
    return Generator(options)


class Generator:
    """Its data is a JSON array of pairs: the number of the round, and a line."""

    def __init__(self, options: Options) -> None:
        self.lines = options.lines or [options.message]
        self.count = options.count
        self.codec = options.codec
        self.host = socket.gethostname()
        self.ecs = options.ecs_compatibility != "disabled"
        self._stopped = False

    async def batches(self) -> AsyncIterator[Batch]:
        """Batches of some rounds each."""
        rounds = max(1, BATCH_EVENTS // len(self.lines))
        for first in itertools.count(0, rounds):
            last = first + rounds if self.count <= 0 else min(first + rounds, self.count)
            if self._stopped or first >= last:
                return
            items = [[number, line] for number in range(first, last) for line in self.lines]
            yield Batch(orjson.dumps(items), {"id": secrets.token_hex(16)}, _nothing, _nothing)
            await asyncio.sleep(0)

    def stop(self) -> None:
        """Take no more."""
        self._stopped = True

    async def close(self) -> None:
        """Nothing to free."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the lines."""
        count = 0
        for place, (number, line) in enumerate(orjson.loads(data)):
            for sibling, fields in enumerate(self.codec.decode(line.encode())):
                id_ = f"{origin['id']}-{count}" if count else origin["id"]
                event = arrive(fields, {"event_id": id_}, place + sibling * SIBLING)
                self._describe(fields, number)
                yield event
                count += 1

    def _describe(self, fields: Fields, number: int) -> None:
        if self.ecs:
            _put(fields, "event", "sequence", number, replace=True)
            _put(fields, "host", "name", self.host, replace=False)
        else:
            fields["sequence"] = number
            fields.setdefault("host", self.host)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The pair of one event."""
        return orjson.dumps([orjson.loads(data)[piece]])


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""


def _put(fields: Fields, outer: str, inner: str, value: Any, *, replace: bool) -> None:
    parent = fields.setdefault(outer, {})
    if type(parent) is dict and (replace or inner not in parent):
        parent[inner] = value
