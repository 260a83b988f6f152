"""The configuration file: the example is right, and what is wrong is said, all of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from shippers.node.destinations import KafkaSettings
from shippers.node.settings import read
from shippers.node.windows import Settings

EXAMPLE = Path(__file__).parents[3] / "shippers" / "node.toml"
LEAST = """
data = "/var/lib/x"
[[inputs]]
id = "a"
paths = ["/var/log/*.log"]
[output.lumberjack]
hosts = ["one:5044", "two", "[::1]:5045"]
"""


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "node.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    return [str(fault).removeprefix(f"{path}: ") for fault in caught.value.faults]


def test_the_example_with_its_comments_and_with_all_that_it_mentions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", "secret")
    assert read(EXAMPLE).inputs[0][1].fields == {"service": "apex-api"}
    text = EXAMPLE.read_text()
    everything = re.sub(r"^# (?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE)
    everything = everything.partition("[output.kafka]")[0]
    everything = re.sub(r'"/etc/apex-logs/[^"]*"', '""', everything).replace('[""]', "[]")
    (tmp_path / "node.toml").write_text(everything)
    found = read(tmp_path / "node.toml")
    assert [each.id for each, _ in found.inputs] == ["apex", "containers", "java"]
    assert isinstance(found.output, Settings)
    assert found.output.tls is not None
    defaults = read(EXAMPLE)
    assert isinstance(defaults.output, Settings)
    assert found.pace == defaults.pace, "what the comments show are the defaults"
    assert replace(found.output, tls=None) == defaults.output


def known(folder: Path, text: str, place: str) -> set[str]:
    """The options of a table: a fault with a name that is like none of them lists them."""
    [fault] = [fault for fault in faults(folder, text) if fault.startswith(f"{place}0123456789:")]
    return set(fault.partition("known here are ")[2].split(", "))


def test_the_example_has_every_option_and_no_other(tmp_path: Path) -> None:
    wrong = "0123456789 = 1\n"
    kafka = LEAST.partition("[output")[0] + "[output.kafka]\n" + wrong
    options = known(tmp_path, wrong + LEAST, "") | known(
        tmp_path, LEAST.replace("paths", wrong + "paths"), "inputs[0]."
    )
    options |= known(tmp_path, LEAST + wrong, "output.lumberjack.") | known(tmp_path, kafka, "output.kafka.")
    for table, place in (("agent", "agent."), ("log", "log."), ("output.lumberjack.tls", "output.lumberjack.tls.")):
        options |= known(tmp_path, f"{LEAST}[{table}]\n{wrong}", place)
    within = LEAST.replace("[output.l", f"[inputs.multiline]\n{wrong}[output.l")
    options |= known(tmp_path, within, "inputs[0].multiline.")
    assert len(options) > 50
    shown = set(re.findall(r"^(?:# )?(?:\[+[\w.]*?)?(\w+)(?: = |\]+)", EXAMPLE.read_text(), re.MULTILINE))
    assert sorted(options - shown) == ["output"]  # the tables within it are there
    assert sorted(shown - options - {"lumberjack", "kafka"}) == []


def test_hosts(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(LEAST)
    output = read(tmp_path / "node.toml").output
    assert isinstance(output, Settings)
    assert output.hosts == [("one", 5044), ("two", 5044), ("::1", 5045)]


def test_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "me")
    text = LEAST.partition("[output")[0] + (
        '[output.kafka]\nbootstrap_servers = ["k:9092"]\ntopic = "logs"\nsecurity_protocol = "SASL_SSL"\n'
        'username = "${WHO}"\npassword = "${NO_SUCH:other}"\n'
    )
    (tmp_path / "node.toml").write_text(text)
    output = read(tmp_path / "node.toml").output
    assert isinstance(output, KafkaSettings)
    assert (output.username, output.password, output.compression) == ("me", "other", "lz4")
    assert output.tls is not None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('data = "/var/lib/x"', "", ["data: is missing: the folder for positions"]),
        ('id = "a"', "", ["inputs[0].id: is missing: a name that is never changed"]),
        ('id = "a"', 'id = "a/b"', ['inputs[0].id: "a/b" may have letters']),
        ('paths = ["/var/log/*.log"]', "paths = []", ["inputs[0].paths: is missing or empty: the files to follow"]),
        ('paths = ["/var/log/*.log"]', 'paths = "/a"', ["inputs[0].paths: must be a list of texts"]),
        ("/var/log/*.log", "logs/*.log", ['inputs[0].paths: "logs/*.log" must be an absolute path']),
        ('id = "a"', 'id = "a"\npath = []', ['inputs[0].path: there is no such option; did you mean "paths"?']),
        ('id = "a"', 'id = "a"\nmax_bytes = "1 furlong"', ["inputs[0].max_bytes: must be bytes, or a text such as"]),
        ('id = "a"', 'id = "a"\nmax_bytes = 1', ["inputs[0].max_bytes: must be from 64 to 8388608 bytes, and is 1"]),
        ('id = "a"', 'id = "a"\nignore_older = "soon"', ["inputs[0].ignore_older: must be seconds, or a text"]),
        ('id = "a"', 'id = "a"\nformat = "xml"', ['inputs[0].format: "xml" is none of lines, container']),
        ('id = "a"', 'id = "a"\nstream = "stdout"', ['inputs[0].stream: is for format = "container" alone']),
        ('id = "a"', 'id = "a"\ncopytruncate = "("', ["inputs[0].copytruncate: is no regular expression"]),
        ('id = "a"', 'id = "a"\nfields = 1', ["inputs[0].fields: must be a table, and is 1"]),
        ('id = "a"', 'id = "a"\nmultiline = {}', ["inputs[0].multiline.pattern: is missing: a regular expression"]),
        ('id = "a"', 'id = "a"\nmultiline = {pattern = "("}', ["inputs[0].multiline.pattern: is no regular"]),
        ("two", "two:port", ["output.lumberjack.hosts: 'two:port' is no address"]),
        ("[output.lumberjack]", "[output.lumber]", ["output: needs one of", "output.lumber: there is no such option"]),
        ("[output.lumberjack]", "[output.kafka]\n[output.lumberjack]", ["needs one of", "bootstrap_servers", "topic"]),
        ("hosts", "slow_start = 1\nhosts", ["output.lumberjack.slow_start: must be true or false, and is 1"]),
        ("hosts", "pipelining = 0\nhosts", ["output.lumberjack.pipelining: must be a whole number from 1 to 64"]),
        ("hosts", 'tls = {certificate_authorities = ["/none"]}\nhosts', ["tls.certificate_authorities: /none"]),
        ("hosts", 'tls = {key = "/none"}\nhosts', ["output.lumberjack.tls.certificate: is missing"]),
        ("hosts", 'tls = {key_passphrase = "${NO_SUCH}"}\nhosts', ["key_passphrase: the variable NO_SUCH is not"]),
        ("/var/lib/x", "${NO_SUCH_FOLDER}", ["data: the variable NO_SUCH_FOLDER is not defined; set it"]),
        ("[[inputs]]", "[inputs]", ["inputs: must be tables: [[inputs]]"]),
        ("data =", "date = 1\ndata =", ['date: there is no such option; did you mean "data"?']),
        ("data =", "data", ["is no TOML: "]),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    found = faults(tmp_path, LEAST.replace(old, new, 1))
    for text in expected:
        assert any(text in fault for fault in found), found


def test_all_faults_at_once_and_ids_are_told_apart(tmp_path: Path) -> None:
    text = LEAST.replace("[output", '[[inputs]]\nid = "a"\npaths = ["b"]\n[log]\nlevel = "loud"\n[output')
    found = faults(tmp_path, text)
    assert len(found) == 3, found
    assert any('inputs[1].id: "a" is the id of another input' in fault for fault in found)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read: No such file"):
        read(tmp_path / "none.toml")
