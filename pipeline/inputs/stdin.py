"""Read events from standard input.

    input { stdin { codec => json_lines } }

By default each line is an event. The pipeline ends when standard input does, after everything that was read has
been delivered. Whoever writes to standard input cannot send again: what was read and not yet delivered when the
process is killed is lost.

Each event gets the name of this machine, in `host` or, in ECS mode, in `[host][hostname]`, unless it has one. In
ECS mode what was read is kept in `[event][original]`, unless the event sets it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

from pydantic import Field

from pipeline.arrivals import arrive
from pipeline.batch import Batch, Origin
from pipeline.event import SIBLING, Event, Fields
from pipeline.options import CodecOption, Ecs, InputOptions, default_codec
from pipeline.plugin import Codec, Reject
from pipeline.texts.codecs import Picker, in_pieces, keep_original, text_of

BLOCK = 256 * 1024

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]


class Options(InputOptions):
    """Options of the stdin input."""

    codec: Annotated[
        CodecOption, Field(description="How bytes become events; plain reads lines, json reads json_lines.")
    ] = default_codec("line")
    ecs_compatibility: Annotated[
        Ecs, Field(description="With v1 or v8, `[host][hostname]` and `[event][original]` are set in place of `host`.")
    ] = "v8"


def build(options: Options) -> Stdin:
    """Makes the input."""
    return Stdin(options.codec.streaming(), ecs=options.ecs_compatibility != "disabled")


class Stdin:
    """Standard input. Nothing can be acknowledged: a batch that ends needs no answer."""

    def __init__(self, codec: Codec, *, ecs: bool, descriptor: int = 0) -> None:
        self.codec = codec
        self.descriptor = descriptor
        self.decode = decoder(codec, socket.gethostname(), ecs=ecs)
        self._pick = Picker(codec)
        self._stopped = False
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue()

    async def batches(self) -> AsyncIterator[Batch]:
        """The batches, until standard input ends or `stop` is called."""
        room = threading.Semaphore(2)
        arguments = (self.descriptor, room, asyncio.get_running_loop(), self._blocks)
        threading.Thread(target=_read_blocks, args=arguments, name="stdin", daemon=True).start()
        patience: float | None = getattr(self.codec, "auto_flush_interval", None)
        rest, ended = b"", self._stopped
        while not ended:
            try:
                async with asyncio.timeout(patience if rest else None):
                    block = await self._blocks.get()
                room.release()
                ended = self._stopped or not block
                while ended and not self._blocks.empty():  # read already, and nobody can send it again
                    block += self._blocks.get_nowait()
                data = rest + block
                whole = self.codec.cut(data, final=ended)
            except TimeoutError:
                data, whole = rest, len(rest)
            rest = data[whole:]
            if whole:
                yield Batch(data[:whole], {"id": os.urandom(16).hex()}, _nothing, _nothing)

    def stop(self) -> None:
        """Take no more."""
        self._stopped = True
        self._blocks.put_nowait(b"")

    async def close(self) -> None:
        """Nothing to free: standard input belongs to the process."""

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The line of one event."""
        return self._pick(data, piece)


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""


def _read_blocks(
    descriptor: int, room: threading.Semaphore, loop: asyncio.AbstractEventLoop, blocks: asyncio.Queue[bytes]
) -> None:
    """Runs in a thread of its own, as no event loop can wait for a regular file."""
    block = b"more"
    while block:
        room.acquire()
        try:
            block = os.read(descriptor, BLOCK)
        except OSError:  # closed, or a terminal that is gone
            block = b""
        try:
            loop.call_soon_threadsafe(blocks.put_nowait, block)
        except RuntimeError:  # the loop has ended before standard input did
            return


def decoder(codec: Codec, host: str, *, ecs: bool) -> Decode:
    """The second half of the input: from the bytes of a batch to its events."""
    pieces, parse = in_pieces(codec)
    text = text_of("UTF-8")

    def add_host(fields: Fields) -> None:
        known = fields.get("host")
        if known is None:
            fields["host"] = {"hostname": host}
        elif type(known) is dict and "hostname" not in known:
            known["hostname"] = host

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        id_, count = origin["id"], 0
        for number, piece in enumerate(pieces(data)):
            parsed = parse(piece)
            for sibling, fields in enumerate(parsed if isinstance(parsed, list) else (parsed,)):
                named = {"event_id": f"{id_}-{count}" if count else id_}
                event = arrive(fields, named, number + sibling * SIBLING)
                if ecs:
                    add_host(fields)
                    keep_original(fields, text(piece))
                else:
                    fields.setdefault("host", host)
                yield event
                count += 1

    return decode
