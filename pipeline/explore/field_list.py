"""The fields at the left: their most frequent values, filters on them, and which of them are columns."""

from __future__ import annotations

from nicegui import ui

from pipeline.errors import ApexLogsError
from pipeline.explore.asking import now
from pipeline.explore.desk import Desk
from pipeline.explore.periods import BadTime
from pipeline.explore.rows import as_text
from pipeline.kql.tree import QueryError
from pipeline.search.questions import FieldFound, Fields

_ICONS = {"text": "notes", "keyword": "label", "number": "tag", "boolean": "toggle_on", "date": "schedule", "ip": "lan"}
_VALUES = 6


class FieldList:
    """The fields of what was found, at the left."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._found = Fields([], 0)

    def build(self) -> None:
        """Draws it."""
        with ui.column().classes("w-72 shrink-0 gap-1 h-full"):
            self._narrow = ui.input(placeholder="Fields", on_change=lambda: self._draw())
            self._narrow.props('dense outlined clearable aria-label="Narrow the fields"').classes("w-full")
            with ui.scroll_area().classes("grow w-full").props("content-style=padding:0"):
                self._list = ui.column().classes("w-full gap-0")
            self._note = ui.label().classes("text-xs opacity-70")

    def show(self, found: Fields) -> None:
        """Shows the fields of documents."""
        self._found = found
        self._draw()
        self._note.set_text(f"of the newest {found.documents:,} documents" if found.documents else "")

    def _draw(self) -> None:
        wanted = (self._narrow.value or "").casefold()
        columns = self._desk.view.columns
        fitting = [field for field in self._found.fields if wanted in field.name.casefold()]
        self._list.clear()
        with self._list:
            for field in sorted(fitting, key=lambda field: (field.name not in columns, field.name)):
                self._draw_field(field, field.name in columns)

    def _draw_field(self, field: FieldFound, chosen: bool) -> None:
        entry = ui.expansion().classes("w-full").props("dense dense-toggle switch-toggle-side header-class=px-1")
        with entry.mark("field"):
            with entry.add_slot("header"), ui.row(wrap=False).classes("w-full items-center gap-1"):
                ui.icon(_ICONS.get(field.kind, "data_object"), size="xs").classes("opacity-60").tooltip(field.kind)
                ui.label(field.name).classes("grow text-xs font-mono break-all")
                share = 100 * field.count // max(self._found.documents, 1)
                ui.label(f"{share}%").classes("text-xs opacity-60")
                icon, what = ("remove", "Remove the column") if chosen else ("add", "Add as a column")
                button = ui.button(icon=icon).props(f'flat round dense size=xs aria-label="{what}"').tooltip(what)
                button.on("click.stop", lambda: self._desk.go(self._desk.view.toggled(field.name)))
            values = ui.column().classes("w-full gap-0 pl-2")
        entry.on_value_change(lambda event: self._show_values(field, values) if event.value else None)

    async def _show_values(self, field: FieldFound, place: ui.column) -> None:
        place.clear()
        try:
            question = self._desk.view.question(now())
            terms = await self._desk.sources.documents.values(question, field.name, "", _VALUES)
        except (ApexLogsError, QueryError, BadTime) as error:
            with place:
                ui.label(str(error)).classes("text-xs")
            return
        total = max((term.count for term in terms), default=1)
        with place:
            if not terms:
                ui.label("no values to count").classes("text-xs opacity-70")
            for term in terms:
                self._draw_value(field.name, as_text(term.value), term.count, term.count / total)

    def _draw_value(self, name: str, value: str, count: int, share: float) -> None:
        with ui.row(wrap=False).classes("w-full items-center gap-1"):
            with ui.column().classes("grow gap-0 overflow-hidden"):
                ui.label(value or "(empty)").classes("text-xs font-mono truncate w-full").tooltip(value[:500])
                ui.linear_progress(share, show_value=False, size="3px").classes("w-full")
            ui.label(f"{count:,}").classes("text-xs opacity-60")
            for icon, negated in (("add_circle_outline", False), ("remove_circle_outline", True)):
                what = "Without this value" if negated else "Only this value"
                ui.button(
                    icon=icon, on_click=lambda negated=negated: self._desk.filter(name, value, negated=negated)
                ).props(f'flat round dense size=xs aria-label="{what}"').tooltip(what)
