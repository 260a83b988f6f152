"""Going on behind a fault, so that every fault of a text is found at once.

A broken piece is walked over from its start, past strings and comments, counting braces: up to where a
new piece begins, or to the brace that closes the block around it. That brace is left to its block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.grammar.faults import Fault
from pipeline.grammar.scanner import BLANK, NAME, GrammarError, Scanner

OPTION = re.compile(rf"[A-Za-z0-9_-]++{BLANK}(?:=>|:[ \t\r\n])")
STATEMENT = re.compile(rf"[A-Za-z0-9_-]++{BLANK}\{{|if(?![A-Za-z0-9_-])")
SECTION = re.compile(rf"(?:input|filter|output){BLANK}\{{")
BODY = re.compile(r"\{")

_COMMENT = re.compile(r"#[^\r\n]*+")
_ARROW_AND_NAME = re.compile(rf"=>{BLANK}[A-Za-z0-9_-]*+")
_MATCH_AND_REGEX = re.compile(r"[=!]~[ \t]*+/(?:[^/\\\n]++|\\/|\\)*+/")
_PLAIN = re.compile(r"[^\"'#{}=!A-Za-z0-9_-]++|[=!]")
_WHOLE = (_COMMENT, _ARROW_AND_NAME, _MATCH_AND_REGEX, NAME, _PLAIN)


@dataclass(frozen=True, slots=True)
class Block:
    """A block that is open: the name before its brace, and how many faults there were when it began."""

    name: str
    start: int
    broken: int

    def over(self, scanner: Scanner) -> bool:
        """Whether the text leaves this block: by its brace, or, which is a fault, by its end or a new section."""
        if scanner.take("}"):
            return True
        if scanner.ended:
            self._report(scanner, "is never closed")
            return True
        if section_begins(scanner.text, scanner.position):
            self._report(scanner, f"is not closed before the section in line {scanner.line_of(scanner.position)}")
            return True
        return False

    def _report(self, scanner: Scanner, what: str) -> None:
        if scanner.broken == self.broken:
            span = scanner.span(self.start, self.start + len(self.name))
            scanner.report(Fault(f'the block of "{self.name}" {what}: a "}}" is missing', span))
            scanner.broken += 1


def section_begins(text: str, position: int) -> bool:
    """Whether a section stands here at the start of a line: where blocks are open, they lack their ends."""
    return (position == 0 or text[position - 1] == "\n") and SECTION.match(text, position) is not None


def recover(scanner: Scanner, error: GrammarError, start: int, depth: int, beginning: re.Pattern[str]) -> None:
    """Reports the fault of a piece, and moves to the next `beginning` behind it, or to the end of its block."""
    scanner.broken += 1
    scanner.depth = depth
    scanner.report(error.fault)
    if not scanner.given_up:
        earliest = len(scanner.text) if error.deep else max(start + 1, error.position)
        scanner.position = _next(scanner, start, earliest, beginning)


def skip_block(scanner: Scanner) -> None:
    """Passes a block in braces without a look at its content, from its opening brace on."""
    scanner.position = _next(scanner, scanner.position + 1, len(scanner.text), BODY)
    scanner.take("}")


def pass_over(scanner: Scanner, beginning: re.Pattern[str]) -> None:
    """Moves to the next `beginning`, or to the brace that closes the block, without a word."""
    scanner.position = _next(scanner, scanner.position, scanner.position + 1, beginning)


def _next(scanner: Scanner, start: int, earliest: int, beginning: re.Pattern[str]) -> int:
    text, position, open_braces = scanner.text, start, 0
    while position < len(text):
        if position >= earliest and not open_braces and beginning.match(text, position):
            return position
        if position > start and section_begins(text, position):
            return position
        character = text[position]
        if character in "\"'":
            end = None if position == scanner.string_cut else scanner.string_end(position)
            position = position + 1 if end is None else end
        elif character == "{":
            open_braces += 1
            position += 1
        elif character == "}":
            if not open_braces:
                return position
            open_braces -= 1
            position += 1
        else:
            position = next(found.end() for pattern in _WHOLE if (found := pattern.match(text, position)))
    return position
