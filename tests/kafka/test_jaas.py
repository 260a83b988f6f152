from __future__ import annotations

import pytest

from pipeline.kafka.jaas import Login, parse, parse_file

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@pytest.mark.parametrize(
    ("text", "login"),
    [
        (f'{PLAIN} required username="u" password="p";', Login("PlainLoginModule", {"username": "u", "password": "p"})),
        (f"{PLAIN} REQUIRED\n username='u u'\n password=p-1 ;\n",
         Login("PlainLoginModule", {"username": "u u", "password": "p-1"})),
        (f'{PLAIN} required password="a\\"b;c=d\\\\";', Login("PlainLoginModule", {"password": 'a"b;c=d\\'})),
        ("ScramLoginModule required /* why */ username=u // not this\n;", Login("ScramLoginModule", {"username": "u"})),
        ("OAuthBearerLoginModule required;", Login("OAuthBearerLoginModule", {})),
    ],
)  # fmt: skip
def test_entries(text: str, login: Login) -> None:
    assert parse(text) == login


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a JAAS entry is"),
        (PLAIN, "a JAAS entry is"),
        (f'{PLAIN} username="u";', "a JAAS entry is"),
        (f'{PLAIN} required username "u";', "after username"),
        (f"{PLAIN} required username=", "after username"),
        (f'{PLAIN} required username="u"', "a semicolon ends it"),
        (f'{PLAIN} required username="u"; Other required;', "a semicolon ends it"),
        (f'{PLAIN} required password="secret;', "not closed"),
    ],
)
def test_faults_say_what_is_wrong_and_show_no_secret(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse(text)
    assert "secret" not in str(caught.value)


def test_a_file_has_a_section() -> None:
    text = f'Other {{ X required; }};\nKafkaClient {{\n  {PLAIN} required username="u" password="p";\n}};\n'
    assert parse_file(text) == Login("PlainLoginModule", {"username": "u", "password": "p"})
    with pytest.raises(ValueError, match="no section KafkaClient"):
        parse_file(f"{PLAIN} required;")
