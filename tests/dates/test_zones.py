import pytest

from pipeline.dates import zones

MARCH_29_2AM = 1_774_749_600  # 2026-03-29T02:00:00, as a local time
OCTOBER_25_2AM = 1_792_893_600


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("UTC", 0, 0),
        ("GMT", 0, 0),
        ("Europe/Paris", 7200, 3600),
        ("CET", 7200, 3600),
        ("EST", -18000, -18000),
        ("+02:00", 7200, 7200),
        ("-0530", -19800, -19800),
        ("+02", 7200, 7200),
        ("UTC+01:00", 3600, 3600),
    ],
)
def test_names_and_offsets(name, summer, winter):
    zone = zones.required(name)
    assert (zone.offset(1_784_000_000), zone.offset(1_768_000_000)) == (summer, winter)


@pytest.mark.parametrize(
    "name", ["", "utc", "europe/paris", "Nowhere/Land", "-5", "+25:00", "localtime", "Europe", "../UTC", "UTC+2"]
)
def test_unknown_names(name):
    assert zones.find(name) is None


def test_case_may_be_ignored():
    assert zones.find("europe/PARIS", ignore_case=True).name == "Europe/Paris"


def test_an_unknown_name_is_a_fault_with_a_remedy():
    with pytest.raises(ValueError, match=r'there is no time zone "Europe/Pariss"; did you mean "Europe/Paris"\?'):
        zones.required("Europe/Pariss")
    with pytest.raises(ValueError, match="or an offset"):
        zones.required("x")


def test_a_gap_is_no_time_and_an_overlap_the_earlier_one():
    paris = zones.Zone("Europe/Paris", zones.ZoneInfo("Europe/Paris"))
    for _ in range(2):  # the second time from memory
        assert paris.to_utc_strict(MARCH_29_2AM - 1) == MARCH_29_2AM - 1 - 3600
        assert paris.to_utc_strict(MARCH_29_2AM) is None
        assert paris.to_utc_strict(MARCH_29_2AM + 3599) is None
        assert paris.to_utc_strict(MARCH_29_2AM + 3600) == MARCH_29_2AM - 3600
        assert paris.to_utc(MARCH_29_2AM) == MARCH_29_2AM - 3600
        assert paris.to_utc_strict(OCTOBER_25_2AM + 1800) == OCTOBER_25_2AM + 1800 - 7200
        assert paris.to_utc_strict(OCTOBER_25_2AM + 3600) == OCTOBER_25_2AM


def test_half_hour_changes_are_seen():
    lord_howe = zones.required("Australia/Lord_Howe")
    october_4_2am = 1_791_079_200
    assert lord_howe.to_utc_strict(october_4_2am + 900) is None
    assert lord_howe.to_utc_strict(october_4_2am + 1800) == october_4_2am - 37_800


@pytest.mark.parametrize(
    ("setting", "name"), [("Europe/Paris", "Europe/Paris"), (":Europe/Paris", "Europe/Paris"), ("", "UTC")]
)
def test_the_machines_zone_is_that_of_TZ(monkeypatch, setting, name):  # noqa: N802  (TZ is the variable's name)
    monkeypatch.setenv("TZ", setting)
    assert zones.of_machine().name == name


def test_without_TZ_the_machine_has_some_zone(monkeypatch):  # noqa: N802  (TZ is the variable's name)
    monkeypatch.delenv("TZ", raising=False)
    assert isinstance(zones.of_machine().offset(0), int)
