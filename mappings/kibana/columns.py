"""Columns of Lens panels: what is counted, and by what. Each is the saved form of one dimension."""

from __future__ import annotations

from typing import Any

Column = dict[str, Any]
Columns = dict[str, Column]

RECORDS = "___records___"


def by_time() -> Column:
    """Buckets of time, as wide as the time picker asks for."""
    return _bucket("@timestamp", "date", "date_histogram", "@timestamp", scale="interval") | {
        "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
    }


def top(field: str, label: str, size: int, order: str, kind: str = "string") -> Column:
    """The values of a field with the most of another column; what is left is not summed up."""
    params = {
        "size": size,
        "orderBy": {"type": "column", "columnId": order},
        "orderDirection": "desc",
        "otherBucket": False,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
        "include": [],
        "exclude": [],
        "includeIsRegex": False,
        "excludeIsRegex": False,
    }
    return _bucket(label, kind, "terms", field, scale="ordinal") | {"params": params}


def _bucket(label: str, kind: str, operation: str, field: str, scale: str) -> Column:
    return {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": operation,
        "isBucketed": True,
        "scale": scale,
        "sourceField": field,
    }


def count(label: str = "Events", where: str | None = None) -> Column:
    """How many documents, or how many that a KQL query finds."""
    made = _metric(label, "count", RECORDS) | {"params": {"emptyAsNull": False}}
    return made | {"filter": {"query": where, "language": "kuery"}} if where else made


def percentile(field: str, rank: int) -> Column:
    """A percentile of a field."""
    return _metric(f"p{rank}", "percentile", field) | {"params": {"percentile": rank}}


def longest(field: str, label: str) -> Column:
    """The largest value of a field."""
    return _metric(label, "max", field) | {"params": {"emptyAsNull": True}}


def last(field: str, label: str, kind: str) -> Column:
    """The value of a field in the newest document."""
    params = {"sortField": "@timestamp", "showArrayValues": False}
    made = _metric(label, "last_value", field) | {"dataType": kind, "params": params}
    return made | {"filter": {"query": f'"{field}": *', "language": "kuery"}, "scale": "ordinal"}


def _metric(label: str, operation: str, field: str) -> Column:
    return {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": operation,
        "isBucketed": False,
        "scale": "ratio",
        "sourceField": field,
    }


def share(name: str, label: str, where: str) -> Columns:
    """The part of the documents that a KQL query finds, in per cent: a formula, with the columns it is made of."""
    formula = f"count(kql='{where}') / count()"
    part, whole, quotient = f"{name}X0", f"{name}X1", f"{name}X2"
    tree = {
        "type": "function",
        "name": "divide",
        "args": [part, whole],
        "location": {"min": 0, "max": len(formula)},
        "text": formula,
    }
    inner = {"label": f"Part of {label}", "dataType": "number", "isBucketed": False, "scale": "ratio"}
    return {
        name: {
            "label": label,
            "customLabel": True,
            "dataType": "number",
            "operationType": "formula",
            "isBucketed": False,
            "scale": "ratio",
            "params": {
                "formula": formula,
                "isFormulaBroken": False,
                "format": {"id": "percent", "params": {"decimals": 1}},
            },
            "references": [quotient],
        },
        part: count(f"Part of {label}", where),
        whole: count(f"Part of {label}"),
        quotient: inner
        | {"operationType": "math", "customLabel": True, "params": {"tinymathAst": tree}, "references": [part, whole]},
    }
