"""Read and write JSON documents, one a message.

    input { stdin { codec => json { target => "[document]" } } }

An array gives an event for each of its objects. What is no JSON, or neither an object nor an array of objects,
becomes the message of an event that is tagged `_jsonparsefailure`; so does a document with something after its
end, of which Logstash would drop the rest. In a stream (stdin, tcp, files) each line is a document. In ECS mode
the text is kept in `[event][original]`, unless the document sets it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.field_reference import FieldReference
from pipeline.options import Ecs, PluginOptions
from pipeline.plugin import Codec
from pipeline.texts.codecs import Charset, WholeCodec
from pipeline.texts.json_documents import json_parser, render_json


class Options(PluginOptions):
    """Options of the json codec."""

    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name; UTF-8 is written.")] = (
        "UTF-8"
    )
    target: Annotated[FieldReference | None, Field(description="Field for the document, in place of the root.")] = None
    ecs_compatibility: Annotated[Ecs, Field(description="With v1 or v8, `[event][original]` is set too.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    parse = json_parser(options.charset, options.target, original=options.ecs_compatibility != "disabled")
    return WholeCodec(parse, render_json())
