"""What infra/monitoring says, read for tests: rules, dashboards, and the expressions of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "infra" / "monitoring"
RULES = ("alerts.yml", "slo.yml")
MATCH = (promql_parser.MatchOp.Equal, promql_parser.MatchOp.Re)
NOT = (promql_parser.MatchOp.NotEqual, promql_parser.MatchOp.NotRe)
RUNBOOKS = ROOT / "docs" / "runbooks"


class Expression(NamedTuple):
    where: str
    text: str


class Use(NamedTuple):
    """A metric as an expression names it."""

    where: str
    name: str
    labels: frozenset[str]
    """Labels that its matchers name, and those that an aggregation above it keeps."""
    wanted: tuple[tuple[str, str], ...]
    """Labels with a pattern that their value has to match."""
    unwanted: tuple[tuple[str, str], ...]
    """And with one that it must not match."""

    @property
    def job(self) -> str | None:
        return dict(self.wanted).get("job")


def read(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


def rules() -> list[dict[str, Any]]:
    return [rule for name in RULES for group in read(name)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> dict[str, set[str]]:
    """The names that rules record, and the labels that they give them."""
    found: dict[str, set[str]] = {}
    for rule in rules():
        if "record" in rule:
            found.setdefault(rule["record"], set()).update(rule.get("labels", {}))
    return found


def cases() -> list[dict[str, Any]]:
    """What promtool's test files expect of alerts."""
    files = sorted((MONITORING / "tests").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["tests"]]
    return [case for group in groups for case in group.get("alert_rule_test", [])]


def boards() -> dict[str, Any]:
    return {file.name: json.loads(file.read_text()) for file in sorted((MONITORING / "dashboards").glob("*.json"))}


def board_expressions() -> list[Expression]:
    return [
        Expression(f"{name}: {panel['title']}", target["expr"])
        for name, board in boards().items()
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def rule_expressions() -> list[Expression]:
    return [Expression(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def _patterns(matchers: Iterable[Any], kinds: tuple[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Name and pattern of the matchers that are of these kinds: the first compares, the second is a pattern already."""
    return tuple(
        (matcher.name, re.escape(matcher.value) if matcher.op == kinds[0] else matcher.value)
        for matcher in matchers
        if matcher.op in kinds
    )


def uses(expression: Expression) -> list[Use]:
    """The metrics that an expression reads."""
    found: list[Use] = []
    kept: list[list[str]] = []

    def enter(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr):
            by = node.modifier is not None and node.modifier.type == promql_parser.AggModifierType.By
            kept.append(list(node.modifier.labels) if by else [])
        elif isinstance(node, promql_parser.VectorSelector):
            matchers = node.matchers.matchers
            assert node.name, f"{expression.where} reads a metric without a name"
            labels = frozenset({matcher.name for matcher in matchers}.union(*kept))
            found.append(Use(expression.where, node.name, labels, _patterns(matchers, MATCH), _patterns(matchers, NOT)))

    def leave(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr):
            kept.pop()

    promql_parser.walk(promql_parser.parse(expression.text), enter, leave)
    return found
