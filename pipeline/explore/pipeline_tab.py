"""The pipeline: throughput, time of plugins, lag, retries, and dead letters with a button that sends them again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from nicegui import ui

from pipeline.errors import StoreError
from pipeline.explore import charts, letters
from pipeline.explore.engine import Figures, NoEngine, Throughput
from pipeline.explore.sources import Sources

_EVERY = 2.0
"""Seconds between two looks at the engine, and at the dead letters."""
_SHOWN_PLUGINS = 12
_TILES = ("Read", "Written", "Retried", "Dead letters", "In flight", "Lag")


class PipelineTab:
    """The tab that shows the engine."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._throughput = Throughput()
        self._retrying = False
        self._seen: tuple[int, str] | None = None

    def build(self) -> None:
        """Draws it, empty."""
        self._state = ui.label().classes("text-sm").mark("engine")
        with ui.row().classes("w-full gap-3"):
            self._tiles = {name: self._tile(name) for name in _TILES}
        with ui.row(wrap=False).classes("w-full gap-3"):
            with ui.card().classes("grow min-w-0"):
                ui.label("Events a second").classes("font-medium")
                self._lines = ui.echart(charts.lines({})).classes("w-full").style("height: 220px").mark("throughput")
            with ui.card().classes("w-2/5 min-w-0"):
                ui.label("Time of plugins, microseconds an event").classes("font-medium")
                self._plugins = ui.echart(charts.ranked([], "µs")).classes("w-full").style("height: 220px")
        self._detail = ui.label().classes("text-xs opacity-70").style("white-space: pre-wrap")
        self._draw_letters()
        self._timer = ui.timer(_EVERY, self._look, active=False, immediate=True)

    @staticmethod
    def _tile(name: str) -> ui.label:
        with ui.card().classes("grow gap-0 py-2"):
            ui.label(name).classes("text-xs opacity-70")
            return ui.label("-").classes("text-xl font-medium").mark(f"tile-{name}")

    def _draw_letters(self) -> None:
        with ui.card().classes("w-full"):
            with ui.row(wrap=False).classes("w-full items-center gap-2"):
                self._heading = ui.label("Dead letters").classes("font-medium").mark("letters")
                ui.space()
                self._one = ui.button("Retry chosen", icon="replay", on_click=self._retry_chosen)
                self._all = ui.button("Retry all", icon="replay", on_click=lambda: self._retry([]))
                for button in (self._one, self._all):
                    button.props("outline dense no-caps")
            self._reasons = ui.label().classes("text-xs").style("white-space: pre-wrap")
            columns = [
                {"field": "time", "headerName": "Time", "width": 210},
                {"field": "plugin", "headerName": "Plugin", "width": 220},
                {"field": "reason", "headerName": "Reason", "flex": 2, "wrapText": True, "autoHeight": True},
                {"field": "payload", "headerName": "Original", "flex": 2},
            ]
            options: dict[str, Any] = {
                "columnDefs": columns,
                "rowData": [],
                ":getRowId": "params => params.data.key",
                "rowSelection": {"mode": "multiRow", "enableClickSelection": True},
                "overlayNoRowsTemplate": "<span>No dead letters</span>",
            }
            self._grid = ui.aggrid(options, auto_size_columns=False).classes("w-full").style("height: 320px")
            self._said = ui.label().classes("font-mono text-xs").style("white-space: pre-wrap").mark("retried")

    def watch(self, on: bool) -> None:
        """Looks every few seconds, or does not."""
        self._timer.active = on

    async def _look(self) -> None:
        try:
            figures = await self._sources.engine.look(time.time())
        except NoEngine as error:
            self._state.set_text(str(error))
        else:
            self._show(figures)
        await self._look_at_letters()

    def _show(self, figures: Figures) -> None:
        state = (
            "waits: dead letters cannot be written" if figures.blocked else "ready" if figures.ready else "not ready"
        )
        self._state.set_text(f"The engine at {self._sources.engine.shown} is {state}")
        amounts = (
            *(f"{figures.read:,}", f"{figures.written:,}", f"{figures.retried:,}", f"{figures.dead:,}"),
            f"{figures.in_flight:,} of {figures.in_flight_limit:,}",
            f"{sum(records for _, records in figures.lag):,}" if figures.lag else "none known",
        )
        for name, amount in zip(_TILES, amounts, strict=True):
            self._tiles[name].set_text(amount)
        self._throughput.add(figures)
        _redraw(self._lines, charts.lines(self._throughput.lines()))
        slowest = [(f"{each.kind} {each.plugin}"[:60], round(each.microseconds, 1)) for each in figures.plugins]
        _redraw(self._plugins, charts.ranked(slowest[:_SHOWN_PLUGINS], "µs"))
        lag = [f"{partition} is {records:,} records behind" for partition, records in figures.lag if records]
        retries = [f"{plugin}: {count:,} items again after {status}" for plugin, status, count in figures.retries]
        queued = [f"{figures.queued:,} events in the queue on disk"] if figures.queued else []
        self._detail.set_text("\n".join([*lag, *retries, *queued]))

    # ---------------------------------------------------------------------------------------- dead letters

    async def _look_at_letters(self) -> None:
        try:
            found = await asyncio.to_thread(letters.look, self._sources.dead_letters)
        except (StoreError, OSError) as error:
            self._reasons.set_text(f"cannot read {self._sources.dead_letters}: {error}")
            return
        self._heading.set_text(f"{found.total:,} dead letters in {self._sources.dead_letters}")
        told = [f"{count:,}  {reason}" for reason, count in found.reasons]
        self._reasons.set_text("\n".join(told + found.damages))
        seen = found.total, found.newest[0].name if found.newest else ""
        if seen != self._seen:
            self._seen = seen
            rows = [letters.row(letter) for letter in found.newest]
            self._grid.options["rowData"] = rows
            self._grid.run_grid_method("setGridOption", "rowData", rows)
        for button in (self._one, self._all):
            button.set_enabled(bool(found.total) and not self._retrying)

    async def _retry_chosen(self) -> None:
        chosen = await self._grid.get_selected_rows()
        if not chosen:
            ui.notify("Choose letters in the table first")
            return
        await self._retry([str(each["key"]) for each in chosen])

    async def _retry(self, names: list[str]) -> None:
        self._retrying = True
        self._one.disable()
        self._all.disable()
        self._said.set_text("sending again ...")
        try:
            done = await letters.retry(names, self._sources.retry)
        finally:
            self._retrying = False
        self._said.set_text(done.said)
        ui.notify(
            "Sent again" if done.delivered else "Not all could be sent: see below the table",
            type="positive" if done.delivered else "warning",
        )
        await self._look_at_letters()


def _redraw(chart: ui.echart, options: dict[str, Any]) -> None:
    chart.options.clear()
    chart.options.update(options)
    chart.update()
