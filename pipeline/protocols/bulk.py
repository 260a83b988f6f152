"""The bulk API of Elasticsearch and OpenSearch: what goes out, what comes back, and what it means.

    body   = item+                                   application/x-ndjson
    item   = action "\\n" [ source "\\n" ]             a delete has no source
    action = {"create": {"_index": "...", "_id": "...", ...}}
    answer = {"errors": true, "items": [{"create": {"status": 409, "error": {...}}}, ...]}

The answer has one entry for each item, in the order of the items, also under `QUERY`, which leaves out all
that is not needed to judge them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container
from typing import Any

import orjson

from pipeline.errors import BodyTooLarge, NotAuthorised, Unavailable
from pipeline.plugin import Sent

QUERY = "filter_path=errors,items.*.status,items.*.error"
CONTENT_TYPE = "application/x-ndjson"
DEAD_STATUSES = frozenset({400, 404})
REFUSED = "security_exception"

_ALL_WRITTEN = Sent()
_NEWLINE = orjson.OPT_APPEND_NEWLINE
_SHOWN = 300
"""How much of an answer that is not understood is shown."""

# ---------------------------------------------------------------------------------------------- out


def action(operation: str, parameters: dict[str, Any]) -> bytes:
    """An action line, with its newline."""
    return encode({operation: parameters})


def encode(document: Any) -> bytes:
    """A JSON line, with its newline. What orjson refuses (integers over 64 bits, cut surrogates) the
    standard library writes, NaN and infinity as null, as orjson does."""
    try:
        return orjson.dumps(document, option=_NEWLINE)
    except TypeError:
        text = json.dumps(_finite(document), default=_plain, separators=(",", ":"), allow_nan=False)
        return text.encode() + b"\n"


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))  # an orjson.Fragment


def _finite(value: Any) -> Any:
    if type(value) is dict:
        return {key: _finite(item) for key, item in value.items()}
    if type(value) is list:
        return [_finite(item) for item in value]
    return None if type(value) is float and not math.isfinite(value) else value


def read(item: bytes) -> tuple[str, dict[str, Any], bytes | None]:
    """The operation, the parameters and the source of an item."""
    line, _, source = item.rstrip(b"\n").partition(b"\n")
    ((operation, parameters),) = orjson.loads(line).items()
    return operation, parameters, source or None


# ---------------------------------------------------------------------------------------------- back


def judge(status: int, answer: bytes, count: int, dead_statuses: Container[int] = DEAD_STATUSES) -> Sent:
    """What became of a body of `count` items. Raises `SendFailure` if the answer concerns all of them.

    Of single items: 2xx is written; 409 was there before, unless it is an update, which lost against
    another one and is dead; `dead_statuses` are dead; refused credentials are dead; the rest is sent again.
    """
    if not 200 <= status < 300:
        return _judge_failure(status, answer, count)
    if answer.startswith(b'{"errors":false') and answer.count(b'"status":') == count:
        return _ALL_WRITTEN
    try:
        parsed = orjson.loads(answer)
        items = parsed["items"]
        if len(items) == count:
            return _judge_items(items, dead_statuses) if parsed["errors"] else _ALL_WRITTEN
        problem = f"the answer to {count} items has {len(items)}"
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"this is no answer to a bulk request: {_shown(answer)}"
    raise Unavailable(problem)


def _judge_items(items: list[dict[str, Any]], dead_statuses: Container[int]) -> Sent:
    again: list[tuple[int, str]] = []
    dead: list[tuple[int, str]] = []
    repeated: list[int] = []
    for index, item in enumerate(items):
        ((operation, result),) = item.items()
        status = result["status"]
        error = result.get("error")
        if status < 300 or (status == 404 and error is None):  # 404: a delete that found nothing
            continue
        reason = f"{status} {explain(error)}"
        if status == 409 and operation != "update":
            repeated.append(index)
        elif status == 409 or status in dead_statuses or (status in (401, 403) and error["type"] == REFUSED):
            dead.append((index, reason))
        else:
            again.append((index, reason))
    return Sent(again, dead, len(repeated), repeated)


_ABOUT_ITEMS = frozenset(
    {
        "action_request_validation_exception",
        "illegal_argument_exception",
        "json_parse_exception",
        "parse_exception",
        "parsing_exception",
        "x_content_parse_exception",
    }
)
"""Errors of a whole request that one of its items caused, such as an unknown parameter in its action line."""


def _judge_failure(status: int, answer: bytes, count: int) -> Sent:
    error = _error(answer)
    kind = error.get("type") if isinstance(error, dict) else None
    reason = f"HTTP {status}: {_shown(answer) if error is None else explain(error)}"
    if status == 413:
        raise BodyTooLarge(reason)
    if status in (401, 403) and kind != "cluster_block_exception":
        raise NotAuthorised(reason)
    if status == 400 and kind in _ABOUT_ITEMS:
        if count == 1:
            return Sent(dead=[(0, reason)])
        raise BodyTooLarge(reason)  # halves lead to the item that is to blame
    raise Unavailable(reason)


def _error(answer: bytes) -> Any:
    try:
        parsed = orjson.loads(answer)
    except ValueError:
        return None
    return parsed.get("error") if isinstance(parsed, dict) else None


def explain(error: Any) -> str:
    """The reason in an error of Elasticsearch, with its causes, on one line."""
    parts: list[str] = []
    while isinstance(error, dict):
        part = ": ".join(str(error[key]) for key in ("type", "reason") if error.get(key))
        if part and part not in parts:
            parts.append(part)
        error = error.get("caused_by")
    if not parts:
        return str(error) if error else "no reason given"
    return "; caused by ".join(parts)


def _shown(answer: bytes) -> str:
    text = answer[:_SHOWN].decode("utf-8", "replace").strip()
    return text or "an empty answer"
