"""Follow files that grow, or read files that are complete.

    input { file { path => "/var/log/app/*.log" start_position => "beginning" } }

    input {
      file {
        path => "/srv/archive/**/*.log.gz"
        mode => "read"
        file_completed_action => "log"
        file_completed_log_path => "/var/log/archive-done.log"
        exit_after_read => true
      }
    }

**tail** (the default) follows files as `tail -F` does, through renaming, copying and truncating. A file that is
there at the start is read from its end, unless `start_position` says otherwise; one that appears later from its
beginning. A line counts when it is complete; the rest waits in the file.

**read** reads each file to its end, `.gz` too, and then deletes it (every path that was found to lead to it), unless
`file_completed_action` says otherwise. A packed file is read when it has not changed for one `discover_interval`, as it
may still be being copied; with `exit_after_read` at once. A completed file that was changed is read again.

The position of a file is saved (in the sincedb) only when what lies before it has been delivered, so nothing is
lost by a crash. What is read again has the same ids: made of the machine, the input, the file, the offset and the
line. In read mode the file is its path, inode, time of change, size and content: one that was written or copied anew
is another, and its lines are new. The input is its `id`; without one it is what it reads and adds (`path`, `exclude`,
`mode`, `codec`, `sincedb_path`, `type`, `tags`, `add_field`), and after a change of these, what is read again is new.
The sincedb is Logstash's, under the same name: either program goes on where the other stopped. Two inputs with one
`path` need a `sincedb_path` each: `check` refuses one sincedb for two.

Events get `[log][file][path]` and `[host][name]`, or without ECS `path` and `host`, unless they have them, and
`[@metadata][path]` and `[@metadata][host]`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import xxhash
from pydantic import AfterValidator, Field, model_validator

from pipeline.batch import Batch, Origin
from pipeline.disk.chunks import Chunk, Watch
from pipeline.disk.completion import logged_or_deleted
from pipeline.disk.read_files import ReadFiles
from pipeline.disk.sincedb import SinceDb
from pipeline.disk.tailed_files import TailedFiles
from pipeline.errors import StoreError
from pipeline.event import Event
from pipeline.options import (
    Boolean,
    CodecOption,
    Days,
    Ecs,
    InputOptions,
    Integer,
    Number,
    Seconds,
    Text,
    Texts,
    default_codec,
)
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.texts.codecs import Picker
from pipeline.texts.file_lines import decoder

BLOCK = 1024 * 1024
WHOLE_FILE = 4611686018427387903
"""Logstash's default of `file_chunk_count`."""
TURN = 64
"""Blocks of a tailed file before the next has its turn, where `file_chunk_count` is not set."""
DAY = 86_400


def _absolute(paths: list[str]) -> list[str]:
    for path in paths:
        if not Path(path).is_absolute():
            raise ValueError(f'"{path}" must be an absolute path')
    return paths


