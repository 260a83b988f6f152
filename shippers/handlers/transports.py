"""What a courier asks of a transport, and the pace at which it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Left = Callable[[], float]
"""Seconds that the next step may take from now on; 0 or less: it is over."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a handler works; all times in seconds."""

    batch: int = 2048
    """Records sent together, at most."""
    delay: float = 0.2
    """How long a record may wait for others to go with it."""
    timeout: float = 30.0
    """How long the other side may be silent before the connection is given up."""
    first_pause: float = 0.5
    """The pause after the first failure; it doubles, and is cut by chance to between half and all of it."""
    longest_pause: float = 30.0
    farewell: float = 5.0
    """How long `close` and the end of the program wait for what is not delivered yet."""
    complain_every: float = 60.0
    """At most one line on stderr in so many seconds."""


class Transport(Protocol):
    """Sends batches, and is used by one thread."""

    @property
    def name(self) -> str:
        """Where to, for a complaint."""

    @property
    def places(self) -> int:
        """After so many failures in a row every place was tried, and there is a pause."""

    def send(self, payloads: Sequence[bytes], left: Left) -> int:
        """Returns when all has ended: how many were refused for good, where that is possible; the others are taken.

        Raises if some are not; the next call, with the same list, goes on, at the next place.
        """

    def close(self) -> None:
        """Lets go of the connection, if there is one."""

    def forget(self) -> None:
        """In the child of a fork: lets go of what is the parent's, so that the parent does not notice."""


class ShippingThread(threading.Thread):
    """A thread of a handler. What is logged in it is shipped by no handler, so that none feeds itself or another."""
