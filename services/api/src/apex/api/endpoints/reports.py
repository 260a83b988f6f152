"""Reports: queued, and looked at until they are written."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, HTTPException, Response

from apex.api import reports
from apex.api.endpoints.projects import NOT_FOUND, Responses, found
from apex.api.queue import QueueAway
from apex.api.reports import Report
from apex.api.services import Given

router = APIRouter(tags=["reports"])
AWAY: Responses = {503: {"description": "The queue is away, or full; nothing was queued"}}


@router.post("/projects/{project_id}/report", status_code=202, responses={**NOT_FOUND, **AWAY})
def request_report(project_id: uuid.UUID, given: Given, response: Response) -> Report:
    """Queues a report about a project; `Location` is where to look."""
    report = reports.request(given.engine, found(given, project_id).id)
    try:
        given.queue.put(report.id)
    except QueueAway:
        reports.fail(given.engine, report.id)
        raise
    response.headers["Location"] = f"/reports/{report.id}"
    return report


@router.get("/reports/{report_id}", responses={404: {"description": "There is no such report"}})
def show_report(report_id: uuid.UUID, given: Given) -> Report:
    """Shows a report, with its content once it is done."""
    report = reports.find(given.engine, report_id.hex)
    if report is None:
        raise HTTPException(404, "there is no such report")
    return report
