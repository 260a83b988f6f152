"""Append events to files.

    output { file { path => "/var/log/archive/%{[service][name]}/%{+YYYY-MM-dd}.jsonl" } }

An event is delivered when the operating system has it; with `fsync`, when the disk has. Events keep their order.
Where the disk refuses (it is full, the folder may not be written) the pipeline waits and tries again; what was
written in part is taken back.

The path must begin with a part that holds no field. An event whose path would leave that folder, or cannot be a
file's name, goes to `filename_failure` in it. With `gzip`, every write is a gzip member of its own, so that a file
can be read up to the last write at any time.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.options import CodecOption, default_codec
from pipeline.plugin import PluginContext
from pipeline.written.options import WrittenOptions
from pipeline.written.output import Writing


class Options(WrittenOptions):
    """Options of the file output."""

    codec: Annotated[CodecOption, Field(description="How events become bytes.")] = default_codec("json_lines")


def build(options: Options, context: PluginContext) -> Writing:
    """Makes the output."""
    return Writing(options, options.codec.encode, context)
