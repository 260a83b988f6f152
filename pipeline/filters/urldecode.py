"""Decode the percent-encoding of URLs: `%2F` becomes `/`.

    filter { urldecode { field => "[url][path]" } }

Texts in arrays and objects are decoded, too. A plus sign stays one. Bytes that are no text in UTF-8 are written as
`\\xD3`, those that are none in another charset as U+FFFD. As in Logstash, a field that the event lacks becomes null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import Boolean, FilterOptions, Texts
from pipeline.plugin import Filter
from pipeline.texts.codecs import Charset, text_of

TIMESTAMP = "@timestamp"


class Options(FilterOptions):
    """What the urldecode filter takes."""

    field: Annotated[FieldReference, Field(description="The field to decode.")] = FieldReference("message")
    all_fields: Annotated[Boolean, Field(description="Decode every field of the event.")] = False
    charset: Annotated[Charset, Field(description="Charset of the decoded bytes, by Ruby's name.")] = "UTF-8"
    tag_on_failure: Texts = Field(["_urldecodefailure"], description="Tags for an event that failed.")


def build(options: Options) -> Filter:
    """The filter for these options."""
    read = text_of(options.charset)
    get, set_field = options.field.get, setter(options.field)

    def decode_field(event: Event) -> bool:
        set_field(event, decoded(get(event), read))
        return True

    def decode_all(event: Event) -> bool:
        for name, value in event.fields.items():
            if name != TIMESTAMP:
                event.fields[name] = decoded(value, read)
        return True

    return decode_all if options.all_fields else decode_field


_ENCODED = re.compile(rb"(?:%[0-9a-fA-F]{2})+")


def decoded(value: Any, read: Callable[[bytes], str]) -> Any:
    """A value with every text in it decoded; `read` makes text of the bytes."""
    if type(value) is str:
        plain = value.encode("utf-8", "surrogatepass")
        return read(_ENCODED.sub(lambda found: bytes.fromhex(found[0].replace(b"%", b"").decode()), plain))
    if type(value) is list:
        return [decoded(item, read) for item in value]
    if type(value) is dict:
        return {name: decoded(item, read) for name, item in value.items()}
    return value
