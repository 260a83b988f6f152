"""A handler from one text, as a setting such as `LOG_TARGET` holds it.

    beats://HOST[:5044][,HOST...]                     lumberjack, to a beats input
    beats+tls://HOST[:5044][,HOST...]?ca=FILE         the same over TLS
    kafka://HOST[:9092][,HOST...]/TOPIC               a topic; needs the extra `kafka`
    kafka+tls://HOST[:9092][,HOST...]/TOPIC?ca=FILE   the same over TLS

Each may name files, in PEM: `ca`, `certificate` and `key`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shippers.handlers.logs import NO_FIELDS, LumberjackHandler, ShippingHandler
from shippers.handlers.transports import Pace

FORMS = "beats://HOST:PORT, beats+tls://HOST:PORT, kafka://HOST:PORT/TOPIC, kafka+tls://HOST:PORT/TOPIC"
_SCHEMES = ("beats", "beats+tls", "kafka", "kafka+tls")
_FILES = ("ca", "certificate", "key")


def handler_for(
    target: str,
    *,
    fields: Mapping[str, Any] = NO_FIELDS,
    tls: ssl.SSLContext | None = None,
    capacity: int = 10_000,
    pace: Pace = Pace(),  # noqa: B008  (immutable)
) -> ShippingHandler:
    """The handler that ships to a target; `tls` stands in for the files that the target may name.

    `?ca=FILE` trusts an authority beside the machine's own, `&certificate=FILE&key=FILE` shows a certificate. Raises
    `ValueError`, which says what is wrong with the target.
    """
    try:
        parts = urlsplit(target)
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"there is no {parts.scheme or 'target without a scheme'}")
        if "@" in parts.netloc:
            raise ValueError("it may hold no user and password; KafkaHandler takes them as its security")
        context = _context(parts, tls)
        if parts.scheme.startswith("kafka"):
            return _kafka(parts, fields=fields, tls=context, capacity=capacity, pace=pace)
        if parts.path.strip("/"):
            raise ValueError(f"{parts.path} is too much")
        return LumberjackHandler(parts.netloc, fields=fields, tls=context, capacity=capacity, pace=pace)
    except ValueError as error:
        shown = re.sub(r"//[^/]*@", "//...@", target)
        raise ValueError(f"{shown!r} is no log target: {error}; a target is one of {FORMS}") from None


def _kafka(parts: SplitResult, *, tls: ssl.SSLContext | None, **options: Any) -> ShippingHandler:
    try:
        from shippers.handlers.brokers import Security  # its client is an extra
        from shippers.handlers.kafka import KafkaHandler
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed; the extra has it: pip install 'apex-logs[kafka]'") from None
    return KafkaHandler(parts.netloc, parts.path.strip("/"), security=Security(tls=tls), **options)


def _context(parts: SplitResult, tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """The TLS that a target asks for."""
    files = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(files.keys() - set(_FILES)):
        raise ValueError(f"an unknown parameter {unknown[0]!r}; there are {', '.join(_FILES)}")
    if not parts.scheme.endswith("+tls"):
        if files or tls is not None:
            raise ValueError(f"{parts.scheme}:// is without TLS; {parts.scheme}+tls:// has it")
        return None
    if tls is not None:
        return tls
    return _loaded(files)


def _loaded(files: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if "ca" in files:
            context.load_verify_locations(files["ca"])
        if "certificate" in files:
            context.load_cert_chain(files["certificate"], files.get("key"))
        elif "key" in files:
            raise ValueError("a key needs its certificate")
    except OSError as error:
        raise ValueError(f"{', '.join(files.values())}: {error.strerror or error}") from None
    return context
