"""Read a size such as "5.3 GB" as a number of bytes.

    filter { bytes { source => "size" target => "size_bytes" } }

Units are k, m, g, t and p, in either case, with or without a b; 1k is 1024 bytes, or 1000 with the metric prefix
system. What is no size is left alone, and the event is tagged.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.errors import FilterFailure
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import FilterOptions, Text, Texts
from pipeline.plugin import Filter

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


class Options(FilterOptions):
    """What the bytes filter takes."""

    source: Annotated[FieldReference, Field(description="The field that holds the size.")] = FieldReference("message")
    target: Annotated[FieldReference, Field(description="The field for the number.")]
    conversion_method: Annotated[
        Literal["binary", "metric"], Field(description="Whether 1k is 1024 or 1000 bytes.")
    ] = "binary"
    decimal_separator: Annotated[Text, Field(description="What is before the fraction.")] = "."
    digit_group_separator: Annotated[Text, Field(description="What may be between groups of digits.")] = " "
    tag_on_failure: Texts = Field(["_bytesparsefailure"], description="Tags for an event that failed.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.decimal_separator == self.digit_group_separator:
            raise ValueError("digit_group_separator and decimal_separator must differ")
        return self


def build(options: Options) -> Filter:
    """The filter for these options."""
    get, set_target = options.source.get, setter(options.target)
    group, point = options.digit_group_separator, options.decimal_separator
    digits = "".join(re.escape(sign) for sign in "0123456789" + group + point)
    size = re.compile(rf"([{digits}]*)\s*([kmgtp]?)b?", re.IGNORECASE | re.ASCII)
    base = 1024 if options.conversion_method == "binary" else 1000

    def read(event: Event) -> bool:
        text = get(event)
        found = size.fullmatch(text.strip()) if type(text) is str else None
        if not found:
            raise FilterFailure(f"{text!r:.100} is no size")
        number = found[1].replace(group, "").replace(point, ".") if group else found[1].replace(point, ".")
        try:
            set_target(event, int(float(number) * base ** _POWERS[found[2].lower()]))
        except ValueError as error:
            raise FilterFailure(f"{text!r:.100} is no size") from error
        return True

    return read
