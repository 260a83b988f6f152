"""What real configurations are written like, and what Logstash says to each: files as they come, values, repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import invoke

FINE = {
    "no final newline": b"input { stdin { } }",
    "CRLF": b'input { stdin { } }\r\nfilter {\r\n  mutate { add_tag => ["a",\r\n "b"] }\r\n}\r\noutput { }\r\n',
    "nothing": b"",
    "a comment alone": b"# nothing yet",
    "a fragment": b"filter { drop { } }",
    "a section twice": b"input { stdin { } } filter { drop { } } input { generator { count => 1 } }",
    "beyond ASCII": 'filter { mutate { add_field => { "größe" => "☃" } } } # ä\n'.encode(),
    "a text over lines": b'filter { mutate { replace => { "a" => "one\ntwo" } } }',
    "a quoted option name": b'input { stdin { "type" => web } }',
    "barewords": b"input { stdin { codec => json type => web } } output { stdout { codec => rubydebug } }",
    "a codec as text and as block": b'input { stdin { codec => "json" } } output { stdout { codec => line { } } }',
    "numbers and booleans as text": b'input { tcp { port => "5000" ssl_enabled => "false" } }',
    "a backslash before anything": b'filter { mutate { gsub => ["a", "\\d+\\/", "x"] } }',
    "hashes as pairs": b'filter { mutate { rename => ["a", "b"] convert => ["c", "integer", "d", "float"] } }',
    "one value for an array": b'filter { mutate { lowercase => "a" } }',
    "options given twice": b'filter { mutate { add_field => { "a" => "1" } add_field => { "b" => "2" } '
    b'convert => ["a", "integer"] convert => ["b", "float"] gsub => ["a", "x", "y"] gsub => ["b", "x", "y"] } }',
    "hosts in every shape": b'output { elasticsearch { hosts => ["a", "b:9201", "https://c:9243/x"] index => "i" } '
    b'elasticsearch { hosts => localhost index => "j" } }',
    "an empty elasticsearch": b"output { elasticsearch { } }",
    "former names": b'output { elasticsearch { document_type => "doc" ssl => false index => "i" } }',
    "a variable with a default": b'input { tcp { port => "${NO_SUCH_PORT:5000}" } }',
    "conditions": b'filter { if [type] == "a" and "b" in [tags] { drop { } } else if [m] =~ /x/ or !([n]) { drop { } } '
    b'else if [m] !~ "y" { drop { } } else { if [a] not in ["x", "y"] { if [b] != [c] { drop { } } } } }',
}


@pytest.mark.parametrize("data", FINE.values(), ids=FINE)
def test_it_is_taken(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(data)
    code, out, err = invoke("check", "-f", str(tmp_path / "a.conf"))
    assert code == 0, err
    assert out.startswith("Configuration OK")


WRONG = {
    "a byte-order mark": (b"\xef\xbb\xbfinput { stdin { } }", "1:1: a byte-order mark stands before the text"),
    "a misspelt section": (b"input { }\nouput { }", '2:1: there is no section "ouput"; did you mean "output"?'),
    "a section in its like": (b"filter {\n  filter { } }", '2:3: the section "filter" cannot stand inside another'),
    "a section that is not closed": (b"input { }\noutput { stdout { }\n", '2:1: the block of "output" is never closed'),
    "a placeholder": (b"input { tcp { port => $PORT } }", "1:23: a text such as this needs quotes"),
    "an unquoted variable": (b"input { tcp { port => ${PORT} } }", "1:23: a text such as this needs quotes"),
    "a template": (b"{% for a in b %}\ninput { }", "1:1: expected a section"),
    "no value": (b"output { elasticsearch {\n user =>\n} }", "3:1: expected a value"),
    "a trailing comma": (b'filter { mutate { add_tag => ["a",] } }', '1:35: no comma may stand before "]"'),
    "two codecs": (b"input { stdin { codec => json codec => line } }", "1:26: stdin: expected one codec"),
    "a variable that is not set": (b'input { tcp { port => "${NO_SUCH_PORT}" } }', "1:23: "),
    "an option of long ago": (b'output { elasticsearch { host => "a" } }', '1:26: elasticsearch has no option "host"'),
    "not UTF-8": (b'filter { mutate { add_tag => "\xe4" } }', "1:31: byte 0xe4 is not UTF-8"),
}


@pytest.mark.parametrize(("data", "said"), WRONG.values(), ids=WRONG)
def test_it_is_refused_with_its_place(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(data)
    code, _, err = invoke("check", "-f", str(tmp_path / "a.conf"))
    assert code == 2
    assert f"{tmp_path}/a.conf:{said}" in err


def test_files_of_a_folder_are_one_configuration_without_what_editors_leave(tmp_path: Path) -> None:
    files = {
        "10-in.conf": "input { stdin { } }",
        "20-f.pfelk": "filter { drop { } }",
        "30-out": "output { stdout { } }",
    }
    for name, text in (files | {"40.conf~": "no", ".hidden.conf": "no"}).items():
        (tmp_path / name).write_text(text)
    code, out, _ = invoke("check", "-f", str(tmp_path))
    assert (code, out.strip()) == (0, "Configuration OK: 1 input, 1 filter, 1 output")
