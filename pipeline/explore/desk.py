"""What the panels of one open page share: the view, and how it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import ui

from pipeline.explore.sources import Sources
from pipeline.explore.view import Filter, View

Shows = Callable[[], Awaitable[None]]


class Desk:
    """The view of one open page. Panels change it here, and are told by `Page` what to show."""

    def __init__(self, sources: Sources, view: View) -> None:
        self.sources = sources
        self.view = view
        self.show: Shows | None = None
        """Shows the view anew, all of it."""

    async def go(self, view: View) -> None:
        """Another view, which gets an address of its own in the history of the browser."""
        self.note(view)
        if self.show is not None:
            await self.show()

    def note(self, view: View) -> None:
        """Another view that is shown already: only the address changes."""
        if view != self.view:
            self.view = view
            ui.navigate.history.push(view.url())

    async def filter(self, name: str, value: str, *, negated: bool = False) -> None:
        """The view with one filter more, on a value of a field."""
        await self.go(self.view.with_filter(Filter(name, value, negated)))

    async def search_between(self, since: str, until: str) -> None:
        """The view between two other times."""
        await self.go(replace(self.view, since=since, until=until))
