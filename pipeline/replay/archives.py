"""Where archives lie, and what names them: files, folders, globs, objects of S3, standard input.

An archive is complete: it is read up to the size that it had when it was found. Its fingerprint is of its size, its
first and its last 64 KiB, so that a copy, or the same archive under another name, is the same.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import xxhash

from pipeline.disk import globs
from pipeline.disk.segments import REMOVED
from pipeline.errors import ApexLogsError, Damaged

EDGE = 64 * 1024
BLOCK = 256 * 1024
STDIN = "-"
MAGIC_CHARACTERS = frozenset("*?[{")

Blocks = Callable[[int], Iterator[bytes]]
"""The bytes from a position on; they may be read again and again, but those of standard input."""


class NotThere(ApexLogsError):
    """Paths that lead to nothing that can be read. `problems` holds each with its reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Counted:
    """How much of an archive was read, in bytes as it lies there."""

    bytes: int = 0
    stopped: bool = False
    """Who waits for more of a stream is to wait no longer."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One file, object or stream."""

    path: str
    """As it is shown, and as the events of raw lines name it."""
    size: int | None
    """None: it ends when it ends."""
    modified: float
    """Seconds since 1970."""
    fingerprint: str
    blocks: Blocks
    local: Path | None = None
    """Where it is a file of this machine."""
    read: Counted = field(default_factory=Counted)

    @property
    def repeatable(self) -> bool:
        """Whether it can be read again."""
        return self.size is not None


def find(paths: Iterable[str]) -> list[Archive]:
    """The archives that the paths lead to, those of each path by name; raises `NotThere` with all that is missing."""
    found: dict[str, Archive] = {}
    problems: list[str] = []
    for path in paths:
        try:
            there = [_stdin()] if path == STDIN else _remote(path) if "://" in path else _local(path)
        except (OSError, NotThere) as error:
            problems.append(f"{path}: {error.strerror if isinstance(error, OSError) and error.strerror else error}")
            continue
        found |= {archive.path: archive for archive in there if archive.path not in found}
    if problems:
        raise NotThere(problems)
    return _told_apart(list(found.values()))


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


def fingerprint(size: int, first: bytes, last: bytes) -> str:
    """Names an archive by what it holds."""
    return xxhash.xxh3_128_hexdigest(b"archive1:%d:%d:" % (size, len(first)) + first + last)


# ---------------------------------------------------------------------------------------------- files


def _local(path: str) -> list[Archive]:
    if Path(path).is_dir():
        names = sorted(_below(path))
        if not names:
            raise NotThere(["there is no file in this folder"])
    elif MAGIC_CHARACTERS.intersection(path) and not Path(path).exists():
        names = sorted(globs.found([path]))
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
            yield from _up_to(file, size, counted)

    return Archive(path, size, status.st_mtime, named, blocks, Path(path), counted)


def _up_to(file: BinaryIO, size: int, counted: Counted) -> Iterator[bytes]:
    while counted.bytes < size:
        try:
            data = file.read(min(BLOCK, size - counted.bytes))
        except OSError as error:
            raise Damaged(f"it cannot be read on: {error.strerror or error}") from error
        if not data:
            raise Damaged("it has become shorter while it was read")
        counted.bytes += len(data)
        yield data


# ---------------------------------------------------------------------------------------------- S3 and its like


def _remote(path: str) -> list[Archive]:
    try:
        import fsspec
    except ImportError:
        raise NotThere(['reading it needs one package more: pip install "apex-logs[s3]"']) from None
    try:
        files, root = fsspec.core.url_to_fs(path)
        scheme = path.partition("://")[0]
        if MAGIC_CHARACTERS.intersection(root):
            names = sorted(files.glob(root))
        elif files.isdir(root):
            names = sorted(files.find(root))
        else:
            names = [root] if files.exists(root) else []
        if not names:
            raise NotThere(["there is nothing"])
        return [_object(files, f"{scheme}://{name}", name) for name in names if not name.endswith("/")]
    except NotThere:
        raise
    except Exception as error:  # whatever the file system's library raises: refused credentials, no connection
        raise NotThere([f"it cannot be read: {error}"]) from error


def _object(files: object, path: str, name: str) -> Archive:
    import fsspec

    assert isinstance(files, fsspec.AbstractFileSystem)
    about = files.info(name)
    size, counted = int(about["size"]), Counted()
    first = files.cat_file(name, start=0, end=min(EDGE, size)) if size else b""
    last = files.cat_file(name, start=max(0, size - EDGE), end=size) if size else b""
    modified = about.get("LastModified") or about.get("mtime") or 0
    seconds = modified.timestamp() if hasattr(modified, "timestamp") else float(modified)

    def blocks(position: int) -> Iterator[bytes]:
        counted.bytes = position
        try:
            with files.open(name, "rb", block_size=4 << 20) as file:
                file.seek(position)
                yield from _up_to(file, size, counted)
        except (Damaged, GeneratorExit):
            raise
        except Exception as error:
            raise Damaged(f"it cannot be read on: {error}") from error

    return Archive(path, size, seconds, fingerprint(size, first, last), blocks, None, counted)


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
