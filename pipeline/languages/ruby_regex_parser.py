"""Reads a Ruby (Oniguruma) regular expression into a tree, for `ruby_regex`.

    pattern     = branch ("|" branch)*
    branch      = piece*
    piece       = atom quantifier*
    quantifier  = ("?" | "*" | "+") ("?" | "+")?  |  "{" low? ("," high?)? "}" "?"?
    atom        = character | "." | class | escape | "(" group ")" | "^" | "$"

What Ruby refuses is refused here, with the reason; so is what this translation cannot prove.
"""

from __future__ import annotations

import re

from pipeline.languages import ruby_regex_sets as sets
from pipeline.languages.ruby_regex_reader import Options, Reader
from pipeline.languages.ruby_regex_tree import (
    Anchor,
    AnyCharacter,
    Backreference,
    Branch,
    Characters,
    Choice,
    Conditional,
    Group,
    Keep,
    Look,
    Node,
    Parsed,
    Repeat,
)


def parse(pattern: str, *, newline: bool = False, named_only: bool = False) -> Parsed:
    """Reads a pattern; raises `PatternError`.

    `newline`: as under `(?m)`, which lets `.` match a newline. `named_only`: nobody reads a group without a name, so
    that none is kept unless the pattern itself refers to one.
    """
    parser = _Parser(pattern, newline, capture_plain=True)
    tree = parser.whole()
    if parser.plain_groups and (parser.names or (named_only and not parser.references)):
        # Where some groups have a name, the others capture nothing.
        parser = _Parser(pattern, newline, capture_plain=False)
        tree = parser.whole()
    parser.check_references()
    return Parsed(tree, parser.names, parser.groups, parser.sensitive, parser.keeps)


_INTERVAL = re.compile(r"\{(?:(\d+)(,(\d*))?|,(\d+))\}")
_NAMED = re.compile(r"\(\?(?:<(?![=!])([^>)]*)>|'([^')]*)')")
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_CONDITION = re.compile(r"\(\?\((?:<([^>]+)>|'([^']+)'|(\d+))\)")
_BACKREFERENCE = re.compile(r"\\k(?:<([^>]*)>|'([^']*)')")
_BLANK = " \t\n\v\f\r"
_LONGEST_REPEAT = 100_000


