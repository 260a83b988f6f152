"""The page in a real browser: what an analyst does, over a store that lies still."""

import re
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import expect

from tests.explore.documents import CITIES, HOSTILE


def says(opened, name, value=None):
    """The address has the parameter, or has it soon: it is told of after what is seen."""

    def there(url: str) -> bool:
        given = dict(parse_qsl(urlsplit(url).query))
        return name in given and value in (None, given[name])

    opened.page.wait_for_url(there, wait_until="commit")


def test_a_search_gives_a_table_a_histogram_and_a_link(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.search("status:503 and level:error")
    expect(opened.rows.first).to_contain_text("database is locked")
    says(opened, "q", "status:503 and level:error")
    shown = opened.page.locator("text=/^[0-9]+ documents$/").inner_text()
    assert 0 < int(shown.split()[0]) < 100
    again = open_page(opened.page.url)
    again.counts(shown)
    assert again.query.input_value() == "status:503 and level:error"
    opened.page.go_back()
    opened.counts("600 documents")
    opened.shot("search")
    assert opened.complaints == []


def test_it_asks_nobody_else(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.go("?tab=map")
    expect(opened.page.get_by_text("of the newest documents that have a place")).to_be_visible()
    others = [
        url for url in opened.requests if not url.startswith((full, full.replace("http", "ws"), "data:", "blob:"))
    ]
    assert (others, opened.complaints) == ([], [])


def test_what_a_document_holds_is_text(open_page, full):
    opened = open_page(full, "?columns=level,message")
    expect(opened.rows.first).to_contain_text(HOSTILE)
    opened.rows.first.click()
    drawer = opened.page.locator(".q-drawer--right")
    expect(drawer).to_contain_text("document.title = 'taken'")
    drawer.get_by_role("tab", name="JSON").click()
    expect(drawer.get_by_text('"<script>').first).to_be_visible()
    opened.shot("hostile")
    drawer.get_by_label("Close").click()
    opened.page.locator(".q-expansion-item", has_text="level").first.click()
    expect(opened.page.get_by_label("Only this value").first).to_be_visible()
    opened.go("?tab=map")
    expect(opened.page.get_by_text("of the newest documents that have a place")).to_be_visible()
    assert "<script>" in _tooltips(opened)
    assert opened.page.title() == "apex-logs"
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.complaints == []


def _tooltips(opened):
    """What the map says of its places, under the mouse."""
    chart = opened.page.locator(".nicegui-echart:visible")
    box = chart.bounding_box()
    width, height = box["width"] - 40 - 16, box["height"] - 8 - 24
    said = ""
    for _, _, latitude, longitude in CITIES:
        x, y = box["x"] + 40 + width * (longitude + 180) / 360, box["y"] + 8 + height * (90 - latitude) / 150
        opened.page.mouse.move(x - 2, y)
        opened.page.mouse.move(x, y)
        opened.page.wait_for_timeout(300)
        said += chart.inner_text()
    return said


def test_brushing_the_histogram_chooses_a_time(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.page.wait_for_timeout(500)
    box = opened.page.locator(".nicegui-echart").first.bounding_box()
    y = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] * 0.5, y)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    opened.page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=5)
    opened.page.mouse.up()
    expect(opened.page).to_have_url(re.compile("from=2026-11-23T1.*to=2026-11-23T1"))
    expect(opened.page.locator("text=/^1[0-9]{2} documents$/")).to_be_visible()
    opened.shot("brushed")


