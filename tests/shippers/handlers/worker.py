"""What a process of multiprocessing does in a test."""

from __future__ import annotations

import logging

from shippers.handlers.logs import LumberjackHandler
from shippers.handlers.transports import Pace

log = logging.getLogger("worker")


def begin(address: str, run: str) -> None:
    """A handler for this process, unless a fork has brought one."""
    log.setLevel("INFO")
    if not log.handlers:
        log.addHandler(LumberjackHandler(address, fields={"run": run}, pace=Pace(farewell=30.0)))


def work(name: object) -> None:
    log.info("%s", name)


def alone(address: str, run: str) -> None:
    begin(address, run)
    work("alone")
