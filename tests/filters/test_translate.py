"""The translate filter."""

import os

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from tests.harness import context, documents, planned

WORDS = 'dictionary => { "1" => "one" "2" => "two" }'


@pytest.mark.parametrize(
    ("options", "event", "result"),
    [
        ("", {"n": 1}, {"n": 1, "t": "one"}),
        ("", {"n": ["2", "1"]}, {"n": ["2", "1"], "t": "two"}),
        ('fallback => "no %{n}"', {"n": 3}, {"n": 3, "t": "no 3"}),
        ("override => true", {"n": "1", "t": 0}, {"n": "1", "t": "one"}),
        ("exact => false", {"n": "1-2-3"}, {"n": "1-2-3", "t": "one-two-3"}),
        ("regex => true", {"n": "x2"}, {"n": "x2", "t": "two"}),
        ('iterate_on => "n"', {"n": [1, 3]}, {"n": [1, 3], "t": ["one", None]}),
        (
            'iterate_on => "l" fallback => "?"',
            {"l": [{"n": 1}, {"n": 3}]},
            {"l": [{"n": 1, "t": "one"}, {"n": 3, "t": "?"}]},
        ),
        ('iterate_on => "l"', {"l": [{"n": 1}, 5]}, {"l": [{"n": 1, "t": "one"}, 5]}),
    ],
)
def test_look_ups(options, event, result):
    config = f'filter {{ translate {{ source => "n" target => "t" {WORDS} {options} add_tag => "x" }} }}'
    assert documents(config, event) == [{**result, "tags": ["x"]}]


@pytest.mark.parametrize(
    ("options", "event"),
    [
        ("", {"n": "3"}),
        ("", {"n": "1", "t": 0}),
        ('fallback => "no"', {}),
        ("exact => false", {"n": "3"}),
        ('iterate_on => "l"', {"l": [{"n": 3}]}),
        ('iterate_on => "l" fallback => "?"', {"l": [{"m": 1}, {"n": None}]}),
        ('iterate_on => "l"', {"n": 1}),
    ],
)
def test_what_is_left_alone(options, event):
    config = f'filter {{ translate {{ source => "n" target => "t" {WORDS} {options} add_tag => "x" }} }}'
    assert documents(config, event) == [event]


@pytest.mark.parametrize(
    ("options", "event"),
    [
        ("", {"n": "3"}),
        ('iterate_on => "n"', {"n": [{"a": 1}]}),
        ('iterate_on => "l"', {"l": [{"n": "3"}]}),
        ('iterate_on => "l"', {"l": []}),
    ],
)
def test_in_place_of_the_source_it_always_matches(options, event):
    config = f'filter {{ translate {{ source => "n" target => "n" {WORDS} {options} add_tag => "x" }} }}'
    (found,) = documents(config, event)
    assert found["tags"] == ["x"]
    assert documents(config, {"m": 1}) == [{"m": 1}]


@pytest.mark.parametrize(("ecs", "result"), [("v8", {"n": "two"}), ("disabled", {"n": "2", "translation": "two"})])
def test_without_a_target(ecs, result):
    assert documents(f'filter {{ translate {{ source => "n" {WORDS} }} }}', {"n": "2"}, ecs=ecs) == [result]


@pytest.mark.parametrize(
    ("name", "text", "word", "meaning"),
    [
        ("d.yml", '"100": Continue\nlist: [1, two]\n', "list", [1, "two"]),
        ("d.yaml", "a: 1\n", "a", 1),
        ("d.yaml", "!!omap {\n  ? !!str a\n  : !!str x,\n}\n", "a", "x"),
        ("d.yaml", "!!map { a: x }\n", "a", "x"),
        ("d.yaml", "a: 2020-01-31\n", "a", "2020-01-31"),
        (
            "d.yaml",
            "a: [2020-01-31 10:00:00, 2020-01-31T10:00:00.5+02:00]\n",
            "a",
            [
                "2020-01-31T10:00:00.000Z",
                "2020-01-31T08:00:00.500Z",
            ],
        ),
        ("d.yaml", "a: { 2: x, true: y, 2020-01-31: 1 }\n", "a", {"2": "x", "true": "y", "2020-01-31": 1}),
        ("d.yaml", "a: 123456789012345678901\n", "a", 123456789012345678901.0),
        ("d.yaml", "a: !!binary aMOk\nb: !!set { x }\n", "a", "hä"),
        ("d.yaml", "a: !!set { x }\n", "a", {"x": None}),
        ("d.csv", "a,x\u2028y\r\nb,z\r\n", "a", "x\u2028y"),
        ("d.json", '{"a": {"b": 1}}', "a", {"b": 1}),
        ("d.csv", 'a,"b, c"\n\nd\n', "a", "b, c"),
    ],
)
def test_a_file(name, text, word, meaning, tmp_path):
    """What YAML knows and JSON does not is what an event can hold; Psych makes such objects, too."""
    (tmp_path / name).write_text(text)
    config = f'filter {{ translate {{ source => "w" target => "t" dictionary_path => "{tmp_path / name}" }} }}'
    assert documents(config, {"w": word}) == [{"w": word, "t": meaning}]


@pytest.mark.parametrize(("behaviour", "old"), [("merge", {"w": "a", "t": "1"}), ("replace", {"w": "a"})])
def test_a_file_that_changes(behaviour, old, tmp_path):
    file, heard, calls = tmp_path / "d.csv", [], []
    file.write_text("a,1\n")
    config = (
        f'translate {{ source => "w" target => "t" dictionary_path => "{file}" refresh_behaviour => "{behaviour}" }}'
    )
    surroundings = context(warnings=heard)
    object.__setattr__(surroundings, "every", lambda seconds, call: calls.append(call))
    built = build(planned(f"filter {{ {config} }}"), surroundings, filters_only=True)
    (translate,) = [each.filter for each in built.filters.values()]

    def translated(word):
        event = Event({"w": word})
        translate(event)
        return event.fields

    (refresh,) = calls
    refresh()
    assert translated("a") == {"w": "a", "t": "1"}
    file.write_text("b,22\n")
    refresh()
    assert translated("b") == {"w": "b", "t": "22"}
    assert translated("a") == old
    file.write_text('"broken')
    os.utime(file, ns=(1, 1))
    refresh()
    assert translated("b") == {"w": "b", "t": "22"}
    assert len(heard) == 1


@pytest.mark.parametrize(
    "options",
    [
        'target => "t" dictionary => { "a" => "b" }',
        'source => "n" target => "n" override => false dictionary => { "a" => "b" }',
        'source => "n" regex => true dictionary => { "(" => "b" }',
        'source => "n" dictionary_path => "FOLDER/bad.json"',
        'source => "n" dictionary_path => "FOLDER/x.txt"',
        'source => "n" dictionary => { "a" => "b" } dictionary_path => "FOLDER/good.json"',
    ],
)
def test_faults(options, tmp_path):
    (tmp_path / "bad.json").write_text("[1]")
    (tmp_path / "x.txt").write_text("a,b")
    (tmp_path / "good.json").write_text("{}")
    with pytest.raises(ConfigurationError):
        planned(f"filter {{ translate {{ {options.replace('FOLDER', str(tmp_path))} }} }}")
