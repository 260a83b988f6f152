"""Filters that fail on an event, at every kind of place in the flow: tagged, or left to delivery."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.config.built import AskingFilter, BuiltFilter
from pipeline.errors import FilterFailure
from pipeline.event import Event, add_tag
from pipeline.plugin import Asking
from tests.harness import filtered


async def _nothing(keys: Any) -> dict[Any, Any]:
    return {}


def asking(tags: list[str] | None, heard: list[bool] | None = None, fails: bool = False) -> AskingFilter:
    def apply(event: Event, answer: Any) -> bool:
        if fails:
            raise FilterFailure("no answer")
        event.fields["answer"] = answer
        return answer is not None

    made = Asking(lambda event: "key", _nothing, apply)
    built = BuiltFilter(made, lambda event: add_tag(event, "decorated"), tags, "asks")
    return AskingFilter(made, built, None if heard is None else lambda event, matched: heard.append(matched))


@pytest.mark.parametrize(("answer", "tags"), [("yes", ["decorated"]), (None, None)])
def test_an_answer_is_applied_and_told(answer: Any, tags: Any) -> None:
    event, heard = Event({}), list[bool]()
    asking([], heard).answered(event, answer)
    assert event.fields.get("tags") == tags
    assert heard == [answer is not None]


def test_a_failure_is_tagged_and_told() -> None:
    event, heard = Event({}), list[bool]()
    asking(["_failure"], heard, fails=True).answered(event, None)
    assert (event.fields, heard) == ({"tags": ["_failure"]}, [False])


def test_a_failure_without_a_tag_is_left_to_delivery() -> None:
    with pytest.raises(FilterFailure, match="no answer"):
        asking(None, fails=True).answered(Event({}), None)
    assert asyncio.run(asking(None).look_up([])) == {}


@pytest.mark.parametrize("text", ["if [a] { }", "if [a] { } else if [b] { } else { }", "if [b] { } else { mutate {} }"])
def test_branches_may_be_empty(text: str) -> None:
    assert filtered(f"filter {{ {text} }}", {"a": 1})[0]["a"] == 1
