"""The grammar of conditions.

    condition  = expression (("and" | "or" | "nand" | "xor") expression)*
    expression = "(" condition ")" | "!" "(" condition ")" | "!" field
               | operand (("in" | "not in" | "==" | "!=" | "<=" | ">=" | "<" | ">") operand)?
               | operand ("=~" | "!~") (string | regex)
    operand    = string | number | field | array | regex
    field      = ("[" anything but brackets and commas "]")+

So `["x"]` is a field, and only an array of two or more is an array. How `and` and `or` are grouped where
they are mixed is Logstash's own: an operator gives way to the next only if it binds strictly more.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal, cast

from pipeline.grammar import ast, scalars, values
from pipeline.grammar.scanner import MAX_DEPTH, NAME, Scanner

_FIELD = re.compile(r"(?:\[[^\]\[,]++\])++")
_OPEN_FIELD = re.compile(r"\[[ \t]*+[A-Za-z@_][^\]\[,\"'{]*+(?:[\[{]|\Z)")
_REGEX = re.compile(r"/(?:[^/\\]++|\\/|\\)*+/")
_BOOLEAN = re.compile(r"and|or|xor|nand")
_FLAGS = re.compile(r"[imxsgu]++(?=[ \t\r\n){])")
_COMPARISON = re.compile(r"==|!=|<=|>=|<|>")
_MATCHING = re.compile(r"=~|!~")
_NOT = re.compile(r"not(?=[ \t\r\n#])")
_CALL = re.compile(r"[A-Za-z_][A-Za-z0-9_]++[ \t\r\n]*+\(")
_CONSTANTS = {"true", "false", "nil", "null", "none"}
_BINDING = {"and": 2, "or": 1}
_REMEDIES = {
    "&&": 'write "and"',
    "||": 'write "or"',
    "AND": 'write "and"',
    "OR": 'write "or"',
    "=": 'write "=="',
    "[[": "a field is written [outer][inner]",
}

Compared = Literal["==", "!=", "<", ">", "<=", ">="]
_Part = tuple[ast.Condition, int]
"""A condition, and how many levels of different kinds it holds."""


def condition(scanner: Scanner) -> ast.Condition:
    """A condition, up to what cannot belong to it."""
    return _condition(scanner)[0]


def _condition(scanner: Scanner) -> _Part:
    start = scanner.position
    scanner.enter(start)
    parts = [_expression(scanner)]
    operators: list[str] = []
    while True:
        end = scanner.position
        scanner.skip()
        operator = scanner.match(_BOOLEAN)
        if not operator:
            scanner.position = end
            break
        operators.append(operator)
        scanner.skip()
        parts.append(_expression(scanner))
    scanner.leave()
    if len(operators) > 1 and not set(operators) <= set(_BINDING):
        odd = next(operator for operator in operators if operator not in _BINDING)
        scanner.fail(f'"{odd}" joins two conditions only: put parentheses around each pair', start, end)
    joined, depth = _joined(scanner, parts, operators)
    if depth > MAX_DEPTH:
        scanner.fail(f"this condition is nested more than {MAX_DEPTH} levels deep: split it", start, end)
    return joined, depth


def _joined(scanner: Scanner, parts: list[_Part], operators: list[str]) -> _Part:
    """The conditions grouped as Logstash's shunting yard does it: at most one operator gives way to the next."""
    out: list[_Part] = [parts[0]]
    waiting: list[str] = []
    for operator, part in zip(operators, parts[1:], strict=True):
        if waiting and _BINDING[waiting[-1]] > _BINDING[operator]:
            _join(scanner, out, waiting.pop())
        waiting.append(operator)
        out.append(part)
    while waiting:
        _join(scanner, out, waiting.pop())
    return out[0]


def _join(scanner: Scanner, out: list[_Part], operator: str) -> None:
    right, right_depth = out.pop()
    left, left_depth = out.pop()
    depth = max(left_depth + _step(left, operator), right_depth + _step(right, operator))
    name = cast(Literal["and", "or", "nand", "xor"], operator)
    out.append((ast.Junction(name, left, right, scanner.span(left.span.start, right.span.end)), depth))


def _step(part: ast.Condition, operator: str) -> int:
    return 0 if isinstance(part, ast.Junction) and part.operator == operator else 1