def test_a_value_becomes_a_filter_and_goes_again(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.page.locator(".q-expansion-item", has_text="route").first.click()
    opened.page.get_by_label("Only this value").first.click()
    chip = opened.page.locator(".q-chip", has_text="route:")
    expect(chip).to_be_visible()
    says(opened, "filter")
    expect(opened.page.locator("text=/^1[0-9]{2} documents$/")).to_be_visible()
    opened.shot("filter")
    chip.locator(".q-chip__icon--remove").click()
    opened.counts("600 documents")
    opened.page.get_by_label("Add as a column").first.click()
    expect(opened.page).to_have_url(re.compile("columns="))


def test_a_document_has_a_link_a_trace_and_filters(open_page, full):
    opened = open_page(full, "?q=status:503")
    expect(opened.rows.nth(1)).to_be_visible()
    opened.rows.nth(1).click()
    drawer = opened.page.locator(".q-drawer--right")
    expect(drawer.get_by_text("duration_ms")).to_be_visible()
    link = drawer.get_by_role("link", name="Open trace").get_attribute("href")
    assert link.startswith("http://127.0.0.1:16686/trace/")
    assert len(link.rpartition("/")[2]) == 32
    opened.shot("document")
    says(opened, "doc")
    again = open_page(opened.page.url)
    expect(again.page.locator(".q-drawer--right").get_by_text("duration_ms")).to_be_visible()
    drawer.get_by_label("Without this value").first.click()
    expect(opened.page.locator(".q-chip", has_text="NOT ")).to_be_visible()


def test_errors_say_what_to_do(open_page, full):
    opened = open_page(full)
    opened.search("level:error status:500")
    expect(opened.page.get_by_text("Cannot read this query")).to_be_visible()
    expect(opened.page.get_by_text("Mend it at the mark.")).to_be_visible()
    opened.shot("error")
    opened.search("level:nothing-like-it")
    expect(opened.page.get_by_text("No document matches")).to_be_visible()
    opened.go("?from=yesterday")
    expect(opened.page.get_by_text('"yesterday" is no time')).to_be_visible()


def test_the_query_is_completed(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.query.press_sequentially("geoip.cou", delay=20)
    offer = opened.page.locator(".q-menu .q-item")
    expect(offer.first).to_contain_text("geoip.country_code2")
    opened.page.keyboard.press("ArrowDown")
    opened.page.keyboard.press("Enter")
    expect(opened.query).to_have_value("geoip.country_code2: ")
    expect(offer.filter(has_text="DE")).to_be_visible()
    opened.shot("completion")
    offer.filter(has_text="DE").click(delay=400)  # pressed as slowly as a person does
    expect(opened.query).to_have_value('geoip.country_code2: "DE" ')
    opened.query.press("Escape")
    opened.query.press("Enter")
    expect(opened.page.locator("text=/^1[0-9]{2} documents$/")).to_be_visible()


def test_keys_and_dark(open_page, full):
    opened = open_page(full)
    opened.counts("600 documents")
    opened.page.keyboard.press("j")
    drawer = opened.page.locator(".q-drawer--right")
    expect(drawer.get_by_text("apex-logs-2026.11.23 / d599")).to_be_visible()
    opened.page.keyboard.press("j")
    expect(drawer.get_by_text("apex-logs-2026.11.23 / d598")).to_be_visible()
    opened.page.keyboard.press("Escape")
    expect(drawer.get_by_label("Close")).not_to_be_in_viewport()
    opened.page.keyboard.press("/")
    expect(opened.query).to_be_focused()
    opened.page.get_by_label("Dark or light").click()
    opened.page.wait_for_function("document.body.classList.contains('body--dark')")
    says(opened, "theme", "dark")
    opened.shot("dark")


def test_the_result_is_downloaded(open_page, full):
    opened = open_page(full, "?q=status:503&columns=route,status")
    expect(opened.rows.first).to_be_visible()
    for kind, first in (("CSV", "@timestamp,route,status"), ("NDJSON", '{"@timestamp"')):
        opened.page.get_by_role("button", name="Download").click()
        with opened.page.expect_download() as found:
            opened.page.locator(".q-menu .q-item", has_text=kind).filter(
                has_text="NDJSON" if kind == "NDJSON" else "CSV"
            ).first.click()
        assert found.value.path().read_text().startswith(first)


def test_a_view_is_saved_and_found_again(open_page, full):
    opened = open_page(full, "?q=status:503")
    expect(opened.rows.first).to_be_visible()
    opened.page.get_by_role("button", name="Saved").click()
    opened.page.get_by_label("Save this view as").fill("locked <b>databases</b>")
    opened.page.get_by_role("button", name="Save", exact=True).click()
    expect(opened.page.get_by_role("button", name="locked <b>databases</b>")).to_be_visible()
    again = open_page(full)
    again.counts("600 documents")
    again.page.get_by_role("button", name="Saved").click()
    again.page.get_by_role("button", name="locked <b>databases</b>").click()
    expect(again.query).to_have_value("status:503")


def test_the_map_shows_places(open_page, full):
    opened = open_page(full, "?tab=map&theme=dark")
    expect(opened.page.get_by_text("600 of the newest documents that have a place, 9 places")).to_be_visible()
    opened.shot("map")
