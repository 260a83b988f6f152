"""Text in bytes: charsets by their Ruby names, lines, and what the codecs of text have in common.

A codec of a stream works in two steps, which inputs use one by one where they need the place of an event:

    pieces(data) -> the parts of the data that stand alone (a line), without their delimiter
    parse(piece) -> the fields of its event, or a list of them (a JSON array)
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import BeforeValidator

from pipeline.event import Event, Fields
from pipeline.java_text import shown
from pipeline.plugin import Codec
from pipeline.texts.ruby_text import inspected

LONGEST_LINE = 64 * 1024 * 1024
"""A line that is not ended by then is cut, so that a stream without delimiters cannot fill the memory."""

Parse = Callable[[bytes], "Fields | list[Fields]"]

# ---------------------------------------------------------------------------------------------- charsets

_PYTHON_NAMES = {
    "ascii-8bit": "ascii", "binary": "ascii", "us-ascii": "ascii", "ansi_x3.4-1968": "ascii", "646": "ascii",
    "locale": "utf-8", "external": "utf-8", "cp65001": "utf-8", "utf8-mac": "utf-8", "utf-8-mac": "utf-8",
    "utf-8-hfs": "utf-8", "cp65000": "utf-7", "ucs-2be": "utf-16-be", "ucs-4be": "utf-32-be",
    "ucs-4le": "utf-32-le", "windows-31j": "cp932", "cswindows31j": "cp932", "sjis": "cp932", "pck": "cp932",
    "eucjp": "euc_jp", "eucjp-ms": "euc_jp", "euc-jp-ms": "euc_jp", "cp51932": "euc_jp",
    "euc-jis-2004": "euc_jis_2004", "euc-jisx0213": "euc_jis_2004", "euckr": "euc_kr", "euc-cn": "gb2312",
    "euccn": "gb2312", "cp936": "gbk", "big5-hkscs:2008": "big5hkscs", "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp", "iso2022-jp": "iso2022_jp", "iso2022-jp2": "iso2022_jp_2", "windows-874": "cp874",
    "cp878": "koi8_r", "ebcdic-cp-us": "cp037", "maccenteuro": "mac_latin2", "maccroatian": "mac_croatian",
    "maccyrillic": "mac_cyrillic", "macgreek": "mac_greek", "maciceland": "mac_iceland", "macroman": "mac_roman",
    "macromania": "mac_romanian", "macturkish": "mac_turkish", "macukraine": "mac_cyrillic",
}  # fmt: skip


def python_charset(name: str) -> str:
    """Python's name of a charset that Ruby calls `name`; raises ValueError where Python has none."""
    try:
        return codecs.lookup(_PYTHON_NAMES.get(name.lower(), name)).name
    except LookupError:
        raise ValueError(f'there is no charset "{name}" here; write the name as in "UTF-8" or "ISO-8859-1"') from None


def _charset(value: Any) -> Any:
    if isinstance(value, str):
        python_charset(value)
    return value


Charset = Annotated[str, BeforeValidator(_charset)]
"""A charset by its Ruby name; what Python cannot decode is a fault of the configuration."""


