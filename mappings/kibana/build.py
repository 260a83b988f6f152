"""All of Kibana's objects, in the order of their references; `python -m mappings.kibana.build` writes the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mappings.kibana import errors, latency, regions, requests, traffic
from mappings.kibana.dashboard import dashboard
from mappings.kibana.objects import TRACES, SavedObject, data_view, stamped
from mappings.kibana.searches import searches

FILE = Path(__file__).with_name("apex-logs.ndjson")


def objects(traces: str = TRACES) -> list[SavedObject]:
    """The objects, with links to the Jaeger at `traces`."""
    panels = [panel for group in (traffic, errors, latency, regions, requests) for panel in group.panels()]
    return [stamped(each) for each in (data_view(traces), *searches(), *panels, dashboard())]


def ndjson(made: Sequence[SavedObject]) -> str:
    """As Kibana exports it: an object a line, and a line that sums them up."""
    summary = {
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": len(made),
        "missingRefCount": 0,
        "missingReferences": [],
    }
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in (*made, summary))


if __name__ == "__main__":
    FILE.write_text(ndjson(objects()), encoding="utf-8")
