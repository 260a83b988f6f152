"""The map: where the documents come from."""

from __future__ import annotations

from nicegui import ui

from pipeline.explore import world
from pipeline.explore.asking import Trouble
from pipeline.explore.desk import Desk
from pipeline.search.questions import Question


class MapTab:
    """The tab with the map of the world."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def build(self) -> None:
        """Draws it, empty."""
        self._note = ui.label().classes("text-sm").mark("map-note")
        self._chart = ui.echart(world.chart([])).classes("w-full grow").mark("map")

    async def ask(self, question: Question) -> None:
        """Shows the places of the newest documents."""
        self._note.set_text("looking ...")
        found = await world.places(self._desk.sources.documents, question)
        self._chart.options.clear()
        self._chart.options.update(world.chart(found.places))
        self._chart.update()
        if found.documents:
            self._note.set_text(
                f"{found.documents:,} of the newest documents that have a place, {len(found.places)} places"
            )
        else:
            self._note.set_text("No document here has a place: a geoip filter writes geoip.location")

    def excuse(self, trouble: Trouble) -> None:
        """Says why there is nothing."""
        self._note.set_text(f"{trouble.title}: {trouble.remedy}")
