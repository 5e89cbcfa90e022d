"""The real app, served fresh and driven in headless Chromium.

Playwright's own pytest plugin is not used: its fixtures live as long as the session, and with them an event
loop in the main thread that other tests would trip over. Here the browser lives as long as a module.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.driver import CHROMIUM, CHROMIUM_ARGS, CONTEXT, PATIENCE_MS, Server, Visitor


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for all tests that need no fresh one."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def fresh_server(tmp_path) -> Iterator[Server]:
    """A server that nobody has asked anything."""
    running = Server(tmp_path)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; the tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("No Chromium on this machine: apt-get install chromium, or set CHROMIUM to its path.")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, server) -> Iterator[Callable[..., Visitor]]:
    """Lets a new person in: `visit()`, `visit(color_scheme="dark")`, `visit(at=fresh_server)`."""
    people: list[Visitor] = []

    def visit(at: Server = server, **options: object) -> Visitor:
        people.append(Visitor(browser.new_context(**{**CONTEXT, **options}), at.url))
        return people[-1]

    yield visit
    for visitor in people:
        visitor.leave()


@pytest.fixture(scope="module")
def reader(browser, server) -> Iterator[Visitor]:
    """Somebody who looks at the first simulated patient; for tests that only look."""
    visitor = Visitor(browser.new_context(**CONTEXT), server.url)
    visitor.see_simulated()
    yield visitor
    visitor.leave()
