"""State, words and the server's parts, without a page."""

import asyncio
import logging
import sys
import threading

import numpy as np
import pytest
import streamlit as st

from medgru.ui import results, server, state, words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HR", "HR"),
        ("<img src=x onerror=alert(1)>", r"\<img src\=x onerror\=alert\(1\)\>"),
        (":material/bug:", ":\u2060material/bug:\u2060"),
        ("[x](http://evil)", "\\[x\\]\\(http:\u2060//evil\\)"),
        ("$E=mc$", r"\$E\=mc\$"),
        ("www.evil.com", "www\u2060\\.evil\\.com"),
        ("two\nlines", "two lines"),
    ],
)
def test_names_of_a_user_become_literal_markdown(text, shown):
    assert words.escape(text) == shown


@pytest.mark.parametrize(
    ("record_id", "part"),
    [("SIM-1", "SIM-1"), ("../../etc/passwd", "etc-passwd"), ("a_b 7/é", "a_b-7"), ("…", "stay"), ("9" * 99, "9" * 60)],
)
def test_an_identifier_becomes_a_safe_part_of_a_file_name(record_id, part):
    assert words.file_part(record_id) == part


def test_a_very_long_name_is_cut():
    assert len(words.escape("a" * 10_000)) <= 300


@pytest.fixture
def session(monkeypatch):
    """An empty session without a browser."""
    kept: dict = {}
    monkeypatch.setattr(st, "session_state", kept)
    return kept


def test_a_result_is_computed_once(session):
    calls = []
    for _ in range(3):
        assert state.remember("key", lambda: calls.append(1) or "result") == "result"
    assert len(calls) == 1


def test_an_error_is_not_remembered(session):
    with pytest.raises(ZeroDivisionError):
        state.remember("key", lambda: 1 / 0)
    assert state.remember("key", lambda: 1) == 1


def test_the_oldest_results_are_forgotten_first(session, monkeypatch):
    monkeypatch.setattr(state, "MAX_REMEMBERED", 2)
    for key in ("a", "b", "a", "c"):
        state.remember(key, lambda: 0)
    calls = []
    state.remember("a", lambda: calls.append("a"))
    state.remember("b", lambda: calls.append("b"))
    assert calls == ["b"]


def test_a_slot_holds_the_newest_result_only(session):
    calls = []
    for key in (1, 1, 2, 1):
        state.remember_last("slot", key, lambda: calls.append(1))
    assert len(calls) == 3


def test_recordings_differ_in_their_digest_by_a_single_value(random_recordings):
    one, same, other = random_recordings(seed=1), random_recordings(seed=1), random_recordings(seed=1)
    other.value[7] += 1e-3
    assert state.Loaded.of(one).digest == state.Loaded.of(same).digest
    assert state.Loaded.of(one).digest != state.Loaded.of(other).digest


def test_new_recordings_do_not_inherit_the_chosen_stay(session, random_recordings):
    first, second = state.Loaded.of(random_recordings(stays=3)), state.Loaded.of(random_recordings(stays=2))
    state.accept(first)
    state.choose_stay("stay-2")
    assert state.stay(first) == "stay-2"
    state.accept(second)
    assert state.stay(second) == "stay-0"


def test_the_shell_counts_for_one_run_only(session):
    assert not state.shell_ran()
    state.shell_began()
    assert state.shell_ran()
    assert not state.shell_ran()


def test_thin_stays_are_named_with_a_reason_before_any_model_is_asked(random_recordings):
    recordings = random_recordings(stays=2, rows=60)
    assert results.thin(recordings) == {}
    short = random_recordings(stays=1, rows=60, hours=2.0)
    assert "h recorded" in results.thin(short)["stay-0"]


def test_what_is_thin_agrees_with_the_model(random_recordings, tiny_bundle):
    from medgru.predict import predict

    recordings = random_recordings(stays=4, rows=19, hours=7.0, seed=3)
    reasons = dict(zip(recordings.record_ids, predict(tiny_bundle, recordings).reasons, strict=True))
    assert results.thin(recordings) == {name: reason for name, reason in reasons.items() if reason}


def test_the_error_log_holds_no_value_of_a_patient(caplog):
    with pytest.raises(ValueError, match="canary") as caught:
        raise ValueError("canary-4711")
    with caplog.at_level(logging.ERROR, logger="medgru"):
        shown_already = server.log_script_error(caught.value)
    assert shown_already
    assert "ValueError at test_ui_parts.py" in caplog.text
    assert "canary" not in caplog.text


def test_the_server_prepares_the_first_prediction_while_the_start_page_is_read():
    async def begin():
        async with server.lifespan(None) as given:
            return given

    assert asyncio.run(begin()) == {}
    for thread in threading.enumerate():
        if thread.name == "medgru-warm-up":
            thread.join(timeout=60)
    assert {"torch", "medgru.explain"} <= sys.modules.keys()


def test_torch_runs_on_one_thread():
    import torch

    before = torch.get_num_threads()
    try:
        server.single_threaded_torch()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_every_answer_of_the_server_carries_the_security_headers():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})

    sent: list[dict] = []

    async def collect(message):
        sent.append(message)

    asyncio.run(server.SecurityHeaders(app)({"type": "http"}, None, collect))
    headers = dict(sent[0]["headers"])
    assert headers[b"x-own"] == b"1"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"referrer-policy"] == b"no-referrer"


def test_the_configuration_keeps_everything_on_this_machine():
    import tomllib

    from medgru.settings import PROJECT_ROOT, Settings

    config = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["maxUploadSize"] == Settings().max_upload_mb
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert len(set(config["theme"]["chartCategoricalColors"])) >= 10, "fewer are ignored by Plotly"


def test_the_script_behind_app_py_has_no_pages_folder_beside_it():
    from medgru.settings import PROJECT_ROOT

    assert "shell.py" in (PROJECT_ROOT / "app.py").read_text()
    assert not (PROJECT_ROOT / "medgru" / "ui" / "pages").exists()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.9, "Less than a minute"),
        (0.4, 1.2, "About 1 minute"),
        (1.8, 4.2, "2 to 4 minutes"),
        (20, 95, "0.3 to 1.6 hours"),
        (90, 240, "1.5 to 4 hours"),
        (118, 121, "About 2 hours"),
    ],
)
def test_an_estimate_of_time_is_as_coarse_as_it_is_good(low, high, said):
    from medgru.ui import words

    assert words.estimate(low, high) == said


def test_the_family_is_called_alike_with_torch_and_without():
    from medgru.nn import FAMILY
    from medgru.ui.model_words import KINDS

    assert {name: model.label for name, model in FAMILY.items()} == KINDS


def test_a_stay_is_described_in_words(random_recordings):
    from medgru.ui import widgets

    recordings = random_recordings(stays=1)
    recordings.statics[0] = [63, 0, np.nan, 2]
    assert widgets.describe_stay(recordings) == "63 y, female, cardiac surgery recovery"
    recordings.statics[0] = np.nan
    assert widgets.describe_stay(recordings) == "age, sex and unit unknown"
