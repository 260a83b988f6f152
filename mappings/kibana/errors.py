"""What fails: the error rate of each endpoint."""

from __future__ import annotations

from mappings.kibana import columns
from mappings.kibana.charts import Panel, table
from mappings.kibana.objects import SavedObject

ROUTE = "route"
FAILED = "status >= 500"


def panels() -> list[SavedObject]:
    """The panels of this group."""
    made = {
        "route": columns.top(ROUTE, "Route", 20, "requests"),
        "requests": columns.count("Requests"),
        "errors": columns.count("Errors", FAILED),
        **columns.share("rate", "Error rate", FAILED),
    }
    purpose = "Of each route, how many requests the server failed at (status 500 and above)."
    return [table(Panel("error-rate", "Error rate by endpoint", purpose, made))]
