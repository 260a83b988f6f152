"""Every pattern of the library against texts that it matches and texts that it does not."""

from __future__ import annotations

import re
from pathlib import Path

import onigurumacffi
import pytest

from pipeline.languages import grok
from pipeline.languages.grok_captures import Terms, applier
from pipeline.languages.grok_library import built_in, library, read

ANYTHING = {
    "DATA",
    "GREEDYDATA",
    "JAVALOGMESSAGE",
    "BACULA_FILE",
    "BACULA_ERROR",
    "S3_REQUEST_LINE",
    "ELB_REQUEST_LINE",
}
ANYTHING |= {"S3_REQUEST_LINE", "ELB_REQUEST_LINE", "HAPROXYCAPTUREDREQUESTHEADERS", "HAPROXYCAPTUREDRESPONSEHEADERS"}
WITHIN = {"MONGO_QUERY", "IPTABLES4_FRAG"}
"""Those that look around them match nothing from end to end."""


def _examples():
    found, name = {}, ""
    for line in (Path(__file__).parent / "grok_examples.txt").read_text(encoding="utf-8").splitlines():
        if line[1:2] == " " and line[0] in "+-EL":
            text = line[2:].replace("\\t", "\t").replace("\\n", "\n")
            for ecs in (False, True):
                found[name][ecs][line[0] in ("+", "E" if ecs else "L")].append(text)
        elif line and not line.startswith("# "):
            name = line
            found[name] = (([], []), ([], []))
    return found


EXAMPLES = _examples()


@pytest.mark.parametrize("ecs", [False, True], ids=["legacy", "ecs"])
def test_every_pattern_has_examples(ecs):
    assert set(built_in(ecs=ecs)) <= set(EXAMPLES)
    for name in built_in(ecs=ecs):
        others, matching = EXAMPLES[name][ecs]
        assert matching or name in WITHIN, name
        assert others or name in ANYTHING, name


def test_there_are_no_examples_of_what_is_not_there():
    assert set(EXAMPLES) <= {*built_in(ecs=True), *built_in(ecs=False)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name):
    for ecs in (True, False):
        others, matching = EXAMPLES[name][ecs]
        patterns = built_in(ecs=ecs)
        if name not in patterns:
            continue
        whole = grok.compile(rf"\A%{{{name}}}\z", patterns)
        applier(whole.captures, whole.regex.groups, Terms())
        for text in matching:
            assert whole.find(text), (ecs, text)
        for text in others:
            assert not whole.find(text), (ecs, text)


@pytest.mark.parametrize("ecs", [False, True], ids=["legacy", "ecs"])
def test_a_slow_query_of_mongodb_is_found_within_its_line(ecs):
    line = 'query db.c query: { a: "x" } ntoreturn:0 ntoskip:0 nscanned:9 r:1 nreturned:7 reslen:2 142ms'
    found = grok.compile("%{MONGO_QUERY:q}", built_in(ecs=ecs)).find(line)
    assert found[1] == '{ a: "x" }'


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_match_at_the_same_places_as_in_oniguruma(name):
    for ecs in (True, False):
        patterns = built_in(ecs=ecs)
        if name not in patterns:
            continue
        ours = grok.compile(f"%{{{name}}}", patterns)
        nameless = re.sub(r"\(\?<(?![=!])[^>]*>", "(?:", grok.expanded(f"%{{{name}}}", dict(patterns)))
        theirs = onigurumacffi.compile(f"(?m:{nameless})")
        others, matching = EXAMPLES[name][ecs]
        for text in [*others, *matching, f"before {(matching or ['x'])[0]} after"]:
            mine, other = ours.find(text), theirs.search(text)
            assert (mine and mine.span()) == (other and other.span()), (ecs, text)


def test_files_of_the_user_are_read_in_order(tmp_path):
    (tmp_path / "a.pattern").write_text("# a comment\n\nONE  a b \r\nTWO c\nbroken\n")
    (tmp_path / "b.pattern").write_text("TWO d\n")
    (tmp_path / "b.old").write_text("TWO e\n")
    (tmp_path / "inner").mkdir()
    assert read(tmp_path / "a.pattern") == {"ONE": "a b ", "TWO": "c"}
    found = library(ecs=True, places=[str(tmp_path)], names="*.pattern")
    assert (found["ONE"], found["TWO"], found["INT"]) == ("a b ", "d", built_in(ecs=True)["INT"])
    assert library(ecs=True, places=[str(tmp_path / "b.*")])["TWO"] == "d"
    assert library(ecs=True, places=[str(tmp_path / "none")]).get("TWO") is None


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"ONE \xff\n")
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'x'} is not UTF-8")):
        library(ecs=False, places=[str(tmp_path)])
