"""Write events to standard output.

    output { stdout { codec => json_lines } }

By default events are shown for people to read (rubydebug). Events keep their order. If the program that reads
standard output ends, the pipeline ends with an error.
"""

from __future__ import annotations

import asyncio
import os
import select
from typing import Annotated

from pydantic import Field

from pipeline.errors import StoreError
from pipeline.event import Event
from pipeline.options import CodecOption, OutputOptions, default_codec
from pipeline.plugin import Body, Codec, Sent


class Options(OutputOptions):
    """Options of the stdout output."""

    codec: Annotated[CodecOption, Field(description="How events become bytes.")] = default_codec("rubydebug")


def build(options: Options) -> Stdout:
    """Makes the output."""
    return Stdout(options.codec)


class Stdout:
    """Standard output. One body at a time, as lines must not mix."""

    ordered = True

    def __init__(self, codec: Codec, descriptor: int = 1) -> None:
        self.encode = codec.encode
        self.descriptor = descriptor

    def render(self, event: Event, body: bytearray) -> None:
        """Appends the event as the codec writes it."""
        body += self.encode(event)

    async def send(self, body: Body) -> Sent:
        """Writes all of it; a reader that is slow makes the pipeline wait, not the loop."""
        try:
            await asyncio.to_thread(write_all, self.descriptor, body.data)
        except BrokenPipeError:
            raise StoreError("standard output is closed: the program that read it has ended") from None
        except OSError as error:
            raise StoreError(f"standard output cannot be written: {error.strerror}") from error
        return Sent()

    async def start(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """Nothing to free: standard output belongs to the process."""


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    """Writes until all is written; waits where the descriptor would not."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # a terminal or pipe that someone else made non-blocking
            select.select([], [descriptor], [])
