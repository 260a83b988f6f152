import pytest

from tests.search.stores import Stores, filled


@pytest.fixture(scope="session")
def stores(elasticsearch, tmp_path_factory) -> Stores:
    """An embedded store and a real Elasticsearch with the same documents."""
    return filled(tmp_path_factory.mktemp("agreeing"), elasticsearch.url)
