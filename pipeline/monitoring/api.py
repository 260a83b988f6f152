"""The HTTP API: Logstash's monitoring API, Prometheus' metrics, and health. Only `GET`; answers are made when asked.

/                                         the node
/_node[/pipelines,os,jvm]                 what it is; ?graph=true
/_node/pipelines/ID
/_node/plugins
/_node/stats[/jvm,process,events,...]     what it has done; ?vertices=true
/_node/stats/pipelines/ID
/_node/hot_threads                        ?human, ?threads=3
/_health_report
/metrics  /health/live  /health/ready     not Logstash's
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from pipeline.monitoring import health
from pipeline.monitoring.documents import Documents, Json
from pipeline.monitoring.node import Node
from pipeline.monitoring.process import hot_threads
from pipeline.monitoring.prometheus import Exposition
from pipeline.running import Running

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(node: Node) -> web.Application:
    """The API of a process."""
    api = _Api(node)
    app = web.Application(middlewares=[_errors, _guarding(node)], client_max_size=0)
    app.add_routes(
        [
            web.get("/", api.root),
            web.get("/_node", api.node),
            web.get("/_node/plugins", api.plugins),
            web.get("/_node/hot_threads", api.hot_threads),
            web.get("/_node/stats", api.stats),
            web.get("/_node/stats/pipeline", api.stats_of_old),
            web.get("/_node/stats/pipelines/{id}", api.stats_of),
            web.get("/_node/stats/{sections}", api.stats),
            web.get("/_node/pipelines/{id}", api.pipeline),
            web.get("/_node/{sections}", api.node),
            web.get("/_health_report", api.health_report),
            web.get("/health/live", api.live),
            web.get("/health/ready", api.ready),
            web.get("/metrics", api.metrics),
        ]
    )
    return app


class _Api:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._documents = Documents(node)
        self._exposition = Exposition(node)

    async def root(self, request: web.Request) -> web.Response:
        return _json(request, self._documents.root())

    async def node(self, request: web.Request) -> web.Response:
        return self._sections(request, self._documents.node(_asked(request, "graph")))

    async def stats(self, request: web.Request) -> web.Response:
        return self._sections(request, self._documents.stats(_asked(request, "vertices")))

    async def pipeline(self, request: web.Request) -> web.Response:
        name, pipeline = self._named(request)
        document = self._documents.pipeline(pipeline, _asked(request, "graph"))
        return self._answer(request, {"pipelines": {name: document}})

    async def stats_of(self, request: web.Request) -> web.Response:
        name, pipeline = self._named(request)
        document = self._documents.statistics(pipeline, _asked(request, "vertices"))
        return self._answer(request, {"pipelines": {name: document}})

    async def stats_of_old(self, request: web.Request) -> web.Response:
        """Logstash 5 had one pipeline, and programs that are as old ask for it."""
        if not self._node.pipelines:
            raise web.HTTPNotFound
        pipeline = next(iter(self._node.pipelines.values()))
        return self._answer(request, {"pipeline": self._documents.statistics(pipeline, False)})

    async def plugins(self, request: web.Request) -> web.Response:
        return self._answer(request, self._documents.plugins())

    async def hot_threads(self, request: web.Request) -> web.Response:
        wanted = request.query.get("threads", "3")
        if not wanted.isdecimal():
            raise web.HTTPBadRequest
        threads = hot_threads(int(wanted))
        if not _asked(request, "human"):
            return self._answer(request, {"hot_threads": threads})
        text = f"::: {{{self._node.name}}}\nHot threads at {threads['time']}:\n"
        for thread in threads["threads"]:
            text += f"\n{thread['name']}, thread id {thread['thread_id']}\n\t" + "\n\t".join(thread["traces"]) + "\n"
        return web.Response(text=text)

    async def health_report(self, request: web.Request) -> web.Response:
        return self._answer(request, health.report(self._node))

    async def live(self, request: web.Request) -> web.Response:
        return _json(request, {"status": "live"})

    async def ready(self, request: web.Request) -> web.Response:
        reasons = self._node.why_not_ready()
        document = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ready"}
        return _json(request, document, 503 if reasons else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        text, content_type = self._exposition.text(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    def _named(self, request: web.Request) -> tuple[str, Running]:
        name = request.match_info["id"]
        if name not in self._node.pipelines:
            raise web.HTTPNotFound
        return name, self._node.pipelines[name]

    def _sections(self, request: web.Request, sections: Mapping[str, Callable[[], Json]]) -> web.Response:
        wanted = request.match_info.get("sections")
        names = list(sections) if wanted is None else wanted.split(",")
        if not sections.keys() >= set(names):
            raise web.HTTPNotFound
        return self._answer(request, {name: sections[name]() for name in names})

    def _answer(self, request: web.Request, document: Json) -> web.Response:
        return _json(request, self._documents.head() | document)


def _asked(request: web.Request, name: str) -> bool:
    """`?name` and `?name=true` ask for it."""
    return request.query.get(name, "false") in ("", "true")


def _json(request: web.Request, document: Any, status: int = 200) -> web.Response:
    option = orjson.OPT_INDENT_2 if _asked(request, "pretty") else 0
    body = orjson.dumps(document, option=option | orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, content_type="application/json", status=status)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What cannot be answered is a document too, as in Logstash."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPBadRequest) as error:
        document = {"path": request.path, "status": error.status, "error": {"message": error.reason}}
        return _json(request, document, error.status)


def _guarding(node: Node) -> Any:
    settings, wanted = node.settings, b""
    if settings.api_auth_type == "basic" and settings.api_auth_password is not None:
        pair = f"{settings.api_auth_username}:{settings.api_auth_password.get_secret_value()}"
        wanted = b"Basic " + base64.b64encode(pair.encode())

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if wanted and not hmac.compare_digest(wanted, given):
            challenge = {"WWW-Authenticate": 'Basic realm="apex-logs"'}
            return web.Response(status=401, text="the API asks for a user name and a password\n", headers=challenge)
        return await handler(request)

    return guarded


async def serve(node: Node, listening: Any, tls: Any) -> None:
    """Serves on a socket that listens, until cancelled."""
    runner = web.AppRunner(application(node), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening, ssl_context=tls).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
