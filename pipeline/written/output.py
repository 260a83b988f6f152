"""Items appended to files whose paths may depend on the event."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipeline.disk.written_files import WriteError, WrittenFiles
from pipeline.errors import Unavailable
from pipeline.event import Event
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.written.options import WrittenOptions, absolute

END_OF_PATH = b"\0"


class Writing:
    """One body at a time, as lines of a file must keep their order.

    Where the path holds fields, an item is the path, a zero byte, and what is written to it.
    """

    ordered = True

    def __init__(self, options: WrittenOptions, encode: Callable[[Event], bytes], context: PluginContext) -> None:
        self.options = options
        self.encode = encode
        self.files = WrittenFiles(
            file_mode=options.file_mode,
            dir_mode=options.dir_mode,
            compress=options.gzip,
            fsync=options.fsync,
            overwrite=options.write_behavior == "overwrite",
        )
        self.path = absolute(options.path.text)
        self.root = _static_root(self.path) if not options.path.constant else str(Path(self.path).parent)
        self.failure_path = str(Path(self.root, options.filename_failure))
        self.render = _line_renderer(self.encode) if self._always_one_path() else self._renderer()
        self._busy = False
        context.every(options.stale_cleanup_interval, self.close_stale)

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
            path = absolute(text)
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


def _static_root(path: str) -> str:
    parts = Path(path).parts
    static = next(index for index, part in enumerate(parts) if "%{" in part)
    return str(Path(*parts[:static]))
