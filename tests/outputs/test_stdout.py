import asyncio
import os

import pytest

from pipeline.codecs import json_lines
from pipeline.errors import StoreError
from pipeline.event import Event
from pipeline.outputs.stdout import Stdout
from pipeline.plugin import Body, Sent

CODEC = json_lines.build(json_lines.Options())


def body_of(output, *documents):
    body = Body()
    for document in documents:
        output.render(Event(document), body.data)
        body.ends.append(len(body.data))
    return body


def test_writes_in_order():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    output = Stdout(CODEC, writer)
    body = body_of(output, *({"n": number, "text": "x" * 50} for number in range(5000)))
    received = bytearray()

    async def run():
        sending = asyncio.create_task(output.send(body))
        while len(received) < len(body.data):
            received.extend(await asyncio.to_thread(os.read, reader, 65536))
        return await sending

    assert asyncio.run(run()) == Sent()
    os.close(reader)
    os.close(writer)
    assert received == body.data


def test_a_reader_that_has_ended_is_told():
    reader, writer = os.pipe()
    os.close(reader)
    output = Stdout(CODEC, writer)
    with pytest.raises(StoreError, match="standard output is closed"):
        asyncio.run(output.send(body_of(output, {"a": 1})))
    os.close(writer)
