"""A store with documents of an API, as the pipeline writes them; some of them mean harm."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from pipeline.store.writer import Operation, Writer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
CITIES = [
    *(("Berlin", "DE", 52.52, 13.4), ("New York", "US", 40.71, -74.0), ("Tokyo", "JP", 35.68, 139.69)),
    *(("Sao Paulo", "BR", -23.55, -46.63), ("Mumbai", "IN", 19.07, 72.87), ("London", "GB", 51.5, -0.12)),
    *(("Sydney", "AU", -33.87, 151.2), ("Lagos", "NG", 6.45, 3.39), ("Toronto", "CA", 43.65, -79.38)),
]
_ROUTES = ("/projects/{id}", "/tasks", "/login", "/search", "/health")


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(folder: Path, *added: dict) -> None:
    """Adds documents, with ids of their own."""
    writer = Writer(folder)
    writer.write(
        "apex-logs-2026.11.23",
        [Operation("create", f"w{random.getrandbits(64):x}", orjson.dumps(each)) for each in added],
    )
    writer.close()


def documents(count: int) -> list[dict]:
    """Documents of the two hours from noon on, the same each time; the newest means harm."""
    draw = random.Random(7)
    made: list[dict] = []
    for number in range(count):
        moment = (
            NOON
            + timedelta(hours=2) * (number / count + 0.03 * math.sin(number * 12.6 / count))
            + timedelta(milliseconds=draw.randrange(1000))
        )
        status = draw.choices([200, 201, 404, 500, 503], [70, 10, 10, 6, 4])[0]
        city, country, latitude, longitude = draw.choices(CITIES, [9, 8, 5, 4, 4, 6, 2, 1, 2])[0]
        route = draw.choice(_ROUTES)
        level = "error" if status >= 500 else "warn" if status == 404 else "info"
        what = "database is locked" if status == 503 else "request finished" if status < 500 else "unhandled exception"
        made.append(
            {
                "@timestamp": stamp(moment),
                "level": level,
                "service": "apex-api",
                "message": f"{what}: GET {route} {status}",
                "route": route,
                "status": status,
                "duration_ms": round(draw.lognormvariate(3, 1), 1),
                "source_ip": f"203.0.113.{draw.randrange(1, 255)}",
                "trace": {"id": f"{draw.getrandbits(128):032x}"},
                "geoip": {
                    "city_name": city,
                    "country_code2": country,
                    "location": {"lat": latitude, "lon": longitude},
                },
            }
        )
    made[-1]["message"] = HOSTILE
    made[-1][HOSTILE] = HOSTILE
    made[-1][":onClick"] = "document.title = 'taken'"
    made[-1]["geoip"]["city_name"] = HOSTILE
    made[-1]["level"] = HOSTILE
    return made


def fill(folder: Path, count: int = 600) -> None:
    """Writes such documents."""
    writer = Writer(folder)
    writer.write(
        "apex-logs-2026.11.23",
        [Operation("create", f"d{number}", orjson.dumps(each)) for number, each in enumerate(documents(count))],
    )
    writer.close()
