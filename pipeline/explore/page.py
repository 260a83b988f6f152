"""The page: what each browser that opens it gets of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import context, ui
from nicegui.events import KeyEventArguments

from pipeline.errors import ApexLogsError
from pipeline.explore import asking
from pipeline.explore.bar import Bar
from pipeline.explore.desk import Desk
from pipeline.explore.document_panel import DocumentPanel
from pipeline.explore.field_list import FieldList
from pipeline.explore.head import Head
from pipeline.explore.map_tab import MapTab
from pipeline.explore.periods import BadTime
from pipeline.explore.pipeline_tab import PipelineTab
from pipeline.explore.results import Results
from pipeline.explore.sources import Sources
from pipeline.explore.view import View
from pipeline.kql.tree import QueryError
from pipeline.search.following import following
from pipeline.search.questions import Question

_log = logging.getLogger("apex.explore")
_LIVE_EVERY = 1.0
_BACK = '<script>addEventListener("popstate", () => location.reload())</script>'


class Page:
    """One open page: its view, its panels, its keys."""

    def __init__(self, sources: Sources, view: View) -> None:
        self._desk = Desk(sources, view)
        self._desk.show = self._show
        self._bar = Bar(self._desk, self._go_live)
        self._head = Head(self._desk)
        self._document = DocumentPanel(self._desk)
        self._fields = FieldList(self._desk)
        self._results = Results(self._desk, self._document.show)
        self._map = MapTab(self._desk)
        self._pipeline = PipelineTab(sources)
        self._asking: asyncio.Task[None] | None = None
        self._living: asyncio.Task[None] | None = None
        self._keys: dict[str, Callable[[], Awaitable[None]]] = {
            "/": self._focus,
            "j": lambda: self._step(1),
            "k": lambda: self._step(-1),
            "Escape": self._escape,
            "l": lambda: self._go_live(self._living is None),
            "r": self._show,
            "?": self._head.help,
            "1": lambda: self._tab("documents"),
            "2": lambda: self._tab("map"),
            "3": lambda: self._tab("pipeline"),
        }

    async def build(self) -> None:
        """Draws the page, then asks."""
        ui.add_head_html(_BACK)
        ui.query(".nicegui-content").classes("p-3 gap-2")
        self._head.build(self._tab)
        self._document.build()
        with ui.column().classes("w-full gap-2").style("height: calc(100vh - 68px)") as self._root:
            with ui.column().classes("w-full h-full gap-1") as self._search:
                self._bar.build()
                with ui.row(wrap=False).classes("w-full grow min-h-0 gap-3") as self._documents:
                    self._fields.build()
                    self._results.build(self._bring_more)
                with ui.column().classes("w-full grow min-h-0") as self._world:
                    self._map.build()
            with ui.column().classes("w-full") as self._engine:
                self._pipeline.build()
        ui.keyboard(on_key=self._key)
        self._client = context.client
        self._client.on_delete(self._stop)
        await self._client.connected()
        await self._show()
        if self._desk.view.document is not None:
            await self._document.open_at(*self._desk.view.document)

    async def _tab(self, name: str) -> None:
        await self._desk.go(replace(self._desk.view, tab=name))

    async def _show(self) -> None:
        if self._client.is_deleted:
            return  # closed while it waited for its turn
        view = self._desk.view
        self._stop()
        self._bar.show_live(False)
        self._bar.show()
        self._head.show()
        self._search.set_visibility(view.tab != "pipeline")
        self._documents.set_visibility(view.tab == "documents")
        self._world.set_visibility(view.tab == "map")
        self._engine.set_visibility(view.tab == "pipeline")
        self._pipeline.watch(view.tab == "pipeline")
        if view.tab != "pipeline":
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        self._results.busy(True)
        try:
            question = self._desk.view.question(asking.now())
            if self._desk.view.tab == "map":
                await self._map.ask(question)
            else:
                await self._find(question)
        except (QueryError, BadTime, ApexLogsError) as error:
            shown = asking.trouble(error, self._desk.sources.where)
            assert shown is not None
            if self._desk.view.tab == "map":
                self._map.excuse(shown)
            else:
                self._results.excuse(shown)
                self._results.draw(None)
        except Exception:
            _log.exception("the page could not be shown")
            raise
        finally:
            self._results.busy(False)

    async def _find(self, question: Question) -> None:
        documents, where = self._desk.sources.documents, self._desk.sources.where
        page = await documents.search(question, limit=asking.PAGE)
        if page.hits:
            self._results.show(page.hits, page.after)
            self._results.count("counting ...")
        else:
            empty = not (await documents.search(Question("*", indices=question.indices), limit=1)).hits
            self._results.excuse(asking.nothing(self._desk.view, empty, where))
        found = await documents.fields(question)
        self._fields.show(found)
        self._bar.know([(field.name, field.kind) for field in found.fields])
        bars = await asking.bars(documents, question) if page.hits else None
        self._results.draw(bars)
        if page.hits and bars is None:
            self._results.count("Documents without a time", "@timestamp is missing, or is no date")

    async def _bring_more(self) -> None:
        if self._results.after is None:
            return
        try:
            question = self._desk.view.question(asking.now())
            documents = self._desk.sources.documents
            page = await documents.search(question, limit=asking.PAGE, after=self._results.after)
        except (QueryError, BadTime, ApexLogsError) as error:
            ui.notify(str(error), type="negative")
            return
        self._results.add(page.hits, page.after)

    # ---------------------------------------------------------------------------------------- live

    async def _go_live(self, on: bool) -> None:
        self._bar.show_live(on)
        if self._living is not None:
            self._living.cancel()
            self._living = None
        if on:
            self._living = asyncio.create_task(self._live())

    async def _live(self) -> None:
        try:
            question = replace(self._desk.view.question(asking.now()), now=None, until=None)
            shown = list(self._results.hits)
            async for hits in following(self._desk.sources.documents, question, shown, _LIVE_EVERY):
                self._results.come(hits)
                self._results.count(f"{len(self._results.hits):,} documents shown", "live: what comes is added above")
        except (QueryError, BadTime, ApexLogsError) as error:
            self._bar.show_live(False)
            with self._root:
                ui.notify(str(error), type="negative", multi_line=True)

    def _stop(self) -> None:
        for task in (self._asking, self._living):
            if task is not None:
                task.cancel()
        self._asking = self._living = None

    # ---------------------------------------------------------------------------------------- keyboard

    async def _key(self, event: KeyEventArguments) -> None:
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.meta or event.modifiers.alt:
            return
        act = self._keys.get(str(event.key))
        if act is not None:
            await act()

    async def _focus(self) -> None:
        self._bar.query.run_method("focus")

    async def _step(self, step: int) -> None:
        hit = self._results.move(step)
        if hit is not None:
            self._document.show(hit)

    async def _escape(self) -> None:
        if self._document.opened:
            self._document.close()
