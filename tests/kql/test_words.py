import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kql.words import WORD, fold_json, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Connection RESET by peer", ["connection", "reset", "by", "peer"]),
        ("request_id=abc-1.2", ["request", "id", "abc", "1", "2"]),
        ("Straße CAFÉ", ["strasse", "café"]),
        ("日本語「ログ」abc", ["日", "本", "語", "ログ", "abc"]),
        ("“hello”\N{NO-BREAK SPACE}world", ["hello", "world"]),
        ("->", []),
        ("", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (rb'{"a":"line\nnew"}', ["a", "line", "new"]),
        (rb'{"a":"C:\\new\\table"}', ["a", "c", "new", "table"]),
        (rb'{"a":"{\"n\":\"x\\ny\"}"}', ["a", "n", "x", "ny"]),
        (rb'{"a":"ends in \\","b":"n"}', ["a", "ends", "in", "b", "n"]),
        (rb'{"a":"\u001b[31mred\u0000"}', ["a", "31mred"]),
        (rb'{"a":"\u00c9t\u00e9 \ud800x"}', ["a", "été", "x"]),
        (rb'{"n":-5.25,"t":true}', ["n", "5", "25", "t", "true"]),
    ],
)
def test_words_of_a_json_text(source, expected):
    assert words(fold_json(source)) == expected


texts = st.text(
    st.one_of(st.sampled_from('ab1\\"/ \n\t\bné\x00\x1bİß_-'), st.characters(exclude_categories=["Cs"])), max_size=30
)


@given(texts, st.booleans())
def test_a_json_text_has_the_words_of_the_strings_in_it_in_their_order(text, escaped):
    source = json.dumps({"": text}).encode() if escaped else orjson.dumps({"": text})
    assert WORD.findall(fold_json(source).lower()) == words(text)
