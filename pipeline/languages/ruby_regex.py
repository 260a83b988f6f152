"""Ruby's regular expressions (Oniguruma), run by Python's `re`.

A pattern is read into a tree (`ruby_regex_parser`) and written as a pattern that means the same to `re`
(`ruby_regex_writer`). What cannot be written so is refused with a reason: `\\G`, `\\X`, calls such as
`\\g<name>`, the absent operator, the options a, d and u. `\\K` runs in the `regex` package.

What surprises in Ruby holds here too: `^` and `$` match at every line, `(?m)` lets `.` match a newline,
`\\w`, `\\d` and `\\s` know only ASCII while `\\b`, `[[:alpha:]]` and `\\p{Alpha}` know all of Unicode, and a plain
group captures nothing once another group has a name.

One thing differs: under `(?i)` one letter never matches two, so `ß` does not match "ss".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pipeline.languages import ruby_regex_sets as sets
from pipeline.languages.ruby_regex_needs import filled, head, literal, numeric, sweep
from pipeline.languages.ruby_regex_parser import parse
from pipeline.languages.ruby_regex_tree import Parsed, PatternError
from pipeline.languages.ruby_regex_writer import shortest, written

__all__ = ["PatternError", "Regex", "compile", "replacement"]

Replacement = str | Callable[[re.Match[str]], str]


class Regex:
    """A compiled pattern, with the methods of `re.Pattern` that the engine uses.

    `names` has, for each name, the numbers of the groups that bear it; in Ruby they may be several, and
    of any characters.
    """

    __slots__ = (
        "filled",
        "find",
        "finditer",
        "groups",
        "literal",
        "match",
        "names",
        "numeric",
        "pattern",
        "plain",
        "search",
        "sub",
    )

    def __init__(self, pattern: str, parsed: Parsed) -> None:
        self.pattern = pattern
        self.names: dict[str, tuple[int, ...]] = {name: tuple(numbers) for name, numbers in parsed.names.items()}
        self.groups = parsed.groups
        self.filled = filled(parsed.tree)
        """The groups that hold some text after every match."""
        self.numeric = numeric(parsed.tree)
        """The groups whose text is a whole number, if they have one."""
        choose = _variants(pattern, parsed)
        self.search: Callable[..., re.Match[str] | None] = _method(choose, parsed, "search")
        self.match: Callable[..., re.Match[str] | None] = _method(choose, parsed, "match")
        self.find: Callable[[str], re.Match[str] | None] = _finder(pattern, choose, parsed)
        """As `search`, made for texts of which many do not match."""
        self.literal, self.plain = _plain(choose, parsed)
        """For those who cannot afford the call of `find`: what it does with an ASCII text that holds `literal`, if that
        is one call; one that does not hold it does not match."""
        self.finditer: Callable[..., Any] = _method(choose, parsed, "finditer")
        self.sub: Callable[[Replacement, str], str] = (
            _method(choose, parsed, "sub") if shortest(parsed.tree) and not parsed.keeps else _substitution(self.search)
        )

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"


@lru_cache(maxsize=512)
def compile(pattern: str, *, newline: bool = False, named_only: bool = False) -> Regex:  # noqa: A001 - as in re
    """Compiles a Ruby pattern, with the options of `parse`; raises `PatternError`."""
    return Regex(pattern, parse(pattern, newline=newline, named_only=named_only))


def _variants(pattern: str, parsed: Parsed, lead: str = "") -> Callable[[str], re.Pattern[str]]:
    """Gives the pattern to use for a subject: one for ASCII, one for the rest, made when first needed."""
    if not parsed.sensitive:
        whole = _compiled(pattern, parsed, sets.UNICODE, lead)
        return lambda _subject: whole
    plain = _compiled(pattern, parsed, sets.ASCII, lead)
    wide: list[re.Pattern[str]] = []

    def choose(subject: str) -> re.Pattern[str]:
        if subject.isascii():
            return plain
        if not wide:
            wide.append(_compiled(pattern, parsed, sets.UNICODE, lead))
        return wide[0]

    return choose


def _compiled(pattern: str, parsed: Parsed, limit: int, lead: str) -> re.Pattern[str]:
    text = f"{lead}(?:{written(parsed.tree, limit)})" if lead else written(parsed.tree, limit)
    try:
        if parsed.keeps:
            import regex  # only \K needs it

            found: re.Pattern[str] = regex.compile(text, regex.ASCII | regex.MULTILINE | regex.VERSION0)
            return found
        return re.compile(text, re.ASCII | re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"{error}, in /{pattern}/") from error


def _method(choose: Callable[[str], re.Pattern[str]], parsed: Parsed, name: str) -> Any:
    if not parsed.sensitive:
        return getattr(choose(""), name)
    plain = getattr(choose(""), name)
    if name == "sub":
        return lambda by, subject: (plain if subject.isascii() else choose(subject).sub)(by, subject)

    def method(subject: str, *place: int) -> Any:
        if subject.isascii():
            return plain(subject, *place)
        return getattr(choose(subject), name)(subject, *place)

    return method


def _finder(
    pattern: str, choose: Callable[[str], re.Pattern[str]], parsed: Parsed
) -> Callable[[str], re.Match[str] | None]:
    """The cheapest way to the first match: at the place where it must begin, or only where its literal text is."""
    anchor, needed = ("", literal(parsed.tree)) if parsed.keeps else (head(parsed.tree), literal(parsed.tree))
    search, match = choose("").search, choose("").match

    def at_start(text: str) -> re.Match[str] | None:
        return match(text) if text.isascii() else choose(text).match(text)

    def in_line(text: str) -> re.Match[str] | None:
        if "\n" in text:
            return choose(text).search(text)
        return match(text) if text.isascii() else choose(text).match(text)

    def with_literal(text: str) -> re.Match[str] | None:
        if needed not in text:
            return None
        return search(text) if text.isascii() else choose(text).search(text)

    if anchor:
        return at_start if anchor == "\\A" else in_line
    if sweep(parsed.tree) and not parsed.keeps:
        return _sweeper(pattern, choose, parsed)
    if needed.strip(" 0123456789"):
        return with_literal
    return search if not parsed.sensitive else _method(choose, parsed, "search")


def _sweeper(
    pattern: str, choose: Callable[[str], re.Pattern[str]], parsed: Parsed
) -> Callable[[str], re.Match[str] | None]:
    """For what begins with `.*`: tried once a line, where a search would try it at every character."""
    needed, match, whole = literal(parsed.tree), choose("").match, sweep(parsed.tree) == "\\A"
    by_line: list[Callable[[str], re.Pattern[str]]] = []

    def from_the_start(text: str) -> re.Match[str] | None:
        if needed not in text:
            return None
        if whole or "\n" not in text:
            return match(text) if text.isascii() else choose(text).match(text)
        if not by_line:
            by_line.append(_variants(pattern, parsed, "^"))
        return by_line[0](text).search(text)

    return from_the_start


def _plain(
    choose: Callable[[str], re.Pattern[str]], parsed: Parsed
) -> tuple[str, Callable[[str], re.Match[str] | None] | None]:
    anchor = head(parsed.tree)
    if parsed.keeps or anchor == "^" or (not anchor and sweep(parsed.tree)):
        return "", None
    return ("", choose("").match) if anchor else (literal(parsed.tree), choose("").search)


def _substitution(search: Callable[..., re.Match[str] | None]) -> Callable[[Replacement, str], str]:
    """`gsub` for patterns that may match nothing: Ruby goes on one character further then, `re.sub` may not."""

    def sub(by: Replacement, subject: str) -> str:
        parts: list[str] = []
        position = 0
        while position <= len(subject) and (found := search(subject, position)):
            start, end = found.span()
            parts += (subject[position:start], by if isinstance(by, str) else by(found))
            position = end
            if start == end:
                parts.append(subject[end : end + 1])
                position = end + 1
        parts.append(subject[position:])
        return "".join(parts)

    return sub


# ------------------------------------------------------------------------------------------- replacements

_Inserted = Callable[[re.Match[str]], str]
_SPECIAL = re.compile(r"\\(?:([0-9&`'\\])|k<([^>]*)>)")


def replacement(text: str, pattern: Regex) -> Replacement:
    """Ruby's replacement text as what `Regex.sub` takes: a text without backslashes, or a function.

    A name that the pattern does not have raises `PatternError` when there is something to replace, as in Ruby.
    """
    if "\\" not in text:
        return text
    parts: list[str | _Inserted] = []
    position = 0
    for special in _SPECIAL.finditer(text):
        name = special[2]
        inserted = _inserted(special[1], bool(pattern.names)) if name is None else _by_name(name, pattern)
        parts += (text[position : special.start()], inserted)
        position = special.end()
    parts.append(text[position:])

    def render(found: re.Match[str]) -> str:
        return "".join([part if isinstance(part, str) else part(found) for part in parts])

    return render


def _inserted(sign: str, named: bool) -> str | _Inserted:
    """What a sign behind a backslash inserts; a number nothing, where the pattern's groups have names."""
    if sign == "\\":
        return "\\"
    if sign == "`":
        return lambda found: found.string[: found.start()]
    if sign == "'":
        return lambda found: found.string[found.end() :]
    number = 0 if sign == "&" else int(sign)
    if named and number:
        return ""
    return lambda found: (found[number] or "") if number <= found.re.groups else ""


def _by_name(name: str, pattern: Regex) -> _Inserted:
    numbers = pattern.names.get(name, ())[::-1]

    def insert(found: re.Match[str]) -> str:
        if not numbers:
            raise PatternError(f'/{pattern.pattern}/ has no group "{name}"')
        return next((text for number in numbers if (text := found[number]) is not None), "")

    return insert
