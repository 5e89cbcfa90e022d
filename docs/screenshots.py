"""Make the README's pictures anew: `python docs/screenshots.py` (or `make screenshots`).

Starts the app, walks through it in headless Chromium on simulated patients, writes docs/img/*.png.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
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
    "NISysABP": "SBP",
    "RespRate": "resp rate",
    "GCS": "GCS total",
    "Lactate": "lactic acid",
    "Creatinine": "creatinine (µmol/L)",
    "Platelets": "plt",
}
PATIENT = "Septic shock, getting worse"
PATIENTS = 400


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


def labelled_file(folder: Path) -> Path:
    """An invented ward with the outcome in a column: one patient in four dies, after a worse course."""
    rng = np.random.default_rng(5)
    lines = ["patient,hour,heart rate,NIBP systolic,Temp (°C),SpO2,lactic acid,outcome"]
    for patient in range(PATIENTS):
        died = patient % 4 == 0
        course = np.cumsum(rng.normal(0.06 * died, 0.15, 24)) + rng.normal(0.6 * died, 1)
        for hour, ill in enumerate(course, 1):
            noise = rng.normal(0, 1, 4)
            numbers = (80 + 9 * ill + 4 * noise[0], 125 - 8 * ill + 5 * noise[1], 37 + 0.2 * ill + 0.2 * noise[2])
            lactate = max(0.4, 1.5 + 0.6 * ill + 0.2 * noise[3]) if hour % 6 == 1 else None
            cells = [f"{n:.1f}" for n in (*numbers, min(100, 97 - ill))] + [f"{lactate:.1f}" if lactate else ""]
            lines.append(f"w{patient},{hour},{','.join(cells)},{'died' if died else 'survived'}")
    path = folder / "ward-7.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
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
    shoot(visitor, "upload", 768)
    visitor.key("upload_right").get_by_role("button").click()
    expect(visitor.key("upload_review")).to_have_count(0)
    visitor.idle()
    visitor.key("upload_go").get_by_role("button").click()
    expect(visitor.key("cohort_list")).to_be_visible()
    visitor.idle()
    shoot(visitor, "cohort", 1000)
    visitor.go("Quality")
    shoot(visitor, "quality", 1000)
    train(visitor, labelled_file(folder))


def train(visitor: Visitor, file: Path) -> None:
    """A run from its start to its result, and the page on which a lab would begin."""
    visitor.open("/retrain")  # a fresh session: nothing is uploaded yet
    visitor.key("retrain_patients").get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(visitor.key("retrain_start").get_by_role("button")).to_be_enabled()
    visitor.idle()
    shoot(visitor, "retrain", 1000)
    visitor.key("retrain_start").get_by_role("button").click()
    expect(visitor.key("retrain_result")).to_be_visible(timeout=5 * PATIENCE_MS)
    visitor.go("Runs")
    shoot(visitor, "runs", 1296)
    visitor.go("Lab")
    shoot(visitor, "lab", 1400)


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
