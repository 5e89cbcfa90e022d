"""The search for settings, with trials that take no time: it always ends with one that was trained."""

from types import SimpleNamespace

import pytest

from medgru.errors import TrainingError
from medgru.training import search as searching
from medgru.training.config import RunConfig
from medgru.training.loop import Fitted
from medgru.training.progress import Epoch, Reporter, Stopped
from medgru.training.search import search

OVER_AT_ONCE, ONE_SECOND = RunConfig(search_minutes=1e-9), RunConfig(search_minutes=1 / 60)
EPOCHS = 3


class Trial:
    """Stands for the training of one network; `stop` before an epoch, `fail` at the start."""

    def __init__(self, config: RunConfig, stop: int | None = None, fail: str = "") -> None:
        self.config, self.stop, self.fail = config, stop, fail

    def run(self, reporter: Reporter) -> Fitted:
        if self.fail:
            raise TrainingError(self.fail)
        history = []
        for i in range(EPOCHS):
            reporter.batch(0.5)
            if self.stop == i:
                raise Stopped
            history.append(Epoch("trial", i + 1, EPOCHS, 0.5, 0.4 - i / 10, 0.6, 0.2, 1.0, 0.01, epoch=i))
            reporter.epoch(history[-1])
        return Fitted(None, tuple(history), EPOCHS - 1)


def states(found: dict) -> list[tuple[str, int]]:
    return [(t["state"], t["epochs"]) for t in found["trials"]]


def test_the_first_trial_ends_even_if_it_outlasts_the_budget(tmp_path):
    config, found = search(OVER_AT_ONCE, Trial, tmp_path, Reporter())
    assert states(found) == [("complete", EPOCHS)]
    assert config == OVER_AT_ONCE  # the settings as given


def test_after_a_stop_the_trial_begun_again_ends_even_if_the_minutes_are_over(tmp_path):
    with pytest.raises(Stopped):
        search(OVER_AT_ONCE, lambda c: Trial(c, stop=1), tmp_path, Reporter())
    config, found = search(OVER_AT_ONCE, Trial, tmp_path, Reporter())
    assert states(found)[-1] == ("complete", EPOCHS)
    assert found["best"] == 1
    assert config == OVER_AT_ONCE


def test_settings_that_fail_are_not_the_end_while_others_can_be_trained(tmp_path):
    failures = iter(["The loss is no longer a number.", ""])
    _, found = search(OVER_AT_ONCE, lambda c: Trial(c, fail=next(failures)), tmp_path, Reporter())
    assert states(found) == [("fail", 0), ("complete", EPOCHS)]


def test_where_nothing_can_be_trained_the_search_ends_with_the_reason(tmp_path):
    tried = []

    def never(config: RunConfig) -> Trial:
        tried.append(config)
        return Trial(config, fail="There are too few stays.")

    with pytest.raises(TrainingError, match="too few stays"):
        search(ONE_SECOND, never, tmp_path, Reporter())
    assert len(tried) == searching.MOST_FAILURES


def test_once_a_trial_is_complete_the_next_is_cut_short_when_the_minutes_are_over(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(searching, "time", clock)

    def begun(config: RunConfig) -> Trial:
        clock.now += 40  # two fit into a minute, but the second does not end in it
        return Trial(config)

    _, found = search(RunConfig(search_minutes=1), begun, tmp_path, Reporter())
    assert states(found) == [("complete", EPOCHS), ("pruned", 0)]
    assert found["best"] == 0
    assert search(OVER_AT_ONCE, None, tmp_path, Reporter())[1] == found  # what is done is not done again
