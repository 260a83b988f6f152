"""`apex-logs ship`, put together: settings, agent, registry, inputs, output, signals."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError
from shippers.node import agent
from shippers.node.destinations import KafkaSettings
from shippers.node.envelopes import Envelopes
from shippers.node.following import Following
from shippers.node.settings import ShipSettings
from shippers.node.shipping import Output, Shipping
from shippers.node.windows import Windows

log = logging.getLogger("apex.ship")

REGISTRY = "registry"


def ship(settings: ShipSettings, *, once: bool = False) -> int:
    """Ships until SIGTERM or Ctrl-C; returns the exit code. A second signal stops at once."""
    try:
        lock = FolderLock(str(settings.data), remedy="stop it, or give this one another folder as data")
        registry = settings.data / REGISTRY
        registry.mkdir(exist_ok=True)
        sender = agent.sender(settings.data, settings.name, settings.kind, details=settings.details)
    except OSError as error:
        raise StoreError(f"{settings.data} cannot be used: {error.strerror}; see `data`") from None
    followed = []
    for options, marks in settings.inputs:
        envelopes = Envelopes(sender, marks, options.formatted)
        followed.append(Following(options, envelopes, registry, settings.most_open, settings.pace.interval))
    try:
        return asyncio.run(_run(settings, followed, once))
    finally:
        lock.release()


async def _run(settings: ShipSettings, followed: list[Following], once: bool) -> int:
    shipping = Shipping(followed, _output(settings), settings.pace)
    loop, working = asyncio.get_running_loop(), asyncio.current_task()
    assert working is not None

    def stop(number: signal.Signals) -> None:
        if shipping.stopping:
            working.cancel()
            return
        log.info("%s: what is under way is delivered; a second one stops at once", number.name)
        shipping.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    log.info("following %s", "; ".join(f"{options.id}: {' '.join(options.paths)}" for options, _ in settings.inputs))
    try:
        finished = await shipping.run(once=once)
    except asyncio.CancelledError:
        log.warning("stopped at once")
        return 1
    return 1 if shipping.unsaved or (once and not finished) else 0


def _output(settings: ShipSettings) -> Output:
    if isinstance(settings.output, KafkaSettings):
        from shippers.node.brokers import Brokers

        return Brokers(settings.output, Path(settings.data))
    return Windows(settings.output)
