"""The useragent filter."""

import pytest

from tests.harness import documents

CHROME = "Mozilla/5.0 (X11; Linux i686) AppleWebKit/537.31 (KHTML, like Gecko) Chrome/26.0.1410.63 Safari/537.31"
ECS = {
    "name": "Chrome",
    "version": "26.0.1410.63",
    "device": {"name": "Other"},
    "os": {"name": "Linux", "full": "Linux"},
}
LEGACY = {"name": "Chrome", "version": "26.0.1410.63", "major": "26", "minor": "0", "patch": "1410"}
LEGACY |= {"device": "Other", "os": "Linux", "os_name": "Linux", "os_full": "Linux"}


def test_with_ecs():
    config = 'filter { useragent { source => "a" } }'
    assert documents(config, {"a": CHROME}) == [{"a": CHROME, "user_agent": ECS}]
    assert documents(config, {"a": [CHROME, "x"]}) == [{"a": [CHROME, "x"], "user_agent": ECS}]


def test_what_the_target_has_already_stays():
    config = 'filter { useragent { source => "[user_agent][original]" } }'
    assert documents(config, {"user_agent": {"original": CHROME}}) == [{"user_agent": {"original": CHROME, **ECS}}]


def test_what_is_beside_the_names_of_the_result_stays():
    config = 'filter { useragent { source => "a" target => "u" } }'
    before = {"os": {"name": "Windows", "kernel": "6"}, "device": "phone"}
    assert documents(config, {"a": CHROME, "u": before}) == [
        {"a": CHROME, "u": {**ECS, "os": {"name": "Linux", "full": "Linux", "kernel": "6"}}}
    ]


def test_without_ecs():
    config = 'filter { useragent { source => "a" prefix => "p_" } }'
    assert documents(config, {"a": CHROME}, ecs="disabled") == [
        {"a": CHROME, **{f"p_{name}": value for name, value in LEGACY.items()}}
    ]
    config = 'filter { useragent { source => "a" target => "[t][u]" } }'
    assert documents(config, {"a": CHROME}, ecs="disabled") == [{"a": CHROME, "t": {"u": LEGACY}}]


@pytest.mark.parametrize("value", ["", None, 5, [], {}])
def test_what_is_no_agent_is_left_alone(value):
    config = 'filter { useragent { source => "a" add_tag => "t" } }'
    assert documents(config, {"a": value}) == [{"a": value}]


def test_half_of_a_surrogate_pair_is_no_fault():
    (document,) = documents('filter { useragent { source => "a" } }', {"a": f"\ud800 {CHROME}"})
    assert document["user_agent"] == ECS


def test_answers_are_not_shared():
    config = 'filter { useragent { source => "a" target => "u" } mutate { rename => { "[u][os][name]" => "os" } } }'
    assert [each["os"] for each in documents(config, {"a": CHROME}, {"a": CHROME})] == ["Linux", "Linux"]


def test_few_answers_are_kept():
    config = 'filter { useragent { source => "a" lru_cache_size => 1 } }'
    events = [{"a": agent} for agent in (CHROME, "curl/7.1", CHROME)]
    assert [each["user_agent"]["name"] for each in documents(config, *events)] == ["Chrome", "curl", "Chrome"]


def test_rules_of_a_file(tmp_path):
    rules = tmp_path / "regexes.yaml"
    rules.write_text(
        "user_agent_parsers:\n  - regex: '(Ours)/(\\d+)'\nos_parsers:\n  - regex: '(OurOS)'\n"
        "device_parsers:\n  - regex: '(OurPhone)'\n"
    )
    config = f'filter {{ useragent {{ source => "a" target => "u" regexes => "{rules}" }} }}'
    (document,) = documents(config, {"a": "Ours/7 OurOS OurPhone"})
    assert document["u"] == {
        "name": "Ours",
        "version": "7",
        "device": {"name": "OurPhone"},
        "os": {"name": "OurOS", "full": "OurOS"},
    }


@pytest.mark.parametrize(("end", "version"), [(" Yowser/2.5", "23.11.0.2419"), ("", "23.11.0")])
def test_a_fourth_number_is_taken_from_the_text(end, version):
    agent = f"Mozilla/5.0 (Windows NT 10.0) Chrome/118.0.0.0 YaBrowser/23.11.0.2419{end}"
    (document,) = documents('filter { useragent { source => "a" } }', {"a": agent})
    assert document["user_agent"]["version"] == version


def test_the_numbers_are_in_the_metadata_with_ecs():
    config = (
        'filter { useragent { source => "a" } mutate { add_field => {'
        ' "v" => "%{[@metadata][filter][user_agent][version][patch]}"'
        ' "o" => "%{[@metadata][filter][user_agent][os][version][major]}" } } }'
    )
    agent = CHROME.replace("X11; Linux i686", "Windows NT 10.0")
    (document,) = documents(config, {"a": agent})
    assert (document["v"], document["o"]) == ("1410", "10")


def test_a_version_of_a_system_that_is_a_name(tmp_path):
    rules = tmp_path / "regexes.yaml"
    rules.write_text(
        "user_agent_parsers: []\ndevice_parsers: []\n"
        "os_parsers:\n  - regex: '(OurOS) (\\w+)-(\\d+)'\n    os_replacement: 'OurOS'\n"
    )
    config = f'filter {{ useragent {{ source => "a" regexes => "{rules}" }} }}'
    documents_of = documents(config, {"a": "OurOS Vista-2"}, {"a": "OurOS 7-2"})
    assert [each["user_agent"]["os"]["version"] for each in documents_of] == ["Vista 2", "7.2"]