def _expression(scanner: Scanner) -> _Part:
    start = scanner.position
    if scanner.take("("):
        return _parenthesis(scanner)
    if scanner.take("!"):
        scanner.skip()
        if scanner.take("("):
            inner, depth = _parenthesis(scanner)
            return ast.Not(inner, scanner.span(start)), depth + 1
        field = _field(scanner)
        if field is None:
            scanner.expected('"(" or a field such as [name] after "!"')
        return ast.Not(ast.Truth(field, field.span), scanner.span(start)), 2
    left = operand(scanner)
    end = scanner.position
    scanner.skip()
    found = _comparison(scanner, left)
    if found is None:
        scanner.position = end
        found = ast.Truth(left, left.span)
    return found, 1


def _parenthesis(scanner: Scanner) -> _Part:
    """A condition in parentheses, behind the first of them; its span takes them in."""
    start = scanner.position - 1
    scanner.skip()
    inner, depth = _condition(scanner)
    scanner.skip()
    if not scanner.take(")"):
        scanner.expected('")", "and" or "or" in the condition', remedy(scanner))
    return replace(inner, span=scanner.span(start)), depth


def _comparison(scanner: Scanner, left: ast.Operand) -> ast.Condition | None:
    start = left.span.start
    if operator := scanner.match(_MATCHING):
        scanner.skip()
        pattern = _pattern(scanner)
        return ast.Match(cast(Literal["=~", "!~"], operator), left, pattern, scanner.span(start))
    if operator := scanner.match(_COMPARISON):
        scanner.skip()
        right = operand(scanner)
        return ast.Compare(cast(Compared, operator), left, right, scanner.span(start))
    negated = bool(scanner.match(_NOT))
    if negated:
        scanner.skip()
        if not scanner.at("in"):
            scanner.expected('"in" after "not"')
    if scanner.take("in"):
        scanner.skip()
        right = operand(scanner)
        return ast.In(left, right, negated, scanner.span(start))
    return None


def _pattern(scanner: Scanner) -> ast.Regex:
    if text := scalars.string(scanner):
        return ast.Regex(str(text.value), text.span)
    return _regex(scanner) or scanner.expected('/pattern/ or "pattern"')


def _regex(scanner: Scanner) -> ast.Regex | None:
    start = scanner.position
    if not scanner.at("/"):
        return None
    text = scanner.match(_REGEX)
    if not text:
        scanner.fail("this pattern is never closed: end it with /", start, start + 1)
    if flags := scanner.match(_FLAGS):
        right = f"write /(?{flags}).../" if set(flags) <= set("imx") else "leave them out"
        scanner.fail(f"no flags may stand after a pattern: {right}", scanner.position - len(flags))
    return ast.Regex(text[1:-1], scanner.span(start))


def _field(scanner: Scanner) -> ast.Field | None:
    start = scanner.position
    text = scanner.match(_FIELD)
    return ast.Field(text, scanner.span(start)) if text else None


def operand(scanner: Scanner) -> ast.Operand:
    """One side of a comparison, or a field that stands alone."""
    found = scalars.string(scanner) or scalars.number(scanner) or _field(scanner)
    if found is not None:
        return found
    start = scanner.position
    if scanner.looking_at(_OPEN_FIELD):
        scanner.fail('this "[" is not closed where it should be: a field is written [outer][inner]', start, start + 1)
    if scanner.at("["):
        return values.array(scanner)
    if scanner.match(_CALL):
        scanner.fail("conditions have no functions", start, scanner.position - 1)
    if name := scanner.match(NAME):
        if name == "not":
            scanner.fail('"not" stands only before "in": write ! before a field or a parenthesis', start)
        if name in _CONSTANTS:
            scanner.fail(f"conditions have no {name}: write the field alone, as in if [name] or if ![name]", start)
        scanner.fail(f'a bare name: write [{name}] for the field, "{name}" for the text', start)
    return _regex(scanner) or scanner.expected("a field such as [name], a string, a number or an array")


def remedy(scanner: Scanner) -> str:
    """What to write in place of what stands where a condition should end or go on."""
    if scanner.looking_at(_COMPARISON) or scanner.looking_at(_MATCHING):
        return '; to negate a comparison write !(...) around it, to join two write "and" between them'
    return next((f"; {right}" for wrong, right in _REMEDIES.items() if scanner.at(wrong)), "")
