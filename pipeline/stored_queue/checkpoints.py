"""The checkpoint of a persistent queue: which of its records have their end.

    checkpoint = "APXC" version:u8 zero:u8[3] crc:u32 JSON         CRC-32 of the JSON

    queue      the name of the queue, a number, drawn when it was made
    upto       every record up to this sequence has its end
    ranges     and so have these, beyond it
    durable    every record up to this sequence was on disk when the checkpoint was written

It is written beside the former one, and takes its place when it is on disk.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field

import orjson

from pipeline.disk.file_layer import Files, write_whole
from pipeline.errors import StoreError
from pipeline.stored_queue.ended import Ended

NAME = "checkpoint"
_HEAD = struct.Struct(">4sB3xI")
_MAGIC, _VERSION = b"APXC", 1


@dataclass(slots=True)
class Checkpoint:
    """What a queue knows of its records."""

    queue: int
    durable: int = 0
    ended: Ended = field(default_factory=Ended)


def save(files: Files, folder: str, checkpoint: Checkpoint) -> None:
    """Returns when it is on disk; raises `OSError`, and then the former one is still there."""
    ended = checkpoint.ended
    state = {"upto": ended.upto, "ranges": ended.ranges, "durable": checkpoint.durable, "queue": checkpoint.queue}
    data = orjson.dumps(state)
    path = os.path.join(folder, NAME)
    file = files.open(f"{path}.new", new=True)
    try:
        write_whole(file, 0, _HEAD.pack(_MAGIC, _VERSION, zlib.crc32(data)) + data)
        file.sync()
    finally:
        file.close()
    files.replace(f"{path}.new", path)
    files.sync_folder(folder)


def load(files: Files, folder: str) -> Checkpoint | None:
    """The checkpoint of a folder, None if there is none; raises `StoreError` if it is damaged."""
    path = os.path.join(folder, NAME)
    if NAME not in files.names(folder):
        return None
    file = files.look(path)
    try:
        data = file.read_at(0, file.size())
    finally:
        file.close()
    if len(data) < _HEAD.size:
        raise StoreError(f"{path} is damaged: it is cut short")
    magic, version, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or crc != zlib.crc32(data[_HEAD.size :]):
        raise StoreError(f"{path} is damaged: its checksum does not match")
    state = orjson.loads(data[_HEAD.size :])
    return Checkpoint(state["queue"], state["durable"], Ended(state["upto"], map(tuple, state["ranges"])))
