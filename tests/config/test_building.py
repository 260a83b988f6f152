"""Building: what only building can find is a fault with its place; all of them at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.field_reference import FieldReference
from tests.harness import context, planned

TEXT = 'geoip {{ source => "[a][ip]" database => "{file}" }}'


def test_all_faults_at_once(tmp_path: Path) -> None:
    (tmp_path / "no.mmdb").write_text("nothing")
    geoip = TEXT.format(file=tmp_path / "no.mmdb")
    plan = planned(f"filter {{ {geoip} drop {{}} {geoip} }}")
    with pytest.raises(ConfigurationError) as caught:
        build(plan, context())
    assert [fault.span.text for fault in caught.value.faults] == ["geoip", "geoip"]
    assert all("geoip: " in fault.message and "no.mmdb" in fault.message for fault in caught.value.faults)


def test_a_reference_that_only_building_reads() -> None:
    plan = planned("filter { drop {} }")
    [drop] = plan.section("filter")

    def build_drop(options: object) -> None:
        FieldReference("[a")

    module = replace(drop.module, build=build_drop)
    with pytest.raises(ConfigurationError, match=r'drop: "\[a" is no field reference'):
        build(replace(plan, plugins={id(drop.node): replace(drop, module=module)}), context())


def test_filters_alone() -> None:
    plan = planned("input { stdin {} } filter { drop {} } output { stdout {} }")
    built = build(plan, context(), filters_only=True)
    assert (built.inputs, len(built.filters), len(built.outputs)) == ([], 1, 0)
    built = build(plan, context())
    assert [item.label for item in built.inputs] == ["stdin at test.conf:1:9"]
    assert [label for _, label in built.outputs.values()] == ["stdout at test.conf:1:48"]
    assert built.inputs[0].decorate is None


def test_the_common_options_of_inputs_and_filters() -> None:
    plan = planned(
        'input { stdin { type => "t" } } filter { json { source => "m" tag_on_failure => "f" add_tag => "t" } }'
    )
    built = build(plan, context())
    assert built.inputs[0].decorate is not None
    [found] = built.filters.values()
    assert found.tag_on_failure == ["f"]
    assert found.decorate is not None
