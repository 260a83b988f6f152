"""The outlines of countries, from the package `countryinfo`: coarse ones, as a map of the whole world needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from countryinfo import all_countries

Line = tuple[tuple[float, float], ...]
"""Longitude and latitude of each corner, in degrees."""
_SMALLEST = 4
"""A ring of fewer corners is no land that could be seen."""


@lru_cache(maxsize=1)
def outlines() -> tuple[Line, ...]:
    """A line for each piece of land, to a tenth of a degree; read once, which takes about a tenth of a second."""
    found = (line for country in all_countries() for line in lines_of(country.geo_json()))
    return tuple(sorted({line for line in found if len(line) >= _SMALLEST}))


def lines_of(collection: dict[str, Any]) -> Iterator[Line]:
    """The outer rings of polygons in GeoJSON."""
    for feature in collection.get("features", ()):
        geometry = feature.get("geometry") or {}
        match geometry.get("type"):
            case "Polygon":
                polygons = [geometry["coordinates"]]
            case "MultiPolygon":
                polygons = geometry["coordinates"]
            case _:
                continue
        for rings in polygons:
            yield tuple((round(corner[0], 1), round(corner[1], 1)) for corner in rings[0])
