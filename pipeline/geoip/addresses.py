"""IP addresses as Java reads and prints them, which is how Logstash's geoip filter does.

Read, as `InetAddress.getByName` reads literals: `1.2.3.4`; fewer parts, the last of which fills the rest (`1.2.3`
is 1.2.0.3); leading zeros are decimal; IPv6 also in brackets; an IPv4-mapped IPv6 address is the IPv4 address.
Printed, as `InetAddress.getHostAddress` prints: IPv6 in full, without leading zeros: `2001:218:0:0:0:0:0:1`.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from struct import unpack

LONGEST = 47
"""No address is longer: IPv6 with an IPv4 tail, 45 characters, in brackets."""

_MAPPED = b"\0" * 10 + b"\xff\xff"
_PARTS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")


def java_form(text: str) -> str | None:
    """The address in Java's form, None if the text is none."""
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return _ipv6(text) if ":" in text else _loose_ipv4(text)
    return text


def java_network(address: str, length: int) -> str:
    """The network of that prefix length around an address, in Java's form."""
    network = ip_network(f"{address}/{length}", strict=False)
    return f"{java_form(str(network.network_address))}/{length}"


def _ipv6(text: str) -> str | None:
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        packed = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        return None
    if packed.startswith(_MAPPED):
        return inet_ntop(AF_INET, packed[12:])
    return ":".join(f"{group:x}" for group in unpack("!8H", packed))


def _loose_ipv4(text: str) -> str | None:
    if len(text) > 15 or not _PARTS.fullmatch(text):
        return None
    *first, last = (int(part) for part in text.split("."))
    width = 4 - len(first)
    if any(part > 255 for part in first) or last >= 256**width:
        return None
    return ".".join(str(part) for part in (*first, *last.to_bytes(width, "big")))
