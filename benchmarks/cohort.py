"""The cohort page with 10,000 patients: server time of each interaction against a bare page's rerun.

`make bench`, or `python -m benchmarks.cohort [--stays N] [--model ID]`. Both are reruns of the real app under AppTest,
in alternation in one process; the bare page is the app's own frame with nothing in it. Scoring is timed once: how
long, and how often its bar moved.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["MEDGRU_HOME"] = tempfile.mkdtemp(prefix="medgru-bench-")

import numpy as np
import torch
from streamlit.testing.v1 import AppTest

from benchmarks.timing import ratio
from medgru.bundle import load_bundle
from medgru.data.recording import Recordings
from medgru.predict import Scoring
from medgru.settings import PROJECT_ROOT
from medgru.tasks import Task
from medgru.ui import frame, state

BAR = 10.0
ROUNDS = 15
VITALS = ("HR", "NISysABP", "RespRate", "SaO2", "Temp", "GCS", "FiO2", "WBC")
BARE = 'from medgru.ui import frame\n\nwith frame.page("Bare"):\n    pass\n'


def ward(task: Task, stays: int, hours: int = 48) -> Recordings:
    """Invented stays with eight variables every hour, and a third of the values missing."""
    rng = np.random.default_rng(0)
    grid = stays * hours * len(VITALS)
    kept = np.flatnonzero(rng.random(grid) < 2 / 3)
    feature = np.array([task.feature_index[name] for name in VITALS], dtype=np.int16)[kept % len(VITALS)]
    usual = np.array([(f.normal_low or 0, f.normal_high or 1) for f in task.features])[feature]
    value = usual.mean(1) + rng.normal(0, 0.7, len(kept)) * (usual[:, 1] - usual[:, 0] + 0.1)
    low, high = (np.array([getattr(f, end) for f in task.features])[feature] for end in ("low", "high"))
    statics = np.column_stack([rng.integers(low, high, stays) for low, high in ((20, 95), (0, 2), (150, 195), (1, 5))])
    return Recordings(
        task=task,
        record_ids=tuple(f"stay-{i:05d}" for i in range(stays)),
        stay=(kept // (hours * len(VITALS))).astype(np.int32),
        hours=(kept // len(VITALS) % hours + 0.5).astype(np.float32),
        feature=feature,
        value=np.clip(value, low, high).astype(np.float32),
        statics=statics.astype(np.float32),
    )


def open_app(page: str, **session: object) -> AppTest:
    """The app at that page, in a session that holds these entries."""
    app = AppTest.from_file(str(PROJECT_ROOT / "medgru" / "ui" / "shell.py"), default_timeout=600)
    for key, value in session.items():
        app.session_state[key] = value
    return app.switch_page(page)


def interactions(app: AppTest) -> dict[str, Callable[[], object]]:
    """What a person does on the page, each time with another value, so that nothing is answered from memory."""
    turn = iter(range(10**6))

    def search() -> object:
        return app.text_input(key="cohort_search").set_value(f"{next(turn) % 90:02d}").run()

    def threshold() -> object:
        return app.slider(key="cohort_threshold").set_value(5 + next(turn) % 60 + 0.1).run()

    def alerts_only() -> object:
        return app.toggle(key="cohort_alerts_only").set_value(next(turn) % 2 == 0).run()

    def news2() -> object:
        return app.selectbox(key="cohort_news2").set_value((0, 1, 3, 5, 7)[next(turn) % 5]).run()

    def scale_2() -> object:
        return app.toggle(key="cohort_scale_2").set_value(next(turn) % 2 == 0).run()

    return {
        "nothing changed": app.run,
        "another threshold": threshold,
        "search": search,
        "alerts only": alerts_only,
        "NEWS2 from": news2,
        "SpO2 scale 2 for all": scale_2,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stays", type=int, default=10_000)
    parser.add_argument("--model", default="icu-mortality")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(arguments.model)
    recordings = ward(bundle.task, arguments.stays)

    moves: list[int] = []
    start = time.perf_counter()
    Scoring(bundle, recordings).run(lambda done, _total: moves.append(done))
    took = time.perf_counter() - start
    print(
        f"     {took:6.1f} s to score {arguments.stays:,} stays with their course; the bar moved {len(moves)} times, "
        f"at most {np.diff([0, *moves]).max():,} stays at once"
    )

    with tempfile.TemporaryDirectory() as folder:
        bare_page = Path(folder) / "bare.py"
        bare_page.write_text(BARE)
        frame.LAB = bare_page  # the shell's navigation asks for it there
        bare = open_app(str(bare_page)).run()
        own = {state._OWN: state.Loaded.of(recordings), state._SOURCE: state.OWN}
        app = open_app(str(PROJECT_ROOT / "pages" / "cohort.py"), **own).run()
        assert not app.error, [e.value for e in app.error]
        assert not app.exception
        assert len(app.dataframe[0].value) == arguments.stays
        for name, act in interactions(app).items():
            value, above, below = ratio(act, bare.run, ROUNDS)
            sign = "ok  " if value <= BAR else "OVER"
            print(f"{sign} {value:6.2f} (bar {BAR:g})  cohort, {name} / bare page  [{above:.0f} / {below:.0f} ms]")


if __name__ == "__main__":
    main()
