"""Work on one event is stopped in time; the event is tagged, and those after it are not touched."""

from __future__ import annotations

import re
import signal
from time import monotonic

import pytest

from pipeline.codecs import plain
from pipeline.filters import mutate
from pipeline.inputs import syslog
from pipeline.syslog import patterned
from pipeline.time_limits import TimeLimit, TimeLimitExceeded, Watch, is_bounded, watch_over
from tests.harness import context, documents, filtered

ENDLESS = re.compile(r"^(a+)+$")
TEXT = "a" * 60 + "!"


@pytest.fixture
def watch():
    before = signal.getsignal(signal.SIGALRM)
    watch = Watch()
    watch.begin()
    yield watch
    watch.end()
    watch.stop()
    signal.signal(signal.SIGALRM, before)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def searching(limit, texts):
    bounded_by = limit

    def search():
        late = 0
        for text in texts:
            try:
                ENDLESS.search(text)
            except TimeLimitExceeded:
                late += 1
        return late, bounded_by

    return search


def test_endless_work_is_stopped_within_its_limit(watch):
    begun = monotonic()
    late, _ = searching(TimeLimit(0.3, ("text",)), [TEXT, "aaa", TEXT])()
    assert late == 2
    assert 0.3 < monotonic() - begun < 30


def test_the_limit_may_be_that_of_the_whole_call(watch):
    bounded_by = TimeLimit(0.2)

    def call():
        for text in (TEXT, TEXT):
            ENDLESS.search(text)
        return bounded_by

    with pytest.raises(TimeLimitExceeded, match=r"longer than 0\.2 s"):
        call()


def test_short_pieces_are_not_added_up(watch):
    bounded_by = TimeLimit(0.3)

    def work():
        end = monotonic() + 0.02
        while monotonic() < end:
            pass
        return bounded_by

    begun = monotonic()
    while monotonic() - begun < 0.8:
        work()


def test_nothing_ticks_between_batches():
    watch = Watch()
    watch.begin()
    watch.stop()
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0, "a batch is being worked on"
    watch.end()
    watch.stop()
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_only_functions_with_a_limit_are_watched_over():
    assert is_bounded(searching(None, []))
    assert not is_bounded(test_nothing_ticks_between_batches)
    assert watch_over([print]) is None
    assert watch_over([print, searching(None, [])]) is not None


@pytest.mark.parametrize("scope", ["pattern", "event"])
def test_grok_tags_what_took_too_long_and_goes_on(watch, scope):
    config = f"""filter {{ grok {{ match => {{ "message" => ["^(a+)+$", "%{{WORD:w}}"] }} timeout_millis => 200
        timeout_scope => {scope} tag_on_timeout => "late" }} }}"""
    first, second = filtered(config, {"message": TEXT}, {"message": "b"})
    assert first["tags"] == ["late"]
    assert second["w"] == "b"
    assert "tags" not in second


def test_one_pattern_of_grok_need_not_be_as_fast_as_all_of_them(watch):
    config = """filter { grok { match => { "message" => ["^x(a+)+$", "%{WORD:w}"] } timeout_millis => 60000 } }"""
    assert filtered(config, {"message": "b"})[0]["w"] == "b"


def test_kv_tags_what_took_too_long(watch):
    config = """filter { kv { value_split_pattern => "(?:(?:a+)+b|=)" timeout_millis => 200 } }"""
    first, second = filtered(config, {"message": "a" * 60 + "=1"}, {"message": "k=1"})
    assert first["tags"] == ["_kv_filter_timeout"]
    assert second["k"] == "1"


def test_gsub_fails_where_it_took_too_long(watch, monkeypatch):
    monkeypatch.setattr(mutate, "GSUB_SECONDS", 0.2)
    config = """filter { mutate { gsub => ["message", "^(a+)+$", "b", "message", "c", "d"] uppercase => "message" } }"""
    first, second = documents(config, {"message": TEXT}, {"message": "ac"})
    assert first == {"message": TEXT, "tags": ["_mutate_error"]}
    assert second == {"message": "AD"}


def test_only_a_mutate_with_gsub_is_bounded():
    assert is_bounded(mutate.build(mutate.Options(gsub=["a", "b", "c"])))
    assert not is_bounded(mutate.build(mutate.Options(uppercase=["a"])))


def test_the_pattern_of_the_syslog_input_is_stopped(watch, monkeypatch):
    monkeypatch.setattr(patterned, "SECONDS", 0.2)
    pattern = "<%{POSINT:[log][syslog][priority]:int}>(a+)+$"
    options = syslog.Options(port=0, grok_pattern=pattern, codec=plain.build(plain.Options()))
    made = syslog.build(options, context())
    assert watch_over([made]) is not None
    data = f"<34>{TEXT}\n<34>aa\n".encode()
    events = list(made.decode(data, {"id": "1", "peer": "192.0.2.1"}, lambda raw, error: None))
    assert [event.fields.get("tags") for event in events] == [["_groktimeout"], None]
    assert [event.fields["log"]["syslog"].get("priority") for event in events] == [0, 34]


def test_without_a_pattern_of_the_user_the_syslog_input_needs_no_bound():
    assert watch_over([syslog.build(syslog.Options(port=0), context())]) is None
