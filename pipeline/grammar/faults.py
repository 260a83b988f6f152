"""Faults and warnings of a configuration, and how they are shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.grammar.sources import Span

_SECRET = re.compile(
    r"""((?:\w*passw(?:or)?d|\w*passphrase|\w*secret\w*|\w*api_key|cloud[._]auth)["']?\s*(?:=>|:)\s*)("[^"]*"|'[^']*'|[^\s"'\[{]\S*)""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong (or, as a warning, surprising) at a place of a configuration.

    Shown as the place and the message, the source line without its secrets, and a caret under the piece:

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
        shown = f"{gutter}{_masked(line)}"
        lead = "".join("\t" if character == "\t" else " " for character in line[: column - 1])
        return f"{self.span.place}: {self.message}\n{shown}\n{' ' * (len(gutter) - 2)}| {lead}{'^' * width}"


def _masked(line: str) -> str:
    """The line with stars for passwords and keys, which standard error and logs should not have; `${NAME}` is none."""
    return _SECRET.sub(lambda found: found[0] if "${" in found[2] else found[1] + "*" * len(found[2]), line)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean "match"?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""
