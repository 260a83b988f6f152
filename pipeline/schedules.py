"""When something is due: by a cron expression as Logstash's scheduler (rufus) reads it, or every so often.

    * * * * *                     minute, hour, day, month, day of the week
    */30 * * * * *                with seconds before them
    0 5 * * * Europe/Paris        in a time zone; else in the machine's
    @daily                        and @yearly, @monthly, @weekly, @midnight, @noon, @hourly
    every 5 minutes               and "every 90s", "every hour": counted from the start

Names of months and days, lists, ranges, steps, `L` for the last day of a month and `mon#2` are cronsim's to read. Where
the clock is put forward, what was due in the gap is done right after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator

from pipeline.dates import zones

_NAMED = {"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0"}
_NAMED |= {"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@noon": "0 12 * * *", "@hourly": "0 * * * *"}
_EVERY = re.compile(r"every\s+(?:(\d+)\s*)?(s|sec|second|m|min|minute|h|hour|d|day)s?", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z][A-Za-z/_+0-9-]*|[+-]\d\d:?\d\d")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Schedule:
    """When something is due; `text` as it was written. Raises ValueError for what is no schedule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._interval = 0.0
        self._expression = _NAMED.get(text.strip().lower(), text.strip())
        self._zone = zones.of_machine()
        if found := _EVERY.fullmatch(self._expression):
            self._interval = float(found[1] or 1) * _UNITS[found[2][0].lower()]
            if not self._interval:
                raise ValueError(f'"{text}" is no schedule: it would be due without end')
            return
        *fields, last = self._expression.split() or [""]
        if (
            len(fields) in (5, 6)
            and re.match(r"[A-Z]|[+-]\d\d:?\d\d$", last)
            and not last.isdigit()
            and "#" not in last
        ):
            zone = zones.find(last)
            if zone is not None:
                self._expression, self._zone = " ".join(fields), zone
            elif "/" in last:
                self._zone = zones.required(last)
        self.after(time.time())

    def after(self, moment: float) -> float:
        """The first time after a moment, both in seconds since 1970."""
        if self._interval:
            return moment + self._interval
        begin = datetime.fromtimestamp(moment, self._zone.tzinfo)
        try:
            due: Iterator[datetime] = CronSim(self._expression, begin)
            return next(due).timestamp()
        except CronSimError as error:
            raise ValueError(f'"{self.text}" is no schedule ({error}); write as in "*/5 * * * *"') from None
        except StopIteration:
            raise ValueError(f'"{self.text}" is never due: there is no such day') from None


def _schedule(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str):
        raise ValueError(f'expected a schedule such as "*/5 * * * *", got {value!r}')
    return Schedule(value)


ScheduleOption = Annotated[Schedule, BeforeValidator(_schedule)]
"""The type of a `schedule` option."""
