"""Take text as it is, for inputs whose messages have their own ends.

    output { stdout { codec => plain { format => "%{[host][name]}: %{message};" } } }

Each datagram, request or record is one event. In a stream (stdin, tcp, files) it reads one event a line. In
ECS mode the text is kept in `[event][original]` too.

Written events hold `format` and nothing after it; without `format`, the time, the host and the message.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.options import Ecs, PluginOptions
from pipeline.plugin import Codec
from pipeline.sprintf import Template
from pipeline.texts.codecs import Charset, WholeCodec, text_parser, text_renderer


class Options(PluginOptions):
    """Options of the plain codec."""

    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name; UTF-8 is written.")] = (
        "UTF-8"
    )
    format: Annotated[Template | None, Field(description="Text of a written event; may hold %{...}.")] = None
    ecs_compatibility: Annotated[Ecs, Field(description="With v1 or v8, `[event][original]` is set too.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    parse = text_parser(options.charset, original=options.ecs_compatibility != "disabled")
    return WholeCodec(parse, text_renderer(options.format.render if options.format else None))
