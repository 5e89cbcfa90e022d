"""From the click on Start to the first epoch's figures on screen, and from Stop to "stopped", in a real browser.

`make bench`, or `python -m benchmarks.first_epoch [--data DIR]`: set A of PhysioNet 2012 (4,000 stays) is brought with
its file of outcomes as a user would. The only seconds among the benchmarks: a person waits for them, Chromium beside
the training. Bars: 10 s and 2 s.
"""

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from medgru.settings import settings
from tests.e2e.driver import CHROMIUM, CHROMIUM_ARGS, CONTEXT, Server, Visitor

DROP = "[data-testid=stFileUploaderDropzoneInput]"
PATIENCE_MS = 60_000
# Epochs drawn so far: points of the gradient norm.
_EPOCHS = """() => [...document.querySelectorAll('.st-key-retrain_curves .js-plotly-plot')]
  .flatMap(plot => plot._fullData ?? []).filter(trace => trace.name?.startsWith('Gradient norm'))
  .some(trace => trace.x.length)"""


def measure(visitor: Visitor, data: Path) -> tuple[float, float]:
    """Seconds from the click to the first epoch on screen, and from Stop to its end there."""
    page = visitor.page
    visitor.open("/retrain")
    visitor.key("retrain_patients").locator(DROP).set_input_files(data / "set-a.tar.xz")
    expect(page.get_by_text("stays read")).to_be_visible()
    visitor.idle()
    visitor.key("retrain_outcomes_box").get_by_role("button").first.click()
    page.locator(".st-key-retrain_outcomes").locator(DROP).set_input_files(data / "Outcomes-a.txt")
    expect(page.get_by_text("are held out and measured on once")).to_be_visible()
    page.keyboard.press("Escape")
    start = visitor.key("retrain_start").get_by_role("button")
    expect(start).to_be_enabled()
    visitor.idle()
    page.wait_for_timeout(5_000)  # as long as nobody needs to read what it will take
    clicked = time.monotonic()
    start.click()
    page.wait_for_function(_EPOCHS, polling=50)
    shown = time.monotonic()
    page.wait_for_timeout(3_000)
    asked = time.monotonic()
    visitor.key("retrain_stop").get_by_role("button").click()
    expect(visitor.key("retrain_heading")).to_contain_text("stopped")
    return shown - clicked, time.monotonic() - asked


def main() -> None:
    """Measure once and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=settings().data_dir, help="folder of the public data")
    folder = parser.parse_args().data
    data = folder / "physionet2012" if folder else None
    if data is None or not (data / "set-a.tar.xz").exists() or CHROMIUM is None:
        print("Skipped: it needs Chromium, and set-a.tar.xz with Outcomes-a.txt below --data or MEDGRU_DATA_DIR.")
        return
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        server = Server(Path(name))
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            visitor = Visitor(browser.new_context(**CONTEXT), server.url)
            visitor.page.set_default_timeout(PATIENCE_MS)
            started, stopped = measure(visitor, data)
        finally:
            server.stop()
    print(f"First epoch of 4,000 stays on screen {started:.1f} s after the click (bar 10)")
    print(f"Stop on screen {stopped:.1f} s after the click (bar 2)")


if __name__ == "__main__":
    main()
