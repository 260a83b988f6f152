"""Read and write JSON documents, one a line.

    input { stdin { codec => json_lines } }

Blank lines are skipped. An array gives an event for each of its objects. What is no JSON, or neither an object
nor an array of objects, becomes the message of an event that is tagged `_jsonparsefailure`. A last line without
its delimiter is read when the stream ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.options import Ecs, Integer, PluginOptions, Text
from pipeline.plugin import Codec
from pipeline.texts.codecs import Charset, LineCodec, Parse, cut_after_last
from pipeline.texts.json_documents import json_parser, render_json


class Options(PluginOptions):
    """Options of the json_lines codec."""

    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name; UTF-8 is written.")] = (
        "UTF-8"
    )
    decode_size_limit_bytes: Annotated[
        Integer,
        Field(ge=1, description="A line that is longer becomes a tagged message instead of filling the memory."),
    ] = 512 * 1024 * 1024
    delimiter: Annotated[Text, Field(min_length=1, description="What ends a document.")] = "\n"
    target: Annotated[FieldReference | None, Field(description="Field for the document, in place of the root.")] = None
    ecs_compatibility: Annotated[Ecs, Field(description="Accepted as in Logstash; changes nothing here.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    delimiter = options.delimiter.encode()
    parse = json_parser(options.charset, options.target, original=False)
    return BoundedLines(parse, render_json(delimiter), delimiter, options.decode_size_limit_bytes)


class BoundedLines(LineCodec):
    """Lines with a longest length of their own."""

    def __init__(self, parse: Parse, render: Callable[[Event], bytes], delimiter: bytes, limit: int) -> None:
        super().__init__(parse, render, delimiter)
        self.limit = limit

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to and with the last delimiter."""
        return cut_after_last(data, self.delimiter, final=final, limit=self.limit)
