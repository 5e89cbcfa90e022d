"""The real app on a port of its own, and a person at a browser: for the tests beside and for docs/screenshots.py."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Download, Locator, Page, TimeoutError, expect

from medgru.settings import PROJECT_ROOT

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONTEXT: dict[str, Any] = {
    "viewport": {"width": 1366, "height": 768},  # the laptop on the ward
    "locale": "en-GB",
    "timezone_id": "UTC",
    "reduced_motion": "reduce",
    "color_scheme": "light",
    "accept_downloads": True,
}
RESULT = ".st-key-patient_timeline .js-plotly-plot"
FOREIGN = ("MEDGRU_", "STREAMLIT_", "COV_", "PYTEST_")
PATIENCE_MS = 60_000
START_S = 90

# Streamlit tells on its root whether a run is going on; stale or skeleton elements are still to come.
_IDLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const idle = app && app.dataset.testConnectionState === 'CONNECTED' && app.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]') && !document.querySelector('[data-stale="true"]');
  const now = performance.now();
  if (!idle) { window.__idleSince = null; return false; }
  window.__idleSince ??= now;
  return now - window.__idleSince > 150;
}"""


# Whether the page wears the light or the dark theme: after a switch it takes a while.
_WEARS = """scheme => {
  const ground = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor;
  const [r, g, b] = ground.match(/[\\d.]+/g).map(Number);
  return (r + g + b > 384) === (scheme === 'light');
}"""


class Server:
    """The app on a free port of this machine, as `make run` would start it.

    Attributes:
        url: Where it answers.
        log: What it wrote.
        home: Where it keeps runs and own models.
    """

    def __init__(self, folder: Path) -> None:
        self.log = folder / "server.log"
        self.home = folder / "home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        """Start it, or start it again at the same address after it ended."""
        # The developer's settings stay out, but for the models: they may be others than those that are shipped.
        clean = {k: v for k, v in os.environ.items() if k == "MEDGRU_MODELS_DIR" or not k.startswith(FOREIGN)}
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", self.url.rpartition(":")[2]],
                cwd=PROJECT_ROOT,
                env={**clean, "OMP_NUM_THREADS": "1", "MEDGRU_HOME": str(self.home)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._process.poll() is None, f"the server stopped:\n{self.log.read_text()}"
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise AssertionError(f"the server did not answer within {START_S} s:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Visitor:
    """One person at one browser: a context of its own, with everything it asked for and complained about.

    Attributes:
        page: The tab.
        requests: Every address that was asked for.
        complaints: Errors in the browser's console, and uncaught exceptions.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self._context = context
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url.replace("ws://", "http://", 1)))

    def _hear(self, message: ConsoleMessage) -> None:
        # On a deep link Streamlit's own front end looks for its server below the page's path first, and gets a 404.
        probe = re.search(r"/\w+/_stcore/(health|host-config)$", message.location["url"])
        if message.type == "error" and not probe:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def open(self, path: str = "/") -> Page:
        """Go to that path and wait until the page is drawn."""
        self.page.bring_to_front()  # what lies behind another window is drawn slowly
        self.page.goto(self.url + path)
        self.idle()
        return self.page

    def idle(self) -> Page:
        """Wait until nothing runs any more. After an action, first wait for what it brings."""
        self.page.wait_for_function(_IDLE, timeout=PATIENCE_MS, polling=50)
        self.page.evaluate("window.__idleSince = null")
        return self.page

    def wear(self, scheme: str) -> Page:
        """Switch to the "light" or the "dark" theme, and wait until the page wears it."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(_WEARS, arg=scheme)
        return self.idle()

    def go(self, link: str) -> Page:
        """Follow the link to Upload, Patient, Runs ...; keeps the session, as a fresh address would not."""
        self.page.bring_to_front()
        self.page.get_by_role("navigation").get_by_role("link", name=link, exact=True).click()
        self.page.wait_for_url(f"**/{link.lower()}")
        expect(self.page.get_by_role("heading", level=1, name=link, exact=True)).to_be_visible()
        return self.idle()

    def key(self, name: str) -> Locator:
        """The element whose widget has that key."""
        return self.page.locator(f".st-key-{name}")

    def take(self, press: Callable[[], None]) -> Download:
        """Press a download button and wait for the file; twice, as people do, for a press while the page redraws."""
        try:
            with self.page.expect_download(timeout=PATIENCE_MS / 3) as download:
                press()
        except TimeoutError:
            self.idle()
            with self.page.expect_download() as download:
                press()
        return download.value

    def result(self, title: str = "") -> Locator:
        """Wait for the drawn result, of the patient of that title; gives its figure."""
        expect(self.page.locator(RESULT, has_text=title).first).to_be_visible()
        self.idle()
        expect(self.page.locator(RESULT)).to_have_count(1)
        return self.page.locator(RESULT)

    def see_simulated(self) -> Locator:
        """From the start page to the first simulated patient."""
        self.open("/")
        self.key("start_simulated").get_by_role("button").click()
        return self.result()

    def leave(self) -> None:
        """Close the browser. Whatever was done: no request left the machine, and nothing complained."""
        self._context.close()
        abroad = [u for u in self.requests if not u.startswith((self.url, "data:", "blob:"))]
        assert self.requests
        assert not abroad, f"requests left the machine: {abroad}"
        assert not self.complaints, f"the browser complained: {self.complaints}"
