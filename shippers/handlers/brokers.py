"""Batches to a Kafka topic.

The producer repeats a request by itself, under the same numbers, until a broker answers, so that a repeat is written
once. So what is under way is waited for when the same payloads come again, and not handed over twice.
"""

from __future__ import annotations

import concurrent.futures
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shippers.handlers.producing import Producing
from shippers.handlers.transports import Left

_SLICE = 0.25
"""Seconds after which it is looked whether time is over."""


@dataclass(frozen=True, slots=True)
class Security:
    """How to talk to the brokers: TLS or not, and a login where there is a user."""

    tls: ssl.SSLContext | None = None
    user: str | None = None
    password: str = field(default="", repr=False)
    mechanism: str = "SCRAM-SHA-512"
    """Or `SCRAM-SHA-256`, `PLAIN`."""

    def settings(self) -> dict[str, Any]:
        """The same as the client's settings."""
        protocol = ("SASL_" if self.user is not None else "") + ("PLAINTEXT" if self.tls is None else "SSL")
        login: dict[str, Any] = {}
        if self.user is not None:
            login = {"sasl_plain_username": self.user, "sasl_plain_password": self.password}
            login["sasl_mechanism"] = self.mechanism
        return {"security_protocol": protocol, "ssl_context": self.tls, **login}


class Kafka:
    """A producer for one topic, made when it is needed, and made anew when it is broken."""

    places = 1

    def __init__(self, brokers: Sequence[str], topic: str, security: Security) -> None:
        self.name = f"topic {topic} at {','.join(brokers)}"
        self._settings = {"bootstrap_servers": list(brokers), **security.settings()}
        self._topic = topic
        self._producing: Producing | None = None
        self._payloads: Sequence[bytes] | None = None
        self._answer: concurrent.futures.Future[int] | None = None

    def send(self, payloads: Sequence[bytes], left: Left) -> int:
        """Returns how many records are too large for the topic, when all others are written; else raises."""
        if self._producing is None:
            self._producing = Producing(self._settings, self._topic)
        if self._payloads is not payloads:
            self._payloads, self._answer = payloads, None
            self._producing.begin(payloads)
        if self._answer is None:
            self._answer = self._producing.call(self._producing.deliver())
        answer = self._answer
        try:
            refused = _awaited(answer, left)
        finally:
            if answer.done():
                self._answer = None  # else it is waited for again
        self._payloads = None
        return refused

    def close(self) -> None:
        """Lets go of the brokers, and of the loop."""
        producing, self._producing = self._producing, None
        if producing is not None:
            producing.close()

    def forget(self) -> None:
        """Leaves everything to the parent: a loop of its own does not share the parent's poll."""
        self._producing = self._payloads = self._answer = None


def _awaited(answer: concurrent.futures.Future[int], left: Left) -> int:
    """The answer, as long as time is left; it may run out while this waits."""
    until = time.monotonic() + left()
    while (seconds := min(left(), until - time.monotonic())) > 0:
        if concurrent.futures.wait([answer], min(seconds, _SLICE)).done:
            return answer.result()
    raise TimeoutError("no broker has answered; what is under way is waited for")
