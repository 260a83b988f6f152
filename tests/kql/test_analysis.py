"""The terms of a text, as a real Elasticsearch makes them."""

import random

import pytest

from pipeline.kql.analysis import terms
from tests.search.agreement import send

TEXTS = [
    "user-agent a_b don't 10.0.0.1 1,000 1.5s v1.2.3 a.b.c a:b a;b 1;2 1:2 x.1 1.x _x x_ __ _1_ 3.a.b",
    "GET /api/v1/search?q=x&page=2 HTTP/1.1 foo@bar.com http://example.com/a-b",
    "'quoted' o'clock' rock'n'roll 5'6 \"x\" a..b a.'b a._b a_.b 1.,2",
    "Größe STRASSE café Ünïcode naïve Ελλάς ΣΊΣΥΦΟΣ Привет мир",
    "日本語 のログ テスト カタカナー 東京abc123 aカb 한국어 텍스트 ไทยภาษา x",
    "e\u0301 a\u200db x\u00adb ½ ² ٣٤ 12٣ ａｂｃ １２",
    "a\u2019b l\u2019été a\u00b7b a\u2024b 1\u066b2",
    "emoji 😀 ok ✓ → ©",
]
PIECES = ["a", "B", "1", "22", "_", ".", ",", ":", ";", "'", "-", " ", '"', "/", "é", "ß", "\n", "@", "x9", "Z_"]


def drawn():
    draw = random.Random(11)
    return [" | ".join("".join(draw.choices(PIECES, k=draw.randint(2, 9))) for _ in range(12)) for _ in range(40)]


@pytest.mark.parametrize("text", [*TEXTS, *drawn()])
def test_terms_are_those_of_the_standard_analyzer(elasticsearch, text):
    answer = send(elasticsearch.url, "POST", "/_analyze", {"analyzer": "standard", "text": text})
    assert terms(text) == [token["token"] for token in answer["tokens"]]
