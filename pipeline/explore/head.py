"""The head of the page: tabs, saved queries, downloads, dark and light, the keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import ui

from pipeline.explore.desk import Desk
from pipeline.explore.downloads import FORMATS
from pipeline.explore.saved import Unsaved
from pipeline.explore.view import TABS, read_url

_KEYS = {
    "/": "to the query",
    "↓ ↑ Enter": "choose a completion",
    "j k": "next, previous document",
    "Esc": "close the document",
    "l": "live, or not",
    "r": "ask again",
    "1 2 3": "documents, map, pipeline",
    "?": "these keys",
}
_THEMES = {"": (None, "brightness_auto"), "dark": (True, "dark_mode"), "light": (False, "light_mode")}


class Head:
    """The top line of the page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def build(self, tab: Callable[[str], Awaitable[None]]) -> None:
        """Draws it; `tab` goes to a tab."""
        self._dark = ui.dark_mode(_THEMES[self._desk.view.theme][0])
        with ui.header().classes("items-center gap-2 py-1 px-3 bg-slate-800 text-white"):
            ui.label("apex-logs").classes("text-base font-semibold")
            ui.label(self._desk.sources.where).classes("text-xs opacity-70")
            with ui.tabs().props("dense no-caps") as self._tabs:
                for name in TABS:
                    ui.tab(name, label=name.capitalize())
            self._tabs.on("update:model-value", lambda event: tab(str(event.args)))
            ui.space()
            self._saved()
            with ui.button("Download", icon="download").props("flat dense no-caps color=white"), ui.menu():
                for kind in FORMATS:
                    ui.menu_item(kind.upper(), on_click=lambda kind=kind: self._download(kind))
            self._theme = ui.button(on_click=self._turn).props(
                'flat round dense color=white aria-label="Dark or light"'
            )
            ui.button(icon="keyboard", on_click=self.help).props('flat round dense color=white aria-label="Keys"')
        with ui.dialog() as self._help, ui.card():
            ui.label("Keys").classes("text-lg")
            with ui.grid(columns="auto 1fr").classes("gap-x-6 gap-y-1"):
                for key, what in _KEYS.items():
                    ui.label(key).classes("font-mono")
                    ui.label(what)

    def show(self) -> None:
        """Shows the view."""
        self._tabs.set_value(self._desk.view.tab)
        dark, icon = _THEMES[self._desk.view.theme]
        self._dark.set_value(dark)
        self._theme.set_icon(icon)

    async def help(self) -> None:
        """Shows the keys."""
        self._help.open()

    def _turn(self) -> None:
        names = list(_THEMES)
        theme = names[(names.index(self._desk.view.theme) + 1) % len(names)]
        self._desk.note(replace(self._desk.view, theme=theme))
        self.show()

    def _download(self, kind: str) -> None:
        ui.navigate.to(self._desk.view.url(f"/download/{kind}"))

    # ---------------------------------------------------------------------------------------- saved queries

    def _saved(self) -> None:
        button = ui.button("Saved", icon="bookmark").props("flat dense no-caps color=white")
        with button, ui.menu(), ui.column().classes("p-3 gap-2").style("min-width: 320px"):
            self._list = ui.column().classes("w-full gap-0")
            with ui.row(wrap=False).classes("w-full items-center gap-2"):
                self._name = ui.input("Save this view as").props("dense outlined").classes("grow")
                self._name.on("keydown.enter", self._save)
                ui.button("Save", on_click=self._save).props("unelevated dense no-caps")
        button.on("click", self._draw_saved)

    def _draw_saved(self) -> None:
        self._list.clear()
        with self._list:
            try:
                found = self._desk.sources.saved.all()
            except Unsaved as error:
                ui.label(str(error)).classes("text-sm")
                return
            if not found:
                ui.label("No saved queries yet").classes("text-sm opacity-70")
            for name, url in found.items():
                with ui.row(wrap=False).classes("w-full items-center gap-1"):
                    ui.button(name, on_click=lambda url=url: self._desk.go(read_url(url))).props(
                        "flat dense no-caps align=left"
                    ).classes("grow")
                    ui.button(icon="delete", on_click=lambda name=name: self._forget(name)).props(
                        'flat round dense size=sm aria-label="Forget"'
                    )

    def _save(self) -> None:
        try:
            self._desk.sources.saved.save(self._name.value or "", replace(self._desk.view, document=None).url())
        except Unsaved as error:
            ui.notify(str(error), type="negative", multi_line=True)
            return
        self._name.set_value("")
        self._draw_saved()

    def _forget(self, name: str) -> None:
        try:
            self._desk.sources.saved.forget(name)
        except Unsaved as error:
            ui.notify(str(error), type="negative", multi_line=True)
        self._draw_saved()
