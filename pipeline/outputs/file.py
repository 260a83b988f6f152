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

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipeline.disk.written_files import WriteError, WrittenFiles
from pipeline.errors import Unavailable
from pipeline.event import Event
from pipeline.options import (
    Boolean,
    CodecOption,
    Ignored,
    Integer,
    OutputOptions,
    Refused,
    Seconds,
    Text,
    default_codec,
)
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.sprintf import Template

END_OF_PATH = b"\0"


def _mode(value: Any) -> Any:
    """Logstash reads 0640 as the octal number that it looks like; its -1 is the system's default."""
    if isinstance(value, str) and value.startswith("0"):
        return int(value, 8)
    return value


Mode = Annotated[Integer, BeforeValidator(_mode)]


class Options(OutputOptions):
    """Options of the file output."""

    path: Annotated[Template, Field(description="The file; may hold %{...}, but not in its first folder.")]
    codec: Annotated[CodecOption, Field(description="How events become bytes.")] = default_codec("json_lines")
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
    def _begins_with_a_folder(self) -> Options:
        text = self.path.text
        if not self.path.constant and "%{" in Path(_absolute(text)).parts[1]:
            raise ValueError(f'path "{text}" must begin with a folder that holds no field, such as /var/log/%{{name}}')
        return self


def build(options: Options, context: PluginContext) -> FileOutput:
    """Makes the output."""
    output = FileOutput(options)
    context.every(options.stale_cleanup_interval, output.close_stale)
    return output


class FileOutput:
    """One body at a time, as lines of a file must keep their order.

    Where the path holds fields, an item is the path, a zero byte, and what is written to it.
    """

    ordered = True

    def __init__(self, options: Options) -> None:
        self.options = options
        self.encode = options.codec.encode
        self.files = WrittenFiles(
            file_mode=options.file_mode,
            dir_mode=options.dir_mode,
            compress=options.gzip,
            fsync=options.fsync,
            overwrite=options.write_behavior == "overwrite",
        )
        self.path = _absolute(options.path.text)
        self.root = _static_root(self.path) if not options.path.constant else str(Path(self.path).parent)
        self.failure_path = str(Path(self.root, options.filename_failure))
        self.render = _line_renderer(self.encode) if self._always_one_path() else self._renderer()
        self._busy = False

    def _always_one_path(self) -> bool:
        return self.options.path.constant and self.options.create_if_deleted

    def _renderer(self) -> Callable[[Event, bytearray], None]:
        render, encode, inside = self.options.path.render, self.encode, self._inside
        known: dict[str, bytes] = {}

        def render_item(event: Event, body: bytearray) -> None:
            text = render(event)
            path = known.get(text)
            if path is None:
                if len(known) > 10_000:
                    known.clear()
                path = known[text] = inside(text) + END_OF_PATH
            body += path
            body += encode(event)

        return render_item

    def _inside(self, text: str) -> bytes:
        """The path where it may be written to: below the root, and a name that a file can have."""
        try:
            path = _absolute(text)
            encoded = os.fsencode(path)
        except (UnicodeEncodeError, ValueError):
            return os.fsencode(self.failure_path)
        usable = b"\0" not in encoded and all(len(part) <= 255 for part in encoded.split(b"/")) and len(encoded) < 4096
        if not usable or not path.startswith(f"{self.root.rstrip('/')}/") or text.endswith("/"):
            return os.fsencode(self.failure_path)
        return encoded

    async def send(self, body: Body) -> Sent:
        """Writes every item to its file, file by file; items that the disk refused are to be sent again."""
        self._busy = True
        try:
            again = await asyncio.to_thread(self._write, body)
        finally:
            self._busy = False
        if len(again) == len(body):
            raise Unavailable(again[0][1])
        return Sent(again=again)

    def _write(self, body: Body) -> list[tuple[int, str]]:
        again: list[tuple[int, str]] = []
        for path, data, ends, indexes in self._by_file(body):
            try:
                self.files.append(path, data, ends)
            except WriteError as failure:
                again += [(index, failure.reason) for index in indexes[failure.written :]]
        return sorted(again)

    def _by_file(self, body: Body) -> Iterable[tuple[str, bytearray, Sequence[int], Sequence[int]]]:
        """For each file its path, its data, where the items in it end, and their places in the body."""
        if self._always_one_path():
            return [(self.path, body.data, body.ends, range(len(body)))]
        files: dict[bytes, tuple[bytearray, list[int], list[int]]] = {}
        for index in range(len(body)):
            path, _, item = body.item(index).partition(END_OF_PATH)
            data, ends, indexes = files.setdefault(path, (bytearray(), [], []))
            data += item
            ends.append(len(data))
            indexes.append(index)
        return [(self._existing(os.fsdecode(path)), *file) for path, file in files.items()]

    def _existing(self, path: str) -> str:
        return path if self.options.create_if_deleted or Path(path).exists() else self.failure_path

    def close_stale(self) -> None:
        """Closes files that are not written to any more; they are opened again when needed."""
        if not self._busy:
            self.files.close_unused(self.options.stale_cleanup_interval)

    async def start(self) -> None:
        """Nothing to prepare: files are opened when the first event for them comes."""

    async def close(self) -> None:
        """Closes the files."""
        self.files.close()


def _line_renderer(encode: Callable[[Event], bytes]) -> Callable[[Event, bytearray], None]:
    def render(event: Event, body: bytearray) -> None:
        body += encode(event)

    return render


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - resolves ".." by the text alone, as must be


def _static_root(path: str) -> str:
    parts = Path(path).parts
    static = next(index for index, part in enumerate(parts) if "%{" in part)
    return str(Path(*parts[:static]))
