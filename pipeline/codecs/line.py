"""Read and write lines of text: one event a line.

    input { stdin { codec => line { charset => "ISO-8859-1" } } }

Empty lines are events too, and a carriage return at the end of a line stays. A last line without its delimiter
is an event when the stream ends. A line of more than 64 MiB is cut. In ECS mode the line is kept in
`[event][original]` too.

Written lines hold `format`; without it, the time, the host and the message of the event.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.options import Ecs, PluginOptions, Text
from pipeline.plugin import Codec
from pipeline.sprintf import Template
from pipeline.texts.codecs import Charset, LineCodec, text_parser, text_renderer


class Options(PluginOptions):
    """Options of the line codec."""

    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name; UTF-8 is written.")] = (
        "UTF-8"
    )
    delimiter: Annotated[Text, Field(min_length=1, description="What ends a line.")] = "\n"
    format: Annotated[Template | None, Field(description="Text of a written line; may hold %{...}.")] = None
    ecs_compatibility: Annotated[Ecs, Field(description="With v1 or v8, `[event][original]` is set too.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    delimiter = options.delimiter.encode()
    render = text_renderer(options.format.render if options.format else None, delimiter)
    parse = text_parser(options.charset, original=options.ecs_compatibility != "disabled")
    return LineCodec(parse, render, delimiter)
