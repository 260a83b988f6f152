"""The texts that make up a configuration, and places in them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or the text of `-e`. `name` is the path as the user gave it, or "-e"."""

    name: str
    text: str = field(repr=False)

    def line_and_column(self, position: int) -> tuple[int, int]:
        """Both from 1; a column counts characters."""
        before = self.text.count("\n", 0, position)
        return before + 1, position - (self.text.rfind("\n", 0, position) + 1) + 1

    def line(self, number: int) -> str:
        """The text of a line, by its number from 1, without its line end."""
        return self.text.split("\n")[number - 1].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a source: from `start` up to but not including `end`."""

    source: Source
    start: int
    end: int

    @property
    def place(self) -> str:
        """The place as `file:line:column`."""
        line, column = self.source.line_and_column(self.start)
        return f"{self.source.name}:{line}:{column}"

    @property
    def text(self) -> str:
        """The text of the piece."""
        return self.source.text[self.start : self.end]
