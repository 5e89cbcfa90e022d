"""Mappings kept by name, found again for files of the same shape, and refused where they are damaged."""

import json
import os
import stat
import threading

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medgru.data import Inspection, Source, inspect, saved_mappings
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY as TASK

WIDE = "patient,hour,Puls,Temp\nMueller-4711,1,80,98.6\nMueller-4711,2,82,99.5\nxb2,1,90,97.9\n"
LONG = "patient,hour,variable,value\np1,1,HR,80\np1,2,Temp,37\np1,3,Lactate,2\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path / "mappings"
    settings.cache_clear()


def look_at(text: str) -> Inspection:
    return inspect([Source("Mueller.csv", text.encode())], TASK)


def files(home):
    return sorted(home.glob("*.json"))


def test_a_mapping_is_offered_for_files_of_its_shape_and_for_no_others(home):
    saved_mappings.save_mapping("ward 7", look_at(WIDE).mapping)
    saved_mappings.save_mapping("lab", look_at(LONG).mapping)

    same, more, less, other = (
        saved_mappings.fitting(look_at(text))
        for text in (
            WIDE.replace("80", "81"),
            WIDE.replace("Temp\n", "Temp,Lactate\n").replace(".6\n", ".6,1\n").replace(".5\n", ".5,2\n"),
            WIDE.replace(",Temp", ",x"),
            "id,time,SpO2\na,1,97\n",
        )
    )

    assert [(f.saved.name, f.exact, f.explained) for f in same] == [("ward 7", True, 1.0)]
    assert [(f.saved.name, f.exact) for f in more] == [("ward 7", False)]
    assert less == other == []
    unused = saved_mappings.fitting(look_at(WIDE.replace("Temp\n", "Temp,bed\n").replace(".6\n", ".6,1\n")))
    assert unused[0].exact, "there is nothing to decide about a column that nobody uses"
    fewer_variables = saved_mappings.fitting(look_at(LONG.replace("p1,3,Lactate,2\n", "")))
    assert [f.saved.name for f in fewer_variables] == ["lab"], "a long table need not hold every variable each time"


def test_what_explains_most_of_the_files_comes_first():
    mapping = look_at(WIDE).mapping
    saved_mappings.save_mapping("all", mapping)
    saved_mappings.save_mapping("less", look_at("patient,hour,Puls\na,1,80\n").mapping)

    assert [f.saved.name for f in saved_mappings.fitting(look_at(WIDE))] == ["all", "less"]


def test_nothing_of_a_patient_or_a_file_name_is_kept_and_only_the_owner_can_read_it(home):
    both = inspect(
        [Source("Mueller.csv", WIDE.encode()), Source("Schmidt.csv", WIDE.replace("98.6", "37").encode())], TASK
    )
    saved_mappings.save_mapping("ward", both.mapping)
    (path,) = files(home)

    text = path.read_text()

    assert not any(word in text for word in ("Mueller", "Schmidt", "4711", "98.6", "xb2"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=80))
def test_a_name_never_leads_out_of_the_folder_and_finds_its_mapping_again(home, name):
    mapping = look_at(WIDE).mapping
    assume(any(c.isprintable() and not c.isspace() for c in name))
    saved = saved_mappings.save_mapping(name, mapping)
    assert saved_mappings.find_mapping(name, TASK).config == mapping.to_config()
    assert all(path.parent == home for path in home.rglob("*"))
    saved_mappings.delete_mapping(saved.name, TASK)
    assert not files(home)


@pytest.mark.parametrize("name", ["", "  ", "\x00\u200b"])
def test_a_mapping_needs_a_name(name):
    with pytest.raises(DataError, match="needs a name"):
        saved_mappings.save_mapping(name, look_at(WIDE).mapping)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "心率", "CON", "=cmd|' /C calc'!A0", "x" * 300])
def test_strange_names_are_kept_as_names(home, name):
    saved_mappings.save_mapping(name, look_at(WIDE).mapping)

    assert len(files(home)) == 1
    assert saved_mappings.saved_mappings(TASK)[0][0].name == name[:60]


def test_the_same_name_in_another_case_replaces_the_mapping(home):
    saved_mappings.save_mapping("Ward", look_at(WIDE).mapping)
    saved_mappings.save_mapping("ward", look_at(LONG).mapping)

    assert [saved.name for saved in saved_mappings.saved_mappings(TASK)[0]] == ["ward"]


def test_a_mapping_can_be_renamed_but_not_onto_another_one():
    for name in ("a", "b"):
        saved_mappings.save_mapping(name, look_at(WIDE).mapping)

    with pytest.raises(DataError, match="already"):
        saved_mappings.rename_mapping("a", "B", TASK)
    saved_mappings.rename_mapping("a", "A", TASK)
    saved_mappings.rename_mapping("b", "c", TASK)

    assert [saved.name for saved in saved_mappings.saved_mappings(TASK)[0]] == ["A", "c"]
    with pytest.raises(DataError, match="Saved ones: A, c"):
        saved_mappings.rename_mapping("b", "d", TASK)


def test_damaged_files_are_passed_over_with_a_note(home):
    saved_mappings.save_mapping("good", look_at(WIDE).mapping)
    (home / "bad.json").write_text("{")
    (home / "deep.json").write_text("[" * 100_000)
    (home / "large.json").write_bytes(b" " * (saved_mappings.MAX_BYTES + 1))
    (home / "other.json").write_text(json.dumps({"task": "another", "matches": []}))

    found, notes = saved_mappings.saved_mappings(TASK)

    assert [saved.name for saved in found] == ["good"]
    assert len(notes) == 3, "a mapping for another task is not damaged"
    assert all("passed over" in note for note in notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "holds text that is no UTF-8"),
        (b"[1]", "is no mapping"),
        (b'{"task": "icu-mortality"}', "is no mapping"),
        (b'{"task": "sepsis", "matches": []}', "was made for 'sepsis'"),
        (b'{"matches": []}', "was made for no task"),
        (b'{"task": "icu-mortality", "matches": [{"source": "a", "target": "Spleen", "unit": ""}]}', "names variables"),
        (b'{"task": "icu-mortality", "matches": [{"source": NaN}]}', "holds NaN"),
    ],
)
def test_what_is_no_mapping_is_refused_with_the_reason(content, message):
    with pytest.raises(DataError, match=message):
        saved_mappings.read_mapping(content, TASK)


def test_a_mapping_comes_back_from_its_file_as_it_was():
    mapping = look_at(WIDE).mapping.change("Puls", target=None).confirm_all()
    saved = saved_mappings.save_mapping("ward", mapping)

    again = saved_mappings.read_mapping(saved.to_json(), TASK)

    assert again == saved


def test_several_who_save_at_once_leave_a_whole_file(home):
    mappings = [look_at(WIDE).mapping, look_at(LONG).mapping]
    workers = [
        threading.Thread(target=lambda m=m: [saved_mappings.save_mapping("ward", m) for _ in range(20)])
        for m in mappings
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    (saved,), notes = saved_mappings.saved_mappings(TASK)

    assert saved.config in [m.to_config() for m in mappings]
    assert not notes
    assert len(os.listdir(home)) == 1, "nothing is left lying about"


def test_a_folder_that_cannot_be_written_is_named(home):
    home.write_text("in the way")
    with pytest.raises(DataError, match="cannot be changed"):
        saved_mappings.save_mapping("ward", look_at(WIDE).mapping)
    assert saved_mappings.saved_mappings(TASK) == ([], [])
