"""Projects: cabinets under a name, a draft until they are submitted."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, insert, select, update

from apex.api.cabinets import Cabinet, Cabinets
from apex.api.database import PROJECTS

_ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
"""Without control characters: PostgreSQL holds no NUL, and a report is text."""


class NewProject(BaseModel):
    """A project to be created."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=_ONE_LINE, examples=["Main Street pylon"])]
    cabinets: Cabinets


class Project(BaseModel):
    """A project as it is kept."""

    id: str
    name: str
    status: Literal["draft", "submitted"]
    cabinets: list[Cabinet]
    created_at: datetime
    submitted_at: datetime | None = None


def create(engine: Engine, name: str, cabinets: Sequence[Cabinet]) -> Project:
    """Keeps a new draft."""
    row = {
        "id": uuid.uuid4().hex,
        "name": name,
        "cabinets": [cabinet.model_dump() for cabinet in cabinets],
        "status": "draft",
        "created_at": time.time(),
    }
    with engine.begin() as connection:
        connection.execute(insert(PROJECTS), row)
    return _project(row)


def find(engine: Engine, project: str) -> Project | None:
    """The project of that id."""
    with engine.connect() as connection:
        row = connection.execute(select(PROJECTS).where(PROJECTS.c.id == project)).mappings().first()
    return None if row is None else _project(dict(row))


def mark_submitted(engine: Engine, project: str) -> bool:
    """Makes a draft a submitted project; False if another request was first."""
    draft = (PROJECTS.c.id == project) & (PROJECTS.c.status == "draft")
    with engine.begin() as connection:
        change = update(PROJECTS).where(draft).values(status="submitted", submitted_at=time.time())
        return connection.execute(change).rowcount == 1


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _project(row: dict[str, object]) -> Project:
    times = {name: moment(row.get(name)) for name in ("created_at", "submitted_at")}  # type: ignore[arg-type]  # a time, or none
    return Project.model_validate({**row, **times})
