"""GeoIP databases: found, refused, and replaced while the filter works; the cache of answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigurationError, FilterFailure
from pipeline.event import Event
from pipeline.filters import geoip
from pipeline.geoip import databases
from pipeline.geoip.answers import Answers
from pipeline.geoip.databases import Database
from tests.databases import LONDON, SAN_DIEGO, SWEDEN, TELSTRA, write, write_asn, write_city, write_country
from tests.harness import context


@pytest.fixture
def city(tmp_path):
    return write_city(tmp_path / "city.mmdb", {"81.2.69.0/24": LONDON})


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "Gemfile").write_text("source 'https://example.org'\n")
    other = write(tmp_path / "other.mmdb", "GeoIP2-Connection-Type", {"81.2.69.0/24": {"connection_type": "Cable"}})
    for path, message in (
        (tmp_path / "Gemfile", r"Gemfile cannot be read as a GeoIP database"),
        (tmp_path, r"cannot be read as a GeoIP database"),
        (other, r'of the type "GeoIP2-Connection-Type"; geoip reads these kinds: City, Country'),
    ):
        with pytest.raises(ConfigurationError, match=message):
            geoip.build(geoip.Options(source="a", target="client", database=path), context())


def build_without_database(warnings: list[str], **options: Any) -> Callable[[Event], bool]:
    options = {"source": "addr", "ecs_compatibility": "disabled", "fields": ["city_name"]} | options
    return geoip.build(geoip.Options(**options), context(warnings=warnings))


def test_where_a_database_is_found(monkeypatch, tmp_path, city):
    system, package = tmp_path / "system", tmp_path / "packages" / "geo_package"
    monkeypatch.setattr(databases, "FOLDERS", (tmp_path / "absent", system))
    monkeypatch.setattr(databases, "PACKAGE", "geo_package")
    monkeypatch.delenv("GEOIP_DATABASE", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))

    def uses(path: Path, origin: str) -> None:
        warnings: list[str] = []
        event = Event({"addr": "81.2.69.1"})
        build_without_database(warnings)(event)
        assert event.fields["geoip"] == {"city_name": "London"}
        (warning,) = warnings
        assert f"the database {path} (" in warning
        assert origin in warning

    with pytest.raises(ConfigurationError, match=r"there is no City database: set `database` .*geoip-city"):
        build_without_database([])
    with pytest.raises(ConfigurationError, match=r"there is no ASN database: .*GeoLite2-ASN.mmdb into [^,]*$"):
        build_without_database([], default_database_type="ASN")

    (package / "db").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    invalidate_caches()
    path = write(package / "db" / "lite.mmdb", "DBIP-City-Lite", {"81.2.69.0/24": LONDON})
    uses(path, "DB-IP, https://db-ip.com, licensed under CC BY 4.0")

    system.mkdir()
    asn = write_asn(system / "GeoLite2-ASN.mmdb", {"81.2.69.0/24": TELSTRA})
    uses(write_city(system / "GeoLite2-City.mmdb", {"81.2.69.0/24": LONDON}), "found on this system")
    monkeypatch.setenv("GEOIP_DATABASE", str(city))
    uses(city, "named by the variable GEOIP_DATABASE")
    assert databases.locate("ASN")[0].path == asn
    monkeypatch.setenv("GEOIP_DATABASE", str(tmp_path / "gone.mmdb"))
    with pytest.raises(
        ConfigurationError, match=r"the variable GEOIP_DATABASE names .*gone.mmdb, which does not exist"
    ):
        build_without_database([])


def test_a_new_file_is_taken_up_and_a_broken_one_is_not(tmp_path):
    path = write_city(tmp_path / "city.mmdb", {"81.2.69.0/24": LONDON})
    warnings: list[str] = []
    checks: list[Callable[[], None]] = []
    surroundings = replace(context(warnings=warnings), every=lambda seconds, call: checks.append(call))
    fields = ["city_name", "postal_code"]
    located = geoip.build(
        geoip.Options(source="addr", database=path, fields=fields, ecs_compatibility="disabled"), surroundings
    )
    (check,) = checks

    def look_up() -> Any:
        event = Event({"addr": "81.2.69.1"})
        with suppress(FilterFailure):
            located(event)
        return event.fields["geoip"]

    def put_in_place(new: Path) -> None:
        new.rename(path)
        check()

    london = {"city_name": "London", "postal_code": "EC1A"}
    check()
    assert look_up() == london
    put_in_place(write_city(tmp_path / "new.mmdb", {"81.2.69.0/24": SAN_DIEGO}))
    assert look_up() == {"city_name": "San Diego", "postal_code": "92105"}
    assert warnings == []

    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(path.read_bytes()[:500])
    put_in_place(broken)
    check()
    assert look_up() == {"city_name": "San Diego", "postal_code": "92105"}
    assert len(warnings) == 1
    assert "geoip keeps the database it has" in warnings[0]
    path.unlink()
    check()
    assert look_up() == {"city_name": "San Diego", "postal_code": "92105"}
    assert len(warnings) == 1

    put_in_place(write(tmp_path / "other.mmdb", "GeoIP2-Connection-Type", {"81.2.69.0/24": {"a": "b"}}))
    assert "GeoIP2-Connection-Type" in warnings[1]
    put_in_place(write_country(tmp_path / "country.mmdb", {"81.2.69.0/24": SWEDEN}))
    assert "never gives city_name, postal_code" in warnings[2]
    assert look_up() == {}
    put_in_place(write_city(tmp_path / "again.mmdb", {"81.2.69.0/24": LONDON}))
    assert look_up() == london


def test_the_cache_is_bounded_and_keeps_no_long_texts(city):
    answers = Answers(Database(city), [], 10, lambda text: None, ecs=False)
    for number in range(200):
        answers.find(f"81.2.69.{number}")
        answers.find("x" * (48 + number))
        assert 0 < len(answers.cache) <= 10
    assert "81.2.69.199" in answers.cache