class Options(InputOptions):
    """Options of the file input."""

    path: Annotated[
        Texts, AfterValidator(_absolute), Field(min_length=1, description="Paths or globs; ** is any folders.")
    ]
    exclude: Annotated[Texts, Field(default_factory=list, description="Globs of names, without folder, to leave out.")]
    mode: Annotated[
        Literal["tail", "read"], Field(description="`tail` follows growing files, `read` complete ones.")
    ] = "tail"
    codec: Annotated[CodecOption, Field(description="How a line becomes events.")] = default_codec("plain")
    delimiter: Annotated[Text, Field(min_length=1, description="What ends a line, in files that are not packed.")] = (
        "\n"
    )
    start_position: Annotated[
        Literal["beginning", "end"],
        Field(description="Where a file that is first seen at the start is read from (tail)."),
    ] = "end"
    sincedb_path: Annotated[
        Text | None, Field(description="File for the positions; /dev/null for none. Default: under `path.data`.")
    ] = None
    sincedb_write_interval: Annotated[Seconds, Field(gt=0, description="How often positions are saved.")] = 15
    sincedb_clean_after: Annotated[
        Days, Field(gt=0, description="Days after which the position of a file that is gone is forgotten.")
    ] = 14
    stat_interval: Annotated[Seconds, Field(gt=0, description="How often files are looked at for new data.")] = 1
    discover_interval: Annotated[
        Number, Field(gt=0, description="New files are looked for after so many times `stat_interval`.")
    ] = 15
    close_older: Annotated[
        Seconds, Field(gt=0, description="A file that has not grown for so long is closed until it does (tail).")
    ] = 3600
    ignore_older: Annotated[
        Seconds | None,
        Field(ge=0, description="A file that was last changed longer ago is left alone until it changes."),
    ] = None
    max_open_files: Annotated[Integer, Field(ge=1, description="Most files open at a time.")] = 4095
    file_chunk_size: Annotated[
        Integer, Field(ge=1, description="Bytes of a block, where `file_chunk_count` is set; else blocks are of 1 MiB.")
    ] = 32768
    file_chunk_count: Annotated[
        Integer, Field(ge=1, description="Blocks read of one file before the next has its turn.")
    ] = WHOLE_FILE
    file_sort_by: Annotated[Literal["last_modified", "path"], Field(description="Which file is read first.")] = (
        "last_modified"
    )
    file_sort_direction: Annotated[Literal["asc", "desc"], Field(description="In which direction they are sorted.")] = (
        "asc"
    )
    file_completed_action: Annotated[
        Literal["delete", "log", "log_and_delete"],
        Field(description="What is done with a file that was delivered (read)."),
    ] = "delete"
    file_completed_log_path: Annotated[
        Text | None, Field(description="File to which the path of a delivered file is appended.")
    ] = None
    check_archive_validity: Annotated[
        Boolean, Field(description="Reads a packed file once before, and leaves it alone if it is damaged (read).")
    ] = False
    exit_after_read: Annotated[
        Boolean, Field(description="Reads the files there are at the start, then ends (read).")
    ] = False
    ecs_compatibility: Annotated[
        Ecs, Field(description="With v1 or v8, `[log][file][path]` and `[host][name]` are set.")
    ] = "v8"

    @model_validator(mode="after")
    def _fits_together(self) -> Options:
        if self.mode == "tail" and self.exit_after_read:
            raise ValueError('exit_after_read needs mode => "read"')
        if self.mode == "read" and "log" in self.file_completed_action and not self.file_completed_log_path:
            raise ValueError(f'file_completed_action => "{self.file_completed_action}" needs file_completed_log_path')
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            raise ValueError(f'sincedb_path "{self.sincedb_path}" must be a file, and is a folder')
        return self

    def claim(self) -> tuple[str, str] | None:
        """Its positions: they are those of one input, or what one has not delivered is left out after a restart."""
        path = _given_sincedb(self)
        if self.sincedb_path is not None and path is None:
            return None
        where = f"the sincedb {path.resolve()}" if path else f"the sincedb of {', '.join(self.path)}"
        return where, "give each a sincedb_path of its own"


def build(options: Options, context: PluginContext) -> FileInput:
    """Makes the input."""
    codec, packed = options.codec.streaming(options.delimiter.encode()), options.codec.streaming()
    sincedb = SinceDb(_sincedb_path(options, context), options.sincedb_clean_after * DAY, context.clock.now)
    if sincedb.damage:
        context.warn(sincedb.damage)
    watch = _watch(options, context, codec, packed)
    files: TailedFiles | ReadFiles
    if options.mode == "tail":
        files = TailedFiles(watch, sincedb, from_beginning=options.start_position == "beginning")
    else:
        log = Path(options.file_completed_log_path) if options.file_completed_log_path else None
        complete = logged_or_deleted(options.file_completed_action, log)
        files = ReadFiles(watch, sincedb, complete, once=options.exit_after_read, check=options.check_archive_validity)
    made = FileInput(files, sincedb, (codec, packed), options, context.warn)
    context.every(options.sincedb_write_interval, made.save)
    return made


def _given_sincedb(options: Options) -> Path | None:
    """The sincedb that the options name; None also for /dev/null."""
    if options.sincedb_path is None:
        return None
    path = Path(options.sincedb_path)
    return None if path.exists() and not path.is_file() else path


def _sincedb_path(options: Options, context: PluginContext) -> Path | None:
    if options.sincedb_path is None:
        folder = context.path_data / "plugins" / "inputs" / "file"
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.md5(",".join(options.path).encode(), usedforsecurity=False).hexdigest()
        return folder / f".sincedb_{name}"
    path = _given_sincedb(options)
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _delimiter(codec: Codec, given: str = "\n") -> bytes:
    """What ends a line: the option says so, but to a codec that has a delimiter of its own."""
    delimiter: bytes = getattr(codec, "delimiter", given.encode())
    return delimiter


