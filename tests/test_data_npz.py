"""NumPy archives: what is read, and what is refused before anything is made of it."""

import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.examination import examine
from medgru.data.npz import is_npz
from medgru.data.readers import read_tables
from medgru.data.source import Refusal
from medgru.data.table import Table
from medgru.tasks import ICU_MORTALITY

NAMES = np.array(["HR", "Temp (°F)"])
X = np.array([[[80, 98.6], [82, np.nan]], [[90, 99.5], [91, 99]]])
DATA = os.environ.get("MEDGRU_DATA_DIR")


def packed(**arrays) -> bytes:
    data = io.BytesIO()
    np.savez_compressed(data, **arrays)
    return data.getvalue()


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return data.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    """An array with this header, true or not."""
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def read(data: bytes, name: str = "a.npz") -> tuple[list[Table], list[Refusal]]:
    return read_tables([Source(name, data)])


def refusal(data: bytes) -> Refusal:
    tables, refused = read(data)
    assert not tables
    return refused[0]


def test_labels_stand_beside_the_values_so_that_they_can_be_chosen():
    steps = np.array([[0, 1], [1, 1]])
    table = read(packed(x=X, features=NAMES, y=np.array([0, 1]), sepsis=steps, hot=np.eye(2), label=np.eye(2)))[0][0]

    rows = table.data.to_pydict()
    assert rows["y"] == [0, 0, 1, 1]
    assert rows["sepsis"] == [0, 1, 1, 1]
    assert (rows["label"], rows["hot"]) == ([1, 0, 0, 1], [1, 0, 0, 1])  # as many classes as steps: one a step
    several = read(packed(x=X, features=NAMES, y=np.eye(3)[:2]))[0][0].data.to_pydict()
    assert [several[f"y {i}"] for i in (1, 2, 3)] == [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_arrays_that_fit_nowhere_are_named():
    table = read(packed(x=X, features=NAMES, weights=np.zeros((5, 5)), scale=np.float64(2)))[0][0]
    assert table.notes == (
        "a.npz: the arrays weights (5 × 5 numbers), scale (one number) belong neither to the patients nor to their "
        "times; left out.",
    )


def test_two_files_without_identifiers_are_different_patients():
    one, two = packed(x=X, features=NAMES), packed(x=X, features=NAMES)
    inspection = inspect([Source("ward.npz", one), Source("icu.npz", two)], ICU_MORTALITY)
    assert build(inspection, inspection.mapping).record_ids == ("ward 1", "ward 2", "icu 1", "icu 2")


def test_one_identifier_is_never_given_to_two_stays():
    table = read(packed(x=X, features=NAMES, ids=np.array(["a", "a"])))[0][0]
    assert set(table.data.column("record_id").to_pylist()) == {"a", "a (2)"}
    assert "identifiers occur more than once" in table.notes[0]


def test_a_step_is_the_row_that_is_named():
    table = read(packed(x=X, features=NAMES))[0][0]
    assert [table.place(i) for i in range(4)] == [("a.npz", 1), ("a.npz", 2), ("a.npz", 1), ("a.npz", 2)]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((4, 4))}, ["x (4 × 4 numbers)", "whether x holds a patient or a time in each row"]),
        ({"x": X, "features": NAMES[:1]}, ["x holds 2 variables, but features has 1 name."]),
        ({"x": X, "features": NAMES, "mask": X}, ["mask must be 1 where something was measured"]),
        ({"x": X, "features": NAMES, "mask": np.ones((2, 2))}, ["mask must be", "as large as the values, 2 × 2 × 2"]),
        (
            {"x": X, "features": NAMES, "lengths": np.array([1, 9])},
            ["lengths must say how many times each patient has: whole numbers from 0 to 2"],
        ),
        ({"weights": np.zeros(3)}, ["weights (3 numbers)", "What is read: measurements", "or as CSV"]),
        ({"a": np.zeros(3), "b": np.zeros(4)}, ["a (3 numbers), b (4 numbers)"]),
        ({"images": np.zeros((2, 4, 4, 7))}, ["images have 7 colours a point"]),
        ({"x": np.zeros((0, 4, 2))}, ["holds no values: x (0 × 4 × 2 numbers)"]),
        ({"images": np.zeros((3, 0, 0), np.uint8)}, ["holds no values"]),
        ({"x": np.zeros(3, complex)}, ["neither numbers nor text nor dates (complex128)"]),
        ({"x": np.zeros((1, 1, 3_000)), "y": np.zeros(1)}, ["3,000 columns; at most 2,000"]),
    ],
)
def test_what_makes_no_table_is_refused_with_what_was_found(arrays, words):
    problem = refusal(packed(**arrays)).problem
    assert all(word in problem for word in words), problem


def test_objects_are_refused_and_never_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    data = io.BytesIO()
    np.lib.format.write_array(data, np.array([Evil()], dtype=object))
    for member in (
        data.getvalue(),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps(Evil())),
    ):
        found = refusal(zipped(x=member))
        assert found.unsafe
        assert "Python objects" in found.problem
    assert not (tmp_path / "ran").exists()


