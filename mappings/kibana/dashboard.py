"""The dashboard: which panel is where, on a grid of 48 columns."""

from __future__ import annotations

import json

from mappings.kibana.objects import SavedObject, saved

GRID = {
    "apex-logs-events-by-level": (0, 0, 48, 12),
    "apex-logs-top-routes": (0, 12, 24, 14),
    "apex-logs-error-rate": (24, 12, 24, 14),
    "apex-logs-latency": (0, 26, 48, 12),
    "apex-logs-regions": (0, 38, 32, 16),
    "apex-logs-countries": (32, 38, 16, 16),
    "apex-logs-slowest": (0, 54, 48, 16),
}
"""Id of a panel: x, y, width, height."""


def dashboard() -> SavedObject:
    """The dashboard; it refers to its panels, so that each can be used elsewhere."""
    panels, references = [], []
    for name, (x, y, width, height) in GRID.items():
        index = name.removeprefix("apex-logs-")
        panels.append(
            {
                "type": "lens",
                "gridData": {"x": x, "y": y, "w": width, "h": height, "i": index},
                "panelIndex": index,
                "embeddableConfig": {"enhancements": {}},
                "panelRefName": f"panel_{index}",
            }
        )
        references.append({"type": "lens", "id": name, "name": f"{index}:panel_{index}"})
    attributes = {
        "title": "apex-logs",
        "description": "The API as its logs show it.",
        "panelsJSON": json.dumps(panels),
        "optionsJSON": json.dumps({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
        "timeRestore": True,
        "timeFrom": "now-30d",
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 60000},
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": json.dumps({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
        "version": 1,
    }
    return saved("dashboard", "apex-logs", attributes, references)
