"""What a Lens panel asks Elasticsearch, from its saved form, and its answer as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mappings.kibana.charts import LAYER
from mappings.kibana.columns import RECORDS

INTERVAL = "1h"
"""In place of `auto`, which depends on the time picker."""
Row = tuple[tuple[Any, ...], dict[str, Any]]


def kql(text: str) -> dict[str, Any]:
    """The few forms of KQL that panels and searches use."""
    if not text:
        return {"match_all": {}}
    if " or " in text:
        return {"bool": {"should": [kql(each) for each in text.split(" or ")], "minimum_should_match": 1}}
    found = re.fullmatch(r'"?([\w.@]+)"?(: | >= )(.+)', text)
    assert found, text
    field, operator, value = found.groups()
    if value == "*":
        return {"exists": {"field": field}}
    return {"range": {field: {"gte": int(value)}}} if operator == " >= " else {"term": {field: value.strip('"')}}


def layer(lens: dict[str, Any]) -> dict[str, Any]:
    """The columns of a panel, in their order."""
    found = lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"][LAYER]
    return {name: found["columns"][name] for name in found["columnOrder"]}


def request(lens: dict[str, Any]) -> dict[str, Any]:
    """The search that shows the panel."""
    columns = layer(lens)
    aggs = {name: made for name, column in columns.items() if (made := _metric(column))}
    for name, column in reversed(columns.items()):
        if column["isBucketed"]:
            aggs = {name: _bucket(column, columns) | {"aggs": aggs}}
    return {"size": 0, "query": kql(lens["attributes"]["state"]["query"]["query"]), "aggs": aggs}


def _bucket(column: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    field, params = column["sourceField"], column["params"]
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": field, "fixed_interval": INTERVAL, "min_doc_count": 1}}
    assert column["operationType"] == "terms"
    by = params["orderBy"]["columnId"]
    counted = columns[by]["operationType"] == "count"
    order = {"_count" if counted else by: params["orderDirection"]}
    return {"terms": {"field": field, "size": params["size"], "order": order}}


def _metric(column: dict[str, Any]) -> dict[str, Any] | None:
    field, where = column.get("sourceField"), column.get("filter", {}).get("query")
    match column["operationType"]:
        case "count":
            assert field == RECORDS
            return {"filter": kql(where or "")}
        case "percentile":
            return {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
        case "max":
            return {"max": {"field": field}}
        case "last_value":
            newest = {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": [field]}
            return {"filter": kql(where), "aggs": {"newest": {"top_hits": newest}}}
        case "formula" | "math" | "terms" | "date_histogram":
            return None
    raise AssertionError(column)


def rows(lens: dict[str, Any], answer: dict[str, Any]) -> list[Row]:
    """The keys of each bucket, and the values of its columns."""
    columns = layer(lens)
    buckets = [name for name, column in columns.items() if column["isBucketed"]]
    return list(_rows(columns, buckets, answer["aggregations"], ()))


def _rows(columns: dict[str, Any], buckets: list[str], found: dict[str, Any], keys: tuple[Any, ...]) -> Iterator[Row]:
    if buckets:
        for bucket in found[buckets[0]]["buckets"]:
            yield from _rows(columns, buckets[1:], bucket, (*keys, bucket.get("key_as_string", bucket["key"])))
        return
    yield keys, {name: _value(columns, name, found) for name in columns if not columns[name]["isBucketed"]}


def _value(columns: dict[str, Any], name: str, found: dict[str, Any]) -> Any:
    column = columns[name]
    match column["operationType"]:
        case "count":
            return found[name]["doc_count"]
        case "percentile":
            return next(iter(found[name]["values"].values()))
        case "max":
            return found[name]["value"]
        case "last_value":
            return found[name]["newest"]["hits"]["hits"][0]["_source"][column["sourceField"]]
        case "formula":
            return _value(columns, column["references"][0], found)
    tree = column["params"]["tinymathAst"]
    assert tree["name"] == "divide"
    over, under = (_value(columns, each, found) for each in tree["args"])
    return over / under
