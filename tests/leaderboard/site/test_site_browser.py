"""The site in a browser, opened from its files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, POISON

READY = "html[data-ready]"


class Reader:
    """A page, with all that it asked for and complained of."""

    def __init__(self, browser: Any, site: Path, **context: Any) -> None:
        self.site = site
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("dialog"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, address: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(f"{self.site.as_uri()}/{address}")
        self.page.wait_for_selector(READY, state="attached")
        return self.page

    def column(self, heading: str, table: str) -> list[str]:
        """The texts of a column of the table of that name."""
        headings = self.page.locator(f"table[aria-label='{table}'] thead th").all_text_contents()
        place = [text.strip() for text in headings].index(heading) + 1
        texts = self.page.locator(f"table[aria-label='{table}'] tbody td:nth-child({place})").all_text_contents()
        return [text.strip() for text in texts]


PUBLISHED = sorted((Path(__file__).parents[3] / "leaderboards").glob("*/site"))


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda site: site.parent.name)
def test_a_published_site_works_page_by_page(browser: Any, published: Path) -> None:
    reader = Reader(browser, published)
    page = reader.open("index.html")
    page.wait_for_selector("figure svg")
    assert page.locator("figure").count() >= 2
    page = reader.open("cells.html")
    page.get_by_label("attacker", exact=True).select_option("gan")
    assert set(reader.column("attacker", "Cells")) == {"gan"}
    page.locator("tbody tr").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell h1")
    assert page.locator("pre.command").inner_text().startswith("recbench run")
    with page.expect_download() as download:
        page.locator("a[href$='.npz']").click()
    assert (published / "poison" / download.value.suggested_filename).is_file()
    page = reader.open("plugin.html#attacker/gan")
    assert reader.column("attacker", "Cells") != []
    assert reader.complaints == []
    assert all(url.startswith((published.as_uri(), "about:")) for url in reader.requests)
    reader.context.close()


@pytest.fixture
def read(browser: Any, site: Path) -> Iterator[Any]:
    """A reader; in the end, no page has complained or asked for anything but files of the site."""
    readers: list[Reader] = []

    def start(**context: Any) -> Reader:
        readers.append(Reader(browser, site, **context))
        return readers[-1]

    yield start
    for reader in readers:
        reader.context.close()
        assert reader.complaints == []
        outside = [url for url in reader.requests if not url.startswith((site.as_uri(), "about:"))]
        assert outside == []


RECOMMENDERS = "Recommenders, d, attack size 1%"


def test_a_board_is_sorted_by_its_headers_with_the_keyboard_too(read: Any) -> None:
    reader = read()
    page = reader.open("index.html")
    header = page.locator(f"table[aria-label='{RECOMMENDERS}'] th", has_text="NDCG@10").first
    header.click()
    assert reader.column("recommender", RECOMMENDERS) == ["A", "B"]
    assert header.get_attribute("aria-sort") == "descending"
    header.locator("[role=button]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"table[aria-label='{RECOMMENDERS}'] th[aria-sort='ascending']")
    assert reader.column("recommender", RECOMMENDERS) == ["B", "A"]


def test_what_is_absent_is_sorted_last_both_ways(read: Any) -> None:
    reader = read()
    page = reader.open("cells.html")
    for _ in range(2):
        page.locator("th", has_text="gain, bits").click()
        texts = reader.column("gain, bits", "Cells")
        assert "n/a" in texts
        assert texts == sorted(texts, key=lambda text: text == "n/a")


def test_a_board_is_filtered_by_a_word(read: Any) -> None:
    reader = read()
    page = reader.open("index.html")
    page.locator(".board", has=page.locator("#board-recommenders")).locator("input[type=search]").fill("b")
    assert "B" in reader.column("recommender", RECOMMENDERS)
    page.locator(".board", has=page.locator("#board-attackers")).locator("input[type=search]").fill("nobody")
    assert page.locator(".board", has=page.locator("#board-attackers")).locator("td.dt-empty").is_visible()


def test_cells_are_filtered_by_axis_and_opened(read: Any) -> None:
    reader = read()
    page = reader.open("cells.html")
    page.get_by_label("attacker", exact=True).select_option("p")
    page.get_by_label("recommender", exact=True).select_option("A")
    assert set(reader.column("attacker", "Cells")) == {"p"}
    assert set(reader.column("recommender", "Cells")) == {"A"}
    page.locator("tbody tr").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/cell.html#*")
    page.wait_for_selector("#cell h1")
    assert page.locator("#cell h1").inner_text().startswith("A on d, under p")
    assert "--recommender A --attacker p" in page.locator("pre.command").inner_text()


def test_the_section_chosen_is_the_one_that_is_shown(read: Any) -> None:
    reader = read()
    page = reader.open("index.html")
    before = page.locator("figure svg").first.inner_html()
    page.get_by_text("d · 3%").click()
    assert page.locator("#board-recommenders + h3").inner_text() == "d, attack size 3%"
    page.wait_for_function("before => document.querySelector('figure svg')?.innerHTML !== before", arg=before)
    assert page.locator("figure").count() == 3


def test_a_suite_of_several_sizes_has_budget_curves(read: Any) -> None:
    reader = read()
    page = reader.open("index.html")
    figure = page.locator("figure", has_text="Effect by budget")
    figure.locator("svg").wait_for()
    names = ["g", "p"]
    assert figure.locator("svg g[aria-label='line'] path").count() == len(names)
    assert figure.locator("svg g[aria-label='dot'] circle").count() == 2 * len(names)
    assert set(figure.locator("svg g[aria-label='text'] text").all_text_contents()) == set(names)
    figure.locator("summary").click()
    found = zip(*(reader.column(heading, "Effect by budget") for heading in ("attacker", "size", "gain")), strict=True)
    assert set(found) == {("g", "1%", "+0.583"), ("g", "3%", "+1.250"), ("p", "1%", "+0.350"), ("p", "3%", "+1.050")}


def test_charts_have_their_numbers_as_tables(read: Any) -> None:
    page = read().open("index.html")
    page.wait_for_selector("figure svg")
    for number in range(page.locator("figure").count()):
        figure = page.locator("figure").nth(number)
        assert "The numbers are in the table below" in (figure.locator("svg").first.get_attribute("aria-label") or "")
        figure.locator("summary").click()
        assert figure.locator("tbody tr").first.is_visible()


def test_a_failed_cell_shows_hostile_texts_as_texts(read: Any, records: list[dict[str, Any]]) -> None:
    failure = next(each for each in records if each["status"] == "error")
    page = read().open(f"cell.html#{failure['cell_id']}")
    assert HOSTILE in page.locator("p.status").inner_text()
    assert f"Traceback: {HOSTILE}" in page.locator("pre.log").inner_text()
    assert HOSTILE in page.locator("h1").inner_text()
    assert page.locator("main img, main script").count() == 0
    assert page.title() == f"{failure['cell_id']} · recbench"
    page.locator("h1 a", has_text="<img").click()
    page.wait_for_url("**/plugin.html#attacker/*")
    page.wait_for_selector("#plugin h1")
    assert page.locator("#plugin h1").inner_text() == HOSTILE


def test_a_hostile_name_is_text_in_every_table_and_can_be_filtered_by(read: Any) -> None:
    reader = read()
    page = reader.open("cells.html")
    page.locator("input[type=search]").fill("</script>&amp;")
    assert HOSTILE in {*reader.column("attacker", "Cells"), *reader.column("defense", "Cells")}
    page.get_by_label("defense", exact=True).select_option(HOSTILE)
    assert set(reader.column("defense", "Cells")) == {HOSTILE}
    assert page.locator("main img, main script").count() == 0
    assert page.title() == "Cells of hand-made · recbench"
    page = reader.open("index.html")
    page.wait_for_selector("figure svg")
    assert HOSTILE in page.locator("#boards").inner_text()
    assert page.locator("main img, main script").count() == 0


def test_a_cell_offers_its_poison_and_its_explanation(read: Any, records: list[dict[str, Any]]) -> None:
    reader = read()
    attacked = next(each for each in records if each["question"]["attacker"]["name"] == "p")
    page = reader.open(f"cell.html#{attacked['cell_id']}")
    with page.expect_download() as download:
        page.get_by_text(f"{POISON}.npz").click()
    assert download.value.suggested_filename == f"{POISON}.npz"
    page.wait_for_selector("figure svg")
    assert page.locator("figure").count() == 2
    assert reader.column("bits", "Which fakes moved the targets") == ["+0.400", "−0.100"]


def test_a_cell_under_attack_shows_what_the_defenses_saw(read: Any, records: list[dict[str, Any]]) -> None:
    reader = read()
    defended = next(each for each in records if each.get("artifacts", {}).get("verdict"))
    other = {"defense": None}
    undefended = next(each for each in records if each["question"] | other == defended["question"] | other)
    assert undefended["question"]["defense"]["name"] == "none"
    for cell in (defended, undefended):
        page = reader.open(f"cell.html#{cell['cell_id']}")
        page.wait_for_selector("figure svg")
        name = "Where the fakes stand in the order of suspicion"
        assert reader.column("defense", name) == [HOSTILE]
        assert reader.column("fakes removed", name) == ["1 of 1, 100.0%"]
        assert reader.column("genuine users removed", name) == ["0 of 2, 0.0%"]
        assert page.locator("figure").filter(has_text=name).locator("rect").count() >= 1


def test_a_cell_that_is_not_there_says_so(read: Any) -> None:
    for address in ("cell.html#0123", "cell.html#..%2f..%2fx", "cell.html"):
        reader = read()
        page = reader.open(address)
        assert page.locator("h1").inner_text() == "No such cell"
        reader.complaints.clear()  # a shard that does not exist is one


def test_a_plugin_has_its_rows_and_cells(read: Any) -> None:
    reader = read()
    page = reader.open("plugin.html#attacker/g")
    assert page.locator("h2").all_inner_texts() == ["Attackers", "8 cells"]
    assert set(reader.column("attacker", "Cells")) == {"g"}
    assert len(reader.column("cell", "Cells")) == 8


def test_the_theme_follows_the_system_until_it_is_switched(read: Any) -> None:
    reader = read(color_scheme="dark")
    page = reader.open("index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("#theme").click()
    light = page.evaluate(background)
    assert (dark, light) == ("rgb(20, 23, 26)", "rgb(253, 253, 251)")
    assert page.locator("#theme").inner_text() == "Dark"
    assert reader.open("cells.html").evaluate(background) == light


@pytest.mark.parametrize("address", ["index.html", "cells.html", "plugin.html#recommender/A", "cell"])
def test_no_page_is_wider_than_a_phone(read: Any, records: list[dict[str, Any]], address: str) -> None:
    if address == "cell":
        address = f"cell.html#{next(each for each in records if each['status'] == 'error')['cell_id']}"
    page = read(viewport={"width": 390, "height": 844}).open(address)
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("h1").is_visible()


def test_the_focus_can_be_seen(read: Any) -> None:
    page = read().open("index.html")
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
