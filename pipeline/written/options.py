"""The options of an output that writes files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.options import Boolean, Ignored, Integer, OutputOptions, Refused, Seconds, Text
from pipeline.sprintf import Template


def _mode(value: Any) -> Any:
    """Logstash reads 0640 as the octal number that it looks like; its -1 is the system's default."""
    if isinstance(value, str) and value.startswith("0"):
        return int(value, 8)
    return value


Mode = Annotated[Integer, BeforeValidator(_mode)]


class WrittenOptions(OutputOptions):
    """Where to write, and how files are made."""

    path: Annotated[Template, Field(description="The file; may hold %{...}, but not in its first folder.")]
    write_behavior: Annotated[
        Literal["append", "overwrite"], Field(description="`overwrite` keeps only the latest event in the file.")
    ] = "append"
    create_if_deleted: Annotated[
        Boolean, Field(description="Makes a file that is not there; without, its events go to `filename_failure`.")
    ] = True
    file_mode: Annotated[Mode, Field(description="Access mode of new files, such as 0640; -1 is the system's.")] = -1
    dir_mode: Annotated[Mode, Field(description="Access mode of new folders, such as 0750; -1 is the system's.")] = -1
    filename_failure: Annotated[Text, Field(description="File for events whose path cannot be used.")] = (
        "_filepath_failures"
    )
    gzip: Annotated[Boolean, Field(description="Compresses what is written.")] = False
    fsync: Annotated[Boolean, Field(description="Waits until the disk has what was written. Ours, not Logstash's.")] = (
        False
    )
    flush_interval: Annotated[
        Seconds,
        Ignored("every body is written before its events count as delivered"),
        Field(description="As in Logstash."),
    ] = 2
    stale_cleanup_interval: Annotated[
        Seconds, Field(gt=0, description="Files that were not written to for so many seconds are closed.")
    ] = 10
    message_format: Annotated[
        Text | None, Refused("use codec => line { format => ... }"), Field(description="Gone in Logstash.")
    ] = None

    @model_validator(mode="after")
    def _begins_with_a_folder(self) -> Self:
        text = self.path.text
        if not self.path.constant and "%{" in Path(absolute(text)).parts[1]:
            raise ValueError(f'path "{text}" must begin with a folder that holds no field, such as /var/log/%{{name}}')
        return self


def absolute(path: str) -> str:
    """The path from the root; resolves ".." by the text alone, as must be."""
    return os.path.abspath(path)  # noqa: PTH100  a Path keeps dots
