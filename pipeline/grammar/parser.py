"""From text to syntax tree: sections, plugins and branches.

    configuration = section*
    section       = ("input" | "filter" | "output") "{" statement* "}"
    statement     = branch | plugin
    branch        = "if" condition body ("else" "if" condition body)* ("else" body)?
    body          = "{" statement* "}"

The grammar is Logstash's. A fault does not end the reading: what is broken is passed over, and all that
follows is read, so every fault is reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from pipeline.grammar import ast, expressions, values
from pipeline.grammar.faults import Fault, did_you_mean
from pipeline.grammar.recovery import BODY, SECTION, STATEMENT, Block, pass_over, recover, skip_block
from pipeline.grammar.scanner import BLANK, KINDS, NAME, GrammarError, Scanner
from pipeline.grammar.sources import Source

_IF = re.compile(r"if(?![A-Za-z0-9_-])|if(?=-?[0-9])")
_ELSE = re.compile(r"else(?![A-Za-z0-9_-])|els(?:e_?)?if(?![A-Za-z0-9_-])|elif(?![A-Za-z0-9_-])")
_PLUGIN_BODY = re.compile(rf"\{{{BLANK}[A-Za-z0-9_-]++{BLANK}=>")


def parse(sources: Sequence[Source], *, support_escapes: bool = False) -> tuple[ast.Configuration, list[Fault]]:
    """The sections of all sources, as far as they can be read, and every fault of the grammar.

    `support_escapes` is Logstash's `config.support_escapes`: backslash escapes in strings are processed.
    """
    sections: list[ast.Section] = []
    faults: list[Fault] = []
    for source in sources:
        scanner = Scanner(source, support_escapes=support_escapes)
        sections += _sections(scanner)
        faults += scanner.faults
    return ast.Configuration(tuple(sections)), faults


# ---------------------------------------------------------------------------------------------- sections


def _sections(scanner: Scanner) -> list[ast.Section]:
    sections: list[ast.Section] = []
    if scanner.take("\ufeff"):
        message = "a byte-order mark stands before the text: save the file as UTF-8 without it"
        scanner.report(Fault(message, scanner.span(0)))
    doubtful = 0
    scanner.skip()
    while not scanner.ended:
        start, broken = scanner.position, scanner.broken
        try:
            if scanner.take("}"):
                _stray_brace(scanner, doubtful)
                doubtful = 0
            elif doubtful and _stray_word(scanner):
                pass_over(scanner, SECTION)
            else:
                sections.append(_section(scanner))
        except GrammarError as error:
            recover(scanner, error, start, 0, SECTION)
        doubtful += scanner.broken - broken
        scanner.skip()
    return sections


def _stray_brace(scanner: Scanner, doubtful: int) -> None:
    if not doubtful:
        end = scanner.position
        scanner.report(
            Fault('this "}" closes nothing: there is one too many before it, or here', scanner.span(end - 1))
        )


def _stray_word(scanner: Scanner) -> bool:
    """Whether a word stands here that was meant for the section before, which a broken piece seems to have closed."""
    found = NAME.match(scanner.text, scanner.position)
    return found is not None and found[0] not in KINDS and not did_you_mean(found[0], KINDS)


def _section(scanner: Scanner) -> ast.Section:
    start = scanner.position
    name = scanner.match(NAME)
    span = scanner.span(start)
    scanner.skip()
    if name not in KINDS:
        _unknown_section(scanner, name, start)
    if not scanner.at("{"):
        scanner.expected(f'"{{" after "{name}"')
    body = _body(scanner, Block(name, start, scanner.broken))
    return ast.Section(cast(ast.Kind, name), body, scanner.span(span.start))


def _unknown_section(scanner: Scanner, name: str, start: int) -> None:
    if not name:
        scanner.expected("a section: input, filter or output")
    meant = did_you_mean(name, KINDS)
    scanner.position = start + len(name)
    scanner.fail(f'there is no section "{name}"{meant or "; plugins stand inside input, filter or output"}', start)


def _body(scanner: Scanner, block: Block) -> tuple[ast.Statement, ...]:
    """The statements between braces, from the opening brace on."""
    scanner.enter(block.start)
    scanner.take("{")
    statements: list[ast.Statement] = []
    doubtful = False
    scanner.skip()
    while not block.over(scanner):
        start, depth, broken = scanner.position, scanner.depth, scanner.broken
        try:
            statement = _statement(scanner, doubtful=doubtful)
            if statement is not None:
                statements.append(statement)
        except GrammarError as error:
            recover(scanner, error, start, depth, STATEMENT)
        doubtful = scanner.broken > broken
        scanner.skip()
    scanner.leave()
    return tuple(statements)


def _statement(scanner: Scanner, *, doubtful: bool) -> ast.Statement | None:
    start = scanner.position
    if scanner.looking_at(_IF):
        return _branch(scanner)
    if word := scanner.match(_ELSE):
        if not doubtful:
            scanner.report(Fault(f'there is no "if" before this "{word}"', scanner.span(start)))
        _after_else(scanner, start)
        return None
    if scanner.looking_at(SECTION):
        _nested_section(scanner)
        return None
    name = values.plugin_name(scanner)
    if name is None:
        scanner.expected('a plugin, "if" or "}"')
    end = scanner.position
    scanner.skip()
    if scanner.at("=>"):
        scanner.position = end
        scanner.fail(f'"{name}" is an option: options stand inside the braces of a plugin', start)
    if not scanner.at("{"):
        scanner.expected(f'"{{" after the plugin "{name}"')
    scanner.position = start
    return values.plugin(scanner)


def _nested_section(scanner: Scanner) -> None:
    start = scanner.position
    name = scanner.match(NAME)
    scanner.report(
        Fault(f'the section "{name}" cannot stand inside another: close that one first', scanner.span(start))
    )
    scanner.skip()
    _body(scanner, Block(name, start, scanner.broken))


# ---------------------------------------------------------------------------------------------- branches


def _branch(scanner: Scanner) -> ast.Branch:
    start = scanner.position
    scanner.take("if")
    arms = [_arm(scanner, start)]
    otherwise: tuple[ast.Statement, ...] = ()
    end = scanner.position
    while True:
        scanner.skip()
        arm_start = scanner.position
        if not scanner.match(_ELSE):
            scanner.position = end
            break
        found = _after_else(scanner, arm_start)
        end = scanner.position
        if not isinstance(found, ast.Arm):
            otherwise = found
            break
        arms.append(found)
    return ast.Branch(tuple(arms), otherwise, scanner.span(start))


def _after_else(scanner: Scanner, start: int) -> ast.Arm | tuple[ast.Statement, ...]:
    """What follows an "else" (or a word that was meant to be one): another arm, or the last statements."""
    word = scanner.text[start : scanner.position]
    if word != "else" and word != "elseif":
        scanner.report(Fault(f'"{word}" is written "else if"', scanner.span(start)))
    if word != "else":
        return _arm(scanner, start)
    scanner.skip()
    if scanner.looking_at(_IF):
        scanner.take("if")
        return _arm(scanner, start)
    if not scanner.at("{"):
        scanner.expected('"{" or "if" after "else"')
    return _body(scanner, Block("else", start, scanner.broken))


def _arm(scanner: Scanner, start: int) -> ast.Arm:
    """A condition and its statements. Where the condition is broken, the statements are still read."""
    scanner.skip()
    depth, condition_start = scanner.depth, scanner.position
    body: tuple[ast.Statement, ...] = ()
    try:
        condition = expressions.condition(scanner)
        scanner.skip()
        if not scanner.at("{"):
            scanner.expected('"{", "and" or "or" after the condition', expressions.remedy(scanner))
    except GrammarError as error:
        recover(scanner, error, start, depth, BODY)
        span = scanner.span(condition_start, max(condition_start, scanner.position))
        condition = ast.Truth(ast.Scalar("unreadable", span), span)
        if scanner.looking_at(_PLUGIN_BODY):
            skip_block(scanner)
    if scanner.at("{"):
        word = "else" if scanner.text.startswith("else", start) else "if"
        body = _body(scanner, Block(word, start, scanner.broken))
    return ast.Arm(condition, body, scanner.span(start))
