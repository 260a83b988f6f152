"""What a word is in a search: the one definition that the store writes by and the query language reads by.

A word is a run of letters and digits, in lower case. Everything else only stands between words: `_`, `-`,
punctuation, blanks. The embedded store indexes the words of a document's JSON text with the `ascii`
tokenizer of FTS5, which cuts at every ASCII character that is no letter and no digit, and takes what is not
ASCII for a letter. So a text is folded first: lower case, and a blank for what is neither ASCII nor a letter
or digit. Scripts that put no blanks between words are set apart, as Elasticsearch's `standard` analyzer does:
every ideograph and hiragana is a word, and so are runs of katakana, Thai, Lao, Khmer and Burmese. After that the
tokenizer and `WORD` agree to the character, and a query that asks for words can be narrowed by the index without
losing a document.
"""

from __future__ import annotations

import json
import re

WORD = re.compile(r"[0-9a-z\x80-\U0010ffff]+")
"""A word of a folded text."""

_NO_LETTER = re.compile(r"[^\w\x00-\x7f]")
SINGLE = (
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
"""Ideographs and hiragana, for a class of characters."""
KATAKANA = r"\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
ASIAN = r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0edf\u1000-\u109f\u1780-\u17d3\u17d7\u17dc\u17dd"
_APART = re.compile(f"[{SINGLE}]|[{KATAKANA}]+|[{ASIAN}]+")
_CONTROL = re.compile(rb"\\u00(?:[01][0-9a-fA-F]|7[fF])")


def fold(text: str) -> str:
    """The text in which words are looked for."""
    return text.lower() if text.isascii() else _set_apart(text.casefold())


def _set_apart(text: str) -> str:
    return _NO_LETTER.sub(" ", _APART.sub(r" \g<0> ", text))


def words(text: str) -> list[str]:
    """The words of a text, in their order."""
    return WORD.findall(fold(text))


def fold_json(source: bytes) -> str:
    """The folded text of a JSON document; it has the words of every string, number and key in it.

    The document is not parsed: quotes and braces stand between words anyway. Only escapes must go, as the
    letter of `\\n` would stick to the word after it.
    """
    if b"\\" in source:
        source = source.replace(b'\\"', b" ")  # by far the most frequent, and often the only one
        if b"\\" in source:
            source = _without_escapes(source)
    text = source.decode()
    return text if text.isascii() else _set_apart(text.casefold())


def _without_escapes(source: bytes) -> bytes:
    source = source.replace(b"\\\\", b" ")  # in pairs from the left, as JSON reads them
    for escape in (b"\\n", b"\\t", b"\\r", b"\\b", b"\\f"):
        source = source.replace(escape, b" ")
    if b"\\u" not in source:
        return source
    source = _CONTROL.sub(b" ", source)
    return re.sub(rb"(?:\\u[0-9a-fA-F]{4})+", _spelled, source) if b"\\u" in source else source


def _spelled(escapes: re.Match[bytes]) -> bytes:
    """Letters that were written as escapes, by a writer other than orjson; half a pair becomes a blank."""
    text: str = json.loads(b'"' + escapes[0] + b'"')
    return text.encode("utf-8", "replace").replace(b"?", b" ")
