"""What is asked, and what is said where nothing can be."""

import pytest

from pipeline.explore.asking import bars, nothing, trouble
from pipeline.explore.view import View
from pipeline.kql.parser import parse
from pipeline.kql.tree import QueryError
from pipeline.search.questions import Question
from tests.explore.documents import NOON, fill, write
from tests.explore.stores import ask

NOON_MS = int(NOON.timestamp() * 1000)


def test_the_histogram_reaches_as_far_as_the_documents(tmp_path):
    fill(tmp_path, 60)
    found = ask(tmp_path, lambda store: bars(store, Question()))
    assert (found.total, found.width) == (60, 120_000)
    assert found.since >= NOON_MS
    errors = ask(tmp_path, lambda store: bars(store, Question("level:error", since=NOON_MS, until=NOON_MS + 3_600_000)))
    assert (errors.since, errors.until, errors.width) == (NOON_MS, NOON_MS + 3_600_000, 60_000)
    assert ask(tmp_path, lambda store: bars(store, Question("level:never"))) is None


def test_documents_without_a_time_are_told(tmp_path):
    write(tmp_path, {"message": "when?"})
    assert ask(tmp_path, lambda store: bars(store, Question())) is None
    fill(tmp_path, 5)
    found = ask(tmp_path, lambda store: bars(store, Question()))
    assert (found.total, found.timeless) == (5, True)
    assert not ask(tmp_path, lambda store: bars(store, Question("level:*"))).timeless
    assert not ask(tmp_path, lambda store: bars(store, Question(since=NOON_MS - 3_600_000))).timeless


def test_trouble_names_the_place_and_the_remedy(tmp_path):
    with pytest.raises(QueryError) as error:
        parse("level:error status:500")
    shown = trouble(error.value, "data")
    assert shown.place.splitlines()[-1].strip() == "^"
    assert trouble(ZeroDivisionError(), "data") is None
    assert "apex-logs run" in nothing(View(), True, "data").remedy
    assert nothing(View("x", since="now-1h"), False, "data").remedy.startswith("Try to widen the time, or ask for less")
