"""The query language of `apex-logs search`: text in, a narrowing expression and a predicate out.

    query   = and ("OR" and)*
    and     = not ("AND"? not)*             terms side by side must all be there
    not     = ("NOT" | "-") not | primary
    primary = "(" query ")" | field ":" value | word | phrase | "*"
    value   = comparison | word | phrase | "*" | "(" query ")"     in a group, each term is about the field
    comparison = (">=" | "<=" | ">" | "<" | "=") (word | phrase)   "=" is the whole value, not a word of it

`timeout`, `"connection reset"`, `user-agent` find words, whatever their case: the words of a term stand one
after the other in a value. `time*`, `path:/api/*` match a word or the whole value. Numbers match numbers.
`a.b:c` looks into objects and into arrays; `field:*` is true where the field is there. `\\` takes the meaning
from the next character.

The predicate decides. The narrowing expression, for FTS5, only leaves out what cannot match; there is none
where words do not help (`NOT x`, `*x`, `status:>=500`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.languages import search_terms as terms

Predicate = Callable[[dict[str, Any]], bool]
DEEPEST = 50
"""How deep parentheses may nest."""


class QueryError(ValueError):
    """A query that cannot be read; shows the place."""

    def __init__(self, query: str, position: int, problem: str) -> None:
        line = re.sub(r"\s", " ", query)
        super().__init__(f"{problem}\n    {line}\n    {' ' * position}^")
        self.position = position


class Query(NamedTuple):
    """A compiled query."""

    narrowing: str | None
    """An FTS5 expression that is true for every document that `matches`, or None for no such help."""
    matches: Predicate


def compile_query(text: str) -> Query:
    """Compiles a query; an empty one is true for every document. Raises `QueryError`."""
    if not text.strip():
        return _EVERYTHING
    parser = _Parser(text, _tokens(text))
    found = parser.either(None, 0)
    if (token := parser.next()) is not None:
        raise QueryError(text, token.start, '")" without "("')
    return found


# ---------------------------------------------------------------------------------------------- tokens


class _Token(NamedTuple):
    kind: str
    """One of `( ) - word phrase field compare`."""
    text: str
    start: int


_NAME = r"(?:[^\W\d]|@)[\w.@\-]*|(?:\[[^\[\]\s]+\])+"
_FIELD = re.compile(rf"({_NAME}|\*):")
_NEGATED = re.compile(r'[\w"(\[@*\\]')
_STARRED = re.compile(r"[\w@.\-]*\*[\w@.\-*]*:")
_COMPARE = re.compile(r">=|<=|>|<|=")
_PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r'(?:\\.|[^\s()"\\])+', re.DOTALL)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        after_field = bool(tokens) and tokens[-1].kind in ("field", "compare")
        if character.isspace():
            position += 1
        elif character in "()":
            tokens.append(_Token(character, character, position))
            position += 1
        elif character == "-" and not after_field and _NEGATED.match(text, position + 1):
            tokens.append(_Token("-", "-", position))
            position += 1
        else:
            token, position = _longest(text, position, after_field)
            tokens.append(token)
    return tokens


def _longest(text: str, start: int, after_field: bool) -> tuple[_Token, int]:
    if text[start] == '"':
        found = _PHRASE.match(text, start)
        if found is None:
            raise QueryError(text, start, 'this quote is not closed; write \\" for a quote that is meant')
        return _Token("phrase", re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), start), found.end()
    found = _COMPARE.match(text, start) if after_field else _FIELD.match(text, start)
    if found is not None:
        kind = "compare" if after_field else "field"
        return _Token(kind, found[0] if after_field else found[1], start), found.end()
    found = _WORD.match(text, start)
    if found is None:  # a backslash at the very end
        raise QueryError(text, start, r"nothing follows this \; write \\ for a \ that is meant")
    if (starred := _STARRED.match(text, start)) is not None and not after_field:
        raise QueryError(text, start + starred[0].index("*"), "the name of a field holds no *")
    return _Token("word", found[0], start), found.end()


# ---------------------------------------------------------------------------------------------- parser


class _Parser:
    """Recursive descent; each method returns the compiled query of what it read."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0

    def next(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, *operators: str) -> bool:
        token = self.next()
        if token is not None and token.kind in ("word", "-") and token.text in operators:
            self.at += 1
            return True
        return False

    def either(self, field: str | None, depth: int) -> Query:
        """The loosest binding: `a OR b`."""
        found = [self.all(field, depth)]
        while self.take("OR"):
            found.append(self.all(field, depth))
        return _any_of(found)

    def all(self, field: str | None, depth: int) -> Query:
        """`a AND b`, or just `a b`."""
        found = [self.negated(field, depth)]
        while (token := self.next()) is not None and token.kind != ")":
            if token.kind == "word" and token.text == "OR":
                break
            self.take("AND")
            found.append(self.negated(field, depth))
        return _all_of(found)

    def negated(self, field: str | None, depth: int) -> Query:
        """`NOT a`, `-a`, or `a`."""
        wanted = True
        while self.take("NOT", "-"):
            wanted = not wanted
        found = self.primary(field, depth)
        if wanted:
            return found
        matches = found.matches
        return Query(None, lambda document: not matches(document))

    def primary(self, field: str | None, depth: int) -> Query:
        """A term, or a group of them."""
        token = self.next()
        if token is None or token.kind == ")" or (token.kind == "word" and token.text in ("AND", "OR")):
            where = len(self.text) if token is None else token.start
            raise QueryError(self.text, where, "a word, a phrase or field:value is missing here")
        self.at += 1
        if token.kind == "(":
            return self.group(token, field, depth + 1)
        if token.kind != "field":
            return _term(field, token)
        if field is not None:
            raise QueryError(self.text, token.start, f"this is already about the field {field}")
        return self.about(token, depth)

    def group(self, opening: _Token, field: str | None, depth: int) -> Query:
        """What is in parentheses."""
        if depth > DEEPEST:
            raise QueryError(self.text, opening.start, f"parentheses may nest {DEEPEST} deep")
        found = self.either(field, depth)
        if self.next() is None:
            raise QueryError(self.text, opening.start, 'this "(" is not closed')
        self.at += 1
        return found

    def about(self, named: _Token, depth: int) -> Query:
        """What follows `field:`."""
        field = named.text.strip("[]").replace("][", ".")
        token = self.next()
        if token is None or token.kind not in ("word", "phrase", "compare", "("):
            where = named.start + len(named.text) + 1
            raise QueryError(self.text, where, f"a value is missing after {named.text}:")
        if field == "*" and token.text != "*":
            raise QueryError(self.text, named.start, "to look into every field, leave the field away")
        self.at += 1
        if token.kind == "(":
            return self.group(token, field, depth + 1)
        if token.kind != "compare":
            return _EVERYTHING if field == "*" else _term(field, token)
        operand = self.next()
        if operand is None or operand.kind not in ("word", "phrase"):
            raise QueryError(self.text, token.start + len(token.text), f"a value is missing after {token.text}")
        self.at += 1
        plain = re.sub(r"\\(.)", r"\1", operand.text) if operand.kind == "word" else operand.text
        return _on_values(field, terms.comparison(token.text, plain))


