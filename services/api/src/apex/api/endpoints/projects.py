"""Projects: created, looked at, submitted."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

import httpx
import structlog
from fastapi import APIRouter, HTTPException
from fastapi.concurrency import run_in_threadpool

from apex.api import calculations, projects
from apex.api.cabinets import calculate_cabinets
from apex.api.external import call_external_api
from apex.api.projects import NewProject, Project
from apex.api.services import Given, Services

router = APIRouter(tags=["projects"])
Responses = dict[int | str, dict[str, Any]]
NOT_FOUND: Responses = {404: {"description": "There is no such project"}}
NOT_SUBMITTED: Responses = {
    409: {"description": "It is submitted already"},
    502: {"description": "The receiver of submissions did not take it"},
}


@router.post("/projects", status_code=201)
def create_project(body: NewProject, given: Given) -> Project:
    """Creates a draft; its cabinets must be ones that can be derived."""
    calculate_cabinets(body.cabinets, calculations.known_materials(given.cache, given.engine))
    project = projects.create(given.engine, body.name, body.cabinets)
    given.metrics.projects_created.inc()
    return project


@router.get("/projects/{project_id}", responses=NOT_FOUND)
def show_project(project_id: uuid.UUID, given: Given) -> Project:
    """Shows a project."""
    return found(given, project_id)


@router.post("/projects/{project_id}/submit", responses={**NOT_FOUND, **NOT_SUBMITTED})
async def submit_project(project_id: uuid.UUID, given: Given) -> Project:
    """Submits a draft: posts it to SUBMISSION_URL, if there is one, and keeps that it was submitted.

    Two requests at once may both post it; the `Idempotency-Key` is the project's id, and one of them is a 409.
    """
    project = await run_in_threadpool(found, given, project_id)
    if project.status != "draft":
        _conflict()
    await _post(given, project)
    if not await run_in_threadpool(projects.mark_submitted, given.engine, project.id):
        _conflict()
    given.metrics.projects_submitted.labels("success").inc()
    return await run_in_threadpool(found, given, project_id)


async def _post(given: Services, project: Project) -> None:
    url = given.settings.submission_url
    if url is None:
        return
    log = structlog.stdlib.get_logger("apex.api.projects")
    headers = {"Idempotency-Key": project.id}
    try:
        answer = await call_external_api(given.client, url, project.model_dump(mode="json"), headers)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        given.metrics.projects_submitted.labels("failure").inc()
        log.warning("submission_failed", project_id=project.id, reason=type(error).__name__)
        raise HTTPException(502, "the receiver of submissions did not take the project; it is still a draft") from None


def found(given: Services, project_id: uuid.UUID) -> Project:
    """The project, or a 404."""
    project = projects.find(given.engine, project_id.hex)
    if project is None:
        raise HTTPException(404, "there is no such project")
    return project


def _conflict() -> NoReturn:
    raise HTTPException(409, "the project is submitted already")