class _Parser(Reader):
    def __init__(self, pattern: str, newline: bool, capture_plain: bool) -> None:
        super().__init__(pattern)
        self.options.newline = newline
        self.capture_plain = capture_plain
        self.groups, self.plain_groups = 0, 0
        self.names: dict[str, list[int]] = {}
        self.references: list[tuple[int, Backreference | Conditional, str]] = []
        self.keeps = False

    def whole(self) -> Node:
        tree = self.choice()
        if self.position < len(self.pattern):
            self.fail('")" without "("')
        return tree

    def skip(self) -> None:
        """Passes over comments, and over blanks under `(?x)`."""
        while self.position < len(self.pattern):
            if self.ahead("(?#"):
                end = self.pattern.find(")", self.position)
                if end < 0:
                    self.fail("a comment without its end")
                self.position = end + 1
            elif self.options.extended and self.pattern[self.position] in _BLANK:
                self.position += 1
            elif self.options.extended and self.ahead("#"):
                end = self.pattern.find("\n", self.position)
                self.position = len(self.pattern) if end < 0 else end + 1
            else:
                return

    # ---------------------------------------------------------------------------------- choices and pieces

    def choice(self) -> Node:
        """Up to ")" or the end; options set inside end with it."""
        outer = Options(self.options.fold, self.options.newline, self.options.extended)
        branches = [self.branch()]
        while self.take("|"):
            branches.append(self.branch())
        self.options = outer
        return branches[0] if len(branches) == 1 else Choice(branches)

    def branch(self) -> Node:
        pieces: list[Node] = []
        while True:
            self.skip()
            if self.position >= len(self.pattern) or self.pattern[self.position] in "|)":
                return pieces[0] if len(pieces) == 1 else Branch(pieces)
            flags = self.found(_FLAGS) if self.ahead("(?") else None
            if flags and flags[3] == ")":
                # The options hold up to the end of the group, later branches included.
                self.set_options(flags)
                pieces.append(Group(self.choice()))
            elif flags:
                pieces.append(self.quantified(self.scoped(flags)))
            else:
                pieces.append(self.quantified(self.atom()))

    def set_options(self, flags: re.Match[str]) -> None:
        options = Options(self.options.fold, self.options.newline, self.options.extended)
        for letters, value in ((flags[1], True), (flags[2] or "", False)):
            for letter in letters:
                if letter == "i":
                    options.fold = value
                elif letter == "m":
                    options.newline = value
                elif letter == "x":
                    options.extended = value
                else:
                    self.fail(f'the option "{letter}" is not supported; i, m and x are')
        self.options = options

    def scoped(self, flags: re.Match[str]) -> Node:
        outer = self.options
        self.set_options(flags)
        body = self.choice()
        self.options = outer
        self.close()
        return Group(body)

    def close(self) -> None:
        if not self.take(")"):
            self.fail('"(" without ")"')

    def quantified(self, atom: Node) -> Node:
        while True:
            self.skip()
            if self.position >= len(self.pattern):
                return atom
            sign = self.pattern[self.position]
            interval = self.found(_INTERVAL) if sign == "{" else None
            if interval:
                low = int(interval[1] or 0)
                high = int(interval[3] or interval[4] or -1) if interval[2] or interval[4] else low
                atom = self.repeat(atom, low, None if high < 0 else high)
                if self.ahead("?"):
                    self.position += 1
                    # Only of {n}? is the "?" a quantifier of its own.
                    exact = not interval[2] and not interval[4]
                    atom = Repeat(atom, 0, 1, "") if exact else Repeat(atom.body, atom.low, atom.high, "?")
            elif sign in "?*+":
                self.position += 1
                mode = self.pattern[self.position] if self.ahead("?") or self.ahead("+") else ""
                self.position += len(mode)
                atom = Repeat(atom, int(sign == "+"), 1 if sign == "?" else None, mode)
            else:
                return atom

    def repeat(self, atom: Node, low: int, high: int | None) -> Repeat:
        if max(low, high or 0) > _LONGEST_REPEAT:
            self.fail("too big a number for a repeat")
        if high is not None and low > high:
            self.fail(f"a repeat from {low} to {high}")
        return Repeat(atom, low, high, "")

    # --------------------------------------------------------------------------------------------- atoms

    def atom(self) -> Node:
        sign = self.pattern[self.position]
        if sign == "(":
            return self.group()
        if sign == "[":
            self.position += 1
            return Characters(self.bracket())
        if sign == "\\":
            return self.escape()
        if sign in "?*+":
            self.fail(f'nothing before "{sign}" to repeat')
        self.position += 1
        if sign == ".":
            return AnyCharacter(self.options.newline)
        if sign in "^$":
            return Anchor(sign)
        return self.literal(ord(sign))

    def literal(self, code: int) -> Node:
        if not self.options.fold:
            return Characters(sets.explicit((code, code)), code)
        letter = chr(code)
        if letter.isascii() and letter not in "kKsS":
            # Only k and s have siblings beyond ASCII.
            return Characters(sets.explicit((code, code), (ord(letter.swapcase()), ord(letter.swapcase()))))
        self.sensitive = True
        return Characters(sets.folded(sets.explicit((code, code))))

    def group(self) -> Node:
        if self.ahead("(?="):
            return self.look("(?=", behind=False, negated=False)
        if self.ahead("(?!"):
            return self.look("(?!", behind=False, negated=True)
        if self.ahead("(?<="):
            return self.look("(?<=", behind=True, negated=False)
        if self.ahead("(?<!"):
            return self.look("(?<!", behind=True, negated=True)
        if self.ahead("(?("):
            return self.conditional()
        if self.take("(?>"):
            return self.finished(Group(self.choice(), atomic=True))
        name = self.found(_NAMED)
        if name:
            return self.capturing(name[1] or name[2] or "")
        if self.ahead("(?"):
            self.fail(f'a group "{self.pattern[self.position : self.position + 3]}...)" is not supported')
        self.position += 1
        if not self.capture_plain:
            return self.finished(Group(self.choice()))
        self.plain_groups += 1
        return self.capturing(None)

    def look(self, sign: str, behind: bool, negated: bool) -> Node:
        self.position += len(sign)
        before = self.groups
        look = Look(self.choice(), behind, negated)
        if behind and negated and self.groups > before:
            self.fail("a group that captures in a negative look-behind")
        return self.finished(look)

    def finished(self, node: Node) -> Node:
        self.close()
        return node

    def capturing(self, name: str | None) -> Node:
        if name is not None and (not name or name[0].isdigit() or name[0] == "-"):
            self.fail(f'"{name}" is no name for a group')
        self.groups += 1
        number = self.groups
        if name is not None:
            self.names.setdefault(name, []).append(number)
        return self.finished(Group(self.choice(), number, name))

    def conditional(self) -> Node:
        condition = self.found(_CONDITION)
        if not condition:
            self.fail("a condition must name a group: (?(1)yes|no) or (?(<name>)yes|no)")
        body = self.choice()
        branches: list[Node] = body.branches if isinstance(body, Choice) else [body]
        if len(branches) > 2:
            self.fail("a condition has two branches at most")
        node = Conditional(0, branches)
        self.references.append((self.position, node, condition[1] or condition[2] or condition[3]))
        return self.finished(node)

    # ------------------------------------------------------------------------------------------- escapes

    def escape(self) -> Node:
        letter = self.pattern[self.position + 1 : self.position + 2]
        if not letter:
            self.fail("a backslash at the end")
        named = self.found(_BACKREFERENCE)
        if named:
            return self.backreference(named[1] or named[2] or "")
        if letter in "123456789":
            number = re.compile(r"\\(\d+)").match(self.pattern, self.position)
            if number and (len(number[1]) == 1 or int(number[1]) <= self.groups):
                self.position = number.end()
                return self.backreference(number[1])
        if letter in "AzZbB":
            self.position += 2
            self.sensitive |= letter in "bB"
            return Anchor("\\" + letter)
        if letter == "R":
            self.position += 2
            return self.line_break()
        if letter == "K":
            self.position += 2
            self.keeps = True
            return Keep()
        if letter in "GXgkyYNO" and (letter not in "yYNO"):
            self.fail(f'"\\{letter}" is not supported')
        known = self.known_class()
        if known:
            return known
        return self.literal(self.code())

    def line_break(self) -> Node:
        single = Characters(sets.explicit((10, 13), (0x85, 0x85), (0x2028, 0x2029)))
        pair = Branch([Characters(sets.explicit((13, 13)), 13), Characters(sets.explicit((10, 10)), 10)])
        return Group(Choice([pair, single]), atomic=True)

    def backreference(self, reference: str) -> Node:
        node = Backreference([], self.options.fold)
        self.references.append((self.position, node, reference))
        if re.fullmatch(r"-\d+", reference):
            self.references[-1] = (self.position, node, str(self.groups + 1 + int(reference)))
        return node

    def check_references(self) -> None:
        for position, node, reference in self.references:
            self.position = position
            if reference.isdigit():
                if self.names:
                    self.fail("a number for a group where groups have names")
                numbers = [int(reference)] if 0 < int(reference) <= self.groups else []
            else:
                numbers = self.names.get(reference, [])
            if not numbers:
                self.fail(f'no group "{reference}" to refer to')
            if isinstance(node, Conditional):
                node.group = numbers[0]
            else:
                node.groups = numbers[::-1]
