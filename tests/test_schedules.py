from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.schedules import Schedule

BEGIN = datetime.fromisoformat("2026-11-30T01:02:03+00:00").timestamp()  # a Monday


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("* * * * *", "2026-11-30T01:03:00+00:00"),
        ("*/30 * * * * *", "2026-11-30T01:02:30+00:00"),
        ("0 5 * * *", "2026-11-30T05:00:00+00:00"),
        ("0 5 * * * Europe/Paris", "2026-11-30T05:00:00+01:00"),
        ("0 6 * * * America/Chicago", "2026-11-30T06:00:00-06:00"),
        ("0 5 * * * +02:00", "2026-11-30T05:00:00+02:00"),
        ("0 0 * * MON UTC", "2026-12-07T00:00:00+00:00"),
        ("0 0 * * mon#2", "2026-12-14T00:00:00+00:00"),
        ("0 0 L * *", "2026-12-31T00:00:00+00:00"),
        ("* 5 * 1-3 *", "2027-01-01T05:00:00+00:00"),
        ("@daily", "2026-12-01T00:00:00+00:00"),
        ("@hourly", "2026-11-30T02:00:00+00:00"),
        ("every 5 minutes", "2026-11-30T01:07:03+00:00"),
        ("every 90s", "2026-11-30T01:03:33+00:00"),
        ("every hour", "2026-11-30T02:02:03+00:00"),
    ],
)
def test_due(text, due, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    assert datetime.fromtimestamp(Schedule(text).after(BEGIN)).astimezone() == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "no schedule"),
        ("* * * *", "no schedule"),
        ("", "no schedule"),
        ("61 * * * *", "no schedule"),
        ("0 0 30 2 *", "no schedule"),
        ("0 5 * * * Europe/Pari", "Europe/Paris"),
        ("every 0 s", "without end"),
    ],
)
def test_faults(text, said):
    with pytest.raises(ValueError, match=said):
        Schedule(text)


def test_a_gap_of_summer_time_is_not_left_out():
    before = datetime.fromisoformat("2026-03-29T00:30:00+01:00").timestamp()
    due = Schedule("30 2 * * * Europe/Paris").after(before)
    assert datetime.fromisoformat("2026-03-29T03:00:00+02:00").timestamp() <= due
    assert due <= datetime.fromisoformat("2026-03-29T03:30:00+02:00").timestamp()
