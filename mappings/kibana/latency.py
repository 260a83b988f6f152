"""How long requests take: percentiles over time."""

from __future__ import annotations

from mappings.kibana import columns
from mappings.kibana.charts import Panel, xy
from mappings.kibana.objects import SavedObject

DURATION = "duration_ms"
RANKS = (50, 95, 99)


def panels() -> list[SavedObject]:
    """The panels of this group."""
    made = {"time": columns.by_time(), **{f"p{rank}": columns.percentile(DURATION, rank) for rank in RANKS}}
    panel = Panel("latency", "Latency", "Percentiles of duration_ms, in milliseconds.", made, f"{DURATION}: *")
    return [xy(panel, "line", "time", [f"p{rank}" for rank in RANKS])]
