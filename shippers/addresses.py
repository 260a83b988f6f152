"""Hosts and ports, as a program is told them: `logs.example.org:5044`, `[2001:db8::1]:5044`, `logs.example.org`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:/\[\]@]+))(?::(?P<port>\d{1,5}))?")


def addresses(hosts: str | Sequence[str], default_port: int) -> list[tuple[str, int]]:
    """Each host with its port; a text may hold several, with commas. Raises `ValueError` on what is none."""
    texts = [text.strip() for given in ([hosts] if isinstance(hosts, str) else hosts) for text in given.split(",")]
    return [_address(text, default_port) for text in texts] or [_address("", default_port)]


def _address(text: str, default_port: int) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or default_port) if found else 0
    if found is None or not 0 < port < 65536:
        raise ValueError(f"{text!r} is no address: give host:port, such as logs.example.org:{default_port}")
    return found["six"] or found["host"], port


def joined(address: tuple[str, int]) -> str:
    """The address as text."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
