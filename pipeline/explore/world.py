"""Where documents come from: circles on a map of the world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.explore.outlines import outlines
from pipeline.kql.fields import values
from pipeline.search.questions import Documents, Question

FIELDS = ("geoip.location", "geoip.geo.location", "source.geo.location", "client.geo.location")
NAMES = ("geoip.city_name", "geoip.geo.city_name", "source.geo.city_name", "geoip.country_name", "geoip.country_code2")
MOST = 5_000
"""So many of the newest documents with a place are looked at."""
_AT_ONCE = 1_000
_NONE = {"show": False}
_ANYWHERE = " or ".join(f"{name}:*" for name in FIELDS)


@dataclass(frozen=True, slots=True)
class Place:
    """Documents of one place."""

    latitude: float
    longitude: float
    count: int
    name: str


@dataclass(frozen=True, slots=True)
class Places:
    """The places of documents, the most frequent first."""

    places: list[Place]
    documents: int


async def places(documents: Documents, question: Question) -> Places:
    """The places of the newest documents that have one."""
    query = question.query.strip()
    narrowed = replace(question, query=_ANYWHERE if query in ("", "*") else f"({query}) and ({_ANYWHERE})")
    counts: Counter[tuple[float, float]] = Counter()
    names: dict[tuple[float, float], str] = {}
    after, looked = None, 0
    while looked < MOST:
        page = await documents.search(narrowed, limit=_AT_ONCE, after=after)
        for hit in page.hits:
            at = location(hit.document)
            if at is not None:
                counts[at] += 1
                names.setdefault(at, _name(hit.document))
        looked, after = looked + len(page.hits), page.after
        if after is None:
            break
    found = [Place(at[0], at[1], count, names[at]) for at, count in counts.most_common()]
    return Places(found, counts.total())


def location(document: dict[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude, to a tenth of a degree; an object, a text `lat,lon`, or an array of lon and lat."""
    for name in FIELDS:
        latitude = next(values(document, f"{name}.lat"), None)
        longitude = next(values(document, f"{name}.lon"), None)
        if latitude is None:
            found = list(values(document, name))
            if len(found) == 2 and all(type(each) in (int, float) for each in found):
                longitude, latitude = found
            elif len(found) == 1 and type(found[0]) is str:
                latitude, _, longitude = found[0].partition(",")
        at = _rounded(latitude, longitude)
        if at is not None:
            return at
    return None


def _rounded(latitude: Any, longitude: Any) -> tuple[float, float] | None:
    try:
        north, east = round(float(latitude), 1), round(float(longitude), 1)
    except (TypeError, ValueError, OverflowError):
        return None
    return (north, east) if -90 <= north <= 90 and -180 <= east <= 180 else None


def _name(document: dict[str, Any]) -> str:
    return next((value for name in NAMES for value in values(document, name) if type(value) is str), "")


def chart(found: Sequence[Place]) -> dict[str, Any]:
    """The places as circles whose area tells how many documents there are."""
    most = max((place.count for place in found), default=1)
    circles = [
        {
            "name": place.name[:100],
            "value": [place.longitude, place.latitude, place.count],
            "symbolSize": round(6 + 34 * (place.count / most) ** 0.5),
        }
        for place in found
    ]
    grid = {"splitLine": {"lineStyle": {"color": "#8b95a520"}}, "axisLabel": {"color": "#8b95a5"}, "axisLine": _NONE}
    return {
        "animation": False,
        "grid": {"left": 40, "right": 16, "top": 8, "bottom": 24},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "value", "min": -180, "max": 180, "interval": 30, **grid},
        "yAxis": {"type": "value", "min": -60, "max": 90, "interval": 30, **grid},
        "series": [
            {
                "type": "lines",
                "coordinateSystem": "cartesian2d",
                "polyline": True,
                "silent": True,
                "data": [{"coords": [list(corner) for corner in line]} for line in outlines()],
                "lineStyle": {"color": "#8b95a5", "width": 1, "opacity": 0.7},
            },
            {
                "name": "documents",
                "type": "scatter",
                "data": circles,
                "itemStyle": {"color": "#3b82f6", "opacity": 0.75},
            },
        ],
    }
