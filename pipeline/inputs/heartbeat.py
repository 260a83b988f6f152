"""Send an event now and then, to see that a pipeline is alive, and how long events take through it.

    input { heartbeat { interval => 30 message => "epoch" } }

The first event comes at once, the others every `interval` seconds. With `sequence => "epoch"` an event tells the time
it was made at, in seconds since 1970; with `sequence => "sequence"`, its number, from 1. That is in the field `clock`
or, in ECS mode, in `[event][sequence]`. Without ECS `message` can say the same, as in older configurations. The name of
this machine is in `host` or, in ECS mode, `[host][name]`. What was made and not delivered when the process ends is not
made again. With several workers each event is still made once.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

from pydantic import Field

from pipeline.batch import Batch, Origin
from pipeline.event import Event, copied
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import CodecOption, Ecs, Ignored, InputOptions, Integer, Number, Text, default_codec
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.protocols import messages
from pipeline.pulled import Stop, unanswered
from pipeline.texts.codecs import WholeCodec, text_parser

_WORDS = ("epoch", "sequence")


class Options(InputOptions):
    """Options of the heartbeat input."""

    message: Annotated[Text, Field(description="The message; without ECS also `epoch` or `sequence`.")] = "ok"
    interval: Annotated[Number, Field(ge=0, description="Seconds between two events.")] = 60
    count: Annotated[Integer, Field(description="How many events; -1 means without end.")] = -1
    sequence: Annotated[
        Literal["none", "epoch", "sequence"] | None, Field(description="What each event tells beside its message.")
    ] = None
    threads: Annotated[
        Integer, Ignored("one clock is enough: each event is made once"), Field(description="Accepted as in Logstash.")
    ] = 1
    codec: Annotated[CodecOption, Field(description="How the message becomes an event.")] = default_codec("plain")
    ecs_compatibility: Annotated[
        Ecs, Field(description="With v1 or v8, `[event][sequence]` is set in place of `clock`.")
    ] = "v8"


def build(options: Options, context: PluginContext) -> Heartbeat:
    """Makes the input."""
    ecs = options.ecs_compatibility != "disabled"
    if options.message in _WORDS and (ecs or options.sequence is None):
        remedy = f'write sequence => "{options.message}"'
        context.warn(f"heartbeat: {remedy}; as a message it {'changes nothing' if ecs else 'is the former way'}")
    return Heartbeat(options)


class Heartbeat:
    """Its data is one message: its head says the number, and the time."""

    def __init__(self, options: Options) -> None:
        self.texts: Iterator[str] = itertools.repeat(options.message)
        ecs = options.ecs_compatibility != "disabled"
        chosen = options.sequence or ("none" if ecs else options.message)
        self._interval, self._count = options.interval, options.count
        self._decode = messages.decoder(_text(options.codec), _describer(chosen, ecs=ecs))
        self._stop = Stop()

    async def batches(self) -> AsyncIterator[Batch]:
        """One event each."""
        due = time.monotonic()
        for number in itertools.count(1):
            if self._stop:
                return
            head = {"sequence": number, "epoch": int(time.time())}
            yield unanswered(messages.packed([(head, next(self.texts).encode())]))
            if number == self._count:
                return
            due = max(due + self._interval, time.monotonic())
            await self._stop.rest(due - time.monotonic())

    def stop(self) -> None:
        """Take no more."""
        self._stop.set()

    async def close(self) -> None:
        """Nothing to free."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The event."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """All of it: siblings have one ordinal."""
        return data


def _text(codec: Codec) -> Codec:
    """Plain text is the message alone: it came from nobody, so nothing is kept as its original."""
    if codec.name != "plain":
        return codec
    return WholeCodec(text_parser("UTF-8", original=False), codec.encode)


def _describer(chosen: str, *, ecs: bool) -> messages.Describe:
    host = {"name": socket.gethostname()} if ecs else socket.gethostname()
    put = setter(FieldReference("[event][sequence]" if ecs else "clock"))

    def describe(event: Event, head: messages.Head, payload: bytes) -> None:
        fields = event.fields
        fields.setdefault("host", copied(host))
        if chosen in _WORDS:
            put(event, head[chosen])
            if fields.get("message") in _WORDS:
                del fields["message"]

    return describe