def text_of(charset: str) -> Callable[[bytes], str]:
    """A function from bytes to text that never fails.

    Invalid UTF-8 gives the text as Ruby's `inspect` shows it, with `\\xAD` for a byte; in other charsets
    what is invalid gives U+FFFD.
    """
    name = python_charset(charset)
    if name != "utf-8":
        return lambda data: data.decode(name, "replace")

    def utf8(data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return inspected(data.decode("utf-8", "surrogateescape"))

    return utf8


# ---------------------------------------------------------------------------------------------- events as text


def shown_event(event: Event) -> str:
    """An event as Logstash's `Event#to_s`: time, host and message."""
    fields = event.fields
    host = shown(fields["host"]) if fields.get("host") is not None else "%{host}"
    message = shown(fields["message"]) if fields.get("message") is not None else "%{message}"
    timestamp = fields.get("@timestamp")
    return f"{host} {message}" if timestamp is None else f"{timestamp} {host} {message}"


def keep_original(fields: Fields, text: str) -> None:
    """Sets `[event][original]` where it is not there; an `event` that is no object is left alone."""
    event = fields.get("event")
    if event is None:
        fields["event"] = {"original": text}
    elif type(event) is dict and "original" not in event:
        event["original"] = text


# ---------------------------------------------------------------------------------------------- pieces


@runtime_checkable
class PieceCodec(Codec, Protocol):
    """A codec that says which part of the data each event comes from."""

    parse: Parse

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """The parts of whole data that stand alone."""
        ...


def split(data: bytes, delimiter: bytes) -> list[bytes]:
    """The lines of the data; the last one may be without its delimiter."""
    lines = data.split(delimiter)
    if not lines[-1]:
        lines.pop()
    return lines


def cut_after_last(data: bytes, delimiter: bytes, *, final: bool, limit: int = LONGEST_LINE) -> int:
    """How many leading bytes are whole lines; a rest that is longer than the limit counts as whole."""
    if final:
        return len(data)
    whole = data.rfind(delimiter) + len(delimiter) if delimiter in data else 0
    return len(data) if len(data) - whole > limit else whole


def decoded(parse: Parse, pieces: Iterable[bytes]) -> Iterator[Fields]:
    """The fields of each event of the pieces."""
    for piece in pieces:
        fields = parse(piece)
        if isinstance(fields, list):
            yield from fields
        else:
            yield fields


def in_pieces(codec: Codec) -> tuple[Callable[[bytes], Iterable[bytes]], Parse]:
    """`pieces` and `parse` of any codec; one that knows no pieces takes the data as one."""
    if isinstance(codec, PieceCodec):
        return codec.pieces, codec.parse
    return (lambda data: [data]), (lambda data: list(codec.decode(data)))


class Picker:
    """Finds a piece of the data by its number.

    The pieces of the last data are remembered: where one event of a batch fails, others often do.
    """

    def __init__(self, codec: Codec) -> None:
        self._pieces, _ = in_pieces(codec)
        # A blank line is an event too, but only with its end.
        self._end: bytes = getattr(codec, "delimiter", b"")
        self._data: bytes | None = None
        self._found: list[bytes] = []

    def __call__(self, data: bytes, number: int) -> bytes:
        """The piece."""
        if self._data is not data:
            self._data, self._found = data, list(self._pieces(data))
        return self._found[number] or self._end


# ---------------------------------------------------------------------------------------------- the codecs


class LineCodec:
    """One event a line."""

    name = "line"

    def __init__(self, parse: Parse, render: Callable[[Event], bytes], delimiter: bytes = b"\n") -> None:
        self.parse = parse
        self.encode = render
        self.delimiter = delimiter

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to and with the last delimiter."""
        return cut_after_last(data, self.delimiter, final=final)

    def pieces(self, data: bytes) -> list[bytes]:
        """The lines."""
        return split(data, self.delimiter)

    def decode(self, data: bytes) -> Iterator[Fields]:
        """One event a line."""
        return decoded(self.parse, split(data, self.delimiter))

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """Itself."""
        return self


class WholeCodec:
    """All the data is one piece; in a stream, one piece a line."""

    name = "plain"

    def __init__(self, parse: Parse, render: Callable[[Event], bytes], streamed: Parse | None = None) -> None:
        self.parse = parse
        self.encode = render
        self._streamed = streamed or parse

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """All of it: a datagram, a request, a record."""
        return len(data)

    def pieces(self, data: bytes) -> list[bytes]:
        """All of it."""
        return [data]

    def decode(self, data: bytes) -> Iterator[Fields]:
        """The events of all of it."""
        return decoded(self.parse, [data])

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """The same, line by line."""
        return LineCodec(self._streamed, self.encode, delimiter)


class WriteOnlyCodec:
    """A codec for outputs alone; `name` is for the message that says so."""

    def __init__(self, name: str, encode: Callable[[Event], bytes]) -> None:
        self.name = name
        self.encode = encode

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """All of it."""
        return len(data)

    def decode(self, data: bytes) -> Iterator[Fields]:
        """Refuses."""
        raise ValueError(f"the codec {self.name} only writes; use json_lines or line to read")

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """Refuses when the configuration is built."""
        raise ValueError(f"the codec {self.name} only writes; use json_lines or line to read")


def text_parser(charset: str, *, original: bool) -> Parse:
    """A piece as the message of an event; with `original`, in `[event][original]` too."""
    text = text_of(charset)
    if original:

        def with_original(piece: bytes) -> Fields:
            message = text(piece)
            return {"message": message, "event": {"original": message}}

        return with_original
    return lambda piece: {"message": text(piece)}


def text_renderer(render: Callable[[Event], str] | None, end: bytes = b"") -> Callable[[Event], bytes]:
    """An event as text, ended by `end`; by default as `shown_event` shows it."""
    shown = render or shown_event
    return lambda event: shown(event).encode("utf-8", "replace") + end
