"""What the tests of the file input share."""

import pytest

from tests.beats.conftest import run
from tests.inputs.following import Following

__all__ = ["run"]


@pytest.fixture
def follow(tmp_path):
    """Starts file inputs in the test's folder, with the options given."""
    made = []

    def start(**options):
        made.append(Following(tmp_path, **options))
        return made[-1]

    yield start
    for one in made:
        one.input.files.close()
