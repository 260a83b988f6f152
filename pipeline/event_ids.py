"""The id of an event, by which a repeat is known to be one: `[@metadata][event_id]`.

The parts of a recipe are joined so that no two tuples give the same bytes: the lengths stand before the texts. The name
of the recipe is among the parts; a change to a recipe needs a new one. A false duplicate would lose an event, so where
a part is missing that tells two events apart there is no id, and the caller draws one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from xxhash import xxh3_128_hexdigest

from pipeline.event import Fields

Namer = Callable[[Fields, Fields], str | None]


def beat_namer() -> Namer:
    """A function from an event's fields and metadata, as a Beat sent them, to its id; None if there is none.

    The id is `[@metadata][_id]`, or names the event's place: agent, file (fingerprint, or device and inode), path,
    offset, and the value of `message`; where the Beat does not say which file has the path, `@timestamp` as sent
    stands in. The events of a window come from few files, so the start of the text is remembered for each.
    """
    known: dict[Any, tuple[Fields, Any, str | None, bool]] = {}

    def name(fields: Fields, metadata: Fields) -> str | None:
        if "_id" in metadata and (sent := metadata["_id"]) != "" and type(sent) in (str, int):
            return str(sent)
        try:
            log, agent = fields["log"], fields["agent"]["id"]
            file, offset = log["file"], log["offset"]
            path = file["path"]
            place = known.get(path)
            if place is None or place[0] != file or place[1] != agent:
                place = known[path] = (file, agent, *_start(agent, file))
        except (KeyError, TypeError, AttributeError):  # another shape than Filebeat's
            return None
        _, _, start, timed = place
        if start is None or type(offset) is not int:
            return None
        message = fields.get("message")
        if type(message) is str and not timed:
            text = f"{start}{offset}:s{message}"
        else:  # without a text, the place alone would speak for the event
            sent = fields.get("@timestamp")
            time = sent if type(sent) is str else f"j{_json(sent)}"
            value = f"s{message}" if type(message) is str else f"j{_json(message)}"
            text = f"{start}t{len(time)}:{time}{offset}:{value}"
        try:
            return xxh3_128_hexdigest(text.encode())
        except UnicodeEncodeError:  # half of a surrogate pair
            return xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))

    return name


def _start(agent: Any, file: Fields) -> tuple[str | None, bool]:
    """The text that names a file, and whether `@timestamp` has to help."""
    path = file["path"]
    if type(agent) is not str or type(path) is not str:
        return None, False
    fingerprint, inode = file.get("fingerprint"), file.get("inode")
    if fingerprint:
        which = f"f{_json(fingerprint)}"
    elif inode:
        which = f"i{_json([file.get('device_id'), inode])}"
    else:
        which = "t"
    return f"beat1:{len(agent)}:{len(which)}:{len(path)}:{agent}{which}{path}", which == "t"


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair
        return ascii(value)
