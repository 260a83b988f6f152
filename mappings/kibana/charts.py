"""Lens panels from columns. A panel has one layer, and its first column is the one that the others are split by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.kibana.columns import Columns
from mappings.kibana.objects import SavedObject, saved, to_view

LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Panel:
    """A Lens panel: its id, its title, what it is for, its columns, and a KQL query that narrows it."""

    name: str
    title: str
    purpose: str
    columns: Columns
    query: str = ""


def xy(panel: Panel, kind: str, x: str, y: list[str], split: str | None = None) -> SavedObject:
    """Lines, areas or bars: `line`, `bar_stacked`, `bar_horizontal`."""
    layer = {
        "layerId": LAYER,
        "layerType": "data",
        "seriesType": kind,
        "xAccessor": x,
        "accessors": y,
        "position": "top",
        "showGridlines": False,
    }
    if split is not None:
        layer["splitAccessor"] = split
    shape = {
        "preferredSeriesType": kind,
        "legend": {"isVisible": split is not None or len(y) > 1, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "layers": [layer],
    }
    return _lens(panel, "lnsXY", shape)


def table(panel: Panel) -> SavedObject:
    """A table with a column for each of the panel's, but for the parts of formulas."""
    shown = [name for name in panel.columns if not _inner(panel.columns, name)]
    shape = {"layerId": LAYER, "layerType": "data", "columns": [{"columnId": name} for name in shown]}
    return _lens(panel, "lnsDatatable", shape)


def region_map(panel: Panel, region: str, value: str) -> SavedObject:
    """The countries of the world, by their codes of two letters. The shapes come from Elastic's map service."""
    shape = {
        "layerId": LAYER,
        "layerType": "data",
        "emsLayerId": "world_countries",
        "emsField": "iso2",
        "regionAccessor": region,
        "valueAccessor": value,
    }
    return _lens(panel, "lnsChoropleth", shape)


def _inner(columns: Columns, name: str) -> bool:
    return any(name in column.get("references", ()) for column in columns.values())


def _lens(panel: Panel, kind: str, shape: dict[str, Any]) -> SavedObject:
    layer = {"columns": panel.columns, "columnOrder": list(panel.columns), "incompleteColumns": {}, "sampling": 1}
    state = {
        "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
        "visualization": shape,
        "query": {"query": panel.query, "language": "kuery"},
        "filters": [],
        "internalReferences": [],
        "adHocDataViews": {},
    }
    attributes = {
        "title": f"apex-logs: {panel.title}",
        "description": panel.purpose,
        "visualizationType": kind,
        "state": state,
    }
    references = [to_view(f"indexpattern-datasource-layer-{LAYER}")]
    return saved("lens", f"apex-logs-{panel.name}", attributes, references)
