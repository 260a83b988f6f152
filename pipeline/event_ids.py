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

from pipeline.event import Fields, copied

Namer = Callable[[Fields, Fields], str | None]


_USUAL = frozenset(
    (
        *("@metadata", "@timestamp", "@version", "agent", "beat", "cloud", "container", "docker", "ecs", "fields"),
        *("host", "input", "kubernetes", "log", "message", "orchestrator", "tags", "type"),
    )
)
"""What a Beat and its processors say of an event themselves. All else was in the line that it read."""


def beat_namer() -> Namer:
    """A function from an event's fields and metadata, as a Beat sent them, to its id; None if there is none.

    The id is `[@metadata][_id]`, or names the event's place: agent, file (fingerprint, or device and inode), path,
    offset, and what was read there: `message`, and where the Beat has parsed the line, its other fields. The time that
    was sent helps where the Beat does not say which file has the path, and where it took the time out of the line. The
    events of a window come from few files, so the start of the text is remembered for each.
    """
    known: dict[Any, tuple[Fields, Any, Any, str | None, bool]] = {}

    def name(fields: Fields, metadata: Fields) -> str | None:
        if "_id" in metadata and (sent := metadata["_id"]) != "" and type(sent) in (str, int):
            return str(sent)
        try:
            log, agent = fields["log"], fields["agent"]
            file, offset = log["file"], log["offset"]
            path, agent_id, agent_name = file["path"], agent["id"], agent.get("name")
            place = known.get(path)
            if place is None or place[0] != file or place[1] != agent_id or place[2] != agent_name:
                place = known[path] = (copied(file), agent_id, agent_name, *_start(agent, file))
        except (KeyError, TypeError, AttributeError, RecursionError):  # another shape than Filebeat's
            return None
        _, _, _, start, timed = place
        if start is None or type(offset) is not int:
            return None
        message = fields.get("message")
        if type(message) is str and not timed and (_USUAL.issuperset(fields) or not _parsed(fields)):
            text = f"{start}{offset}:s{message}"
        else:
            try:
                text = f"{start}{offset}:{_content(fields, message, timed)}"
            except RecursionError:  # nested too deeply to be written
                return None
        try:
            return xxh3_128_hexdigest(text.encode())
        except UnicodeEncodeError:  # half of a surrogate pair
            return xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))

    return name


_STREAMS = ("stdout", "stderr")
"""What Filebeat says of a line of a container's log, whose time it takes out of the line, into `@timestamp`. Such logs
are rotated often, and their files get each other's inodes: a line that says the same is soon at the same place again.
"""


def _parsed(fields: Fields) -> Fields:
    """The fields that were in the line; `[event][original]` is what a codec here has kept of it."""
    found = {key: value for key, value in fields.items() if key not in _USUAL}
    event = found.get("event")
    if type(event) is dict and "original" in event:
        found["event"] = {key: value for key, value in event.items() if key != "original"}
        if not found["event"]:
            del found["event"]
    return found


def _content(fields: Fields, message: Any, timed: bool) -> str:
    """What was read, where it is more than a message; and the time, where it has to tell two events apart."""
    value = f"s{message}" if type(message) is str else f"j{_json(message)}"
    # Without a text, the place alone would speak for the event. Of a container's log, the time was in the line.
    timed = timed or type(message) is not str or fields.get("stream") in _STREAMS
    time = _json(fields.get("@timestamp")) if timed else ""
    return f"x{len(value)}:{value}{len(time)}:{time}{_json(_parsed(fields))}"


def _start(agent: Fields, file: Fields) -> tuple[str | None, bool]:
    """The text that names a file, and whether `@timestamp` has to help."""
    path, agent_id = file["path"], agent["id"]
    if type(agent_id) is not str or type(path) is not str:
        return None, False
    fingerprint, inode = file.get("fingerprint"), file.get("inode")
    if fingerprint:
        which = f"f{_json(fingerprint)}"
    elif inode:
        which = f"i{_json([file.get('device_id'), inode])}"
    else:
        which = "t"
    # Clones of a machine share the agent's id, and their files the inode; the name is what they are given first.
    named = _json(agent.get("name"))
    lengths = ":".join(str(len(text)) for text in (agent_id, named, which, path))
    return f"beat1:{lengths}:{agent_id}{named}{which}{path}", which == "t"


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair
        return ascii(value)