NAMING = {"path", "exclude", "mode", "sincedb_path", "type", "tags", "add_field"}
"""Options by which one input without an `id` is told from another."""
MACHINE = Path("/etc/machine-id")


def _source(options: Options, pipeline: str) -> str:
    """Names the machine and the input: two that read one file, or files with one inode, have ids of their own."""
    own = options.id or f"{options.codec.name}:{options.model_dump_json(include=NAMING)}"
    machine = MACHINE.read_text().strip() if MACHINE.is_file() else ""
    return xxhash.xxh3_64_hexdigest("\0".join((socket.gethostname(), machine, pipeline, own)).encode())


def _watch(options: Options, context: PluginContext, codec: Codec, packed: Codec) -> Watch:
    in_turns = options.file_chunk_count != WHOLE_FILE
    soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Watch(
        codec=codec,
        delimiter=_delimiter(codec, options.delimiter),
        packed=packed,
        packed_unix=_delimiter(packed) == b"\n",
        source=_source(options, context.pipeline_id),
        patterns=tuple(options.path),
        excluded=tuple(options.exclude),
        block=options.file_chunk_size if in_turns else BLOCK,
        blocks_each=options.file_chunk_count if in_turns or options.mode == "read" else TURN,
        sort_by=options.file_sort_by,
        descending=options.file_sort_direction == "desc",
        ignore_older=options.ignore_older,
        close_older=options.close_older,
        most_open=max(1, min(options.max_open_files, soft_limit // 2)),
        discover_interval=options.discover_interval * options.stat_interval,
        auto_flush=getattr(codec, "auto_flush_interval", None),
        now=context.clock.now,
        monotonic=context.clock.monotonic,
        warn=context.warn,
    )


class FileInput:
    """Files are found and read in a thread; what was read is acknowledged by the loop."""

    def __init__(
        self,
        files: TailedFiles | ReadFiles,
        sincedb: SinceDb,
        codecs: tuple[Codec, Codec],
        options: Options,
        warn: Callable[[str], None],
    ) -> None:
        """`codecs` are that of plain and that of packed files."""
        self.files = files
        self.sincedb = sincedb
        self.interval = options.stat_interval
        self.warn = warn
        ecs = options.ecs_compatibility != "disabled"
        host = socket.gethostname()
        lengths = len(_delimiter(codecs[0], options.delimiter)), len(_delimiter(codecs[1]))
        self._decode = [decoder(*each, host, ecs=ecs) for each in zip(codecs, lengths, strict=True)]
        self._pick = [Picker(codec) for codec in codecs]
        self._stopped = asyncio.Event()
        self._changed = False

    async def batches(self) -> AsyncIterator[Batch]:
        """What there is in the files, and what comes, until `stop`; with `exit_after_read`, until all is read."""
        self.sincedb.load()
        while not self._stopped.is_set():
            await asyncio.to_thread(self.files.scan)
            if self.files.dirty:
                self.save()
            chunks, idle = self.files.chunks(), True
            while not self._stopped.is_set() and (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                chunk.begin()
                if chunk.data:
                    idle = False
                    yield self._batch(chunk)
            if self.files.finished:
                return
            if idle:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self.interval):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _batch(self, chunk: Chunk) -> Batch:
        origin: Origin = {
            "id": os.urandom(16).hex(),
            "path": chunk.path,
            "identity": chunk.identity,
            "offset": chunk.offset,
        }
        if chunk.packed:
            origin["packed"] = True

        def end(_: int) -> None:
            chunk.end()
            self._changed = True

        return Batch(chunk.data, origin, end, lambda _: None)

    def save(self) -> None:
        """Saves the positions if they have changed; a disk that refuses is told of, and asked again later."""
        if not (self._changed or self.files.dirty):
            return
        self._changed = False
        try:
            self.sincedb.save(self.files.records())
        except StoreError as error:
            self._changed = True
            self.warn(str(error))

    def stop(self) -> None:
        """Take no more."""
        self._stopped.set()

    async def close(self) -> None:
        """Saves the last positions and closes the files."""
        self.save()
        self.files.close()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the lines."""
        return self._decode["packed" in origin](data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The line of one event."""
        return self._pick["packed" in origin](data, piece)
