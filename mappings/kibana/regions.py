"""Where requests come from: a map and a table of countries."""

from __future__ import annotations

from mappings.kibana import columns
from mappings.kibana.charts import Panel, region_map, table
from mappings.kibana.objects import SavedObject

COUNTRY = "geoip.country_code2"


def panels() -> list[SavedObject]:
    """The panels of this group."""
    made = {"country": columns.top(COUNTRY, "Country", 250, "requests"), "requests": columns.count("Requests")}
    drawn = Panel("regions", "Requests by country", "A map of geoip.country_code2.", made)
    listed = Panel("countries", "Countries", "The same as a table.", made)
    return [region_map(drawn, "country", "requests"), table(listed)]
