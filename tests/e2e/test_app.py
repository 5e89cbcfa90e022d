"""What people do with MedGRU, in the browser they do it with."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from medgru.data.demo import simulated_patients
from medgru.tasks import get_task
from tests.e2e.driver import RESULT

pytestmark = pytest.mark.browser

TITLES = simulated_patients(get_task("icu-mortality")).titles


def invented_file(folder, record_id: str):
    """A wide CSV as a hospital might write it: semicolons, decimal commas, °F, a column nobody knows."""
    rng = np.random.default_rng(7)
    lines = ["patient;hour;Temp (°F);heart rate;SBP;DBP;resp rate;ward cat"]
    for hour in range(24):
        temp = f"{98.6 + 0.15 * hour + rng.normal(0, 0.2):.1f}".replace(".", ",")
        lines.append(f"{record_id};{hour};{temp};{80 + hour};{125 - hour};{70 - hour // 2};{16 + hour // 4};Mimi")
    path = folder / f"{record_id}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def drop(visitor, path) -> None:
    """Put a file into the drop zone of the upload page."""
    visitor.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)


def bring(visitor, path) -> None:
    """Upload a file and go on to its patient."""
    visitor.open("/upload")
    drop(visitor, path)
    visitor.key("upload_go").get_by_role("button").click()
    visitor.result()


def drawn(visitor, name: str) -> list[float]:
    """The values that the timeline draws for the trace of that name."""
    return visitor.page.evaluate(
        "([plot, name]) => { const gd = document.querySelector(plot);"
        " return gd.calcdata.find(c => c[0].trace.name === name).map(point => point.y); }",
        [RESULT, name],
    )


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of a computed CSS colour."""
    rgb = np.array([float(c) for c in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_fresh_server_asked_straight_for_the_patient_page_shows_notice_and_way_on(fresh_server, visit):
    visitor = visit(at=fresh_server)
    page = visitor.open("/patient")

    expect(visitor.key("notice")).to_contain_text("Not a medical device")
    expect(visitor.key("patient_empty")).to_contain_text("No patient is chosen yet")
    for link in ("Start", "Upload", "Patient", "Models"):
        expect(page.get_by_role("link", name=link, exact=True)).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_from_the_start_page_to_a_result_that_survives_moving_about(visit):
    visitor = visit()
    visitor.see_simulated()
    page = visitor.page

    expect(page.get_by_test_id("stMetricValue")).to_have_text(re.compile(r"^[<>]?[\d.]+ %$"))
    expect(page.get_by_text("(simulated)").first).to_be_visible()
    assert len(drawn(visitor, "risk")) == 48

    stay = visitor.key("patient_stay").get_by_role("combobox")
    first = stay.input_value()
    following = TITLES[TITLES.index(first) + 1]
    visitor.key("patient_next").get_by_role("button").click()
    expect(stay).to_have_value(following)
    visitor.result(following)
    said = page.get_by_test_id("stMetricValue").inner_text()

    visitor.go("Models")
    visitor.go("Patient")
    expect(stay).to_have_value(following)
    expect(page.get_by_test_id("stMetricValue")).to_have_text(said)


def test_one_hover_line_reads_all_rows_at_the_same_hour(reader):
    figure = reader.result()
    figure.scroll_into_view_if_needed()
    plot = figure.locator(".nsewdrag").first.bounding_box()
    assert plot
    x, y = plot["x"] + plot["width"] / 2, plot["y"] + 60

    reader.page.mouse.move(x - 5, y)
    reader.page.mouse.move(x, y)

    expect(figure.locator(".hoverlayer .hovertext").nth(2)).to_be_visible()
    expect(figure.locator(".hoverlayer")).to_contain_text("members")
    expect(figure.locator(".spikeline").first).to_be_attached()


def test_from_an_uploaded_file_through_its_mapping_to_a_result(visit, tmp_path):
    visitor = visit()
    page = visitor.open("/upload")
    drop(visitor, invented_file(tmp_path, "invented-1"))

    visitor.key("upload_mapping_box").locator("summary").click()
    table = page.get_by_role("region", name="How each column was understood")
    table.scroll_into_view_if_needed()
    mapping = table.locator("table[role=grid]")
    expect(mapping).to_be_attached()
    visitor.idle()
    expect(mapping).to_contain_text("Temperature")
    expect(mapping).to_contain_text("°F")
    expect(mapping).to_contain_text("ward cat")
    expect(visitor.key("upload_ready")).to_contain_text("1 patient ready")

    visitor.key("upload_go").get_by_role("button").click()
    visitor.result()
    celsius = np.array(drawn(visitor, "Temperature"), dtype=float)
    assert len(celsius) == 24
    assert 36.5 < celsius.min() < celsius.max() < 39.5
    expect(page.get_by_text("(simulated)")).to_have_count(0)


def test_a_bad_file_is_refused_in_words_and_the_loaded_patient_stays(visit, tmp_path):
    visitor = visit()
    bring(visitor, invented_file(tmp_path, "invented-1"))
    bad = tmp_path / "results.csv"
    bad.write_bytes(b"MZ\x90\x00" + bytes(range(256)) * 40)

    visitor.go("Upload")
    drop(visitor, bad)

    alert = visitor.page.get_by_test_id("stAlert").first
    expect(alert).to_be_visible()
    visitor.idle()
    assert "Traceback" not in visitor.page.locator("body").inner_text()
    assert len(alert.inner_text()) > 30
    visitor.go("Patient")
    expect(visitor.key("patient_stay").get_by_role("combobox")).to_have_value("invented-1")
    expect(visitor.page.locator(RESULT)).to_be_visible()


def test_two_people_never_see_each_others_patients(visit, tmp_path):
    anna, bruno = visit(), visit()
    bring(anna, invented_file(tmp_path, "of-anna"))

    bruno.open("/patient")
    expect(bruno.key("patient_empty")).to_be_visible()
    bring(bruno, invented_file(tmp_path, "of-bruno"))
    anna.go("Upload")
    anna.go("Patient")

    expect(anna.key("patient_stay").get_by_role("combobox")).to_have_value("of-anna")
    expect(bruno.key("patient_stay").get_by_role("combobox")).to_have_value("of-bruno")
    assert "of-bruno" not in anna.page.content()
    assert "of-anna" not in bruno.page.content()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_both_themes_can_be_read(reader, scheme):
    reader.wear(scheme)
    reader.result()

    colours = reader.page.evaluate(
        "() => ({ground: getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor,"
        " text: [...document.querySelectorAll('h1, [data-testid=stMetricValue], [data-testid=stMarkdown] p')]"
        ".map(e => getComputedStyle(e).color)})"
    )
    ground = luminance(colours["ground"])
    assert ground > 0.8 if scheme == "light" else ground < 0.05
    assert colours["text"]
    for colour in colours["text"]:
        light, dark = max(luminance(colour), ground), min(luminance(colour), ground)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour

    picture = np.asarray(Image.open(io.BytesIO(reader.page.screenshot())).convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
    assert (np.abs(picture.mean(axis=2) - np.median(picture.mean(axis=2))) > 40).mean() > 0.01


def test_results_can_be_taken_away_as_picture_and_table(reader):
    figure = reader.result()

    figure.hover(position={"x": 300, "y": 120})
    picture = reader.take(
        reader.key("patient_timeline").locator("[data-title*='Download'], [aria-label*='Download']").first.click
    )
    assert picture.suggested_filename == "medgru-timeline-SIM-1-simulated.png"

    reader.idle()
    reader.key("patient_hourly_box").locator("summary").click()
    expect(reader.key("patient_hourly_csv").get_by_role("button")).to_be_visible()
    reader.idle()
    table = reader.take(reader.key("patient_hourly_csv").get_by_role("button").click)
    lines = table.path().read_text().splitlines()
    assert lines[0].startswith("record_id,simulated,Hour,")
    assert lines[1].startswith("SIM-1,True,1,")
    assert table.suggested_filename == "medgru-hourly-SIM-1-simulated.csv"
    assert len(lines) == 49
