from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import trustme

from shippers.handlers.logs import ShippingHandler
from tests.beats.workbench import Certificates
from tests.shippers.handlers.workbench import Pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A running pipeline without TLS, for all tests of a module."""
    made = Pipeline(tmp_path_factory.mktemp("pipeline"))
    made.start()
    try:
        made.listening()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def logs_to() -> Iterator[Callable[[ShippingHandler], logging.Logger]]:
    """A logger that has the handler, and nothing else; both end with the test."""
    used: list[tuple[logging.Logger, ShippingHandler]] = []

    def logs_to(handler: ShippingHandler) -> logging.Logger:
        logger = logging.Logger(f"apex.test.{len(used)}", logging.DEBUG)
        logger.addHandler(handler)
        used.append((logger, handler))
        return logger

    yield logs_to
    for _, handler in used:
        handler.close()
