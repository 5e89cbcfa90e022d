"""A model of one's own: trained, stopped, resumed, compared, put into use and rolled back, in the browser."""

import os
import re
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from medgru import jobs, library
from medgru.data import Source, build, inspect
from medgru.data.labels import attach_labels
from medgru.jobs import table
from medgru.settings import settings
from medgru.tasks import get_task
from medgru.training.config import Recipe, RunConfig
from tests.e2e.driver import PATIENCE_MS, Server, Visitor

pytestmark = pytest.mark.browser

SHIPPED = "icu-mortality"
MEMBERS, EPOCHS_EACH, PATIENCE_EPOCHS = 2, 100, 50  # so that there is time to look on before Stop
ALL_EPOCHS = MEMBERS * EPOCHS_EACH
# How many epochs the curves of that key show, over all networks.
EPOCHS = """key => [...document.querySelectorAll(`.st-key-${key} .js-plotly-plot`)]
  .flatMap(plot => plot._fullData ?? []).filter(trace => trace.name?.startsWith('Gradient norm'))
  .reduce((sum, trace) => sum + trace.x.length, 0)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A server of this module's own: it trains, is killed and is started again. This process sees its runs too."""
    running = Server(tmp_path_factory.mktemp("retrain"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDGRU_HOME", str(running.home))
        settings.cache_clear()
        yield running
        for run in jobs.runs():
            jobs.cancel(run.id)
            jobs.wait(run.id, timeout_s=10)
        running.stop()
    settings.cache_clear()


def ward(patients: int = 160, hours: int = 20) -> bytes:
    """An invented ward of which one patient in four dies, with the faster heart and the lower pressure."""
    rng = np.random.default_rng(3)
    lines = ["patient,hour,heart rate,SBP,temp,SpO2,lactate,outcome"]
    for patient in range(patients):
        ill = patient % 4 == 0
        level = rng.normal() + 1.5 * ill
        for hour in range(1, hours + 1):
            noise = rng.normal(0, 1, 5)
            values = (
                f"{80 + 9 * level + 4 * noise[0]:.0f},{125 - 8 * level + 5 * noise[1]:.0f},"
                f"{37 + 0.3 * level + 0.2 * noise[2]:.1f},{min(100, 97 - level + noise[3]):.0f},"
                f"{max(0.4, 1.5 + 0.7 * level + 0.2 * noise[4]):.1f}"
            )
            lines.append(f"w{patient},{hour},{values},{'died' if ill else 'survived'}")
    return ("\n".join(lines) + "\n").encode()


def submit(name: str, epochs: int) -> str:
    """Start a run as the page would, without a browser."""
    task = get_task("icu-mortality")
    found = inspect([Source("ward.csv", ward(80, 8))], task)
    stays = attach_labels(build(found, found.mapping), found, "outcome", name="ward.csv", mapping=found.mapping)
    config = RunConfig(hidden_size=8, members=1, recipe=Recipe(epochs=epochs, patience=epochs))
    return jobs.submit(stays, config, name)


def epochs_drawn(visitor: Visitor, key: str) -> int:
    return int(visitor.page.evaluate(EPOCHS, key))


def wait_for_epochs(visitor: Visitor, key: str, more_than: int) -> int:
    """Wait until the curves of that key show more epochs; gives how many."""
    visitor.page.wait_for_function(f"([key, n]) => ({EPOCHS})(key) > n", arg=[key, more_than])
    return epochs_drawn(visitor, key)


def wait_to_the_end(run_id: str) -> None:
    """Wait until the run is done: for as long as it gets further, however slow the machine is."""
    trained, run = -1, jobs.get(run_id)
    while run.active and run.trained > trained:
        trained, run = run.trained, jobs.wait(run_id, timeout_s=PATIENCE_MS / 1000)
    assert run.state == "done", run


def arrive(visitor: Visitor) -> None:
    """Open Runs while a run works: the page asks for news all the time, and on a busy machine is never idle."""
    visitor.page.bring_to_front()
    visitor.page.goto(visitor.url + "/runs")


def press(visitor: Visitor, key: str) -> None:
    visitor.key(key).get_by_role("button").click()


def fill(visitor: Visitor, key: str, number: int) -> None:
    box = visitor.key(key).locator("input")
    box.fill(str(number))
    box.press("Tab")
    expect(box).to_have_value(str(number))
    visitor.idle()


def test_a_model_is_trained_stopped_resumed_put_into_use_and_rolled_back(visit, server, tmp_path):
    anna, bruno = visit(), visit()
    file = tmp_path / "ward.csv"
    file.write_bytes(ward())

    # Launch on a table with labels.
    bruno.open("/")
    page = anna.open("/retrain")
    anna.key("retrain_patients").get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    start = anna.key("retrain_start").get_by_role("button")
    expect(start).to_be_enabled()
    anna.idle()
    anna.key("retrain_more").locator("summary").click()
    for setting, number in {"members": MEMBERS, "epochs": EPOCHS_EACH, "patience": PATIENCE_EPOCHS}.items():
        fill(anna, f"retrain_{setting}", number)
    start.click()

    # Watch the curve grow; reload; open a second browser.
    seen = wait_for_epochs(anna, "retrain_curves", 0)
    seen = wait_for_epochs(anna, "retrain_curves", seen)
    page.reload()
    assert wait_for_epochs(anna, "retrain_curves", seen - 1) >= seen
    bruno.page.bring_to_front()
    bruno.page.get_by_role("navigation").get_by_role("link", name="Runs", exact=True).click()
    wait_for_epochs(bruno, "runs_curves", seen)
    expect(bruno.key("runs_heading")).to_contain_text("working")

    # Stop in the one; both see it; resume in the other.
    press(bruno, "runs_stop")
    expect(bruno.key("runs_heading")).to_contain_text("stopped")
    expect(anna.key("retrain_heading")).to_contain_text("stopped")
    run = jobs.runs()[0]
    row = table.select("WHERE id = ?", (run.id,))[0]
    assert run.state == "cancelled"
    assert row["ended"] - row["stop_asked"] < 4  # 2 s, and as much again for a machine that is busy with us
    kept = len(jobs.epochs(run.id))
    assert kept < ALL_EPOCHS
    press(anna, "retrain_resume")
    expect(anna.key("retrain_heading")).to_contain_text("working")
    arrive(bruno)  # anew: a page on which nothing works asks for no news
    expect(bruno.key("runs_heading")).to_contain_text("working")
    assert wait_for_epochs(bruno, "runs_curves", kept) > kept

    # Finish, and compare with the shipped model.
    wait_to_the_end(run.id)
    expect(anna.key("retrain_result")).to_contain_text("32 stays held out of this run")
    assert kept < len(jobs.epochs(run.id)) <= ALL_EPOCHS
    anna.idle()
    anna.go("Runs")
    gate = anna.key("runs_gate")
    expect(gate).to_contain_text(re.compile("It (passes|does not pass) the gate"))
    expect(gate).to_contain_text("of the model in use")
    anna.idle()

    # Put into use, deliberately where the gate says no.
    if "does not pass" in gate.inner_text():
        anna.key("runs_override").locator("label").click()
        anna.key("runs_reason").locator("input").fill("only this one knows the ward")
        anna.key("runs_reason").locator("input").press("Tab")
    press(anna, "runs_promote")
    expect(gate).to_contain_text("This model is in use")
    new = library.in_use(get_task("icu-mortality"))
    assert new.id != SHIPPED

    # Predict with it.
    anna.go("Patient")
    press(anna, "patient_see_simulated")
    anna.result()
    expect(anna.key("patient_model").get_by_role("combobox")).to_have_value(re.compile(rf"\({new.id}\), in use"))

    # Roll back.
    anna.go("Runs")
    press(anna, f"runs_roll_back_{new.task.name}")
    expect(gate).to_contain_text(f"({SHIPPED}), came with MedGRU")
    assert library.in_use(new.task).id == SHIPPED
    anna.go("Patient")
    anna.result()
    expect(anna.key("patient_model").get_by_role("combobox")).to_have_value(re.compile(rf"\({SHIPPED}\), in use"))


def test_a_killed_worker_and_a_killed_server_end_in_a_true_state(visit, server):
    run_id = submit("long one", epochs=1000)
    visitor = visit()
    arrive(visitor)
    wait_for_epochs(visitor, "runs_curves", 0)

    os.kill(table.select("WHERE id = ?", (run_id,))[0]["pid"], signal.SIGKILL)
    expect(visitor.key("runs_heading")).to_contain_text("interrupted")
    assert jobs.get(run_id).state == "interrupted"

    press(visitor, "runs_resume")
    expect(visitor.key("runs_heading")).to_contain_text("working")
    before = wait_for_epochs(visitor, "runs_curves", 0)
    server.kill()
    server.start()
    wait_for_epochs(visitor, "runs_curves", before)
    assert jobs.get(run_id).state == "running"
    visitor.complaints.clear()  # while nobody answered, the browser said so
    arrive(visitor)
    wait_for_epochs(visitor, "runs_curves", before)

    press(visitor, "runs_stop")
    expect(visitor.key("runs_heading")).to_contain_text("stopped")
    press(visitor, "runs_delete")
    press(visitor, "runs_delete_yes")
    expect(visitor.key("runs_heading").get_by_text("long one")).to_have_count(0)
    assert run_id not in {run.id for run in jobs.runs()}
