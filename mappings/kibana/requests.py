"""Single requests: the slowest, with links to their traces."""

from __future__ import annotations

from mappings.kibana import columns
from mappings.kibana.charts import Panel, table
from mappings.kibana.objects import SavedObject

TRACE, DURATION, ROUTE, STATUS = "trace_id", "duration_ms", "route", "status"


def panels() -> list[SavedObject]:
    """The panels of this group."""
    made = {
        "trace": columns.top(TRACE, "Trace", 20, "duration"),
        "duration": columns.longest(DURATION, "Duration, ms"),
        "route": columns.last(ROUTE, "Route", "string"),
        "status": columns.last(STATUS, "Status", "number"),
    }
    purpose = "The slowest requests; a trace id leads to the trace."
    return [table(Panel("slowest", "Slowest requests", purpose, made, f"{DURATION}: *"))]