# ---------------------------------------------------------------------------------------------- compiler

_EVERYTHING = Query(None, lambda document: True)


def _term(field: str | None, token: _Token) -> Query:
    if token.kind == "phrase":
        return _on_values(field, terms.phrase(token.text))
    if token.text.strip("*"):
        return _on_values(field, terms.word(token.text))
    if field is None:
        return _EVERYTHING
    return Query(terms.conjunction(terms.sure_words(field)), lambda document: terms.exists(document, field))


def _on_values(field: str | None, term: terms.Term) -> Query:
    matches = term.matches
    if field is None:
        return Query(term.narrowing, lambda document: any(map(matches, terms.all_values(document))))
    return Query(term.narrowing, lambda document: any(map(matches, terms.values(document, field))))


def _all_of(found: list[Query]) -> Query:
    if len(found) == 1:
        return found[0]
    predicates = [query.matches for query in found]
    return Query(
        terms.conjunction([query.narrowing for query in found if query.narrowing is not None]),
        lambda document: all(matches(document) for matches in predicates),
    )


def _any_of(found: list[Query]) -> Query:
    if len(found) == 1:
        return found[0]
    predicates = [query.matches for query in found]
    narrowings = [query.narrowing for query in found if query.narrowing is not None]
    return Query(
        f"({' OR '.join(narrowings)})" if len(narrowings) == len(found) else None,
        lambda document: any(matches(document) for matches in predicates),
    )
