"""What was found: the histogram, the table, what to do where nothing was, and what comes while it is live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pipeline.explore import charts
from pipeline.explore.asking import Bars, Trouble
from pipeline.explore.desk import Desk
from pipeline.explore.periods import spelled, written
from pipeline.explore.rows import column, columns_of, key_of, row
from pipeline.search.questions import After, Found

KEPT = 1_000
"""So many documents stay on the table while it is live."""
_TIME = {"field": "time", "headerName": "Time", "width": 200, "pinned": "left", "sortable": False}
_BRUSH = {"type": "takeGlobalCursor", "key": "brush", "brushOption": {"brushType": "lineX", "brushMode": "single"}}


class Results:
    """The middle of the page."""

    def __init__(self, desk: Desk, opened: Callable[[Found], None]) -> None:
        self._desk = desk
        self._opened = opened
        self.hits: list[Found] = []
        self.after: After | None = None
        self._names: list[str] = []
        self._at = -1

    def build(self, more: Callable[[], Any]) -> None:
        """Draws it; `more` brings the next documents."""
        with ui.column().classes("grow gap-1 min-w-0 h-full"):
            with ui.row(wrap=False).classes("w-full items-center gap-2"):
                self._count = ui.label().classes("text-sm font-medium").mark("count")
                self._detail = ui.label().classes("text-xs opacity-70")
                self._busy = ui.spinner(size="sm")
                ui.space()
                self._more = ui.button("More", icon="expand_more", on_click=more).props("flat dense no-caps size=sm")
            self._chart = ui.echart(charts.histogram([], 1, None, None)).classes("w-full shrink-0")
            self._chart.style("height: 130px").mark("histogram")
            self._chart.on("chart:brushEnd", self._brushed, ["areas"])
            self._chart.on("chart:finished", self._arm, [], throttle=0.5, leading_events=True)
            self._trouble = ui.column().classes("w-full items-center gap-2 py-10").mark("trouble")
            self._grid = ui.aggrid(self._options(), auto_size_columns=False).classes("w-full grow")
            self._grid.on("cellClicked", self._clicked)

    @staticmethod
    def _options() -> dict[str, Any]:
        return {
            "columnDefs": [],
            "rowData": [],
            ":getRowId": "params => params.data.key",
            "rowHeight": 28,
            "headerHeight": 30,
            "suppressCellFocus": False,
            "enableCellTextSelection": True,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "overlayNoRowsTemplate": "<span></span>",
        }

    def busy(self, on: bool) -> None:
        """Whether something is asked."""
        self._busy.set_visibility(on)

    def show(self, hits: list[Found], after: After | None) -> None:
        """Shows documents, the newest first."""
        self.hits, self.after, self._at = hits, after, -1
        self._names = columns_of(hits, self._desk.view.columns)
        last = len(self._names) - 1
        columns = [column(name, f"c{place}", last=place == last) for place, name in enumerate(self._names)]
        self._trouble.set_visibility(False)
        self._chart.set_visibility(True)
        self._grid.set_visibility(True)
        self._grid.options["columnDefs"] = [_TIME, *columns]
        self._grid.options["rowData"] = [row(hit, self._names) for hit in hits]
        self._grid.update()
        self._more.set_visibility(after is not None)

    def add(self, hits: list[Found], after: After | None) -> None:
        """Adds documents that are older."""
        self.hits, self.after = [*self.hits, *hits], after
        self._refresh()
        self._more.set_visibility(after is not None)

    def come(self, hits: list[Found]) -> None:
        """Adds documents that came, the oldest first."""
        self.hits = [*reversed(hits), *self.hits][:KEPT]
        if not self._names:
            self.show(self.hits, None)
        else:
            self._refresh()

    def _refresh(self) -> None:
        rows = [row(hit, self._names) for hit in self.hits]
        self._grid.options["rowData"] = rows
        self._grid.run_grid_method("setGridOption", "rowData", rows)

    def count(self, text: str, detail: str = "") -> None:
        """How many there are, in words."""
        self._count.set_text(text)
        self._detail.set_text(detail)

    def draw(self, bars: Bars | None) -> None:
        """Shows the histogram."""
        if bars is None:
            options = charts.histogram([], 1, None, None)
        else:
            options = charts.histogram(bars.buckets, bars.width, bars.since, bars.until)
            more = ", and more without a time" if bars.timeless else ""
            self.count(f"{bars.total:,} documents{more}", f"a bar is {spelled(bars.width)}; drag to choose a time")
        self._chart.options.clear()
        self._chart.options.update(options)
        self._chart.update()
        self._chart.run_chart_method("dispatchAction", {"type": "brush", "areas": []})
        self._chart.run_chart_method("dispatchAction", _BRUSH)

    def excuse(self, trouble: Trouble) -> None:
        """Shows why there is nothing, and what to do."""
        self.hits, self.after, self._names = [], None, []
        self.count("")
        self._more.set_visibility(False)
        self._chart.set_visibility(False)
        self._grid.set_visibility(False)
        self._trouble.clear()
        self._trouble.set_visibility(True)
        with self._trouble:
            ui.icon("search_off" if not trouble.place else "error_outline", size="xl").classes("opacity-50")
            ui.label(trouble.title).classes("text-lg")
            if trouble.place:
                ui.label(trouble.place).classes("font-mono text-sm").style("white-space: pre")
            ui.label(trouble.remedy).classes("opacity-80 text-center").style("white-space: pre-wrap; max-width: 50rem")

    def move(self, step: int) -> Found | None:
        """The next or previous document, which becomes the chosen one."""
        if not self.hits:
            return None
        self._at = max(0, min(len(self.hits) - 1, self._at + step))
        hit = self.hits[self._at]
        self._grid.run_grid_method("ensureIndexVisible", self._at)
        self._grid.run_row_method(key_of(hit), "setSelected", True)
        return hit

    def _arm(self) -> None:
        self._chart.run_chart_method("dispatchAction", _BRUSH)

    async def _brushed(self, event: GenericEventArguments) -> None:
        found = charts.brushed(event.args.get("areas") if isinstance(event.args, dict) else None)
        if found is not None:
            await self._desk.go(replace(self._desk.view, since=written(found[0]), until=written(found[1])))

    def _clicked(self, event: GenericEventArguments) -> None:
        key = event.args.get("rowId")
        for place, hit in enumerate(self.hits):
            if key_of(hit) == key:
                self._at = place
                self._opened(hit)
                return
