"""The id of an event, by which a repeat is known to be one: `[@metadata][event_id]`.

The parts of a recipe are joined so that no two tuples give the same bytes: the lengths stand before the texts. The name
of the recipe is among the parts; a change to a recipe needs a new one. A false duplicate would lose an event, so where
a part is missing that tells two events apart there is no id, and the caller draws one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from xxhash import xxh3_128_hexdigest

from pipeline.event import Fields


def of_beat(fields: Fields, metadata: Fields) -> str | None:
    """The id of an event as a Beat sent it: `[@metadata][_id]`, or what names its place in a file; else None.

    The place is agent, file (fingerprint, or device and inode), path, offset, and the value of `message`; where the
    Beat does not say which file has the path, `@timestamp` as sent stands in.
    """
    sent = metadata.get("_id")
    if sent is not None and type(sent) in (str, int) and sent != "":
        return str(sent)
    try:
        log = fields["log"]
        file, offset = log["file"], log["offset"]
        fingerprint, inode = file.get("fingerprint"), file.get("inode")
        timestamp = None if inode or fingerprint else fields.get("@timestamp")
        place = _place(fields["agent"]["id"], file["path"], fingerprint, inode, file.get("device_id"), timestamp)
    except (KeyError, TypeError, AttributeError):  # another shape than Filebeat's; or one that cannot be hashed
        return None
    if place is None or type(offset) is not int:
        return None
    message = fields.get("message")
    text = f"{place}{offset}:s{message}" if type(message) is str else f"{place}{offset}:j{_json(message)}"
    try:
        return xxh3_128_hexdigest(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4096)
def _place(agent: Any, path: Any, fingerprint: Any, inode: Any, device: Any, timestamp: Any) -> str | None:
    if type(agent) is not str or type(path) is not str:
        return None
    if fingerprint:
        which = f"f{_json(fingerprint)}"
    elif inode:
        which = f"i{_json([device, inode])}"
    else:
        which = f"t{_json(timestamp)}"
    return f"beat1:{len(agent)}:{len(which)}:{len(path)}:{agent}{which}{path}"


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair
        return ascii(value)
