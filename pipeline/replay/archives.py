"""Where archives lie: files, folders, globs, objects of S3, standard input."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import xxhash

from pipeline.disk import globs
from pipeline.disk.segments import REMOVED
from pipeline.replay.archive import BLOCK, EDGE, Archive, Counted, NotThere, fingerprint, up_to
from pipeline.replay.objects import objects

STDIN = "-"
MAGIC_CHARACTERS = frozenset("*?[{")


def find(paths: Iterable[str]) -> list[Archive]:
    """The archives that the paths lead to, those of each path by name; raises `NotThere` with all that is missing."""
    found: dict[str, Archive] = {}
    problems: list[str] = []
    for path in paths:
        try:
            there = _found(path)
        except (OSError, NotThere) as error:
            problems.append(f"{path}: {error.strerror if isinstance(error, OSError) and error.strerror else error}")
            continue
        for archive in there:
            found.setdefault(archive.path if archive.local is None else str(archive.local.resolve()), archive)
    if problems:
        raise NotThere(problems)
    return _told_apart(list(found.values()))


def _found(path: str) -> list[Archive]:
    if path == STDIN:
        return [_stdin()]
    return objects(path, glob=_is_glob(path)) if "://" in path else _local(path)


def _is_glob(path: str) -> bool:
    return not MAGIC_CHARACTERS.isdisjoint(path)


def _told_apart(archives: list[Archive]) -> list[Archive]:
    """Of two with one fingerprint, the later one is named by its path too: they may be equal and yet two."""
    known: set[str] = set()
    apart = []
    for archive in archives:
        if archive.fingerprint in known:
            named = f"{archive.fingerprint}:{archive.path}"
            archive = replace(archive, fingerprint=xxhash.xxh3_128_hexdigest(named.encode(errors="surrogateescape")))
        known.add(archive.fingerprint)
        apart.append(archive)
    return apart


# ---------------------------------------------------------------------------------------------- files


def _local(path: str) -> list[Archive]:
    if Path(path).is_dir():
        names = sorted(_below(path))
        if not names:
            raise NotThere(["there is no file in this folder"])
    elif _is_glob(path) and not Path(path).exists():
        names = sorted(globs.found([f"./{path}" if path.startswith("**") else path]))
        if not names:
            raise NotThere(["no file matches"])
    else:
        names = [path]
    return [_file(name) for name in names]


def _below(folder: str) -> Iterator[str]:
    """Every regular file below a folder, but those whose name, or whose folder's name, begins with a dot, and what
    stands beside the segments of a dead letter queue."""
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(top) / name
            if not name.startswith(".") and path.suffix != REMOVED and path.is_file():
                yield str(path)


def _file(path: str) -> Archive:
    counted = Counted()
    with Path(path).open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotThere(["it is no regular file; give - to read standard input"])
        size = status.st_size
        named = fingerprint(size, os.pread(file.fileno(), EDGE, 0), os.pread(file.fileno(), EDGE, max(0, size - EDGE)))

    def blocks(position: int) -> Iterator[bytes]:
        counted.bytes = position
        with Path(path).open("rb", buffering=0) as file:
            file.seek(position)
            yield from up_to(file, size, counted)

    return Archive(path, size, status.st_mtime, named, blocks, Path(path), counted)


# ---------------------------------------------------------------------------------------------- standard input


def _stdin() -> Archive:
    """Named by its first 64 KiB: more of it is not known before it is read."""
    counted, descriptor = Counted(), sys.stdin.fileno()
    first = b""
    while len(first) < EDGE and (data := os.read(descriptor, EDGE - len(first))):
        first += data
    looked_at = [first] if first else []
    """What was taken by who looks what is in it, before it is read."""
    opened = 0

    def blocks(position: int) -> Iterator[bytes]:
        nonlocal opened
        assert position == 0
        opened += 1
        counted.bytes = 0
        for data in looked_at[:]:
            counted.bytes += len(data)
            yield data
        while data := _awaited(descriptor, counted):
            if opened == 1:
                looked_at.append(data)
            counted.bytes += len(data)
            yield data

    return Archive("standard input", None, 0.0, fingerprint(0, first, b""), blocks, None, counted)


def _awaited(descriptor: int, counted: Counted) -> bytes:
    """The next bytes of a stream; none at its end, or when nobody waits for it any more."""
    while not select.select([descriptor], [], [], 0.2)[0]:
        if counted.stopped:
            return b""
    return os.read(descriptor, BLOCK)
