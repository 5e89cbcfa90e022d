"""A messy workbook is mapped, the mapping serves the next one, and the way ends on the ward."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.hospital_book import PATIENTS, write

pytestmark = pytest.mark.browser


def drop(visitor, path) -> None:
    visitor.open("/upload").get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)


def test_a_workbook_is_mapped_once_and_the_next_one_is_read_like_it(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    drop(visitor, write(tmp_path / "march.xlsx", seed=1, first=1001))
    review = visitor.key("upload_review")
    expect(review).to_contain_text("收缩压")
    expect(review).to_contain_text("1 of 2")
    visitor.key("upload_right").get_by_role("button").click()
    expect(review).to_contain_text("舒张压")
    visitor.idle()
    visitor.key("upload_right").get_by_role("button").click()
    expect(review).to_have_count(0)
    visitor.idle()
    visitor.key("upload_save_name").get_by_role("textbox").fill("ICU 7, vitals and labs")
    visitor.key("upload_save_name").get_by_role("textbox").press("Tab")
    visitor.idle()
    visitor.key("upload_save").get_by_role("button").click()
    visitor.idle()

    drop(visitor, write(tmp_path / "april.xlsx", seed=2, first=2001))
    expect(visitor.key("upload_reused")).to_contain_text("ICU 7, vitals and labs")
    expect(visitor.key("upload_review")).to_have_count(0)
    expect(visitor.key("upload_ready")).to_contain_text(re.compile(rf"{PATIENTS} patients ready"))
    visitor.idle()
    visitor.key("upload_go").get_by_role("button").click()

    expect(page.get_by_role("heading", level=1, name="Cohort", exact=True)).to_be_visible()
    grid = page.locator(".st-key-cohort_list canvas table[role=grid]")
    expect(grid).to_have_attribute("aria-rowcount", str(PATIENTS + 1))
    expect(visitor.key("cohort_list")).to_contain_text("ZY2")
    # 98 to 101 °F are no 98 °C: with a temperature set aside, NEWS2 would be a range.
    expect(visitor.key("cohort_list")).not_to_contain_text("98.")
