"""TLS and mutual TLS, against the real input."""

from __future__ import annotations

import dataclasses
import logging
import ssl
from collections.abc import Callable, Iterator

import pytest

from shippers.handlers.logs import LumberjackHandler, ShippingHandler
from tests.beats.workbench import Certificates
from tests.shippers.handlers.workbench import PATIENCE, QUICK, Pipeline, Relay, eventually, new_run, program

LogsTo = Callable[[ShippingHandler], logging.Logger]


@pytest.fixture(scope="module", params=["none", "required"])
def wants(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def secured(wants: str, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    pem = certificates.options()["ssl_key"]
    options = f'ssl_enabled => true ssl_certificate => "{pem}" ssl_key => "{pem}" '
    if wants == "required":
        authority = certificates.folder / "ca.pem"
        options += f'ssl_client_authentication => "required" ssl_certificate_authorities => ["{authority}"]'
    made = Pipeline(tmp_path_factory.mktemp("secured"), options)
    made.start()
    try:
        made.listening()
        yield made
    finally:
        made.kill()


def test_records_go_over_tls(secured: Pipeline, wants: str, certificates: Certificates, logs_to: LogsTo) -> None:
    run = new_run()
    tls = certificates.client(certificate=wants == "required")
    handler = LumberjackHandler(f"localhost:{secured.port}", fields=run, tls=tls, pace=QUICK)
    logger = logs_to(handler)
    for number in range(3):
        logger.info("%d", number)
        assert handler.drain(PATIENCE)
    assert sorted(secured.messages(run["run"])) == ["0", "1", "2"]


def test_a_child_leaves_its_parents_connection_as_it_is(
    secured: Pipeline, wants: str, certificates: Certificates
) -> None:
    run = new_run()["run"]
    files = f"ca={certificates.folder / 'ca.pem'}"
    if wants == "required":
        pem = certificates.options()["ssl_key"]  # any certificate of the authority will do
        files += f"&certificate={pem}&key={pem}"
    text = """
    import logging, os, sys
    from shippers.handlers.targets import handler_for
    handler = handler_for(sys.argv[1], fields={"run": sys.argv[2]})
    log = logging.getLogger()
    log.addHandler(handler)
    log.error("before")
    assert handler.drain(30)
    if os.fork() == 0:
        log.error("child")
        sys.exit(0)
    os.wait()
    log.error("after")
    """
    with Relay(secured.port, reads=False) as relay:
        program(text, f"beats+tls://localhost:{relay.port}?{files}", run)
    assert sorted(secured.messages(run)) == ["after", "before", "child"]
    assert relay.connections == 2


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_is_not_trusted_gets_nothing_and_the_program_goes_on(
    secured: Pipeline, wants: str, with_tls: bool, logs_to: LogsTo, capfd: pytest.CaptureFixture[str]
) -> None:
    run = new_run()
    tls = ssl.create_default_context() if with_tls else None
    pace = dataclasses.replace(QUICK, farewell=0.1)  # it is not to wait for what cannot be
    handler = LumberjackHandler(f"localhost:{secured.port}", fields=run, tls=tls, pace=pace)
    logger = logs_to(handler)
    logger.info("secret")
    said: list[str] = []
    eventually(lambda: said.append(capfd.readouterr().err) or "1 records wait" in "".join(said))
    assert ("CERTIFICATE_VERIFY_FAILED" in "".join(said)) == with_tls
    assert handler.sent == 0
    assert secured.messages(run["run"]) == []
