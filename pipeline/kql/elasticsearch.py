"""A KQL query as Elasticsearch's query DSL, as Kibana translates it where it knows the fields of an index.

`kinds` are the fields that the index has. What a kind cannot hold matches nothing, where Elasticsearch would answer
with an error; so does a field that is not there. A field below a flattened one is a key of it, whether it is there
or not: the mapping does not say which keys there are. Elasticsearch refuses a wildcard in the value of a key, but at
its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.kql.analysis import terms
from pipeline.kql.dates import interval
from pipeline.kql.fields import fitting
from pipeline.kql.tree import And, Compare, Everything, Is, Literal, Node, Not, Or
from pipeline.kql.values import chunked, lowered, network, number

Dsl = dict[str, Any]
_NOTHING: Dsl = {"match_none": {}}
_QUERY_STRING = re.compile(r'[+\-=&|><!(){}\[\]^"~?:\\/]')
_OPERATOR = re.compile(r"\b(AND|OR|NOT)\b")
_FORMAT = "strict_date_optional_time||epoch_millis"
_WORDS: dict[str, str] = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def translate(node: Node, kinds: Mapping[str, str], now: int) -> Dsl:
    """The query DSL of a tree; `now`, in milliseconds since 1970, is what its dates take it for."""
    match node:
        case Everything():
            return {"match_all": {}}
        case Is(None, value):
            return _free_text(value)
        case Is(field, value):
            assert field is not None, "was the case before"
            return _any([_is(name, kind, value, now) for name, kind in _meant(field, value, kinds)])
        case Compare(field, sign, value):
            words = _WORDS[sign]
            return _any([_order(name, kind, words, value, now) for name, kind in _meant(field, value, kinds)])
        case Not(inner):
            return {"bool": {"must_not": [translate(inner, kinds, now)]}}
        case And(nodes):
            return {"bool": {"filter": [translate(each, kinds, now) for each in nodes]}}
        case Or(nodes):
            return _any([translate(each, kinds, now) for each in nodes])


def _any(queries: list[Dsl]) -> Dsl:
    if len(queries) == 1:
        return queries[0]
    return {"bool": {"should": queries, "minimum_should_match": 1}} if queries else _NOTHING


def _meant(field: Literal, value: Literal, kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    """The fields that a name means; one that is not there may still be an object, for those that ask if it exists."""
    if field.wild:
        fits = fitting(field)
        of_any_key = field.pieces[0][:-1] if field.pieces[1:] == ("",) and field.pieces[0].endswith(".") else None
        return [
            (name, kind) for name, kind in kinds.items() if fits(name) or (kind == "flattened" and name == of_any_key)
        ]
    name = field.text
    if name in kinds:
        # Without subobjects a field may have others below it, as `user_agent` has `user_agent.name`.
        below = [each for each in kinds.items() if each[0].startswith(f"{name}.")] if value.anything else []
        return [(name, kinds[name]), *below]
    if any(kind == "flattened" and name.startswith(f"{owner}.") for owner, kind in kinds.items()):
        return [(name, "key")]
    return [(name, "object")] if value.anything else []


def _free_text(value: Literal) -> Dsl:
    if not value.wild:
        return {
            "multi_match": {
                "query": value.text,
                "type": "phrase" if value.quoted else "best_fields",
                "lenient": True,
            }
        }
    chunks = chunked(value)
    if any(chunk.anything for chunk in chunks):
        return {"match_all": {}}
    text = " ".join("*".join(map(_escaped, chunk.pieces)) for chunk in chunks)
    return {"query_string": {"query": text, "lenient": True}}


def _escaped(text: str) -> str:
    return _OPERATOR.sub(lambda word: f"\\{word[0]}", _QUERY_STRING.sub(r"\\\g<0>", text))


def _is(name: str, kind: str, value: Literal, now: int) -> Dsl:
    if value.anything:
        return {"exists": {"field": name}}
    match kind:
        case "text":
            return _in_text(name, value)
        case "key" if value.wild and value.pieces[1:] == ("",):
            return {"prefix": {name: {"value": value.pieces[0]}}}
        case "keyword" | "flattened" | "key":
            if value.wild:
                return {"wildcard": {name: {"value": _wildcard(value)}}}
            return {"term": {name: {"value": value.text}}}
        case "date" if not value.wild and interval(value.text, now) is not None:
            text = _date(value.text, now)
            return {"range": {name: {"gte": text, "lte": text, "format": _FORMAT}}}
        case "ip" if not value.wild and network(value.text) is not None:
            return {"term": {name: {"value": value.text.strip()}}}
        case "number" if not value.wild and number(value.text) is not None:
            return {"match": {name: {"query": value.text.strip(), "lenient": True}}}
        case "boolean" if value.text in ("true", "false"):
            return {"term": {name: {"value": value.text}}}
    return _NOTHING


def _in_text(name: str, value: Literal) -> Dsl:
    if not value.wild:
        if not terms(value.text):
            return _NOTHING
        return {"match_phrase" if value.quoted else "match": {name: {"query": value.text}}}
    return _any(
        [
            {"wildcard": {name: {"value": _wildcard(lowered(chunk))}}} if chunk.wild else _in_text(name, chunk)
            for chunk in chunked(value)
        ]
    )


def _wildcard(value: Literal) -> str:
    return "*".join(re.sub(r"[*?\\]", r"\\\g<0>", piece) for piece in value.pieces)


def _order(name: str, kind: str, word: str, value: Literal, now: int) -> Dsl:
    text: Any = value.text
    match kind:
        case "keyword" | "flattened" | "key":
            return {"range": {name: {word: text}}}
        case "date" if interval(text, now) is not None:
            return {"range": {name: {word: _date(text, now), "format": _FORMAT}}}
        case "ip" if "/" not in text and network(text) is not None:
            return {"range": {name: {word: text.strip()}}}
        case "number" if number(text) is not None:
            return {"range": {name: {word: text.strip()}}}
    return _NOTHING


def _date(text: str, now: int) -> str:
    """The date as Elasticsearch reads it, with our `now` in place of its own."""
    if not text.startswith("now"):
        return text.strip()
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now)
    return f"{moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}||{text[3:]}"
