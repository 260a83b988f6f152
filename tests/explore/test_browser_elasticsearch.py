"""The page over Elasticsearch, in a real browser."""

import orjson
from playwright.sync_api import expect

from tests.explore.documents import documents
from tests.explore.site import served
from tests.search.agreement import send

MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "level": {"type": "keyword"},
        "route": {"type": "keyword"},
        "geoip": {"properties": {"location": {"type": "geo_point"}, "country_code2": {"type": "keyword"}}},
    }
}


def test_the_same_page_over_elasticsearch(open_page, elasticsearch, tmp_path):
    send(elasticsearch.url, "PUT", "/explored", {"mappings": MAPPING})
    lines = b""
    for number, document in enumerate(documents(300)):
        lines += orjson.dumps({"create": {"_index": "explored", "_id": str(number)}}) + b"\n"
        lines += orjson.dumps(document) + b"\n"
    assert not send(elasticsearch.url, "POST", "/_bulk?refresh=true", lines)["errors"]
    with served(tmp_path, "--elasticsearch", elasticsearch.url) as url:
        opened = open_page(url, "?index=explored")
        opened.counts("300 documents")
        opened.search("level:error and status >= 503")
        expect(opened.rows.first).to_contain_text("database is locked")
        opened.rows.first.click()
        drawer = opened.page.locator(".q-drawer--right")
        expect(drawer.get_by_text("trace.id")).to_be_visible()
        drawer.get_by_label("Close").click()
        opened.page.locator(".q-expansion-item", has_text="route").first.click()
        opened.page.locator(".q-expansion-item").get_by_label("Only this value").first.click()
        expect(opened.page.locator(".q-chip", has_text="route:")).to_be_visible()
        opened.shot("elasticsearch")
        opened.go("?index=explored&tab=map")
        expect(opened.page.get_by_text("300 of the newest documents that have a place")).to_be_visible()
        opened.go("?index=nosuch-index")
        expect(opened.page.get_by_text("No documents in")).to_be_visible()
        assert opened.complaints == []
