"""Everybody can use it: axe finds nothing serious of ours, and the keyboard reaches everything."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from medgru.jobs import queue
from medgru.settings import settings
from tests.e2e.driver import Visitor
from tests.pages.runs import AtRest, Book

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21aa"]
# Streamlit's own faults: rule -> part of the selector of the elements in which it is excused, nowhere else.
STREAMLITS_OWN: dict[str, str] = {}

_FOCUSED = """() => { const e = document.activeElement; e.dataset.reached = 'yes';
  const key = e.closest('[class*=st-key-]')?.className.match(/st-key-(\\S+)/)?.[1] ?? '';
  return {key, role: e.getAttribute('role') || e.tagName.toLowerCase(), body: e === document.body}; }"""
_NOT_REACHED = """() => [...document.querySelectorAll(
    '[data-testid=stApp] :is(a[href], button, input, select, summary, [role=combobox], [role=switch])')]
  .filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !e.disabled
    && e.getAttribute('tabindex') !== '-1' && e.type !== 'file' && !e.closest('[inert], [aria-hidden=true], .modebar')
    && !(e.type === 'radio' && !e.checked)  /* one stop for a group of radio buttons */
    && !e.dataset.reached)
  .map(e => e.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def two_runs(server, tiny_bundle_path, random_recordings) -> Iterator[None]:
    """Two runs that are done, in the book of the server that all tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDGRU_HOME", str(server.home))
        patch.setattr(queue, "LAUNCHER", AtRest())
        settings.cache_clear()
        book = Book(tiny_bundle_path, random_recordings(stays=40), queue.LAUNCHER)
        ids = [book.add("first", auroc=0.8), book.add("second", auroc=0.9, hidden_size=64)]
        yield
        for run_id in ids:
            queue.delete(run_id)
    settings.cache_clear()


def serious(page: Page, only: object) -> list[str]:
    """What axe calls serious or critical, but for what is Streamlit's own."""
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
        if not (rule["id"] in STREAMLITS_OWN and STREAMLITS_OWN[rule["id"]] in str(node["target"]))
    ]


def look_twice(visitor: Visitor) -> list[str]:
    """What axe calls serious on a light and on a dark ground; the theme changes nothing but colours."""
    found = []
    for scheme, only in (("light", RULES), ("dark", {"type": "rule", "values": ["color-contrast"]})):
        found += [f"{scheme}: {fault}" for fault in serious(visitor.wear(scheme), only)]
    return found


def tab_to(visitor: Visitor, key: str, role: str = "") -> None:
    """Press Tab until the focus is on the widget of that key."""
    for _ in range(120):
        visitor.page.keyboard.press("Tab")
        at = visitor.page.evaluate(_FOCUSED)
        if at["key"] == key and role in at["role"]:
            return
    raise AssertionError(f"{key} was not reached with Tab")


def tab_through(visitor: Visitor) -> list[str]:
    """Press Tab until the focus leaves the page; gives what could not be reached."""
    visitor.page.evaluate(
        "() => { const first = document.querySelector('[data-testid=stSkipToContent]');"
        " first.focus(); first.dataset.reached = 'yes'; }"
    )
    for _ in range(200):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate(_FOCUSED)["body"]:
            break
    return visitor.page.evaluate(_NOT_REACHED)


def test_axe_finds_nothing_serious_of_ours(visit):
    visitor, found = visit(), {}
    for path in ("/upload", "/quality", "/cohort", "/patient", "/retrain", "/runs", "/lab", "/models", "/"):
        visitor.open(path)
        found[path] = look_twice(visitor)
    visitor.key("start_simulated").get_by_role("button").click()
    visitor.result()
    found["a result"] = look_twice(visitor)

    assert not any(found.values()), {name: faults for name, faults in found.items() if faults}


def test_axe_finds_nothing_serious_in_a_run_nor_in_two_compared(visit, two_runs):
    visitor, found = visit(), {}
    page = visitor.open("/runs")
    expect(visitor.key("runs_gate")).to_contain_text("the gate")
    found["a run"] = look_twice(visitor)
    missed = tab_through(visitor)

    canvas = page.locator(".st-key-runs_table canvas").first
    canvas.scroll_into_view_if_needed()
    table = canvas.bounding_box()
    assert table
    page.mouse.click(table["x"] + 20, table["y"] + 82)  # the box of the second row; the first is chosen already
    expect(visitor.key("runs_differences")).to_contain_text("patient by patient")
    found["two runs"] = look_twice(visitor)

    assert not any(found.values()), found
    assert not missed


def test_a_result_is_reached_and_read_with_the_keyboard_alone(visit):
    visitor = visit()
    page = visitor.open("/")

    tab_to(visitor, "start_simulated")
    page.keyboard.press("Enter")
    visitor.result()

    stay = visitor.key("patient_stay").get_by_role("combobox")
    first = stay.input_value()
    tab_to(visitor, "patient_stay")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(stay).not_to_have_value(first)
    visitor.result(stay.input_value())

    tab_to(visitor, "patient_hourly_box", "summary")
    page.keyboard.press("Enter")
    expect(visitor.key("patient_hourly_csv").get_by_role("button")).to_be_visible()
    tab_to(visitor, "patient_hourly_csv")
    visitor.take(lambda: page.keyboard.press("Enter"))


def test_every_control_is_a_stop_of_the_tab_key(visit, reader):
    visitor = visit()
    missed = {}
    for path in ("/", "/upload", "/retrain", "/models"):
        visitor.open(path)
        missed[path] = tab_through(visitor)
    reader.page.bring_to_front()
    missed["a result"] = tab_through(reader)

    assert not any(missed.values()), missed


def test_every_chart_says_in_words_what_it_shows(reader):
    for key in ("patient_timeline", "patient_class_probabilities", "patient_icon_array"):
        label = reader.key(key).locator("[role=figure]").first.get_attribute("aria-label")
        assert label, key
        assert any(c.isdigit() for c in label), label
