"""Charts as ECharts takes them: plain values. Texts of documents stand in values, never in keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.search.questions import Bucket

_GREY = "#8b95a5"
_BLUE = "#3b82f6"
_PALETTE = ["#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#ec4899"]
_MUTED = {"color": _GREY}
_LINE = {"lineStyle": {"color": "#8b95a540"}}


def histogram(bars: Sequence[Bucket], width: int, since: int | None, until: int | None) -> dict[str, Any]:
    """Documents by time, with a brush over the time. Empty bars are drawn as none."""
    middles = [[bar.start + width // 2, bar.count] for bar in bars]
    edges = {name: value for name, value in (("min", since), ("max", until)) if value is not None}
    return {
        "useUTC": True,
        "animation": False,
        "grid": {"left": 56, "right": 16, "top": 12, "bottom": 24},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "toolbox": {"show": False},
        "brush": {
            "xAxisIndex": 0,
            "brushType": "lineX",
            "brushMode": "single",
            "throttleType": "debounce",
            "throttleDelay": 200,
            "brushStyle": {"color": "#3b82f633", "borderColor": _BLUE},
        },
        "xAxis": {"type": "time", "axisLabel": _MUTED, "axisLine": _LINE, "splitLine": {"show": False}, **edges},
        "yAxis": {"type": "value", "minInterval": 1, "axisLabel": _MUTED, "splitLine": _LINE},
        "series": [
            {
                "name": "documents",
                "type": "bar",
                "data": middles,
                "itemStyle": {"color": _BLUE, "borderRadius": [2, 2, 0, 0]},
                "barMaxWidth": 24,
                "barMinHeight": 2,
                "large": False,
            }
        ],
    }


def brushed(areas: Any) -> tuple[int, int] | None:
    """The first and last millisecond of what was brushed; None where nothing was."""
    try:
        first, last = areas[0]["coordRange"]
        return (round(min(first, last)), round(max(first, last))) if first != last else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def lines(series: dict[str, list[tuple[int, float]]]) -> dict[str, Any]:
    """Rates by time, a line each."""
    return {
        "useUTC": True,
        "animation": False,
        "color": _PALETTE,
        "legend": {"textStyle": _MUTED, "top": 0},
        "grid": {"left": 64, "right": 16, "top": 32, "bottom": 24},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "time", "axisLabel": _MUTED, "axisLine": _LINE, "splitLine": {"show": False}},
        "yAxis": {"type": "value", "min": 0, "axisLabel": _MUTED, "splitLine": _LINE},
        "series": [
            {"name": name, "type": "line", "showSymbol": False, "data": [list(point) for point in points]}
            for name, points in series.items()
        ],
    }


def ranked(rows: Sequence[tuple[str, float]], unit: str) -> dict[str, Any]:
    """Named amounts as horizontal bars, the largest above."""
    turned = list(reversed(rows))
    return {
        "animation": False,
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "value", "axisLabel": _MUTED, "splitLine": _LINE},
        "yAxis": {"type": "category", "data": [name for name, _ in turned], "axisLabel": _MUTED},
        "series": [
            {
                "name": unit,
                "type": "bar",
                "data": [amount for _, amount in turned],
                "barMaxWidth": 18,
                "itemStyle": {"color": _BLUE},
            }
        ],
    }
