"""Tasks of the user's own, and tasks as JSON that a stranger may have written."""

import contextlib
import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.errors import MedGRUError, TaskError
from medgru.tasks import HOUR, TASKS, Feature, Outcome, Step, Task
from medgru.tasks.own import MAX_CLASSES, own_task, task_from_config, task_to_config


def _own(**changes) -> Task:
    given = {
        "title": "Sepsis auf Station 7",
        "question": "Which course will it take?",
        "features": (Feature("体温", "体温", "", -100.0, 100.0), Feature("Puls", "Puls", "", -1000.0, 1000.0)),
        "statics": (Feature("Abteilung", "Abteilung", "", 0, 1, choices={0: "innere", 1: "Chirurgie"}),),
        "outcomes": (Outcome("gut", "gut"), Outcome("schlecht", "schlecht")),
        "event": "schlecht",
        "window": 48,
        "step": Step("minute", 60.0),
        "causal": False,
    }
    return own_task(**(given | changes))


@pytest.mark.parametrize("task", [*TASKS.values(), _own()], ids=lambda task: task.title)
def test_a_task_survives_json(task):
    assert task_from_config(json.loads(json.dumps(task_to_config(task)))) == task


def test_the_same_content_has_the_same_name_and_another_content_another():
    assert _own().name == _own().name
    assert _own().name.startswith("sepsis-auf-station-7-")
    others = [_own(window=47), _own(step=HOUR), _own(event="gut"), _own(title="ICU mortality"), _own(title="败血症")]
    names = {_own().name, *(task.name for task in others)}
    assert len(names) == len(others) + 1
    assert not names & TASKS.keys()
    assert all(name.isascii() and name.replace("-", "").isalnum() for name in names)


def _changed(key: str, value: object, *path: object) -> dict:
    config = task_to_config(_own())
    inner = config
    for part in path:
        inner = inner[part]
    inner[key] = value
    return config


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {},
        task_to_config(_own()) | {"extra": 1},
        {k: v for k, v in task_to_config(_own()).items() if k != "step"},
        _changed("window_hours", 10**9),
        _changed("window_hours", True),
        _changed("window_hours", "48"),
        _changed("causal", 1),
        _changed("title", "x" * 10_000),
        _changed("title", "\x1b[31m"),
        _changed("features", []),
        _changed("outcomes", [{"name": str(i), "label": str(i)} for i in range(MAX_CLASSES + 1)]),
        _changed("event", "nobody"),
        _changed("low", float("nan"), "features", 0),
        _changed("low", 1e300, "features", 0),
        _changed("low", 2000.0, "features", 0),
        _changed("transform", "eval", "features", 0),
        _changed("transform", ["log"], "features", 0),
        _changed("name", "Puls", "features", 0),
        _changed("choices", [[0, "a"], [0, "b"]], "statics", 0),
        _changed("choices", {"0": "a"}, "statics", 0),
        _changed("seconds", 0, "step"),
        _changed("name", "icu-mortality"),
        _changed("name", "../../etc"),
        _changed("question", "Changed afterwards?"),
        task_to_config(replace(TASKS["icu-mortality"], window_hours=72)),
    ],
    ids=str,
)
def test_a_changed_or_damaged_task_is_refused_with_a_sentence(config):
    with pytest.raises(TaskError) as caught:
        task_from_config(copy.deepcopy(config))
    assert str(caught.value).endswith(".")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from(sorted(task_to_config(_own()))), value=_JSON)
def test_no_entry_of_a_task_can_cause_anything_but_a_refusal(key, value):
    config = task_to_config(_own()) | {key: value}
    with contextlib.suppress(MedGRUError):
        assert task_from_config(config) == _own()


def test_a_range_that_is_not_finite_is_refused():
    with pytest.raises(TaskError, match="finite"):
        _own(features=(Feature("HR", "HR", "", float("-inf"), 3.0),))


def test_stays_stored_before_a_synonym_or_a_text_changed_are_still_of_the_shipped_task():
    config = task_to_config(TASKS["icu-mortality"])
    config["features"][1]["synonyms"] = ["rr syst"]
    config |= {"card": "## What an older version said", "question": "As it was asked then?", "source": "Elsewhere."}
    assert task_from_config(config) is TASKS["icu-mortality"]
    config["features"][1]["high"] = 299
    with pytest.raises(TaskError, match="differs from that task"):
        task_from_config(config)
