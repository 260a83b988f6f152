"""When a field may be written as ready-made JSON: only where nothing after it looks in."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pipeline.config.building import build, connect
from pipeline.config.readers import unread_after
from pipeline.event import Event
from tests.databases import write_city
from tests.harness import context, planned

ES = 'elasticsearch { index => "x-%{+YYYY.MM.dd}" }'
GEO = 'geoip { source => "ip" target => "geo" }'


@pytest.mark.parametrize(
    ("filters", "outputs", "expected"),
    [
        (GEO, ES, True),
        (f"{GEO} mutate {{ rename => {{ 'a' => 'b' }} }}", ES, True),
        (f"{GEO} mutate {{ add_tag => ['%{{a}}'] }}", ES, True),
        (f"{GEO} mutate {{ add_field => {{ 'a' => '%{{b}}' }} }}", ES, True),
        (f"{GEO} json {{ source => 'a' target => 'b' }}", ES, True),
        (f"{GEO} clone {{ clones => ['x'] }}", ES, True),
        (f"mutate {{ add_field => {{ 'a' => '%{{[x][ip]}}' }} }} {GEO}", ES, True),
        (GEO, "stdout { codec => json_lines } sqlite { path => 'd' }", True),
        (f"{GEO} mutate {{ rename => {{ '[geo][a]' => 'b' }} }}", ES, False),
        (f"{GEO} mutate {{ add_field => {{ 'a' => '%{{[geo][ip]}}' }} }}", ES, False),
        (f"{GEO} mutate {{ add_field => {{ '[%{{x}}][ip]' => 'y' }} }}", ES, False),
        (f"{GEO} mutate {{ remove_field => ['[%{{x}}][ip]'] }}", ES, False),
        (f"{GEO} json {{ source => 'a' }}", ES, False),
        (f"{GEO} geoip {{ source => 'other' }}", ES, False),
        (f"{GEO} if [geo][ip] {{ mutate {{ add_tag => ['x'] }} }}", ES, False),
        (f"if [geo] {{ mutate {{ add_tag => ['x'] }} }} {GEO}", ES, False),
        ("geoip { source => 'ip' target => 'geo' add_field => { 'c' => '%{[geo][ip]}' } }", ES, False),
        ("geoip { source => 'ip' target => 'geo' remove_field => ['[geo][ip]'] }", ES, False),
        (GEO, 'elasticsearch { index => "x-%{[geo][country_code2]}" }', False),
        (GEO, f"if [geo] {{ {ES} }}", False),
        (GEO, f"{ES} stdout {{ codec => rubydebug }}", False),
        (GEO, f"{ES} stdout {{ codec => line {{ format => '%{{[geo][ip]}}' }} }}", False),
    ],
)
def test_who_reads_it(filters: str, outputs: str, expected: bool, tmp_path: Path) -> None:
    database = tmp_path / "city.mmdb"
    write_city(database, {"81.2.69.0/24": {"country": {"iso_code": "GB"}}})
    text = filters.replace("geoip {", f'geoip {{ database => "{database}"')
    plan = planned(f"filter {{ {text} }} output {{ {outputs} }}", ecs="disabled")
    first = next(checked for checked in plan.section("filter") if checked.module.name == "geoip")
    assert unread_after(plan.configuration, first, plan.section("output"))("geo") is expected


def test_what_is_sealed_is_written_the_same(tmp_path: Path) -> None:
    database = tmp_path / "city.mmdb"
    write_city(database, {"81.2.69.0/24": {"country": {"iso_code": "GB", "names": {"en": "Ünited"}}}})
    plan = planned(
        f'filter {{ geoip {{ database => "{database}" source => "ip" }} clone {{ clones => ["copy"] }} }}'
        ' output { elasticsearch { index => "x" ids => "none" } }',
        ecs="disabled",
    )
    written = []
    for sealing in (False, True):
        built = build(plan, context(), sealing=sealing)
        [(node, (output, _))] = built.outputs.items()
        body = bytearray()

        def guard(proceed: object, event: Event) -> None:
            assert callable(proceed)
            proceed(event)

        flow = connect(plan, built.filters, {node: lambda event, r=output.render, b=body: r(event, b)}, guard)
        for fields in (
            {"ip": "81.2.69.1"},
            {"ip": "81.2.69.1", "big": 2**70},
            {"ip": "81.2.69.1", "geoip": {"own": 1}},
            {"ip": ["81.2.69.2", "x"]},
            {"ip": "10.0.0.1"},
            {"ip": "81.2.69.1"},
        ):
            flow.process(Event({"@timestamp": "2026-11-23T00:00:00.000Z", **fields}))
        written.append([orjson.loads(line) for line in bytes(body).splitlines()])
    assert written[0] == written[1]
    assert len(written[0]) == 24
