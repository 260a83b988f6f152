"""Reports about projects: queued as a row, written by whoever takes it from the queue.

queued --> running --> done
                  `--> failed          and running --> queued when the process that wrote it is started anew
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any, Literal

import structlog
from pydantic import BaseModel
from sqlalchemy import Engine, func, insert, select, update

from apex.api import projects
from apex.api.cabinets import Derived
from apex.api.cache import Cache
from apex.api.calculations import derive
from apex.api.database import REPORTS
from apex.api.metrics import Metrics
from apex.api.projects import Project, moment
from apex.api.tracing import carried, continued, untraced

SPAN = "report_write"


class Content(BaseModel):
    """What a report says: the project, its sums and rows, and the same as text."""

    project: Project
    derived: Derived
    text: str


class Report(BaseModel):
    """A report, or what has become of it so far."""

    id: str
    project_id: str
    status: Literal["queued", "running", "done", "failed"]
    queued_at: datetime
    finished_at: datetime | None = None
    content: Content | None = None


def request(engine: Engine, project: str) -> Report:
    """Makes the row of a report to be written; the trace goes on where it is written."""
    row: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "project_id": project,
        "status": "queued",
        "queued_at": time.time(),
        "trace": carried(),
    }
    with engine.begin() as connection:
        connection.execute(insert(REPORTS), row)
    return _report(row)


def find(engine: Engine, report: str) -> Report | None:
    """The report of that id."""
    with engine.connect() as connection:
        row = connection.execute(select(REPORTS).where(REPORTS.c.id == report)).mappings().first()
    return None if row is None else _report(dict(row))


def unfinished(engine: Engine) -> list[str]:
    """The ids of reports that wait, and of those that a process which has ended was writing; oldest first."""
    with engine.begin() as connection:
        connection.execute(update(REPORTS).where(REPORTS.c.status == "running").values(status="queued"))
    return waiting(engine)


def waiting(engine: Engine, seconds: float = 0.0) -> list[str]:
    """The ids of reports that have waited at least so long; oldest first."""
    long = (REPORTS.c.status == "queued") & (REPORTS.c.queued_at <= time.time() - seconds)
    with engine.connect() as connection:
        return list(connection.execute(select(REPORTS.c.id).where(long).order_by(REPORTS.c.queued_at)).scalars())


def queue_age(engine: Engine) -> float:
    """Seconds that the oldest waiting report has waited; 0 where none waits."""
    with engine.connect() as connection:
        oldest = connection.execute(select(func.min(REPORTS.c.queued_at)).where(REPORTS.c.status == "queued")).scalar()
    return 0.0 if oldest is None else max(0.0, time.time() - oldest)


def fail(engine: Engine, report: str) -> None:
    """Says that a report will not be written."""
    _change(engine, report, status="failed", finished_at=time.time())


class Writer:
    """Writes reports; a report that cannot be written is `failed`, and what was wrong is raised."""

    def __init__(self, engine: Engine, cache: Cache, metrics: Metrics) -> None:
        self._engine, self._cache, self._metrics = engine, cache, metrics
        self._log = structlog.stdlib.get_logger("apex.api.reports")

    def write(self, report: str) -> None:
        """Writes a report, unless it is done already: a queue may deliver twice."""
        with untraced(), self._engine.connect() as connection:  # the row says which trace this belongs to
            row = connection.execute(select(REPORTS).where(REPORTS.c.id == report)).mappings().first()
        if row is None or row["status"] not in ("queued", "running"):
            return
        started = time.perf_counter()
        with continued(SPAN, row["trace"] or {}) as span:
            span.set_attribute("report.id", report)
            _change(self._engine, report, status="running")
            try:
                content = self._content(row["project_id"])
            except Exception:
                self._metrics.reports_failed.inc()
                fail(self._engine, report)
                raise
            values = {"content": content.model_dump(mode="json"), "status": "done", "finished_at": time.time()}
            _change(self._engine, report, **values)
            self._metrics.report_duration.observe(time.perf_counter() - started)
            self._log.info("report_written", report_id=report)

    def _content(self, project_id: str) -> Content:
        project = projects.find(self._engine, project_id)
        if project is None:
            raise LookupError(f"there is no project {project_id}")
        derived = derive(project.cabinets, self._cache, self._engine, self._metrics)
        return Content(project=project, derived=derived, text=_text(project, derived))


def _text(project: Project, derived: Derived) -> str:
    head = f"{'count':>6} {'width in':>9} {'height in':>9} {'depth in':>9}  {'material':<14}ft2 / lb"
    lines = [project.name, "", head]
    lines += [
        f"{row.count:>6} {row.width:>9g} {row.height:>9g} {row.depth:>9g}  {row.material:<14}"
        f"{row.area_ft2:.2f} / {row.weight_lb:.1f}"
        for row in derived.cabinets
    ]
    return "\n".join([*lines, "", f"Total: {derived.A_ft2:.2f} ft2, {derived.weight_estimate_lb:.1f} lb"]) + "\n"


def _change(engine: Engine, report: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(REPORTS).where(REPORTS.c.id == report).values(**values))


def _report(row: dict[str, Any]) -> Report:
    times = {name: moment(row.get(name)) for name in ("queued_at", "finished_at")}
    return Report.model_validate({**row, **times})
