"""Index names: Elasticsearch's rules, and the file of an index. A field never names a path."""

from __future__ import annotations

import re
from hashlib import sha256

SUFFIX = ".sqlite"
_FORBIDDEN = re.compile(r'[\\/*?"<>| ,#:\x00-\x1f\x7f]')
_LONGEST_FILE = 200
"""File systems take names of 255 bytes, and SQLite appends to them."""


def problem(name: str) -> str | None:
    """Why this cannot be the name of an index, or None if it can."""
    why = None
    if not name:
        why = "it is empty"
    elif (found := _FORBIDDEN.search(name)) is not None:
        why = f"it holds {found[0]!r}"
    elif name[0] in "-_+":
        why = f"it starts with {name[0]!r}"
    elif name in (".", ".."):
        why = "it is a path"
    elif name != name.lower():
        why = "it holds upper case"
    elif not _encodable(name):
        why = "it is not valid Unicode"
    elif len(name.encode()) > 255:
        why = "it is longer than 255 bytes"
    return None if why is None else f"invalid index name {name[:300]!r}: {why}"


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def file_name(name: str) -> str:
    """The name of the file of an index. A long one is cut and told apart by a hash behind `#`, which no
    index name holds."""
    encoded = name.encode()
    if len(encoded) > _LONGEST_FILE:
        name = f"{encoded[: _LONGEST_FILE - 40].decode(errors='ignore')}#{sha256(encoded).hexdigest()[:32]}"
    return name + SUFFIX
