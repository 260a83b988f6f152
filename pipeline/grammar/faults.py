"""Faults and warnings of a configuration, and how they are shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.grammar.sources import Span


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong (or, as a warning, surprising) at a place of a configuration.

    Shown as the place and the message, the source line, and a caret under the piece:

        apache.conf:7:5: grok has no option "matches"; did you mean "match"?
            7 |     matches => { "message" => "%{COMBINEDAPACHELOG}" }
              |     ^^^^^^^
    """

    message: str
    span: Span | None = None

    def __str__(self) -> str:
        if self.span is None:
            return self.message
        source = self.span.source
        number, column = source.line_and_column(self.span.start)
        line = source.line(number)
        width = max(1, min(self.span.end - self.span.start, len(line) - column + 1))
        gutter = f"{number:>5} | "
        lead = "".join("\t" if character == "\t" else " " for character in line[: column - 1])
        return f"{self.span.place}: {self.message}\n{gutter}{line}\n{' ' * (len(gutter) - 2)}| {lead}{'^' * width}"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean "match"?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""
