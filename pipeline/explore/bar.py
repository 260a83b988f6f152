"""The bar above everything: the query with completion, the time, the filters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from pipeline.errors import ApexLogsError
from pipeline.explore import completion
from pipeline.explore.asking import now
from pipeline.explore.completion import Offer
from pipeline.explore.desk import Desk
from pipeline.explore.periods import RANGES, named
from pipeline.explore.rows import as_text
from pipeline.search.questions import Question

Toggled = Callable[[bool], Awaitable[None]]
_OFFERED = 8
_NOTHING = "() => {}"


class Bar:
    """The bar: the query with completion, the range of time, the filters."""

    def __init__(self, desk: Desk, live: Toggled) -> None:
        self._desk = desk
        self._live = live
        self._offers: list[Offer] = []
        self._at = -1
        self._names: list[tuple[str, str]] = []

    def build(self) -> None:
        """Draws it."""
        with ui.row(wrap=False).classes("w-full items-center gap-2"):
            self.query = ui.input(placeholder='KQL: level:error and status >= 500, or a word; press "/"')
            self.query.props('outlined dense clearable input-class=font-mono aria-label="Query"').classes("grow")
            self.query.on_value_change(self._typed)
            self.query.on("keydown.enter", self._entered)
            self.query.on("keydown.escape", self._close)
            self.query.on("keydown.down.prevent", lambda: self._move(1))
            self.query.on("keydown.up.prevent", lambda: self._move(-1))
            self.query.on("blur", self._close, throttle=0.2)
            with self.query:
                self._menu = ui.menu().props("no-parent-event no-focus no-refocus fit max-height=320px")
            self._time_picker()
            ui.button("Search", icon="search", on_click=self.search).props("unelevated no-caps")
            self.live = ui.button("Live", icon="play_arrow", on_click=self._toggle_live)
            self.live.props('outline no-caps aria-pressed="false"')
        self._filters = ui.row().classes("w-full items-center gap-1")

    def _time_picker(self) -> None:
        self._time = ui.button(icon="schedule").props("outline no-caps aria-label=Time")
        with self._time, ui.menu() as menu, ui.column().classes("p-3 gap-2").style("min-width: 280px"):
            for since, name in RANGES.items():
                ui.button(name, on_click=lambda since=since: self._between(menu, since, "")).props(
                    "flat dense no-caps align=left"
                ).classes("w-full")
            ui.separator()
            self._since = ui.input("From", placeholder="now-1d/d").props("dense outlined").classes("w-full")
            self._until = ui.input("To", placeholder="now").props("dense outlined").classes("w-full")
            for field in (self._since, self._until):
                field.on("keydown.enter", lambda: self._between(menu, self._since.value, self._until.value))
            ui.button("Apply", on_click=lambda: self._between(menu, self._since.value, self._until.value)).props(
                "unelevated dense no-caps"
            ).classes("w-full")
            ui.label("2026-11-23, 2026-11-23T09:30, now-2h; in UTC").classes("text-xs opacity-70")

    async def _between(self, menu: ui.menu, since: str | None, until: str | None) -> None:
        menu.close()
        await self._desk.search_between((since or "").strip(), (until or "").strip())

    def show(self) -> None:
        """Shows the view."""
        view = self._desk.view
        if self.query.value != view.query:
            self.query.set_value(view.query)
        self._close()
        self._time.set_text(named(view.since, view.until))
        self._since.set_value(view.since)
        self._until.set_value(view.until)
        self._filters.clear()
        with self._filters:
            for each in view.filters:
                chip = ui.chip(str(each), removable=True, color="negative" if each.negated else "primary")
                chip.props("outline dense").mark("filter")
                chip.on_value_change(lambda each=each: self._desk.go(self._desk.view.without(each)))
        self._filters.set_visibility(bool(view.filters))

    def know(self, names: list[tuple[str, str]]) -> None:
        """The fields to offer, with their kinds."""
        self._names = names

    async def search(self) -> None:
        """Asks what is typed, also if it was asked before."""
        self._close()
        view = replace(self._desk.view, query=(self.query.value or "").strip())
        await self._desk.go(view)

    def show_live(self, on: bool) -> None:
        """Whether what comes is shown as it comes."""
        self.live.set_icon("stop" if on else "play_arrow")
        self.live.props(f'aria-pressed="{str(on).lower()}" color={"positive" if on else "primary"}')

    async def _toggle_live(self) -> None:
        await self._live(self.live.props.get("aria-pressed") != "true")

    # ---------------------------------------------------------------------------------------- completion

    async def _typed(self, event: ValueChangeEventArguments[Any]) -> None:
        query = str(event.value or "")
        if query == self._desk.view.query:
            self._close()
            return
        offers = await self._completions(query)
        if query == (self.query.value or ""):
            self._offer(offers)

    async def _completions(self, query: str) -> list[Offer]:
        at = completion.place(query)
        match at:
            case None:
                return []
            case completion.Place(kind="field"):
                return completion.fields(query, at, self._names, _OFFERED) if at.typed else []
            case completion.Place(kind="keyword"):
                return completion.keywords(query)
        try:
            question = Question("*", indices=self._desk.view.index, now=now())
            found = await self._desk.sources.documents.values(question, at.field, at.typed, _OFFERED)
        except ApexLogsError:
            return []  # the search itself says why
        return completion.values(query, at, [(as_text(term.value), term.count) for term in found])

    def _offer(self, offers: list[Offer]) -> None:
        self._offers, self._at = offers, -1
        self._draw()
        self._menu.open() if offers else self._menu.close()

    def _draw(self) -> None:
        self._menu.clear()
        with self._menu:
            for place, offer in enumerate(self._offers):
                item = ui.item(on_click=lambda offer=offer: self._take(offer)).props("dense").mark("offer")
                item.on("mousedown.prevent", js_handler=_NOTHING)  # else the query loses the focus, and the menu closes
                item.classes("bg-blue-500/20" if place == self._at else "")
                with item:
                    ui.item_section(offer.label).classes("font-mono")
                    ui.item_section(offer.note).props("side").classes("text-xs")

    def _move(self, step: int) -> None:
        if self._offers:
            self._at = (self._at + step) % len(self._offers)
            self._draw()

    async def _take(self, offer: Offer) -> None:
        self.query.set_value(offer.query)
        self.query.run_method("focus")

    async def _entered(self, _: GenericEventArguments) -> None:
        if 0 <= self._at < len(self._offers):
            await self._take(self._offers[self._at])
        else:
            await self.search()

    def _close(self) -> None:
        self._offers, self._at = [], -1
        self._menu.close()
