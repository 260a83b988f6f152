"""How long an index lives: the policies of Elasticsearch's index lifecycle management.

An index is never made read-only, and not force-merged either, as that action makes it read-only first: a late or a
replayed event is still written. Nor does the age count from the date in the name (`parse_origination_date`), else a
replayed day would be deleted as soon as it is there.
"""

from __future__ import annotations

import re
from typing import Any

DEFAULT_RETENTION = "30d"
_AGE = re.compile(r"[1-9]\d{0,4}[dh]")
_WARM_AFTER_DAYS = 2


def policy(retention: str = DEFAULT_RETENTION, *, rollover: bool = False) -> dict[str, Any]:
    """A policy that deletes after `retention`, such as 30d or 12h; raises ValueError for any other text.

    With `rollover`, for data streams, an index is closed to new documents after a day or 50 GB, and ages from then.
    """
    if not _AGE.fullmatch(retention):
        raise ValueError(f'"{retention}" is no age: write days or hours, such as 30d or 12h')
    hot: dict[str, Any] = {"set_priority": {"priority": 100}}
    if rollover:
        hot["rollover"] = {"max_age": "1d", "max_primary_shard_size": "50gb"}
    phases: dict[str, Any] = {"hot": {"min_age": "0ms", "actions": hot}}
    if retention[-1] == "d" and int(retention[:-1]) > _WARM_AFTER_DAYS:
        warm = {"set_priority": {"priority": 50}}
        phases["warm"] = {"min_age": f"{_WARM_AFTER_DAYS}d", "actions": warm}
    phases["delete"] = {"min_age": retention, "actions": {"delete": {"delete_searchable_snapshot": True}}}
    return {"policy": {"phases": phases}}
