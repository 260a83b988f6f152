"""Derived calculations: looked up, calculated, and recorded for as long as the settings say."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from sqlalchemy import Engine, delete, insert, select

from apex.api.cabinets import Cabinet, Derived, Material, calculate_cabinets
from apex.api.cache import Cache
from apex.api.database import CALCULATIONS, MATERIAL_ROWS
from apex.api.metrics import Metrics

DAY = 86400.0


def derive(cabinets: Sequence[Cabinet], cache: Cache, engine: Engine, metrics: Metrics) -> Derived:
    """Derives cabinets with the table of materials; raises `UnknownMaterial`."""
    materials = known_materials(cache, engine)
    with metrics.calculation_duration.time():
        return calculate_cabinets(cabinets, materials)


def known_materials(cache: Cache, engine: Engine) -> dict[str, Material]:
    """The table of materials by name, at most as old as the cache allows."""
    rows = cache.get("materials", lambda: _material_rows(engine))
    return {row[0]: Material(*row) for row in rows}


def _material_rows(engine: Engine) -> list[list[object]]:
    columns = [MATERIAL_ROWS.c[name] for name in Material._fields]
    with engine.connect() as connection:
        return [list(row) for row in connection.execute(select(*columns))]


def record(engine: Engine, derived: Derived) -> None:
    """Keeps what was derived, and when."""
    row = {
        "id": uuid.uuid4().hex,
        "created_at": time.time(),
        "cabinets": len(derived.cabinets),
        "area_ft2": derived.A_ft2,
        "weight_lb": derived.weight_estimate_lb,
    }
    with engine.begin() as connection:
        connection.execute(insert(CALCULATIONS), row)


def forget(engine: Engine, days: float) -> int:
    """Deletes calculations that are older than that; returns how many."""
    with engine.begin() as connection:
        old = CALCULATIONS.c.created_at < time.time() - days * DAY
        return connection.execute(delete(CALCULATIONS).where(old)).rowcount
