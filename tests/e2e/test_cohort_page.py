"""The whole ward in a browser: who comes first, a click to the patient, a file to take away, stopping and going on."""

import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.e2e.test_accessibility import look_twice

pytestmark = pytest.mark.browser

PATIENTS, HOURS = 3000, 24


def ward(folder):
    """Patients enough that scoring them takes a few seconds."""
    path = folder / "ward.csv"
    lines = ["patient,hour,heart rate,NIBP systolic,resp rate,SpO2,Temp (°C),GCS"]
    for p in range(PATIENTS):
        ill = p % 7
        lines += [f"B{p},{h},{80 + 8 * ill},{125 - 6 * ill},{15 + ill},{98 - ill},37.2,15" for h in range(1, HOURS + 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_from_the_list_to_the_patient_and_back(visit):
    visitor = visit()
    page = visitor.open("/cohort")
    visitor.key("patient_see_simulated").get_by_role("button").click()
    expect(visitor.key("cohort_list")).to_be_visible()
    visitor.idle()
    assert not look_twice(visitor)
    visitor.wear("light")
    download = visitor.take(visitor.key("cohort_all_xlsx").get_by_role("button").click)
    table = pd.read_excel(download.path(), engine="calamine")
    expect(visitor.key("cohort_list")).to_contain_text(table["title"][0].removesuffix(" (simulated)"))

    box = visitor.key("cohort_list").bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 33 * 1.5)  # the box before the first patient
    expect(page.get_by_role("heading", level=1, name="Patient", exact=True)).to_be_visible()
    visitor.result(table["title"][0].removesuffix(" (simulated)"))
    visitor.go("Cohort")
    expect(visitor.key("cohort_list")).to_be_visible()
    visitor.key("cohort_open").get_by_role("button").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Patient", exact=True)).to_be_visible()


def test_scoring_is_stopped_by_a_click_and_goes_on(visit, tmp_path):
    visitor = visit()
    page = visitor.open("/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(ward(tmp_path))
    expect(visitor.key("upload_go")).to_be_visible()
    visitor.idle()
    visitor.key("upload_go").get_by_role("button").click()
    visitor.key("cohort_stop").get_by_role("button").click()
    expect(visitor.key("cohort_stopped")).to_contain_text("are not in this list")
    visitor.idle()
    visitor.key("cohort_go_on").get_by_role("button").click()
    expect(visitor.key("cohort_stopped")).to_have_count(0)
    visitor.idle()
    expect(page.locator(".st-key-cohort_list canvas table[role=grid]")).to_have_attribute(
        "aria-rowcount", str(PATIENTS + 1)
    )
