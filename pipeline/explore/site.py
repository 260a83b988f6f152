"""The site: the page, the downloads, the guard, and the server that listens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from nicegui import ui

from pipeline.errors import ApexLogsError
from pipeline.explore import downloads
from pipeline.explore.asking import now
from pipeline.explore.engine import Engine
from pipeline.explore.guard import Guard
from pipeline.explore.page import Page
from pipeline.explore.periods import BadTime
from pipeline.explore.saved import SavedQueries
from pipeline.explore.sources import Sources
from pipeline.explore.view import read
from pipeline.kql.tree import QueryError
from pipeline.search.questions import Documents

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ICON = "📜"


@dataclass(frozen=True, slots=True)
class Options:
    """What the page is about, and where it listens."""

    where: str
    """The store or server, for people."""
    opened: Callable[[], AbstractAsyncContextManager[Documents]]
    saved: Path
    dead_letters: Path
    engine: str = "http://127.0.0.1:9600"
    traces: str = "http://127.0.0.1:16686/trace/{}"
    retry: list[str] = field(default_factory=list)
    """Arguments of `apex-logs dlq retry`: which data, which configuration."""
    host: str = "127.0.0.1"
    port: int = 8600
    token: str | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"


def hosts(options: Options) -> frozenset[str] | None:
    """The names under which the page answers; None where it listens for others, and a token decides."""
    if options.host not in LOOPBACK:
        return None
    return frozenset(f"{f'[{name}]' if ':' in name else name}:{options.port}" for name in LOOPBACK)


def serve(options: Options) -> None:
    """Serves the page until SIGINT or SIGTERM; raises `OSError` where it cannot listen."""
    application = Guard(_application(options), hosts(options), options.token)
    config = uvicorn.Config(
        application, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run()


def _application(options: Options) -> FastAPI:
    opened: list[Documents] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with options.opened() as documents:
            opened.append(documents)
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/download/{kind}")
    async def download(request: Request, kind: str) -> Response:
        """The result of the view in the URL as a file."""
        return await _download(opened[0], request, kind)

    @ui.page("/", title="apex-logs", favicon=_ICON)
    async def index(request: Request) -> None:
        """The page, as whoever opens the address sees it."""
        sources = Sources(
            documents=opened[0],
            where=options.where,
            saved=SavedQueries(options.saved),
            engine=Engine(options.engine),
            dead_letters=options.dead_letters,
            retry=options.retry,
            traces=options.traces,
        )
        await Page(sources, read(request.query_params.multi_items())).build()

    ui.run_with(app, title="apex-logs", dark=None, show_welcome_message=False, reconnect_timeout=30.0)
    return app


async def _download(documents: Documents, request: Request, kind: str) -> Response:
    if kind not in downloads.FORMATS:
        return PlainTextResponse(f"there are {' and '.join(downloads.FORMATS)}\n", 404)
    view = read(parse_qsl(request.url.query))
    try:
        question = view.question(now())
        first = await documents.search(question, limit=downloads.AT_ONCE)
    except (QueryError, BadTime) as error:
        return PlainTextResponse(f"{error}\n", 400)
    except ApexLogsError as error:
        return PlainTextResponse(f"{error}\n", 503)
    lines = (
        downloads.ndjson(documents, question, first)
        if kind == "ndjson"
        else downloads.csv_lines(documents, question, first, view.columns)
    )
    named = {"content-disposition": f'attachment; filename="apex-logs.{kind}"'}
    return StreamingResponse(lines, media_type=downloads.FORMATS[kind], headers=named)
