"""The PROXY protocol, version 1: one line that a proxy puts before the bytes of a connection.

    PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\\r\\n      who connected, to whom, and both ports
    PROXY UNKNOWN ...\\r\\n                                the proxy does not know, or speaks for itself

Source: section 2.1 of HAProxy's proxy-protocol.txt.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.errors import BrokenFraming

LONGEST = 107
"""Bytes of the longest line, its end included."""


class Proxied(NamedTuple):
    """Who is behind a proxy, and where it connected to."""

    address: str
    port: int
    proxy_address: str
    proxy_port: int


def take_header(data: bytes) -> tuple[Proxied | None, int] | None:
    """What the line says (None: the proxy does not know) and how long it is; None if it is not whole yet.

    Raises `BrokenFraming` where there is no such line.
    """
    end = data.find(b"\r\n", 0, LONGEST)
    if end < 0:
        if len(data) >= LONGEST or not b"PROXY "[: len(data)] == data[:6]:
            raise BrokenFraming("no PROXY line of version 1 before the first message (proxy_protocol)")
        return None
    words = data[:end].decode("ascii", "replace").split(" ")
    match words:
        case ["PROXY", "TCP4" | "TCP6", source, destination, source_port, destination_port] if (
            source_port.isdecimal() and destination_port.isdecimal()
        ):
            return Proxied(source, int(source_port), destination, int(destination_port)), end + 2
        case ["PROXY", "UNKNOWN", *_]:
            return None, end + 2
    raise BrokenFraming("the PROXY line before the first message cannot be read (proxy_protocol)")
