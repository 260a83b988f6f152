"""The grammar of single values: strings, numbers and barewords.

string   = a text in double or single quotes; only a quote behind a backslash does not end it
number   = "-"? digits ("." digits)?
bareword = a letter or underscore, then letters, digits and underscores: two characters at least
"""

from __future__ import annotations

import re

from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.scanner import Scanner

_BAREWORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]++")
_NUMBER = re.compile(r"-?+[0-9]++(?:\.[0-9]*+)?+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {'"': '"', "'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "/": "/"}


def string(scanner: Scanner) -> ast.Scalar | None:
    """A quoted string. Its backslashes are kept, unless `config.support_escapes` is on."""
    start = scanner.position
    text = scanner.string()
    if not text:
        return None
    value = text[1:-1]
    if scanner.support_escapes:
        value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), value)
    return ast.Scalar(value, scanner.span(start), quoted=True)


def number(scanner: Scanner) -> ast.Scalar | None:
    """A number; as in Ruby, a leading zero makes it octal, and a point needs digits behind it."""
    start = scanner.position
    text = scanner.match(_NUMBER)
    if not text:
        return None
    span = scanner.span(start)
    if "." in text:
        if text.endswith("."):
            scanner.report(Fault(f'"{text}" is no number: digits must follow the point', span))
        return ast.Scalar(float(text), span)
    digits = text.lstrip("-")
    if len(digits) > 4000:
        scanner.report(Fault("this number is too long", span))
        return ast.Scalar(0, span)
    if digits[0] != "0":
        return ast.Scalar(int(text), span)
    try:
        return ast.Scalar(int(text, 8), span)
    except ValueError:
        scanner.report(Fault(f'"{text}" is no number: the leading 0 makes it octal, which has no 8 and 9', span))
        return ast.Scalar(int(text), span)


def bareword(scanner: Scanner) -> ast.Scalar | None:
    """A text without quotes: at least two letters, digits or underscores."""
    start = scanner.position
    text = scanner.match(_BAREWORD)
    return ast.Scalar(text, scanner.span(start)) if text else None
