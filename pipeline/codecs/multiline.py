"""Join lines that belong together, such as a stack trace, into one event.

    input {
      file {
        path => "/var/log/app.log"
        codec => multiline { pattern => "^\\d{4}-" negate => true what => "previous" auto_flush_interval => 2 }
      }
    }

A line that matches `pattern` (with `negate`, one that does not) belongs to the line before it or, with
`what => "next"`, to the line after it. An event of more than one line is tagged `multiline`.

With `previous`, an event is known to be over only when the next one begins: the last one waits, unacknowledged,
until `auto_flush_interval` has passed without new data, or until a stream ends. A file's last event without
`auto_flush_interval` is read again after a restart; nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from pipeline.event import Fields
from pipeline.languages import grok
from pipeline.languages.grok_library import library
from pipeline.options import Boolean, Ecs, Integer, PluginOptions, Seconds, Size, Text, Texts
from pipeline.plugin import Codec
from pipeline.texts.codecs import Charset, decoded, split, text_of, text_renderer

Belongs = Callable[[bytes], bool]


class Options(PluginOptions):
    """Options of the multiline codec."""

    pattern: Annotated[Text, Field(description="Regular expression; may hold %{NAME} of a grok pattern.")]
    what: Annotated[Literal["previous", "next"], Field(description="Where a line that matches belongs.")]
    negate: Annotated[Boolean, Field(description="Lines that do not match belong instead.")] = False
    patterns_dir: Annotated[
        Texts,
        Field(default_factory=list, description="Folders or globs of pattern files: a NAME and its pattern a line."),
    ]
    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name.")] = "UTF-8"
    multiline_tag: Annotated[Text, Field(description="Tag of an event of several lines; empty for none.")] = "multiline"
    max_lines: Annotated[Integer, Field(ge=1, description="An event of more lines is ended and tagged.")] = 500
    max_bytes: Annotated[Size, Field(ge=1, description="An event of as many bytes is ended and tagged.")] = (
        10 * 1024 * 1024
    )
    auto_flush_interval: Annotated[
        Seconds | None, Field(gt=0, description="Seconds without new data after which an event is taken to be over.")
    ] = None
    ecs_compatibility: Annotated[Ecs, Field(description="With v1 or v8, `[event][original]` is set too.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec; raises ValueError for a pattern that cannot be used."""
    return Multiline(options)


class Multiline:
    """Lines, joined. The data of every call begins where an event begins."""

    name = "multiline"

    def __init__(self, options: Options, delimiter: bytes = b"\n") -> None:
        self.options = options
        self.delimiter = delimiter
        self.auto_flush_interval = options.auto_flush_interval
        self.encode = text_renderer(None)
        self._text = text_of(options.charset)
        self._belongs = _matcher(options, self._text)
        self._to_previous = options.what == "previous"
        self._keep_original = options.ecs_compatibility != "disabled"

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to where an event certainly ends.

        Found from the end: before the last line that begins an event (previous), after the last line that
        ends one (next). Only where there is none in all of the data can it be over a limit.
        """
        if final:
            return len(data)
        size = len(self.delimiter)
        end = data.rfind(self.delimiter)
        while end >= 0:
            before = data.rfind(self.delimiter, 0, end)
            start = before + size if before >= 0 else 0
            if not self._belongs(data[start:end]):
                place = start if self._to_previous else end + size
                if place:
                    return place
            end = before
        return self._cut_at_limit(data)

    def _cut_at_limit(self, data: bytes) -> int:
        whole = data.rfind(self.delimiter) + len(self.delimiter) if self.delimiter in data else 0
        limited = len(data) >= self.options.max_bytes or data.count(self.delimiter) > self.options.max_lines
        if not limited or not whole:
            return len(data) if len(data) > 2 * self.options.max_bytes else 0
        *ended, last = self._groups(data[:whole])
        if not self._to_previous and self._over(last):
            return whole
        return sum(len(line) + len(self.delimiter) for group in ended for line in group)

    def pieces(self, data: bytes) -> list[bytes]:
        """The lines of each event."""
        return [self.delimiter.join(group) for group in self._groups(data)]

    def _groups(self, data: bytes) -> list[list[bytes]]:
        groups: list[list[bytes]] = []
        group: list[bytes] = []
        size = 0
        for line in split(data, self.delimiter):
            ends = not self._belongs(line)
            if self._to_previous and group and (ends or self._over(group, size)):
                groups.append(group)
                group, size = [], 0
            group.append(line)
            size += len(line)
            if not self._to_previous and (ends or self._over(group, size)):
                groups.append(group)
                group, size = [], 0
        if group:
            groups.append(group)
        return groups

    def _over(self, group: list[bytes], size: int | None = None) -> bool:
        size = sum(map(len, group)) if size is None else size
        return len(group) > self.options.max_lines or size >= self.options.max_bytes

    def parse(self, piece: bytes) -> Fields:
        """The event of one piece."""
        lines = piece.split(self.delimiter)
        message = "\n".join(map(self._text, lines))
        fields: Fields = {"message": message}
        tags = [self.options.multiline_tag] if len(lines) > 1 and self.options.multiline_tag else []
        if sum(map(len, lines)) >= self.options.max_bytes:
            tags.append("multiline_codec_max_bytes_reached")
        if len(lines) > self.options.max_lines:
            tags.append("multiline_codec_max_lines_reached")
        if tags:
            fields["tags"] = tags
        if self._keep_original:
            fields["event"] = {"original": message}
        return fields

    def decode(self, data: bytes) -> Iterator[Fields]:
        """One event for the lines that belong together."""
        return decoded(self.parse, self.pieces(data))

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """The same for lines with another delimiter."""
        return self if delimiter == self.delimiter else Multiline(self.options, delimiter)


def _matcher(options: Options, text: Callable[[bytes], str]) -> Belongs:
    patterns = library(ecs=options.ecs_compatibility != "disabled", places=options.patterns_dir)
    find = grok.compile(options.pattern, patterns).find
    if options.negate:
        return lambda line: find(text(line)) is None
    return lambda line: find(text(line)) is not None
