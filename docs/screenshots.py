"""Make the README's pictures anew: `python docs/screenshots.py` (or `make screenshots`).

Starts the app, walks through it in headless Chromium on simulated patients, writes docs/img/*.png.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from medgru.data.demo import simulated_patients  # noqa: E402
from medgru.tasks import get_task  # noqa: E402
from tests.e2e.driver import CHROMIUM, CHROMIUM_ARGS, PATIENCE_MS, Server, Visitor  # noqa: E402

OUT = ROOT / "docs" / "img"
WIDTH = 1366
LARGEST_KB = 400
# Names and units as a hospital might have them, so that the picture of the mapping shows something.
HOSPITAL_NAMES = {
    "HR": "heart rate",
    "Temp": "Temp (°F)",
    "NISysABP": "NIBP systolic",
    "RespRate": "resp rate",
    "GCS": "GCS total",
    "Lactate": "lactic acid",
    "Creatinine": "creatinine (µmol/L)",
    "Platelets": "plt",
}
PATIENT = "Septic shock, getting worse"


def hospital_file(folder: Path) -> Path:
    """Some measurements of the simulated patients as a wide CSV with a hospital's names and units."""
    table = simulated_patients(get_task("icu-mortality")).table()
    table = table[table.variable.isin(HOSPITAL_NAMES)].astype({"hours": float, "value": float}).round({"hours": 2})
    wide = table.pivot_table(index=["record_id", "hours"], columns="variable", values="value")[list(HOSPITAL_NAMES)]
    wide["Temp"] = wide["Temp"] * 9 / 5 + 32
    wide["Creatinine"] *= 88.42
    path = folder / "ward-export.csv"
    wide.round(2).rename(columns=HOSPITAL_NAMES).assign(bed="3b").to_csv(path)
    return path


def shoot(visitor: Visitor, name: str, height: int) -> None:
    """Write the page, that many pixels high, as a PNG."""
    visitor.page.set_viewport_size({"width": WIDTH, "height": height})
    visitor.page.wait_for_timeout(500)
    visitor.idle()
    visitor.page.mouse.move(2, 2)
    picture = Image.open(io.BytesIO(visitor.page.screenshot(animations="disabled"))).convert("RGB")
    path = OUT / f"{name}.png"
    picture.save(path, optimize=True)
    size_kb = path.stat().st_size / 1024
    print(f"{path.relative_to(ROOT)}  {picture.width} x {picture.height}  {size_kb:.0f} kB")
    assert size_kb < LARGEST_KB, f"{path.name} is larger than {LARGEST_KB} kB"


def walk(visitor: Visitor, folder: Path) -> None:
    """Through the pages, a picture of each."""
    visitor.open("/")
    shoot(visitor, "start", 960)
    visitor.page.get_by_role("button", name=PATIENT, exact=True).click()
    chart = visitor.page.locator(".st-key-patient_timeline .js-plotly-plot")
    expect(chart).to_contain_text(PATIENT)
    visitor.idle()
    shoot(visitor, "patient", 1410)
    visitor.go("Models")
    shoot(visitor, "models", 900)
    visitor.go("Upload")
    visitor.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(hospital_file(folder))
    expect(visitor.key("upload_go")).to_be_visible()
    visitor.idle()
    shoot(visitor, "upload", 1080)


def main() -> None:
    """Start the app, walk through it, stop it."""
    OUT.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        server = Server(folder)
        try:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            context = chromium.new_context(
                viewport={"width": WIDTH, "height": 900}, color_scheme="light", reduced_motion="reduce", locale="en-GB"
            )
            walk(Visitor(context, server.url), folder)
            chromium.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
