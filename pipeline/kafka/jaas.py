"""Reads the login that Java programs give Kafka: a JAAS entry, from an option or from a file.

org.apache.kafka.common.security.plain.PlainLoginModule required username="apex" password="secret";

KafkaClient {                       in a file, the entry stands in a section of this name
  ...ScramLoginModule required username="apex" password="secret";
};
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?: (?P<comment>//[^\n]*|/\*.*?\*/|\#[^\n]*) | "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^'\\]|\\.)*)'
    | (?P<mark>[={};]) | (?P<word>[^\s={};"']+) )""",
    re.VERBOSE | re.DOTALL,
)
_FLAGS = ("required", "requisite", "sufficient", "optional")


class Login(NamedTuple):
    """A login module, by the last part of its class name, and what it is told."""

    module: str
    options: dict[str, str]


def parse(text: str) -> Login:
    """The login of an entry; raises ValueError that says what is wrong, and never shows a password."""
    tokens = _tokens(text)
    if len(tokens) < 3 or not tokens[0][1] or tokens[1][0].lower() not in _FLAGS:
        raise ValueError('a JAAS entry is: <login module> required name="value" ...;')
    options: dict[str, str] = {}
    position = 2
    while position < len(tokens) and tokens[position] != (";", False):
        name = tokens[position][0]
        if tokens[position + 1 : position + 2] != [("=", False)] or position + 2 >= len(tokens):
            raise ValueError(f'after {name} in the JAAS entry comes ="value", and a semicolon ends the entry')
        options[name] = tokens[position + 2][0]
        position += 3
    if position + 1 != len(tokens):
        raise ValueError("the JAAS entry is one login module, and a semicolon ends it")
    return Login(tokens[0][0].rsplit(".", 1)[-1], options)


def parse_file(text: str) -> Login:
    """The login in the section KafkaClient of a file."""
    found = re.search(r"\bKafkaClient\s*\{(.*?)\}\s*;", text, re.DOTALL)
    if found is None:
        raise ValueError("the JAAS file has no section KafkaClient { ... };")
    return parse(found[1])


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words, and marks, with whether it is a word."""
    tokens: list[tuple[str, bool]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError("a quotation mark in the JAAS entry is not closed")
        position = found.end()
        if found["comment"] is not None:
            continue
        quoted = found["double"] if found["double"] is not None else found["single"]
        if quoted is not None:
            tokens.append((re.sub(r"\\(.)", r"\1", quoted), True))
        else:
            tokens.append((found["mark"] or found["word"], found["mark"] is None))
    return tokens
