"""Panels: each has a title, a description, a unit and its curves, or it cannot be made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from grafana_foundation_sdk.builders import bargauge, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig, ReduceDataOptions
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos, ThresholdsMode
from grafana_foundation_sdk.models.dashboard import Threshold as Step
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""The data source of provisioning/datasources/prometheus.yaml."""

Builder: TypeAlias = bargauge.Panel | heatmap.Panel | stat.Panel | timeseries.Panel


class Text(NamedTuple):
    """What a panel says of itself."""

    title: str
    description: str
    """What is seen, and from which value on it is bad."""
    unit: str
    """One of Grafana's: `percent` (0 to 100), `percentunit` (0 to 1), `s`, `bytes`, `reqps`, `short`..."""


class Curve(NamedTuple):
    """An expression in PromQL, and how what comes of it is called."""

    expression: str
    legend: str


class Place(NamedTuple):
    """Where a panel stands, in Grafana's grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


def lines(text: Text, place: Place, *curves: Curve, limit: float | None = None) -> timeseries.Panel:
    """Curves over time; a red line is drawn at `limit`."""
    made = timeseries.Panel().min(0)
    if limit is not None:
        made.thresholds(_steps(("green", None), ("red", limit)))
        made.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
    _say(made, text, place, curves)
    return made.unit(text.unit)


def number(text: Text, place: Place, curve: Curve, *, good_from: float | None = None) -> stat.Panel:
    """The last value, large; below `good_from` it is red."""
    made = stat.Panel().reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    if good_from is not None:
        made.thresholds(_steps(("red", None), ("green", good_from)))
    _say(made, text, place, [curve])
    return made.unit(text.unit)


def bars(text: Text, place: Place, curve: Curve) -> bargauge.Panel:
    """A bar for each series, as they are now."""
    made = bargauge.Panel().orientation(VizOrientation.HORIZONTAL)
    made.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    _say(made, text, place, [])
    return made.unit(text.unit).with_target(_query(curve, "A").instant())


def heat(text: Text, place: Place, expression: str) -> heatmap.Panel:
    """The buckets of a histogram over time; the unit is that of its bounds."""
    made = heatmap.Panel().calculate(False).y_axis(heatmap.YAxisConfig().unit(text.unit))
    _say(made, text, place, [])
    query = _query(Curve(expression, "{{le}}"), "A").format(PromQueryFormat.HEATMAP)
    return made.unit(text.unit).with_target(query)


def board(uid: str, title: str, description: str, panels: Iterable[Builder]) -> dashboard.Dashboard:
    """A dashboard; its uid is what links and provisioning know it by, and never changes."""
    made = dashboard.Dashboard(title).uid(uid).description(description).tags(["apex"])
    made.refresh("1m").time("now-6h", "now").timezone("browser").readonly()
    for number_, panel in enumerate(panels, 1):
        made.with_panel(panel.id(number_))
    return made


def _say(panel: Builder, text: Text, place: Place, curves: Iterable[Curve]) -> None:
    panel.title(text.title).description(text.description).datasource(SOURCE)
    panel.grid_pos(GridPos(x=place.x, y=place.y, w=place.w, h=place.h))
    for name, curve in zip("ABCDEFGH", curves, strict=False):
        panel.with_target(_query(curve, name))


def _query(curve: Curve, name: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(name).datasource(SOURCE)
    return made.expr(curve.expression).legend_format(curve.legend).range()


def _steps(*steps: tuple[str, float | None]) -> dashboard.ThresholdsConfig:
    made = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
    return made.steps([Step(value=value, color=color) for color, value in steps])
