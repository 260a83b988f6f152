"""Reports to be written: by Celery workers over Redis where `REDIS_URL` is set, else by a thread of this process.

What is queued is a row of the table of reports, and the message is its id alone. So the in-process queue takes up
after a restart what it had not finished, and the age of the oldest one is read from the table, whoever works on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

TASK = "apex.api.write_report"
QUEUE = "apex-reports"
PUBLISH_TIMEOUT = 2.0
"""Seconds that Redis is waited for when a report is queued."""

REDELIVERY = 300
"""Seconds after which a report that a worker took and did not finish is given to another one."""


MOST_WAITING = 1000
"""Reports that may wait in this process, besides those that it found when it started."""


class QueueAway(Exception):
    """The broker does not answer, or too many wait; nothing was queued."""


class Queue(Protocol):
    """Where reports wait until one is written: in a thread of the process, or in Redis for workers."""

    def put(self, report: str) -> None:
        """Queues a report by its id; raises `QueueAway`."""

    def close(self) -> None:
        """Lets what is being written end; what has not begun stays in the table."""


class ThreadQueue:
    """One thread that writes one report after the other."""

    def __init__(self, write: Callable[[str], None], waiting: Iterable[str] = ()) -> None:
        self._write = write
        self._room = BoundedSemaphore(MOST_WAITING)
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reports")
        for report in waiting:
            self._threads.submit(self._guarded, report)

    def put(self, report: str) -> None:
        """Queues a report; raises `QueueAway` where too many wait."""
        if not self._room.acquire(blocking=False):
            raise QueueAway(f"{MOST_WAITING} reports wait")
        self._threads.submit(self._guarded, report).add_done_callback(lambda _: self._room.release())

    def close(self) -> None:
        """Waits for the report that is being written."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _guarded(self, report: str) -> None:
        try:
            self._write(report)
        except Exception:
            structlog.stdlib.get_logger("apex.api.queue").exception("report_not_written")


class CeleryQueue:
    """Publishes to the broker; `apex.api.worker` works on it."""

    def __init__(self, redis_url: str) -> None:
        self._celery = make_celery(redis_url)
        once = {"max_retries": 0}  # else the broker is tried for 6 s, whatever `send_task` is told
        self._celery.conf.broker_transport_options = {**self._celery.conf.broker_transport_options, **once}

    def put(self, report: str) -> None:
        """Publishes a report's id."""
        try:
            self._celery.send_task(TASK, [report], queue=QUEUE, ignore_result=True, retry=False)
        except OperationalError as error:
            raise QueueAway(str(error)) from error

    def close(self) -> None:
        """Closes the connections."""
        self._celery.close()


def make_celery(redis_url: str) -> Celery:
    """The Celery application that both sides share: JSON alone, a task is acknowledged when it is done."""
    celery = Celery("apex-api", broker=redis_url, set_as_current=False)
    celery.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "socket_timeout": PUBLISH_TIMEOUT,
            "socket_connect_timeout": PUBLISH_TIMEOUT,
            "visibility_timeout": REDELIVERY,
        },
        task_acks_late=True,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
    )
    return celery
