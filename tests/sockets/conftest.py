"""The loops and certificates that the tests of sockets share with those of Beats."""

from tests.beats.conftest import certificates, run

__all__ = ["certificates", "run"]
