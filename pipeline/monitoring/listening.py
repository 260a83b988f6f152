"""Listens for the API from the start, and makes the server at the first connection.

    bind      at the start: the first free port of the range; no port is one warning, and everything goes on
    wait      the kernel holds what connects
    serve     from the first connection on: aiohttp is imported, in a fifth of a second, and takes the socket

So a process that nobody asks anything pays neither the time nor the memory of a web server.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from importlib import import_module

from pipeline import tls
from pipeline.monitoring.node import Node
from pipeline.settings.monitoring import MonitoringSettings

log = logging.getLogger("apex.api")

_BACKLOG = 128


def tls_of(settings: MonitoringSettings) -> ssl.SSLContext | None:
    """The context of the API; raises `ConfigurationError` if the keystore cannot be used."""
    if not settings.api_ssl_enabled:
        return None
    password = settings.api_ssl_keystore_password
    secret = password.get_secret_value() if password is not None else None
    identity = tls.Identity(keystore=settings.api_ssl_keystore, passphrase=secret)
    return tls.server_context(identity, rules=tls.Rules(protocols=settings.api_ssl_protocols))


@contextlib.asynccontextmanager
async def listening(node: Node) -> AsyncIterator[None]:
    """The API listens for the time of the block, if it is enabled and a port can be had."""
    context = tls_of(node.settings) if node.settings.api_enabled else None
    bound = _bound(node.settings) if node.settings.api_enabled else None
    if bound is None:
        yield
        return
    host, port = bound.getsockname()[:2]
    node.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    log.info("the API listens at %s://%s", "https" if context else "http", node.address)
    task = asyncio.create_task(_serve(node, bound, context))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        bound.close()


def _bound(settings: MonitoringSettings) -> socket.socket | None:
    """A socket that listens at the first free port of the range."""
    host, (first, last) = settings.api_http_host, settings.api_http_port
    problem: OSError | None = None
    for port in range(first, last + 1):
        try:
            return _listen(host, port)
        except OSError as error:
            problem = error
            if error.errno != errno.EADDRINUSE:
                break
    ports = str(first) if first == last else f"{first}-{last}"
    log.warning(
        "the API cannot listen at %s:%s (%s), and is left out; set api.http.port, or api.enabled: false",
        host,
        ports,
        problem,
    )
    return None


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


async def _serve(node: Node, bound: socket.socket, context: ssl.SSLContext | None) -> None:
    await _connection(bound)
    try:
        # On the loop: beside a worker that has much to do, a thread would take seconds for it.
        await import_module("pipeline.monitoring.api").serve(node, bound, context)
    except Exception:
        log.exception("the API has ended; everything else goes on")


async def _connection(bound: socket.socket) -> None:
    """Returns when somebody has connected, and takes nothing of it."""
    loop, connected = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(bound, connected.set)
    try:
        await connected.wait()
    finally:
        loop.remove_reader(bound)
