"""Where Elasticsearch is: `hosts` in every form that Logstash takes, `cloud_id`, and the credentials for them.

es1   es1:9200   [::1]:9200   http://es1   https://user:password@es1:9200/path   //es1
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

PORT = 9200
Scheme = Literal["http", "https"]


@dataclass(frozen=True, slots=True)
class Host:
    """One address; `scheme` is None where the text names none."""

    scheme: Scheme | None
    name: str
    port: int
    path: str = ""
    query: str = ""
    user: str | None = None
    password: str | None = None

    @property
    def here(self) -> bool:
        """Whether the host is this machine, by its name alone: nothing is looked up."""
        return self.name in ("localhost", "::1") or self.name.startswith("127.")


def parse_host(text: str) -> Host:
    """Reads one entry of `hosts`; raises ValueError."""
    given = text.strip()
    if "," in given:
        raise ValueError(f'"{text}" is no address: write several as an array: ["es1:9200", "es2:9200"]')
    try:
        parts = urlsplit(given if "//" in given else f"//{given}")
    except ValueError:
        raise ValueError(f'"{text}" is no address: what is in brackets is no IPv6 address') from None
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f'"{text}" is no address: its port is no number from 0 to 65535') from None
    if not parts.hostname:
        raise ValueError(f'"{text}" is no address: write host, host:port or http://host:port/path')
    scheme: Scheme | None = None
    if parts.scheme == "http":
        scheme = "http"
    elif parts.scheme == "https":
        scheme = "https"
    elif parts.scheme:
        raise ValueError(f'"{text}" is no address: it begins with http:// or https://, or with the host')
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Host(scheme, parts.hostname, port or PORT, parts.path.rstrip("/"), parts.query, user, password)


def parse_cloud_id(text: str) -> Host:
    """The Elasticsearch of a Cloud ID, `label:base64(host[:port]$elasticsearch[:port]$kibana)`; raises ValueError."""
    encoded = text.rpartition(":")[2]
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    domain, _, rest = decoded.partition("$")
    domain, _, port = domain.partition(":")
    name, _, own_port = rest.partition("$")[0].partition(":")
    chosen = own_port or port or "443"
    if not domain or not name or name == "undefined" or not chosen.isdigit():
        raise ValueError(f'"{text}" is no Cloud ID: copy it from the page of the deployment, label:... and all')
    return Host("https", f"{name}.{domain}", int(chosen))


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def api_key(key: str) -> str:
    """The value of an Authorization header, from `id:key` or from the two encoded as one."""
    return "ApiKey " + (base64.b64encode(key.encode()).decode() if ":" in key else key)
