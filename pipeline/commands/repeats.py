"""Keeps one complaint from filling the log: of a thousand equal ones the first is written at once, then their number.

Lines are equal that have the same logger, level and text, where numbers and what is quoted may differ: "out: 429 ...;
17 items are sent again in 2.5 s" is one complaint, however many items. What the line begins with (the plugin) and every
other word count, so a different complaint is never held back. Lines below a warning are left alone.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
from dataclasses import dataclass

INTERVAL = 10.0
"""Seconds between two lines for the same complaint."""
_KEPT = 1000
"""Complaints that are remembered; the oldest gives way, and says how often it came."""
_STATUS = re.compile(r"(?:HTTP )?[1-5]\d\d\b")
_VARYING = re.compile(r'"[^"]*"|\b\d[\d.]*\b')
"""What is quoted, and numbers."""

Key = tuple[str, int, str]


@dataclass(slots=True)
class _Complaint:
    written: float
    """Monotonic seconds."""
    last: logging.LogRecord
    held: int = 0


class Repeats(logging.Filter):
    """A filter of the handler that it is given; `close` says what is still held back."""

    def __init__(self, handler: logging.Handler, interval: float = INTERVAL) -> None:
        super().__init__()
        self._handler = handler
        self._interval = interval
        self._complaints: dict[Key, _Complaint] = {}
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written now."""
        if record.levelno < logging.WARNING or hasattr(record, "repeats"):
            return True
        key, now = _key(record), time.monotonic()
        with self._lock:
            known = self._complaints.get(key)
            if known is not None:
                known.last = record
                known.held += 1
                self._wait()
                return False
            if len(self._complaints) >= _KEPT:
                self._tell(self._complaints.pop(next(iter(self._complaints))))
            self._complaints[key] = _Complaint(now, record)
            self._wait()
            return True

    def close(self) -> None:
        """Tells what is held back, and forgets everything."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for complaint in self._complaints.values():
                self._tell(complaint)
            self._complaints.clear()

    def look(self) -> None:
        """Tells what has been held back for long enough, and forgets what has not come again."""
        with self._lock:
            self._timer = None
            now = time.monotonic()
            for key, complaint in list(self._complaints.items()):
                if now - complaint.written < self._interval:
                    continue
                if complaint.held:
                    self._tell(complaint)
                    complaint.written, complaint.held = now, 0
                else:
                    del self._complaints[key]
            if self._complaints:
                self._wait()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._interval, self.look)
            self._timer.daemon = True
            self._timer.name = "repeated log lines"
            self._timer.start()

    def _tell(self, complaint: _Complaint) -> None:
        if not complaint.held:
            return
        record = copy.copy(complaint.last)
        seconds = time.monotonic() - complaint.written
        record.msg = f"{record.getMessage()} ({complaint.held} more like it in {seconds:.0f} s)"
        record.args, record.exc_info, record.exc_text = None, None, None
        record.repeats = complaint.held
        self._handler.handle(record)


def _key(record: logging.LogRecord) -> Key:
    message = record.getMessage()
    # What a line begins with names the plugin, and its place is a number.
    head, colon, rest = message.partition(": ")
    if not colon:
        return record.name, record.levelno, message
    status = _STATUS.match(rest)
    start = status.end() if status else 0
    return record.name, record.levelno, head + colon + rest[:start] + _VARYING.sub("#", rest[start:])
