"""Reads the characters and classes of a Ruby (Oniguruma) pattern, for `ruby_regex_parser`.

class  = "[" "^"? item* ("&&" item*)* "]"
item   = character | character "-" character | escape | class | "[:" "^"? name ":]"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from pipeline.languages import ruby_regex_sets as sets
from pipeline.languages.ruby_regex_sets import CharacterSet
from pipeline.languages.ruby_regex_tree import Characters, PatternError

_POSIX = re.compile(r"\[:(\^?)(\w+):\]")
_PROPERTY = re.compile(r"\\([pP])\{(\^?)([^}]+)\}")
_NUMERIC = re.compile(r"\\(?:x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{1,2})|u\{([0-9A-Fa-f]{1,8})\}|u([0-9A-Fa-f]{4}))")
_BYTES = re.compile(r"(?:\\x[89A-Fa-f][0-9A-Fa-f])+")
_OCTAL = re.compile(r"\\([0-7]{1,3})")
_CONTROL = re.compile(r"\\(?:c|C-)([@-_a-z?])")
_SIMPLE = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7, "e": 27}
_CLASSES: dict[str, tuple[CharacterSet, str | None]] = {
    "d": (sets.DIGIT, r"\d"),
    "w": (sets.WORD, r"\w"),
    "s": (sets.SPACE, r"\s"),
    "h": (sets.HEX, None),
}


@dataclass(slots=True)
class Options:
    """What `(?imx)` sets."""

    fold: bool = False
    newline: bool = False
    extended: bool = False


class Reader:
    """A place in a pattern, and what is read from there."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.position = pattern, 0
        self.options = Options()
        self.sensitive = False

    def fail(self, why: str) -> NoReturn:
        """Refuses the pattern."""
        raise PatternError(f"{why}, at character {self.position} of /{self.pattern}/")

    def ahead(self, text: str) -> bool:
        """The text comes next."""
        return self.pattern.startswith(text, self.position)

    def take(self, text: str) -> bool:
        """Passes over the text, if it comes next."""
        if self.ahead(text):
            self.position += len(text)
            return True
        return False

    def found(self, what: re.Pattern[str]) -> re.Match[str] | None:
        """Passes over what the expression matches, if it comes next."""
        match = what.match(self.pattern, self.position)
        if match:
            self.position = match.end()
        return match

    # ------------------------------------------------------------------------------------------- escapes

    def known_class(self) -> Characters | None:
        r"""`\w`, `\p{Alpha}` and their like, if one comes next."""
        found = self.found(_PROPERTY)
        if found:
            one = self.named(found[3], inverted=(found[1] == "P") != bool(found[2]))
            return Characters(one)
        letter = self.pattern[self.position + 1]
        if letter.lower() not in _CLASSES:
            return None
        self.position += 2
        one, text = _CLASSES[letter.lower()]
        if letter.islower():
            return Characters(one, text=text)
        return Characters(sets.complement(one), text=text and text.upper())

    def named(self, name: str, inverted: bool) -> CharacterSet:
        """The set of a name."""
        self.sensitive = True
        try:
            one = sets.named(name)
        except sets.UnknownProperty as error:
            self.fail(str(error))
        return sets.complement(one) if inverted else one

    def code(self) -> int:
        """The character of an escape, or a character that stands for itself."""
        if not self.ahead("\\"):
            self.position += 1
            return ord(self.pattern[self.position - 1])
        if raw := self.found(_BYTES):
            return self.decoded(bytes.fromhex(raw[0].replace("\\x", "")))
        if found := self.found(_NUMERIC):
            code = int(found[1] or found[2] or found[3] or found[4], 16)
            if code > sets.UNICODE:
                self.fail("too big a number for a character")
            return code
        if found := self.found(_OCTAL):
            if int(found[1], 8) > sets.ASCII:
                self.fail(f'"\\{found[1]}" is a byte of a longer character; write \\x{{...}}')
            return int(found[1], 8)
        if found := self.found(_CONTROL):
            return 0x7F if found[1] == "?" else ord(found[1]) & 0x1F
        letter = self.pattern[self.position + 1 : self.position + 2]
        if not letter or letter in "xucCM" or letter.isdigit():
            self.fail(f'an escape "\\{letter}" that cannot be read')
        self.position += 2
        return _SIMPLE.get(letter, ord(letter))

    def decoded(self, raw: bytes) -> int:
        """The first character of bytes that were escaped one by one."""
        try:
            first = raw.decode()[0]
        except UnicodeDecodeError:
            self.fail("escaped bytes that are not UTF-8")
        self.position -= 4 * (len(raw) - len(first.encode()))
        return ord(first)

    # ------------------------------------------------------------------------------------------- classes

    def bracket(self, nested: bool = False) -> CharacterSet:
        """A class, from behind its "[" to behind its "]"."""
        inverted = self.take("^")
        operands: list[list[CharacterSet]] = [[]]
        first = True
        while first or not self.take("]"):
            if self.position >= len(self.pattern):
                self.fail('"[" without "]"')
            if first and self.ahead("]") and "]" not in self.pattern[self.position + 1 :]:
                self.fail("an empty class")
            if self.take("&&"):
                operands.append([])
            else:
                operands[-1].append(self.item())
            first = False
        if not all(operands):
            self.fail('nothing on one side of "&&"')
        whole = sets.union(operands[0])
        for operand in operands[1:]:
            whole = sets.intersection(whole, sets.union(operand))
        if self.options.fold and not nested:
            self.sensitive = True
            whole = sets.folded(whole)
        return sets.complement(whole) if inverted else whole

    def item(self) -> CharacterSet:
        """One item of a class."""
        posix = self.found(_POSIX)
        if posix:
            if posix[2] not in sets.POSIX_NAMES:
                self.fail(f"there is no class [:{posix[2]}:]")
            return self.named(posix[2], inverted=bool(posix[1]))
        if self.take("["):
            return self.bracket(nested=True)
        if self.ahead("\\") and (known := self.class_escape()):
            return known
        low = self.member()
        after = self.pattern[self.position + 1 : self.position + 2]
        if not self.ahead("-") or after in ("]", "") or self.range_is_open():
            return sets.explicit((low, low))
        self.position += 1
        high = self.member()
        if high < low:
            self.fail("an empty range in a class")
        return sets.explicit((low, high))

    def range_is_open(self) -> bool:
        """The "-" ahead stands for itself, as a set or "&&" follows."""
        rest = self.pattern[self.position + 1 : self.position + 4]
        return rest.startswith(("[", "&&")) or re.match(r"\\[dDwWsShHpP]", rest) is not None

    def class_escape(self) -> CharacterSet | None:
        r"""`\w` and its like inside a class."""
        if self.position + 1 >= len(self.pattern):
            self.fail("a backslash at the end")
        known = self.known_class()
        return known.set if known else None

    def member(self) -> int:
        r"""A character inside a class, where `\b` is a backspace."""
        if self.take("\\b"):
            return 8
        return self.code()
