"""The grammar of values and of the blocks of plugins.

    plugin  = name "{" (option (blank option)*)? "}"
    option  = name "=>" value
    value   = plugin | bareword | string | number | array | hash
    array   = "[" (value ("," value)*)? "]"
    hash    = "{" (entry (blank entry)*)? "}"        entry = (number | bareword | string) "=>" value

Blanks and comments may stand between any two pieces; between two options, or two entries, they must.
"""

from __future__ import annotations

import re

from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.recovery import OPTION, Block, recover
from pipeline.grammar.scalars import bareword, number, string
from pipeline.grammar.scanner import BLANK, NAME, GrammarError, Scanner

_UNQUOTED = re.compile(r"[^\s\"'#{}\[\](),=“”„‟«»‘’‚‛]++")
_PLUGIN_WITHIN = re.compile(
    rf"[A-Za-z0-9_-]++{BLANK}\{{{BLANK}(?:\}}|{OPTION.pattern})|(?:if|else)(?![A-Za-z0-9_-]){BLANK}[^=]"
)


def value(scanner: Scanner) -> ast.Value:
    """Any value; a name or a string before a brace is a codec's plugin."""
    start = scanner.position
    if plugin_name(scanner, "{") is not None:
        scanner.position = start
        return plugin(scanner)
    scanner.position = start
    found = bareword(scanner) or string(scanner) or number(scanner)
    if found is not None:
        _whole(scanner, found)
        return found
    if scanner.at("["):
        return array(scanner)
    if scanner.at("{"):
        return hash_(scanner)
    if text := scanner.match(_UNQUOTED):
        scanner.fail(f'a text such as this needs quotes: "{text}"', start)
    return scanner.expected("a value: a string, a number, an array or a hash")


def _whole(scanner: Scanner, found: ast.Scalar) -> None:
    """Fails where a text without quotes goes on behind what may stand without them."""
    if found.quoted or scanner.ended:
        return
    start = found.span.start
    if rest := scanner.match(_UNQUOTED):
        text = scanner.text[start : scanner.position]
        scanner.position -= len(rest)
        scanner.fail(f'a text such as this needs quotes: "{text}"', start, start + len(text))


def array(scanner: Scanner) -> ast.Array:
    """`[ value, value ]`, without a comma behind the last."""
    start = scanner.position
    scanner.enter(start)
    scanner.take("[")
    items: list[ast.Value] = []
    scanner.skip()
    while not scanner.take("]"):
        if items:
            if not scanner.take(","):
                scanner.expected('"," or "]" in the array')
            scanner.skip()
            if scanner.at("]"):
                scanner.fail('no comma may stand before "]"', scanner.position, scanner.position + 1)
        items.append(_no_plugin(scanner, value(scanner), "an array"))
        scanner.skip()
    scanner.leave()
    return ast.Array(tuple(items), scanner.span(start))


def hash_(scanner: Scanner) -> ast.Hash:
    """`{ key => value key => value }`; a key that is written twice is a fault."""
    start = scanner.position
    scanner.enter(start)
    scanner.take("{")
    entries: list[tuple[ast.Scalar, ast.Value]] = []
    seen: dict[str, int] = {}
    scanner.skip()
    apart = True
    while not scanner.take("}"):
        key_start = scanner.position
        if scanner.at(","):
            scanner.fail("no comma stands between the entries of a hash: take it away", key_start, key_start + 1)
        if not apart:
            scanner.expected('a blank or "}" in the hash')
        key = number(scanner) or bareword(scanner) or string(scanner)
        if key is None:
            scanner.expected('a key or "}" in the hash')
        _whole(scanner, key)
        written = key.span.text
        if written in seen:
            first = scanner.line_of(seen[written])
            scanner.report(Fault(f"the key {written} is there twice; the first is in line {first}", key.span))
        seen.setdefault(written, key_start)
        _arrow(scanner, f"the key {written}")
        entries.append((key, _no_plugin(scanner, value(scanner), "a hash")))
        apart = scanner.skip()
    scanner.leave()
    return ast.Hash(tuple(entries), scanner.span(start))


def _no_plugin(scanner: Scanner, item: ast.Value, container: str) -> ast.Value:
    if isinstance(item, ast.Plugin):
        scanner.report(Fault(f"a plugin cannot stand in {container}, only as the value of an option", item.name_span))
    return item


def _arrow(scanner: Scanner, what: str) -> None:
    scanner.skip()
    if scanner.take("=>"):
        scanner.skip()
        return
    for wrong in (":", "="):
        if scanner.at(wrong):
            end = scanner.position + 1
            scanner.fail(f'expected "=>" after {what}, got "{wrong}": write => instead', scanner.position, end)
    scanner.expected(f'"=>" after {what}')


# ---------------------------------------------------------------------------------------------- plugins


def plugin_name(scanner: Scanner, follower: str = "") -> str | None:
    """The name of a plugin or an option, quoted or not, if `follower` comes behind it (and blanks)."""
    quoted = string(scanner) if scanner.text[scanner.position : scanner.position + 1] in ('"', "'") else None
    name = str(quoted.value) if quoted else scanner.match(NAME)
    if not name and not quoted:
        return None
    end = scanner.position
    scanner.skip()
    followed = scanner.at(follower)
    scanner.position = end
    return name if followed else None


def plugin(scanner: Scanner) -> ast.Plugin:
    """`name { option option }`, from its name on. Each broken option is reported, the others are read."""
    start = scanner.position
    name = plugin_name(scanner)
    assert name is not None, "called where a name and a brace stand"
    name_span = scanner.span(start)
    scanner.enter(start)
    scanner.skip()
    scanner.take("{")
    options = _options(scanner, Block(name, start, scanner.broken))
    scanner.leave()
    return ast.Plugin(name, name_span, tuple(options), scanner.span(start))


def _options(scanner: Scanner, block: Block) -> list[ast.Option]:
    options: list[ast.Option] = []
    scanner.skip()
    apart = True
    while not block.over(scanner):
        start, depth = scanner.position, scanner.depth
        if scanner.looking_at(_PLUGIN_WITHIN) and _first_in_line(scanner):
            _report_plugin_within(scanner, block)
            break
        try:
            options.append(_option(scanner, block, apart=apart))
            apart = scanner.skip()
        except GrammarError as error:
            recover(scanner, error, start, depth, OPTION)
            apart = True
    return options


def _option(scanner: Scanner, block: Block, *, apart: bool) -> ast.Option:
    start = scanner.position
    if scanner.at(","):
        scanner.fail("no comma stands between options: take it away", start, start + 1)
    if not apart:
        scanner.expected(f'a blank or "}}" in the block of "{block.name}"')
    name = plugin_name(scanner)
    if name is None:
        scanner.expected(f'an option or "}}" in the block of "{block.name}"')
    name_span = scanner.span(start)
    _arrow(scanner, f'the option "{name}"')
    return ast.Option(name, name_span, value(scanner))


def _first_in_line(scanner: Scanner) -> bool:
    line = scanner.text.rfind("\n", 0, scanner.position) + 1
    return not scanner.text[line : scanner.position].strip(" \t")


def _report_plugin_within(scanner: Scanner, block: Block) -> None:
    piece, end = scanner.next_piece()
    line = scanner.line_of(block.start)
    message = (
        f'expected an option or "}}", got {piece}: the block of "{block.name}" (line {line}) is not closed before it'
    )
    scanner.report(Fault(message, scanner.span(scanner.position, end)))
    scanner.broken += 1
