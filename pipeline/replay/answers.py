"""Answers of `_search`, one on a line or printed prettily, one after the other: to a line for each hit.

A hit that is no JSON is a line as it stands, for whoever decodes it to reject, and the hits around it are read:

    {"took": 1, "hits": {"hits": [ {"_index": ...}, {"_index": #!?, {"_index": ...} ]}}
                                   read             damage          read again from here

What is cut short at the end is read as far as its hits are whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

import orjson

from pipeline.errors import Damaged
from pipeline.replay.kinds import UTF8_BOM
from pipeline.texts.json_documents import write_json

LONGEST = 128 << 20
"""Bytes of an answer that is not on one line: it is parsed whole. Elasticsearch's own bound of an answer of 10,000 hits
of 10 kB."""

_BLANK = re.compile(r"[ \t\r\n]*")
_BETWEEN_HITS = re.compile(r"[ \t\r\n,]*")
_HITS = re.compile(r'"hits"\s*:\s*\[')
_HIT = re.compile(r'\{\s*"(?:_index|_id)"\s*:')
_ANSWER = re.compile(r'\n(?=\{)|\}\s*(?=\{\s*"(?:took|_scroll_id|pit_id)")')
"""What stands before an answer, and in no text within one: there a quote is escaped, and a newline too."""
_TOKEN = 16
"""Characters at the end of what is there so far that may be half a word, number or escape."""


def lines_of_answers(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """A line for each hit; raises `Damaged` after what is whole before an answer that is cut short."""
    blocks, rest, wanted, damage = _unmarked(blocks), bytearray(), 0, None
    while damage is None:
        try:
            block = next(blocks, None)
        except Damaged as error:
            damage, block = error, None
        if block is None:
            break
        rest += block
        if len(rest) < wanted:
            continue
        used = yield from _answers(rest, final=False)
        del rest[:used]
        if len(rest) > LONGEST:
            raise Damaged(f"an answer is longer than {LONGEST >> 20} MiB: ask for fewer hits at a time")
        wanted = min(2 * len(rest), LONGEST + 1)  # so that a long answer is not parsed for each of its blocks
    used = yield from _answers(rest, final=True)
    if damage is not None:
        raise damage
    if left := rest[used:].strip():
        raise Damaged(f"an answer is no JSON, or cut short: the last {len(left)} bytes are not read")


def _unmarked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Without a byte order mark."""
    yield (next(blocks, b"")).removeprefix(UTF8_BOM)
    yield from blocks


def _answers(data: bytearray, *, final: bool) -> Generator[bytes, None, int]:
    """The hits of the answers that are whole, or damaged; returns where they end. `final`: no more is coming."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0 and (answer := _loaded(data[at:end])) is not None:
        yield from _lines_of(answer)
        at = end + 1
    text, end = data[at:].decode("latin-1"), 0  # a byte is a character: what ends an answer is ASCII
    while (begin := _after(_BLANK, text, end)) < len(text):
        try:
            _, end = json.JSONDecoder().raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            following = _ANSWER.search(text, _place(error, begin)) if final or _is_wrong(error, text) else None
            if following is not None:
                end = following.end()
                yield from _hits(text[begin:end], final=False)
                continue
            return at + begin + ((yield from _hits(text[begin:], final=True)) if final else 0)
        yield from _lines_of(_loaded(data[at + begin : at + end]))
    return at + begin


def _hits(answer: str, *, final: bool) -> Generator[bytes, None, int]:
    """The hits of an answer that is damaged, and as a line what is none; returns where they end. What is behind the
    last of them that is whole may be one that is cut short: of the `final` answer it is left."""
    array = _HITS.search(answer)
    at = 0 if array is None else array.end()
    while (at := _after(_BETWEEN_HITS, answer, at)) < len(answer):
        if answer.startswith("]", at) and _loaded(f'{{"hits":{{"hits":[{answer[at:]}'.encode("latin-1")) is not None:
            break
        try:
            _, end = json.JSONDecoder().raw_decode(answer, at)
            yield write_json(_loaded(answer[at:end].encode("latin-1"))) + b"\n"
        except (ValueError, RecursionError) as error:
            following = _HIT.search(answer, max(at + 1, _place(error, at)))
            if following is None and final:
                return at
            end = len(answer) if following is None else following.start()
            yield answer[at:end].strip(" \t\r\n,").replace("\n", " ").encode("latin-1") + b"\n"
        at = end
    return len(answer)


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _place(error: Exception, begin: int) -> int:
    """Where the JSON is wrong that begins there."""
    return error.pos if isinstance(error, json.JSONDecodeError) else begin


def _is_wrong(error: Exception, text: str) -> bool:
    """Whether it stays wrong, whatever follows the text."""
    if not isinstance(error, json.JSONDecodeError):
        return True
    return not error.msg.startswith("Unterminated string") and error.pos < len(text) - _TOKEN


def _loaded(data: bytes | bytearray) -> Any:
    """The value; an empty answer for a blank line; None for what is no whole JSON."""
    if not data.strip():
        return {}
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:  # what is no UTF-8 is kept as far as it can be
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _lines_of(answer: Any) -> Iterator[bytes]:
    hits = answer.get("hits", {}) if type(answer) is dict else {}
    for hit in hits.get("hits", []) if type(hits) is dict else []:
        yield write_json(hit) + b"\n"
