"""Conditions compiled to closures, with the meaning that Logstash 8.19 gives them.

    truth    a missing field, null, false, "" and "false" are false; anything else is true, 0 too
    == !=    values of different kinds are never equal, and 5 is not 5.0
    < > ...  two texts (by bytes) or two numbers; for anything else the event is dropped (`Unjudged`)
    in       a text within a text, an item of an array; an array that is written out compares as texts
    =~ !~    only a text can match

`[@timestamp]` is no text: it equals none, matches none and has no order against one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import predicates
from pipeline.config.comparisons import as_text, equal, in_words, order
from pipeline.config.option_values import plain
from pipeline.config.predicates import Test, always, negated
from pipeline.config.substitution import substituted_whole
from pipeline.errors import FieldReferenceError
from pipeline.field_reference import FieldReference
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Span

TIMESTAMP = ("@timestamp",)
_CONVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def compile_condition(condition: ast.Condition, faults: list[Fault], environment: Mapping[str, str]) -> Test:
    """A closure that judges an event; it raises `Unjudged` where Logstash drops the event.

    What cannot be compiled is added to the faults; the closure is of no use then.
    """
    compiler = _Compiler(faults, environment)
    if isinstance(condition, ast.Truth) and not isinstance(condition.operand, ast.Field):
        return always(compiler.constant(condition.operand) not in ("", "false"))
    return compiler.condition(condition)


def parts(junction: ast.Junction) -> list[ast.Condition]:
    """The conditions that one operator joins, in their order; a chain of `and`, or of `or`, is one list."""
    if junction.operator not in ("and", "or"):
        return [junction.left, junction.right]
    found: list[ast.Condition] = []
    waiting: list[ast.Condition] = [junction]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Junction) and part.operator == junction.operator:
            waiting += [part.right, part.left]
        else:
            found.append(part)
    return found


class _Compiler:
    """Compiles one condition, part by part."""

    def __init__(self, faults: list[Fault], environment: Mapping[str, str]) -> None:
        self.faults = faults
        self.environment = environment

    def condition(self, condition: ast.Condition) -> Test:
        match condition:
            case ast.Junction():
                return self.junction(condition)
            case ast.Not():
                return negated(self.condition(condition.inner))
            case ast.Truth():
                return self.truth(condition)
            case ast.Compare():
                return self.comparison(condition)
            case ast.Match():
                return self.match(condition)
            case ast.In():
                test = self.membership(condition)
                return negated(test) if condition.negated else test

    def junction(self, condition: ast.Junction) -> Test:
        tests = [self.condition(part) for part in parts(condition)]
        match condition.operator:
            case "and":
                return predicates.all_of(tests)
            case "or":
                return predicates.any_of(tests)
            case "nand":
                return negated(predicates.all_of(tests))
            case "xor":
                return predicates.one_of(*tests)

    def truth(self, condition: ast.Truth) -> Test:
        if isinstance(condition.operand, ast.Field):
            return predicates.true(self.field(condition.operand))
        return self.refused("a text or a number cannot be negated or joined to another condition", condition.span)

    def match(self, condition: ast.Match) -> Test:
        from pipeline.languages import ruby_regex  # most configurations have no pattern

        try:
            search = ruby_regex.compile(condition.pattern.pattern).search
        except ruby_regex.PatternError as error:
            return self.refused(f"this pattern cannot be used: {error}", condition.pattern.span)
        if isinstance(condition.left, ast.Field):
            field = self.field(condition.left)
            test = always(False) if field.path == TIMESTAMP else predicates.matches(field, search)
        elif isinstance(condition.left, ast.Scalar) and isinstance(condition.left.value, str):
            test = always(search(self.constant(condition.left)) is not None)
        else:
            return self.refused("only a field or a text can be matched", condition.left.span)
        return test if condition.operator == "=~" else negated(test)

    # ------------------------------------------------------------------------------------------ comparisons

    def comparison(self, condition: ast.Compare) -> Test:
        left, right = condition.left, _first_scalar(condition.right)
        if right is None:
            return self.refused("only fields, texts and numbers can be compared", condition.right.span)
        if not isinstance(left, ast.Field | ast.Scalar):
            return self.refused("only fields, texts and numbers can be compared", left.span)
        sign: str = condition.operator
        place = condition.span.place
        if isinstance(left, ast.Scalar):
            if isinstance(right, ast.Scalar):
                return self.constants(condition, self.constant(left), self.constant(right))
            left, right, sign = right, left, _CONVERSE[sign]
        field = self.field(left)
        if sign in predicates.ORDERS:
            if isinstance(right, ast.Field):
                return predicates.ordered_field(field, sign, self.field(right), place)
            constant = self.constant(right)
            if field.path == TIMESTAMP:
                return predicates.unordered(field, constant, place)
            return predicates.ordered_constant(field, sign, constant, place)
        if isinstance(right, ast.Field):
            test = predicates.equals_field(field, self.field(right))
        else:
            constant = self.constant(right)
            test = always(False) if field.path == TIMESTAMP else predicates.equals_constant(field, constant)
        return test if sign == "==" else negated(test)

    def constants(self, condition: ast.Compare, left: Any, right: Any) -> Test:
        if condition.operator in ("==", "!="):
            return always(equal(left, right) is (condition.operator == "=="))
        found = order(left, right)
        if found is None:
            return self.refused(f"{in_words(left)} has no order against {in_words(right)}", condition.span)
        return always(predicates.ORDERS[condition.operator](found, 0))

    def membership(self, condition: ast.In) -> Test:
        item, container = condition.item, condition.container
        for operand in (item, container):
            if isinstance(operand, ast.Regex):
                return self.refused('a pattern cannot stand beside "in": write =~', operand.span)
        if isinstance(container, ast.Field):
            field = self.field(container)
            if isinstance(item, ast.Field):
                return predicates.in_field(self.field(item), field)
            if isinstance(item, ast.Array):
                return self.refused("an array cannot be looked for in a field", item.span)
            constant = self.constant(item)
            return always(False) if field.path == TIMESTAMP else predicates.holds(field, constant)
        constant = self.constant(container)
        if not isinstance(item, ast.Field):
            return always(equal(self.constant(item), constant))
        field = self.field(item)
        if isinstance(constant, list):
            return predicates.in_list(field, constant)
        return always(False) if field.path == TIMESTAMP else predicates.in_text(field, as_text(constant))

    # ------------------------------------------------------------------------------------------ operands

    def field(self, operand: ast.Field) -> FieldReference:
        try:
            return FieldReference(operand.text)
        except FieldReferenceError as error:
            self.faults.append(Fault(str(error), operand.span))
            return FieldReference("unreadable")

    def constant(self, operand: ast.Scalar | ast.Array | ast.Regex) -> Any:
        match operand:
            case ast.Scalar():
                return self.substituted(operand.value, operand.span)
            case ast.Array():
                return [self.substituted(plain(item), item.span) for item in operand.items]
            case ast.Regex():
                return operand.pattern

    def substituted(self, value: Any, span: Span) -> Any:
        if isinstance(value, str):
            return substituted_whole(value, self.environment, span, self.faults)
        return value

    def refused(self, message: str, span: Span) -> Test:
        self.faults.append(Fault(message, span))
        return always(False)


def _first_scalar(operand: ast.Operand) -> ast.Field | ast.Scalar | None:
    """What is compared with: of an array, Logstash takes the first string or number in it."""
    waiting: list[ast.Operand | ast.Value] = [operand]
    while waiting:
        value = waiting.pop()
        if isinstance(value, ast.Field) or (isinstance(value, ast.Scalar) and not is_bareword(value)):
            return value
        if isinstance(value, ast.Array):
            waiting += reversed(value.items)
        elif isinstance(value, ast.Hash):
            waiting += [part for entry in reversed(value.entries) for part in reversed(entry)]
    return None


def is_bareword(scalar: ast.Scalar) -> bool:
    """Whether a scalar is a text without quotes."""
    return isinstance(scalar.value, str) and not scalar.quoted