SHAPE = "{{'descr': '{}', 'fortran_order': False, 'shape': {}}}"


@pytest.mark.parametrize(
    "header",
    [
        SHAPE.format("<f8", "(1000000000, 1000000000)"),
        SHAPE.format("<f8", "(-1, -8)"),
        SHAPE.format("<f8", "(0,) * 8"),
        SHAPE.format("<f8", "(1,) + (0,)"),
        SHAPE.format("<f8", "(9223372036854775807, 9223372036854775807, 0)"),
        SHAPE.format("|V0", "(5,)"),
        SHAPE.format("|V999999999", "(1,)"),
        SHAPE.format("<U999999999", "(1,)"),
        SHAPE.format("nonsense", "(1,)"),
        SHAPE.format("<f8", str(tuple([1] * 60))),
        SHAPE.format("<f8", "(True, False)"),
        "{'descr': [('a', '<f8', (1000000, 1000000))], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', [('b', '<f8')])], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (1,)}",
        "{'shape': (1,)}",
        "__import__('os')",
        "(" * 5_000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1L,), }",
        "[" * 60 + "]" * 60,
        "x" * 60_000,
        "",
    ],
)
def test_headers_that_lie_are_refused_at_once(header):
    started = time.monotonic()
    assert refusal(zipped(x=npy(header, b"\0" * 8))).problem
    assert time.monotonic() - started < 5


def test_a_bomb_of_zeros_is_refused_without_unpacking_it():
    member = npy(SHAPE.format("<f8", "(75000000,)"), b"\0" * (250 << 20))
    data = zipped(x=member)
    del member
    assert len(data) < 1 << 20
    tracemalloc.start()
    found = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.unsafe
    assert "more than 200 times its size" in found.problem
    assert peak < 50 << 20


def test_damaged_archives_are_refused():
    whole = packed(x=X, features=NAMES)
    assert refusal(zipped(x=b"no array")).problem.startswith("is damaged: the beginning of its array x")
    assert refusal(zipped(x=npy(SHAPE.format("<f8", "(2,)"), b"\0" * 8))).problem
    broken = bytearray(whole)
    broken[60:90] = b"\xff" * 30
    assert refusal(bytes(broken)).problem


def test_an_archive_of_other_files_is_no_npz():
    assert is_npz(packed(x=X))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.npy", b"x")
        archive.writestr("a.csv", b"x")
    assert not is_npz(data.getvalue())
    assert not is_npz(b"PK\x03\x04" + b"x" * 100)
    assert not is_npz(b"PK\x05\x06" + b"\0" * 18)


def test_an_npz_within_an_archive_is_read():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("folder/stays.npz", packed(x=X, features=NAMES))
    inspection = inspect([Source("all.zip", data.getvalue())], ICU_MORTALITY)
    values = sorted(build(inspection, inspection.mapping).value.tolist())
    np.testing.assert_allclose(values, [37, 37.22, 37.5, 80, 82, 90, 91], atol=0.01)


def test_values_that_look_like_other_units_are_asked_about():
    fractions = np.concatenate([X[..., :1], np.full((2, 2, 1), 0.97)], axis=2)
    inspection = inspect([Source("a.npz", packed(x=fractions, features=np.array(["HR", "SpO2"])))], ICU_MORTALITY)
    assert "Please check" in inspection.mapping["step"].reason
    assert inspection.mapping["SpO2"].how == "guessed"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_bytes_changed_anywhere_never_end_in_a_traceback(data):
    whole = bytearray(packed(x=X, features=NAMES, ids=np.array(["a", "b"])))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    tables, refused = read(bytes(whole))
    assert tables or refused


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["x", "mask", "lengths", "times", "ids", "features", "y", "images", "HR", "x_train", "y_test"]),
        st.tuples(
            st.lists(st.integers(0, 3), max_size=5),
            st.sampled_from(["f2", "f4", ">f8", "i1", ">u8", "?", "U3", "S2", "M8[s]", "m8[h]", "c8"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_arrays_of_any_shape_and_type_are_read_or_refused(arrays):
    tables, refused = read(
        packed(**{name: np.ones(shape, "u1").astype(kind) for name, (shape, kind) in arrays.items()})
    )
    assert len(tables) + len(refused) == 1
    for table in tables:
        assert all(column in table.columns for column in table.roles.values())
        assert len(table)


@pytest.mark.skipif(not DATA, reason="needs MEDGRU_DATA_DIR with pneumoniamnist")
def test_pneumoniamnist_makes_a_task_of_images():
    path = Path(str(DATA)) / "pneumoniamnist" / "pneumoniamnist_train_val.npz"
    proposal = examine([Source.from_path(path)])
    assert (proposal.stays, proposal.choices.label, proposal.choices.time) == (4_708 + 524, "labels", "row")
    assert proposal.choices.features == tuple(f"pixel {i}" for i in range(1, 29))
    assert not proposal.problems
