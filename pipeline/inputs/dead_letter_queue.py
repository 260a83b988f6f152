"""Read the dead letters of a pipeline, to put right what was wrong with them.

    input { dead_letter_queue { path => "data/dead_letter_queue" pipeline_id => "main" } }

The letters that there are and those that come are read, oldest first. A position is saved after the letters before it
have been delivered; `commit_offsets => false` saves none and reads all of them at each start. Letters stay in the queue
unless `clean_consumed` is set: then a segment is deleted when all of it has been delivered and no process writes to it.

An event is the document that the output refused. Where nothing came to an output, or it was no document (a line, a
delete), the original is decoded by the codec, a Beat's event without its frame. It keeps its id, so what was delivered
after all is not written twice; where the document does not show that it was sent under that id, as with a
`document_id`, the id is prolonged by a hash of it. As in Logstash, `[@metadata][dead_letter_queue]` holds
`plugin_type`, `plugin_id`, `reason` and `entry_time`.

The queue is the one of apex-logs: the files of Logstash's own dead letter queue are in another format and are not read.
A pipeline that reads its own dead letters reads those again that it refuses again, without end; the start warns of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self

import orjson
import xxhash
from pydantic import AfterValidator, Field, model_validator

from pipeline.arrivals import arrive
from pipeline.batch import Batch, Origin
from pipeline.dates.timestamps import canonical, epoch_nanos
from pipeline.disk.followed_letters import FollowedLetters, Found, Wanted
from pipeline.disk.letters import Letter
from pipeline.errors import StoreError
from pipeline.event import SIBLING, Event, Fields
from pipeline.options import Boolean, InputOptions, Text
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.protocols import bulk

SAVE_EVERY = 5.0
LOOK_EVERY = 0.5
_ACTIONS = {"index", "create", "update", "delete"}


def _time(text: str) -> str:
    timestamp = canonical(text)
    if timestamp is None:
        raise ValueError(f'expected a time such as "2026-02-03T04:05:06", got "{text}"')
    return timestamp


class Options(InputOptions):
    """Options of the dead_letter_queue input."""

    path: Annotated[Text, Field(description="The folder of dead letter queues, such as `data/dead_letter_queue`.")]
    pipeline_id: Annotated[Text, Field(description="The pipeline whose letters are read.")] = "main"
    commit_offsets: Annotated[Boolean, Field(description="Save how far letters were delivered.")] = True
    clean_consumed: Annotated[
        Boolean, Field(description="Delete segments that were delivered; needs `commit_offsets`.")
    ] = False
    sincedb_path: Annotated[Text | None, Field(description="File for the positions. Default: under `path.data`.")] = (
        None
    )
    start_timestamp: Annotated[
        Text | None,
        AfterValidator(lambda text: None if text is None else _time(text)),
        Field(description="Pass over letters that are older, where no position is saved yet."),
    ] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.clean_consumed and not self.commit_offsets:
            raise ValueError("clean_consumed => true needs commit_offsets => true")
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            raise ValueError(f'sincedb_path "{self.sincedb_path}" must be a file, and is a folder')
        return self


def build(options: Options, context: PluginContext) -> DeadLetters:
    """Makes the input."""
    folder = Path(options.path) / options.pipeline_id
    own = context.path_data / "dead_letter_queue" / context.pipeline_id
    if folder.absolute() == own.absolute():
        advice = "what it refuses again is read again; run it under another pipeline.id"
        context.warn(f"dead_letter_queue: {folder} is this pipeline's own: {advice}")
    followed = FollowedLetters(folder, _sincedb(options, context), None, context.warn)
    made = DeadLetters(followed, options, context.warn)
    context.every(SAVE_EVERY, made.save)
    return made


def _sincedb(options: Options, context: PluginContext) -> Path | None:
    if not options.commit_offsets:
        return None
    if options.sincedb_path is not None:
        path = Path(options.sincedb_path)
        if path.exists() and not path.is_file():  # /dev/null
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
    folder = context.path_data / "plugins" / "inputs" / "dead_letter_queue"
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{options.path}/{options.pipeline_id}"
    return folder / f".sincedb_{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"


class DeadLetters:
    """Its data is a line a letter: the JSON of the letter, with its name."""

    def __init__(self, followed: FollowedLetters, options: Options, warn: Callable[[str], None]) -> None:
        self.followed = followed
        self.codec = options.codec
        self._options = options
        self._warn = warn
        self._stopped = asyncio.Event()

    async def batches(self) -> AsyncIterator[Batch]:
        """What there is, and what comes, until `stop`."""
        if not self.followed.load() and self._options.start_timestamp is not None:
            self.followed.wanted = _not_before(self._options.start_timestamp)
        while not self._stopped.is_set():
            found = self.followed.read()
            while not self._stopped.is_set() and (one := await asyncio.to_thread(next, found, None)) is not None:
                yield _batch(one)
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._stopped.wait()
        except TimeoutError:
            return

    def stop(self) -> None:
        """Take no more."""
        self._stopped.set()

    async def close(self) -> None:
        """Saves the last positions."""
        self.save()

    def save(self) -> None:
        """Saves the positions if they have changed; a disk that refuses is told of, and asked again later."""
        if self.followed.changed:
            self.followed.changed = False
            try:
                self.followed.save()
            except StoreError as error:
                self.followed.changed = True
                self._warn(str(error))
                return
        if self._options.clean_consumed:
            self.followed.delete_consumed()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the letters."""
        for number, line in enumerate(data.splitlines()):
            try:
                letter = _letter(line)
                events = list(_events(letter, self.codec))
            except Exception as error:
                reject(line, error)
                continue
            for sibling, (fields, event_id) in enumerate(events):
                metadata = {"event_id": event_id, "dead_letter_queue": _described(letter)}
                yield arrive(fields, metadata, number + sibling * SIBLING)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The letter of one event."""
        return data.splitlines()[piece]


def _batch(found: Found) -> Batch:
    data = b"".join(b'{"name":"%s",%s\n' % (name.encode(), payload[1:]) for name, payload in found.letters)
    origin: Origin = {"id": os.urandom(16).hex(), "segment": found.segment}
    return Batch(data, origin, lambda _: found.end(), lambda _: None)


def _not_before(timestamp: str) -> Wanted:
    first = epoch_nanos(timestamp)
    return lambda payload: epoch_nanos(orjson.loads(payload)["time"]) >= first


def _letter(line: bytes) -> Letter:
    record = orjson.loads(line)
    letter = Letter(record.pop("name"), record)
    if type(record["time"]) is not str:
        raise ValueError("this is no dead letter: it has no time")
    return letter


def _described(letter: Letter) -> Fields:
    record = letter.record
    return {
        "plugin_type": letter.plugin_type,
        "plugin_id": record.get("plugin"),
        "reason": record.get("reason"),
        "entry_time": record["time"],
    }


def _events(letter: Letter, codec: Codec) -> Iterator[tuple[Fields, str]]:
    """What the letter is about, and its id; several, where the letter is of bytes that could not be decoded."""
    item = letter.item
    document = None if item is None else document_of(item)
    if item is not None and document is not None:
        yield document, _own_id(letter.event_id, item)
        return
    known = "id" in letter.record
    for number, fields in enumerate(codec.decode(letter.payload)):
        if known and number == letter.sibling:
            yield fields, letter.event_id
        elif not known:
            yield fields, f"{letter.event_id}-{number}" if number else letter.event_id


def _own_id(event_id: str, item: bytes) -> str:
    """The id of the event that the item is of. A letter has that of the event that was decoded, which all that filters
    made of it share: they are told apart by the id in the item, which begins with it, or by the item itself."""
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        _, parameters, _ = bulk.read(item)
        written = parameters.get("_id")
        if type(written) is str and written.startswith(event_id):
            return written
    return f"{event_id}:{xxhash.xxh3_64_hexdigest(item)}"


def document_of(item: bytes) -> Fields | None:
    """The document in an item: of a bulk request the source (of an update, `doc`), else the JSON; None where there is
    none."""
    lines = item.rstrip(b"\n").split(b"\n")
    try:
        values: list[Any] = [orjson.loads(line) for line in lines]
    except orjson.JSONDecodeError:
        return None
    if len(values) > 2 or not all(type(value) is dict for value in values):
        return None
    action = next(iter(values[0]), "") if len(values[0]) == 1 else ""
    if len(values) == 1:
        return None if action == "delete" else values[0]
    source: Any = values[1]
    if action == "update":
        source = source.get("doc", source.get("upsert"))
    return source if action in _ACTIONS and type(source) is dict else None
