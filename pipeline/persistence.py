"""From the settings to a persistent queue: opened, its inputs named, its lock taken and given back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence

from pipeline.config.check import CheckedPlugin
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.queue import PersistentQueue, Terms
from pipeline.delivery.worker import Source
from pipeline.disk.file_layer import SystemFiles
from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError
from pipeline.metrics import Counters
from pipeline.settings.logstash_yml import Settings
from pipeline.stored_queue.pages import SUFFIX
from pipeline.stored_queue.queue import Bounds, StoredQueue, deflater
from pipeline.stored_queue.survey import survey

log = logging.getLogger("apex.queue")


async def open_queue(
    settings: Settings,
    inputs: Sequence[tuple[CheckedPlugin, Source]],
    dead_letters: DeadLetterQueue,
    counters: Counters,
    stack: contextlib.AsyncExitStack,
) -> PersistentQueue | None:
    """The queue of the pipeline, until the stack ends; None if `queue.type` is memory.

    Raises `StoreError` if it is in use, or damaged.
    """
    if settings.queue_type == "memory":
        await _warn_of_a_queue(settings)
        return None
    stack.callback(FolderLock(str(settings.queue)).release)
    store = await _opened(settings)
    stack.callback(store.close)
    if store.cut:
        log.warning(
            "%d bytes at the end of the queue were not whole when the process died: no sender was told of them",
            store.cut,
        )
    if store.waiting:
        log.info("the queue holds %d batches from before", store.waiting)
    names = input_names([checked for checked, _ in inputs])
    sources = {name: source for name, (_, source) in zip(names, inputs, strict=True)}
    return PersistentQueue(store, sources, _terms(settings), dead_letters, counters)


async def _opened(settings: Settings) -> StoredQueue:
    bounds = Bounds(settings.queue_page_capacity, settings.queue_max_bytes)
    deflate = deflater(settings.queue_compression)
    opening = asyncio.ensure_future(asyncio.to_thread(StoredQueue, str(settings.queue), bounds, deflate=deflate))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:  # its thread cannot be stopped: the folder is given back when it is done
        (await opening).close()
        raise


async def _warn_of_a_queue(settings: Settings) -> None:
    """Says so where the pipeline has no queue, and there is one from before that still owes a delivery."""
    folder = settings.queue
    if not folder.is_dir() or not any(folder.glob(f"*{SUFFIX}")):
        return
    try:
        found = await asyncio.to_thread(survey, SystemFiles(), str(folder), in_use=True)
    except (StoreError, OSError) as error:
        log.error("%s", error)
        return
    if waiting := sum(page.waiting for page in found.pages):
        log.error(
            "%d batches wait in the queue in %s, and nothing delivers them while queue.type is memory: run once with "
            "queue.type: persisted and queue.drain: true; `apex-logs queue inspect` shows them",
            waiting,
            folder,
        )


def _terms(settings: Settings) -> Terms:
    return Terms(
        drain=settings.queue_drain,
        writes=settings.queue_checkpoint_writes,
        acks=settings.queue_checkpoint_acks,
        interval=settings.queue_checkpoint_interval / 1000,
        retry=settings.queue_checkpoint_retry,
    )


def input_names(inputs: Sequence[CheckedPlugin]) -> list[str]:
    """The names under which the queue keeps what inputs took: their id, else plugin and number, as `beats #1`.

    Not their place in the text, so that a line more in the file makes no input another one.
    """
    seen: Counter[str] = Counter()
    names: list[str] = []
    for checked in inputs:
        seen[checked.module.name] += 1
        name = checked.options.id or f"{checked.module.name} #{seen[checked.module.name]}"
        while name in names:  # an id that looks like such a name
            name += "+"
        names.append(name)
    return names
