"""Who asked: the peer, or whom a trusted proxy names in `X-Forwarded-For`.

Each proxy appends the address of its own peer, so the header is walked from the right, and only as far as every hop
so far is trusted: what stands to the left of an untrusted one can be written by anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from apex.api.settings import Network

Address = IPv4Address | IPv6Address


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """The client's address; `forwarded` is the `X-Forwarded-For` headers in their order.

    None where the peer has no address, as on a Unix socket.
    """
    address = _parsed(peer or "")
    if address is None:
        return None
    hops = ",".join(forwarded).split(",") if forwarded else []
    while hops and _is_trusted(address, trusted):
        named = _parsed(hops.pop())
        if named is None:
            break
        address = named
    return str(address)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parsed(text: str) -> Address | None:
    """`1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`; an IPv4 address that came in an IPv6 one is an IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
