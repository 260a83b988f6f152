"""A place in the text of one source: reads pieces of it, and reports what cannot be read.

The language has no tokens that mean the same everywhere (`["a"]` is an array in a plugin and a field in
a condition), so the grammar asks here for the piece it wants. All patterns are possessive: no text takes
more than linear time. How to go on behind a fault is in `recovery`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Source, Span

MAX_DEPTH = 60
"""How deep blocks, values and parentheses may be nested, all together."""
MAX_FAULTS = 100
"""After so many faults the rest of a source is not read."""

BLANK = r"(?:[ \t\r\n]++|#[^\r\n]*+)*+"
KINDS = ("input", "filter", "output")
NAME = re.compile(r"[A-Za-z0-9_-]++")

_BLANK = re.compile(BLANK)
_STRINGS = {'"': re.compile(r'"(?:[^"\\]++|\\"|\\)*+"'), "'": re.compile(r"'(?:[^'\\]++|\\'|\\)*+'")}
_DIGRAPH = re.compile(r"=>|==|&&|\|\||=~|!~|!=")


class GrammarError(Exception):
    """The text cannot be read. Caught where the grammar knows how to go on: at an option, a statement.

    `position` is from where a new beginning may be looked for; `deep` means that none is, as the rest
    would be too deep as well.
    """

    def __init__(self, fault: Fault, position: int, *, deep: bool = False) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.position = position
        self.deep = deep


class Scanner:
    """Reads one source from left to right, and collects its faults."""

    def __init__(self, source: Source, *, support_escapes: bool = False) -> None:
        self.source = source
        self.text = source.text
        self.position = 0
        self.depth = 0
        self.support_escapes = support_escapes
        self.faults: list[Fault] = []
        self.broken = 0
        """How many faults may have hidden a brace: a block that is never closed is no news after them."""
        self.string_cut = -1
        """Where a string begins that is thought to lack its end: recovery does not pass over it."""
        self._long_string = (-1, -1)
        self._never_closed: dict[str, int] = {}

    # ------------------------------------------------------------------------------------------ reading

    @property
    def ended(self) -> bool:
        """Nothing is left to read."""
        return self.position >= len(self.text)

    def skip(self) -> bool:
        """Passes blanks and comments; tells whether there were any."""
        return bool(self.match(_BLANK))

    def at(self, literal: str) -> bool:
        """Whether the text goes on with a literal."""
        return self.text.startswith(literal, self.position)

    def take(self, literal: str) -> bool:
        """Passes a literal, if the text goes on with it."""
        if not self.at(literal):
            return False
        self.position += len(literal)
        return True

    def match(self, pattern: re.Pattern[str]) -> str:
        """Passes what the pattern finds here, and returns it; the empty text if it finds nothing."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found[0]

    def looking_at(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern finds something here."""
        return pattern.match(self.text, self.position) is not None

    def string(self) -> str:
        """Passes a quoted string and returns it with its quotes; the empty text where there is none."""
        start = self.position
        quote = self.text[start : start + 1]
        if quote not in _STRINGS:
            return ""
        end = self.string_end(start)
        if end is None:
            self.string_cut = start
            self.position = start + 1
            message = f"this string is never closed: end it with {quote}{self._backslash(start, len(self.text))}"
            self.fail(message, start, self._line_end(start))
        self.position = end
        if "\n" in self.text[start:end]:
            self._long_string = (start, end)
        return self.text[start:end]

    def string_end(self, start: int) -> int | None:
        """Where the string that starts here ends, or None if it never does."""
        quote = self.text[start]
        if start >= self._never_closed.get(quote, len(self.text)):
            return None
        found = _STRINGS[quote].match(self.text, start)
        if found is None:
            self._never_closed[quote] = start
            return None
        return found.end()

    # ------------------------------------------------------------------------------------------ places

    def span(self, start: int, end: int | None = None) -> Span:
        """The piece from start to end, or to where the scanner is."""
        return Span(self.source, start, self.position if end is None else end)

    def line_of(self, position: int) -> int:
        """The number of a line, for messages that name a second place."""
        return self.source.line_and_column(position)[0]

    def _line_end(self, position: int) -> int:
        end = self.text.find("\n", position)
        return len(self.text) if end < 0 else end

    def next_piece(self) -> tuple[str, int]:
        """What stands here, in words for a message, and where it ends."""
        if self.ended:
            return "the end of the text", self.position
        for pattern in (NAME, _DIGRAPH):
            if found := pattern.match(self.text, self.position):
                return f'"{found[0]}"', found.end()
        character, end = self.text[self.position], self.position + 1
        if character in "“”„‟«»‘’‚‛":
            return f"the typographic quote {character}: write \" or '", end
        if not character.isascii() or not character.isprintable():
            name = unicodedata.name(character, "control character").lower()
            return f"U+{ord(character):04X}, {name}", end
        return f"'{character}'" if character == '"' else f'"{character}"', end

    # ------------------------------------------------------------------------------------------ faults

    def report(self, fault: Fault) -> None:
        """Adds a fault, up to the bound; beyond it the rest is not read."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)
        elif len(self.faults) == MAX_FAULTS:
            self.faults.append(Fault("too many faults: the rest of this file is not read", fault.span))
        if self.given_up:
            self.position = len(self.text)

    @property
    def given_up(self) -> bool:
        """So many faults that the rest is not read."""
        return len(self.faults) > MAX_FAULTS

    def fail(self, message: str, start: int, end: int | None = None) -> NoReturn:
        """The text cannot be read here."""
        raise GrammarError(Fault(message, self.span(start, end)), max(start, self.position))

    def expected(self, what: str, remedy: str = "") -> NoReturn:
        """Fails with what should stand here, and what stands here instead."""
        piece, end = self.next_piece()
        start, string_end = self._long_string
        follows = self.text[string_end : self.position].strip(" \t\r\n") == "" if string_end >= 0 else False
        if follows and piece.strip('"') not in ("=>", ",", "}", "]", ")", "{"):
            self.string_cut = start
            self.position = start + 1
            remedy = f"end it with {self.text[start]}{self._backslash(start, string_end)}"
            message = f"this string ends only in line {self.line_of(string_end)}, before {piece}: {remedy}"
            self.fail(message, start, self._line_end(start))
        self.fail(f"expected {what}, got {piece}{remedy}", self.position, end)

    def _backslash(self, start: int, end: int) -> str:
        r"""A hint where a string was meant to end in a backslash, as `"C:\logs\"`, which it cannot."""
        escaped = re.compile(rf"\\{self.text[start]}[ \t]*+[\r\n,\]}}]")
        return "; a string cannot end in a backslash" if escaped.search(self.text, start, end) else ""

    def enter(self, start: int) -> None:
        """One level deeper; `leave` is its end, unless the text cannot be read."""
        if self.depth >= MAX_DEPTH:
            fault = Fault(f"nested more than {MAX_DEPTH} levels deep", self.span(start, start + 1))
            raise GrammarError(fault, self.position, deep=True)
        self.depth += 1

    def leave(self) -> None:
        """The end of what `enter` began."""
        self.depth -= 1
