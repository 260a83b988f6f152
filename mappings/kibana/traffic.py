"""How much there is: events over time by level, top routes."""

from __future__ import annotations

from mappings.kibana import columns
from mappings.kibana.charts import Panel, xy
from mappings.kibana.objects import SavedObject

LEVEL, ROUTE = "level", "route"


def panels() -> list[SavedObject]:
    """The panels of this group."""
    by_level = {
        "level": columns.top(LEVEL, "Level", 10, "events"),
        "time": columns.by_time(),
        "events": columns.count(),
    }
    by_route = {"route": columns.top(ROUTE, "Route", 10, "requests"), "requests": columns.count("Requests")}
    over_time = Panel("events-by-level", "Events by level", "Events over time, by level.", by_level)
    top = Panel("top-routes", "Top routes", "The routes with the most requests.", by_route)
    return [xy(over_time, "bar_stacked", "time", ["events"], "level"), xy(top, "bar_horizontal", "route", ["requests"])]
