"""One document whole, at the right: its fields with filters, as JSON, its link, and its trace."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui

from pipeline.errors import ApexLogsError
from pipeline.explore.desk import Desk
from pipeline.explore.rows import first_value, indented, moment, parts, trace_link
from pipeline.search.questions import Found


class DocumentPanel:
    """The panel at the right, for one document at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def build(self) -> None:
        """Draws it, closed."""
        self._drawer = ui.right_drawer(value=False, fixed=True).props("overlay bordered width=620").mark("document")
        with self._drawer:
            self._content = ui.column().classes("w-full gap-2")

    @property
    def opened(self) -> bool:
        """Whether a document is shown."""
        return bool(self._drawer.value)

    def close(self) -> None:
        """Closes it."""
        self._drawer.hide()
        self._desk.note(replace(self._desk.view, document=None))

    async def open_at(self, index: str, document_id: str) -> None:
        """Shows the document with that id, as a link has it."""
        try:
            hit = await self._desk.sources.documents.document(index, document_id)
        except ApexLogsError as error:
            ui.notify(str(error), type="negative", multi_line=True)
            return
        if hit is None:
            ui.notify("This document is not there any more", type="warning")
        else:
            self.show(hit)

    def show(self, hit: Found) -> None:
        """Shows a document."""
        self._desk.note(replace(self._desk.view, document=(hit.index, hit.id)))
        self._content.clear()
        with self._content:
            self._head(hit)
            with ui.tabs().props("dense no-caps align=left") as tabs:
                table, text = ui.tab("Table"), ui.tab("JSON")
            with ui.tab_panels(tabs, value=table, animated=False).classes("w-full"):
                with ui.tab_panel(table).classes("p-0"):
                    self._table(hit)
                with ui.tab_panel(text).classes("p-0"):
                    ui.label(indented(hit)).classes("font-mono text-xs w-full").style(
                        "white-space: pre-wrap; overflow-wrap: anywhere"
                    ).mark("json")
        self._drawer.show()

    def _head(self, hit: Found) -> None:
        with ui.row(wrap=False).classes("w-full items-center gap-1"):
            with ui.column().classes("grow gap-0"):
                ui.label(moment(hit.timestamp)).classes("text-base font-medium")
                ui.label(f"{hit.index} / {hit.id}").classes("text-xs opacity-70 break-all")
            ui.button(icon="close", on_click=self.close).props('flat round dense aria-label="Close"')
        with ui.row().classes("gap-2"):
            copy = ui.button("Copy JSON", icon="content_copy", on_click=lambda: self._copy(indented(hit)))
            link = ui.button("Copy link", icon="link", on_click=self._copy_link)
            for button in (copy, link):
                button.props("outline dense no-caps size=sm")
            trace = trace_link(hit.document, self._desk.sources.traces)
            if trace is not None:
                button = ui.button("Open trace", icon="timeline").props("outline dense no-caps size=sm type=a")
                button.props["href"], button.props["target"], button.props["rel"] = trace, "_blank", "noopener"

    def _table(self, hit: Found) -> None:
        with ui.column().classes("w-full gap-0"):
            for name, value in parts(hit.document):
                with ui.row(wrap=False).classes("w-full items-start gap-1 border-b border-gray-500/20 py-1"):
                    self._buttons(name, first_value(hit.document, name))
                    ui.label(name).classes("w-44 shrink-0 text-xs font-mono opacity-70 break-all pt-1")
                    ui.label(value).classes("text-xs font-mono pt-1").style(
                        "white-space: pre-wrap; overflow-wrap: anywhere"
                    )

    def _buttons(self, name: str, value: str | None) -> None:
        with ui.row(wrap=False).classes("gap-0 shrink-0"):
            if value is not None:
                for icon, negated in (("add_circle_outline", False), ("remove_circle_outline", True)):
                    what = "Without this value" if negated else "Only this value"
                    ui.button(
                        icon=icon, on_click=lambda negated=negated: self._desk.filter(name, value, negated=negated)
                    ).props(f'flat round dense size=xs aria-label="{what}"').tooltip(what)
            ui.button(icon="view_column", on_click=lambda: self._desk.go(self._desk.view.toggled(name))).props(
                'flat round dense size=xs aria-label="Show as a column, or not"'
            ).tooltip("Show as a column, or not")

    @staticmethod
    def _copy(text: str) -> None:
        ui.clipboard.write(text)
        ui.notify("Copied")

    @staticmethod
    def _copy_link() -> None:
        ui.run_javascript("navigator.clipboard.writeText(location.href)")
        ui.notify("Link copied")
