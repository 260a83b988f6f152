r"""The Kibana Query Language: text in, a tree out.

    query      = and ("or" and)*
    and        = not ("and" not)*
    not        = "not"* primary
    primary    = "(" query ")" | field ":" values | field sign literal | literal
    values     = "(" the same four rules over literals ")" | literal
    sign       = "<" | "<=" | ">" | ">="
    literal    = '"' anything '"' | characters, blanks among them, up to one of ( ) : < > " { } or a keyword
    field      = literal

Keywords are read in any case. `*` in what is not quoted is a wildcard. `\` takes the meaning from one of
`\ ( ) : < > " * { }` and from a keyword; `\t`, `\r`, `\n` and `\u0041` are characters. Blanks are part of a value:
`connection reset` is one, and so is the name in `my field: x`.

As Kibana documents it: https://www.elastic.co/docs/reference/query-languages/kql. Queries of nested fields,
`field:{ ... }`, are refused. More generous than Kibana in two places: `not not a`, and `or(` without a blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from pipeline.kql.tree import And, Compare, Everything, Is, Literal, Node, Not, Or, QueryError, Sign

DEEPEST = 50
"""How deep parentheses may nest."""
_SPECIAL = frozenset('\\():<>"*{}')
_KEYWORD = re.compile(r"(and|or|not)(?=\s|\(|\Z)", re.IGNORECASE)
_BLANKS_AND_KEYWORD = re.compile(r"\s+(?:and|or|not)(?=\s|\(|\Z)", re.IGNORECASE)
_BLANKS = re.compile(r"\s*")
_SIGN = re.compile(r"[<>]=?")
_ESCAPE = re.compile(r'u([0-9a-fA-F]{4})|(and|or|not)|([trn])|([\\():<>"*{}])', re.IGNORECASE)
_QUOTED_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|([trn])|([\\"]))')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WHITESPACE = {"t": "\t", "r": "\r", "n": "\n"}


def parse(text: str) -> Node:
    """Reads a query; an empty one is true for every document. Raises `QueryError`."""
    if not text.strip():
        return Everything()
    parser = _Parser(text)
    node = parser.either(parser.primary, 0)
    if parser.at < len(text):
        raise parser.unexpected()
    return node


class _Parser:
    """Recursive descent over the characters; each method returns the tree of what it read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.blanks()

    def blanks(self) -> None:
        found = _BLANKS.match(self.text, self.at)
        assert found is not None, "matches nothing at least"
        self.at = found.end()

    def take(self, keyword: str) -> bool:
        found = _KEYWORD.match(self.text, self.at)
        if found is None or found[1].lower() != keyword:
            return False
        self.at = found.end()
        self.blanks()
        return True

    def sees(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def error(self, problem: str, position: int | None = None) -> QueryError:
        return QueryError(self.text, self.at if position is None else position, problem)

    def unexpected(self) -> QueryError:
        found = self.text[self.at]
        if found == ")":
            return self.error('")" without "("')
        if found in ':<>*{}"':
            return self.error(
                f"{found} cannot stand here: write `and` or `or` between two terms, and quote the value"
                f" or write \\{found} for a {found} that is meant"
            )
        return self.error("write `and` or `or` between two terms")

    # ------------------------------------------------------------------------------------------ and, or, not

    def either(self, single: Callable[[int], Node], depth: int) -> Node:
        """The loosest binding: `a or b`."""
        found = [self.all(single, depth)]
        while self.take("or"):
            found.append(self.all(single, depth))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def all(self, single: Callable[[int], Node], depth: int) -> Node:
        """`a and b`."""
        found = [self.negated(single, depth)]
        while self.take("and"):
            found.append(self.negated(single, depth))
        return found[0] if len(found) == 1 else And(tuple(found))

    def negated(self, single: Callable[[int], Node], depth: int) -> Node:
        """`not a`, or `a`."""
        wanted = True
        while self.take("not"):
            wanted = not wanted
        node: Node
        if self.sees("("):
            opening = self.at
            if depth == DEEPEST:
                raise self.error(f"parentheses may nest {DEEPEST} deep")
            self.at += 1
            self.blanks()
            node = self.either(single, depth + 1)
            if not self.sees(")"):
                if self.at < len(self.text):
                    raise self.unexpected()
                raise self.error('this "(" is not closed', opening)
            self.at += 1
            self.blanks()
        else:
            node = single(depth)
        return node if wanted else Not(node)

    # ------------------------------------------------------------------------------------------ terms

    def primary(self, depth: int) -> Node:
        """A term: about a field, or free text."""
        literal = self.literal("a value, a phrase or field:value is missing here")
        if self.sees(":"):
            self.at += 1
            self.blanks()
            if self.sees("{"):
                raise self.error(
                    "queries of nested fields are not supported, as no field of these documents is mapped as nested:"
                    " write field.name:value"
                )
            return self.negated_value(literal, depth)
        sign = _SIGN.match(self.text, self.at)
        if sign is None:
            return Everything() if literal.anything else Is(None, literal)
        self.at = sign.end()
        self.blanks()
        value = self.literal(f"a value is missing after {sign[0]}")
        if value.wild:
            raise self.error("there is no order to a value with a *", value.start)
        return Compare(literal, cast(Sign, sign[0]), value)

    def negated_value(self, field: Literal, depth: int) -> Node:
        """What follows `field:`: a value, or a list of them in parentheses."""
        if (sign := _SIGN.match(self.text, self.at)) is not None:
            raise self.error(f"write {field.text} {sign[0]} and the value, without the colon")

        def value(_: int) -> Node:
            found = self.literal(f"a value is missing after {field.text}:")
            return Everything() if found.anything and field.anything else Is(field, found)

        return self.negated(value, depth) if self.sees("(") else value(depth)

    # ------------------------------------------------------------------------------------------ literals

    def literal(self, missing: str) -> Literal:
        """A literal and the blanks after it; `missing` says what is wrong where there is none."""
        start = self.at
        if self.sees('"'):
            found = _QUOTED.match(self.text, start)
            if found is None:
                raise self.error('this quote is not closed; write \\" for a quote that is meant')
            self.at = found.end()
            pieces = [_QUOTED_ESCAPE.sub(_unescaped, found[1])]
        else:
            if _KEYWORD.match(self.text, start):
                raise self.error(f"{missing}; quote a word like this one if it is meant")
            pieces = self.unquoted()
            if self.at == start:
                raise self.error(missing)
        self.blanks()
        return Literal(tuple(pieces), self.text[start] == '"', start)

    def unquoted(self) -> list[str]:
        """Characters up to a special one or a keyword; blanks at the end are none of it."""
        pieces, kept = [""], 0
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "*":
                if pieces[-1] or len(pieces) == 1:  # several in a row are one
                    pieces.append("")
                kept = 0
                self.at += 1
            elif character == "\\":
                pieces[-1] += self.escaped()
                kept = len(pieces[-1])
            elif character in _SPECIAL:
                break
            elif character.isspace():
                if _BLANKS_AND_KEYWORD.match(self.text, self.at):
                    break
                pieces[-1] += character
                self.at += 1
            else:
                pieces[-1] += character
                kept = len(pieces[-1])
                self.at += 1
        pieces[-1] = pieces[-1][:kept]
        return pieces

    def escaped(self) -> str:
        """What a backslash and that which follows it mean."""
        found = _ESCAPE.match(self.text, self.at + 1)
        if found is None:
            raise self.error(
                'a \\ stands before one of \\ ( ) : < > " * { } or a keyword; write \\\\ for a \\ that is meant'
            )
        self.at = found.end()
        code, keyword, whitespace, special = found.groups()
        if whitespace is not None:
            return _WHITESPACE.get(whitespace, whitespace)
        return chr(int(code, 16)) if code else str(keyword or special)


def _unescaped(escape: re.Match[str]) -> str:
    code, whitespace, special = escape.groups()
    return chr(int(code, 16)) if code else _WHITESPACE.get(whitespace, special)
