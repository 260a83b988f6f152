"""What the command line of `explore` refuses."""

import socket

import pytest

from tests.cli.program import invoke

REFUSED = [
    (["--host", "0.0.0.0"], {}, 2, "set APEX_LOGS_EXPLORE_TOKEN"),
    ([], {"APEX_LOGS_EXPLORE_TOKEN": "short"}, 2, "takes 16 characters or more"),
    (["--traces", "javascript:{}"], {}, 2, "--traces takes an http or https address"),
    (["--traces", "http://jaeger/"], {}, 2, "--traces takes an http or https address"),
    (["--elasticsearch", "nonsense://x"], {}, 2, "--elasticsearch"),
]


@pytest.mark.parametrize(("arguments", "environment", "code", "said"), REFUSED)
def test_refused(arguments, environment, code, said):
    answer = invoke("explore", *arguments, **environment)
    assert answer.code == code
    assert said in answer.err


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = invoke("explore", "--port", str(server.getsockname()[1]))
    assert answer.code == 1
    assert "choose another --port" in answer.err
