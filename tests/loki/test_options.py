"""The options of the loki output: what cannot be, and what changes nothing."""

import re

import pytest
from pydantic import ValidationError

from pipeline.loki.options import LokiOptions
from tests.harness import planned

URL = "http://127.0.0.1:1/loki/api/v1/push"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "loki:3100"}, '"loki:3100" is no URL: write http://host:3100/loki/api/v1/push'),
        ({"url": "ftp://loki"}, "is no URL"),
        ({"url": "http://loki:99999"}, "is no URL"),
        ({"url": "http://u:p@loki"}, "give username and password as options"),
        ({"cert": __file__}, "cert and key go together"),
        ({"password": "p"}, "password needs a username"),
        ({"min_delay": 9, "max_delay": 3}, "min_delay, 9, is longer than max_delay, 3"),
        ({"labels": {"app-name": "x"}}, '"app-name" cannot be the name of a label; write "app_name"'),
        ({"include_fields": ["a.b", "[a][b]"]}, 'include_fields: [a][b] and a.b both give "a_b"'),
        ({"include_fields": ["job"], "labels": {"job": "x"}}, 'job and labels both give "job"'),
        ({"metadata_fields": ["a", "[a]"]}, "metadata_fields: [a] and a both give"),
        ({"batch_size": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_cannot_be(given, complaint):
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        LokiOptions(**{"url": URL, **given})


def test_options_that_change_nothing_are_said():
    plan = planned(f'output {{ loki {{ url => "{URL}" batch_wait => 5 retries => 3 }} }}')
    said = "\n".join(str(warning) for warning in plan.warnings)
    assert '"batch_wait" changes nothing' in said
    assert '"retries" changes nothing' in said
