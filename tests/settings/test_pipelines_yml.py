"""`pipelines.yml`: settings of each pipeline above those of all, and faults with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.settings.logstash_yml import Settings
from pipeline.settings.pipelines_yml import read_pipelines

TWO = """\
# two of them
- pipeline.id: web
  path.config: "/etc/${WHERE}/${WHAT:web}.conf"
  queue.type: persisted
  queue.max_bytes: 2gb
- pipeline:
    id: rest
    ecs_compatibility: disabled
    batch:
      delay: 7
  dead_letter_queue.max_bytes: 10mb
  config.string: "input { stdin { } }"
"""


def read(folder: Path, text: str, flags: dict[str, object] | None = None, **environment: str) -> list[Settings]:
    (folder / "pipelines.yml").write_text(text)
    return [found.settings for found in read_pipelines(folder, environment, flags)]


def test_each_has_its_own_settings_above_those_of_all(tmp_path: Path) -> None:
    (tmp_path / "logstash.yml").write_text("pipeline.ecs_compatibility: v1\npipeline.batch.delay: 9\npath.data: /d\n")
    web, rest = read(tmp_path, TWO, {"queue.type": "memory"}, WHERE="here")
    assert (web.pipeline_id, web.path_config, web.config_string) == ("web", "/etc/here/web.conf", None)
    assert (web.pipeline_ecs_compatibility, web.pipeline_batch_delay) == ("v1", 9)
    assert (web.queue_type, web.queue_max_bytes, web.queue) == ("persisted", 2 << 30, Path("/d/queue/web"))
    assert (rest.pipeline_ecs_compatibility, rest.pipeline_batch_delay, rest.queue_type) == ("disabled", 7, "memory")
    assert (rest.dead_letters, rest.dead_letter_queue_max_bytes) == (Path("/d/dead_letter_queue/rest"), 10 << 20)
    assert (rest.path_config, rest.config_string) == (None, "input { stdin { } }")


def test_without_an_id_it_is_main(tmp_path: Path) -> None:
    assert [found.pipeline_id for found in read(tmp_path, "- path.config: a.conf\n")] == ["main"]


FAULTS = {
    "a name that nobody knows": (
        "- pipeline.id: a\n  path.conf: b\n",
        ['2:3: there is no setting "path.conf"; did you mean', '1:3: the pipeline "a" has no configuration'],
    ),
    "a setting of the process": (
        "- path.config: b\n  path.data: c\n",
        ['2:3: the setting "path.data" is one of the whole process: put it into logstash.yml'],
    ),
    "a wrong value": (
        "- path.config: b\n  pipeline:\n    workers: many\n",
        ['3:5: the setting "pipeline.workers": '],
    ),
    "one id twice": (
        "- {pipeline.id: a, path.config: b}\n- path.config: b\n  pipeline.id: a\n",
        ['3:3: the pipeline "a" is there already, in line 1'],
    ),
    "an id that leaves its folder": ('- pipeline.id: "../x"\n  path.config: b\n', ['1:3: "../x" names folders']),
    "both kinds of configuration": (
        "- path.config: b\n  config.string: ''\n",
        ['2:3: the pipeline "main": give path.config or config.string, not both'],
    ),
    "a setting twice": ("- path.config: b\n  path: {config: c}\n", ['2:10: the setting "path.config" is given twice']),
    "a variable that is not set": ("- path.config: ${NO_SUCH}\n", ["1:3: the variable NO_SUCH is not set"]),
    "no list": ("pipeline.id: a\n", ["1:1: expected a list of pipelines"]),
    "no settings": ("- a.conf\n- path.config: b\n", ["1:3: expected the settings of a pipeline"]),
    "nothing": ("# - pipeline.id: a\n", [" is empty: name a pipeline"]),
    "no YAML": ("- a: [\n", ["2:1: no YAML: "]),
}


@pytest.mark.parametrize(("text", "faults"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_line_and_says_what_is_right(text: str, faults: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    said = [str(fault) for fault in caught.value.faults]
    assert len(said) == len(faults)
    for one, wanted in zip(said, faults, strict=True):
        assert wanted in one
        assert one.startswith(str(tmp_path / "pipelines.yml"))


def test_what_changes_nothing_is_said_with_its_place(tmp_path: Path) -> None:
    text = "- path.config: a\n  pipeline.batch.size: 125\n  config.reload.interval: 3s\n  pipeline.ordered: auto\n"
    (tmp_path / "pipelines.yml").write_text(text)
    [found] = read_pipelines(tmp_path, {})
    said = [str(warning).splitlines()[0].removeprefix(f"{tmp_path}/pipelines.yml:") for warning in found.warnings]
    assert [one.partition(": ")[0] for one in said] == ["2:3", "3:3", "4:3"]
    assert said[1] == '3:3: the setting "config.reload.interval" changes nothing here: put it into logstash.yml'


def test_what_is_to_be_said_of_all_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "logstash.yml").write_text("http.host: 0.0.0.0\npath.logs: /x\n")
    (tmp_path / "pipelines.yml").write_text(
        "- {pipeline.id: a, path.config: b, pipeline.batch.size: 5}\n"
        "- {pipeline.id: c, path.config: b, pipeline.batch.size: 5}\n"
    )
    found = read_pipelines(tmp_path, {})
    said = [[warning.message.split('"')[1] for warning in read.warnings] for read in found]
    assert said == [["path.logs", "pipeline.batch.size", "http.host"], ["pipeline.batch.size"]]
