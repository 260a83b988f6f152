"""The view and its address."""

import pytest

from pipeline.explore.view import Filter, View, read_url
from pipeline.kql.parser import parse

VIEWS = [
    View(),
    View("level:error and a", "now-1h", "now", tab="map", index="a-*,b", theme="dark"),
    View(filters=(Filter("a.b", "x"), Filter("c:d%", 'q"\n&=', True), Filter("e", ""))),
    View(columns=("a,b", "c%2Cd", "@timestamp"), document=("apex-logs-2026.11.23", "a/b?c")),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_same_after_its_address(view):
    assert read_url(view.url()) == view


def test_what_cannot_be_read_is_as_usual():
    assert read_url("/?tab=nope&theme=pink&filter=nocolon&doc=x&from=") == View()


def test_filters_become_part_of_the_query():
    view = View("a:1 or b:2", filters=(Filter("route", 'x"y'), Filter("status", "200", True)))
    query = view.question(0).query
    assert query == '(a:1 or b:2) and route: "x\\"y" and not status: "200"'
    parse(query)
    assert View(filters=(Filter("a", "b"),)).question(0).query == 'a: "b"'
    assert View().question(0).query == "*"


def test_filters_and_columns_come_and_go():
    only, without = Filter("a", "b"), Filter("a", "b", True)
    assert View().with_filter(only).with_filter(without).filters == (without,)
    assert View(filters=(only,)).without(only) == View()
    assert View().toggled("x").columns == ("x",)
    assert View().toggled("x").toggled("x") == View()
