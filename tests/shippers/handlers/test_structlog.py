from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shippers.handlers.logs import LumberjackHandler
from shippers.handlers.structlog import ShippingProcessor
from tests.shippers.handlers.workbench import PATIENCE, QUICK, Pipeline, new_run


@pytest.fixture
def handler(pipeline: Pipeline) -> Iterator[LumberjackHandler]:
    made = LumberjackHandler(pipeline.address, fields=new_run(), pace=QUICK)
    yield made
    made.close()


def _found(pipeline: Pipeline, handler: LumberjackHandler) -> list[dict[str, Any]]:
    assert handler.drain(PATIENCE)
    run = json.loads(handler._courier._envelope._fields)["run"]
    return pipeline.found(run)


def test_an_event_is_shipped_as_json_and_passed_on(pipeline: Pipeline, handler: LumberjackHandler) -> None:
    rendered = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[structlog.processors.add_log_level, ShippingProcessor(handler), rendered],
    ).bind(request_id="r1")
    logger.warning("request_finished", status=503, route="/projects/{id}")
    [document] = _found(pipeline, handler)
    expected = {"event": "request_finished", "level": "warning", "request_id": "r1", "status": 503}
    expected["route"] = "/projects/{id}"
    assert json.loads(document["message"]) == expected
    assert document["log"] == {"level": "warning", "logger": ""}
    assert rendered.entries == [{**expected, "log_level": "warning"}] or rendered.entries == [expected]


def test_an_exception_is_text_in_what_is_shipped_and_as_it_was_in_what_goes_on(
    pipeline: Pipeline, handler: LumberjackHandler
) -> None:
    passed_on: list[dict[str, Any]] = []

    def end(logger: Any, name: str, event: Any) -> Any:
        passed_on.append(event)
        raise structlog.DropEvent

    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[ShippingProcessor(handler), end])
    try:
        raise LookupError("why")
    except LookupError:
        logger.exception("failed", logger="apex.api")
    [document] = _found(pipeline, handler)
    shipped = json.loads(document["message"])
    assert shipped["exception"].endswith("LookupError: why")
    assert "exc_info" not in shipped
    assert passed_on[0]["exc_info"] is True
    assert document["log"] == {"level": "error", "logger": "apex.api"}


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "shipped"),
    [
        (object, "<class 'object'>"),
        (Unspeakable(), "a Unspeakable without a text: RuntimeError"),
        (2**70, 2**70),
        ("half \ud83d of a pair", "half \ud83d of a pair"),
        ({1: {2: "keys"}}, {"1": {"2": "keys"}}),
        (ENDLESS, "[[...]]"),
        (float("nan"), None),
        (b"bytes", "b'bytes'"),
    ],
)
def test_what_is_no_json_is_shipped_in_some_form(
    pipeline: Pipeline, handler: LumberjackHandler, value: Any, shipped: Any
) -> None:
    event = {"event": "odd", "value": value}
    assert ShippingProcessor(handler)(None, "info", event) is event
    [document] = _found(pipeline, handler)
    assert json.loads(document["message"]) == {"event": "odd", "value": shipped}
    assert handler.dropped == 0


def test_what_cannot_be_had_at_all_is_counted(handler: LumberjackHandler) -> None:
    class Refusing(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            raise RuntimeError("no")

    ShippingProcessor(handler)(None, "info", Refusing())
    assert (handler.sent, handler.queued, handler.dropped) == (0, 0, 1)
