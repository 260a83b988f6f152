"""Connections to a broker, one of several; what fails says why, without the password."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

import aiormq
from aiormq.abc import AbstractConnection
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ConnectionNotAllowed,
    ProbableAuthenticationError,
)
from yarl import URL

from pipeline.errors import NotAuthorised, Unavailable

REFUSED = (AuthenticationError, ProbableAuthenticationError, ChannelAccessRefused, ConnectionNotAllowed)
TROUBLES = (AMQPError, OSError, RuntimeError, asyncio.TimeoutError)
"""What the client raises where the broker is away or refuses; RuntimeError of a channel that is closed."""


class Brokers:
    """The addresses of the brokers, tried in turn."""

    def __init__(self, addresses: Sequence[str], context: ssl.SSLContext | None, timeout: float) -> None:
        self._addresses = list(addresses)
        self._context, self._timeout = context, timeout

    @property
    def name(self) -> str:
        """Host and port of the one that is next."""
        url = URL(self._addresses[0])
        return f"{url.host}:{url.port}"

    async def connect(self) -> AbstractConnection:
        """A connection; raises `Unavailable` or `NotAuthorised`, and then another is next."""
        connection = aiormq.Connection(self._addresses[0], context=self._context)
        try:
            async with asyncio.timeout(self._timeout):
                await connection.connect({"connection_name": "apex-logs"})
        except REFUSED as error:
            raise NotAuthorised(f"{self.name}: {said(error)}") from error
        except TROUBLES as error:
            failure = Unavailable(f"{self.name}: {said(error)}")
            self._addresses.append(self._addresses.pop(0))
            raise failure from error
        return connection


def said(error: BaseException) -> str:
    """What an error of the client says."""
    return str(error) or type(error).__name__
