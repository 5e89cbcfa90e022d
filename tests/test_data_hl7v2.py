"""HL7 v2: which results count, whose they are and when they were; and that nothing hostile gets far."""

import time
from dataclasses import replace

import hl7
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Recordings, Source, build, inspect
from medgru.data.hl7v2 import MAX_STRAY, is_hl7v2, read_hl7v2
from medgru.data.recording import NO_STAY, NO_TIME, NO_VALUE, NOT_A_NUMBER, UNKNOWN_UNIT
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError
from medgru.settings import settings as app_settings
from medgru.tasks import ICU_MORTALITY
from tests.recordings import kinds, notes, same, values
from tests.twins.fhir import ROWS, Row
from tests.twins.hl7v2 import Message, context, joined, messages, moment, result

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HR: Row = ("p1", 0, "HR", 88.0, "/min")
LATER: Row = ("p1", 60, "HR", 99.0, "/min")


def read(*files: bytes) -> Recordings:
    inspection = inspect([Source(f"{i}.hl7", data) for i, data in enumerate(files)], ICU_MORTALITY)
    return build(inspection, inspection.mapping)


def of(*results: str, **more: str) -> bytes:
    return replace(Message("p1", results), **more).encoded()


EACH = messages(ROWS, one_each=True)


@FEW
@given(st.permutations(EACH), st.sampled_from(["\r", "\n", "\r\n"]), st.integers(0, len(EACH) - 1))
def test_neither_order_nor_line_ends_nor_files_matter(found, end, cut):
    parts = [part for part in (joined(found[:cut], end), joined(found[cut:], end)) if part]

    same(read(joined(EACH)), read(*parts))


@FEW
@given(
    st.lists(
        st.tuples(st.sampled_from("PFCDW"), st.integers(60, 100)), min_size=1, max_size=5
    ).flatmap(lambda sent: st.tuples(st.just(sent), st.permutations(range(len(sent)))))
)  # fmt: skip
def test_of_one_result_the_state_after_the_last_message_holds(case):
    sent, order = case
    other = Message("p1", (result(("p1", 500, "Temp", 37.0, "")),))
    found = [
        Message("p1", (result(HR, status=s, value=str(v)),), sent=moment(100 + i)) for i, (s, v) in enumerate(sent)
    ]
    state: list[tuple[str, int]] = []
    for status, value in sent:
        if status in "DW":
            state = []
        elif status == "C":
            state = [(status, value)]
        elif status == "P":
            state = state if any(s != "P" for s, _ in state) else [(status, value)]
        else:
            state = [(s, v) for s, v in state if s != "P"] + [(status, value)]

    recordings = read(joined([other, *(found[i] for i in order)]))

    assert sorted(values(recordings)) == sorted([*map(float, {v for _, v in state}), 37.0])


def test_a_file_of_withdrawn_results_alone_is_refused_in_words():
    with pytest.raises(DataError, match=r"no result that can be used.*withdrawn"):
        read(of(result(HR, status="W")))


def test_a_correction_of_another_order_or_part_replaces_nothing():
    first = Message("p1", (result(HR),), order=("A", ""))
    other = Message("p1", (result(HR, status="C", value="77"),), order=("B", ""))

    assert sorted(values(read(joined([first, other])))) == [77.0, 88.0]


@pytest.mark.parametrize("status", ["X", "N", "I", "O", "?"])
def test_what_was_not_done_is_no_value_and_is_said(status):
    found = read(of(result(HR), result(LATER, status=status)))

    assert values(found) == [88.0]
    assert "0.hl7 line 5" in notes(found)
    assert not len(found.report.issues)


def odd(segment: str) -> bytes:
    return of(result(HR), segment)


@pytest.mark.parametrize(
    ("segment", "kind", "said"),
    [
        (result(LATER, "20240331"), NO_TIME, "no time of day"),
        (result(LATER, "2024033"), NO_TIME, "a time that is none"),
        (result(LATER, "20240230101010"), NO_TIME, "a time that is none"),
        (result(LATER, "soon"), NO_TIME, "a time that is none"),
        (result(LATER, moment(60, 2)), NO_TIME, "without its offset"),
        (result(LATER, value="n/a ++"), NOT_A_NUMBER, ""),
        (result(LATER, value="99,5"), NOT_A_NUMBER, ""),
        (result(LATER, kind="SN", value="^100^-^200"), NOT_A_NUMBER, ""),
        (result(LATER, kind="SN", value="^1^:^128"), NOT_A_NUMBER, ""),
        (result(LATER, kind="SN", value="<>^99"), NOT_A_NUMBER, ""),
        (result(LATER, kind="TS", value="20240101"), NOT_A_NUMBER, ""),
        (result(LATER, kind="CE", value="99^high^L"), NOT_A_NUMBER, ""),
        (result(LATER, value=""), NO_VALUE, ""),
        (result(LATER, value='""'), None, "empty on purpose"),
        (result(LATER, kind="NA", value="1^2^3"), None, "array, waveform"),
        (result(LATER, kind="ED", value="^IM^PNG^Base64^AAAA"), None, "array, waveform"),
        (result(LATER).replace("/min", "furlong"), UNKNOWN_UNIT, ""),
        (result(LATER).replace("8867-4^Heart rate^LN", ""), NO_VALUE, ""),
    ],
    ids=str,
)
def test_a_value_is_read_right_or_reported(segment, kind, said):
    found = read(odd(segment))

    assert values(found) == ([99.0] if said == "without its offset" else [88.0])
    assert kind is None or kind in kinds(found)
    assert said in notes(found)
    if kind not in (None, NO_TIME):
        assert found.report.issues["row"].tolist() == [5]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("NM", " 99 ", [99.0]),
        ("NM", "+99.50", [99.5]),
        ("NM", "99~98", [98.0, 99.0]),
        ("NM", "<99", [99.0]),
        ("SN", "^99", [99.0]),
        ("SN", ">=^99", [99.0]),
        ("ST", "99", [99.0]),
        ("", "99", [99.0]),
        ("NA", "99", [99.0]),
        ("TX", "\\H\\99\\N\\", [99.0]),
        ("TX", "\\X3939\\", [99.0]),
    ],
)
def test_numbers_are_read_in_every_type_that_holds_one(kind, value, expected):
    assert sorted(values(read(of(result(LATER, kind=kind, value=value))))) == expected


def test_escapes_stand_for_the_delimiters():
    words = "ST|X^a\\S\\b\\T\\c\\F\\d\\R\\e\\E\\f\\.br\\g^L||1||||||F|||" + moment(0)

    table = next(read_hl7v2([Blob("a", of(words))]))

    assert table.data["variable"].to_pylist() == ["a^b&c|d~e\\f g"]


def test_without_patient_and_visit_a_result_is_nobodys():
    found = read(joined([Message("", (result(LATER),)), Message("p1", (result(HR),))]))

    assert values(found) == [88.0]
    assert NO_STAY in kinds(found)
    assert "without patient and visit" in notes(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Message("7^^^A^MR", (result(HR),)), Message("7^^^B^MR", (result(HR),))),
        (Message("7", (result(HR),), visit="V1"), Message("8", (result(HR),), visit="V1")),
        (Message("7", (result(HR),), visit="V1"), Message("7", (result(HR),), visit="V2")),
        (Message("7", (result(HR),), visit="V1"), Message("7", (result(HR),))),
    ],
)
def test_two_patients_and_two_visits_are_never_merged(one, other):
    found = read(joined([one, other]))

    assert len(found) == 2
    assert len(found.value) == 2


def test_the_context_of_one_patient_ends_with_the_next():
    more = (*context("p2"), f"OBX|9|{result(LATER)}", "PID|1||", f"OBX|9|{result(LATER)}")

    found = read(Message("p1", (result(HR),), person=("19500331", "F"), more=more).encoded())

    assert found.record_ids == ("p1", "p2")
    assert np.isnan(found.statics[1]).all()
    assert NO_STAY in kinds(found)


def test_birth_and_sex_that_differ_are_reported():
    both = [Message("p1", (result(HR),), person=person) for person in (("19500331", "F"), ("1960", "M"))]

    assert kinds(read(joined(both))) == ["repeated", "conflict", "conflict"]


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        ("20240330231000", "2024-03-30T23:10:00"),
        ("20240330231000.1234", "2024-03-30T23:10:00.123400"),
        ("202403302310+0200", "2024-03-30T21:10:00"),
        ("2024033023", "2024-03-30T23:00:00"),
        ("20240330231060", "2024-03-30T23:11:00"),
        ("202403302310^M", "2024-03-30T23:10:00"),
    ],
)
def test_times_are_read_to_their_precision(given_time, expected):
    table = next(read_hl7v2([Blob("a", of(result(HR, given_time)))]))

    assert table.data["time"].to_numpy()[0] == np.datetime64(expected)


@pytest.mark.parametrize(
    ("missing", "said"), [(0, ""), (1, ""), (2, "OBR-22"), (3, "MSH-7"), (4, "without a time")], ids=str
)
def test_times_are_taken_from_order_report_and_message_in_turn(missing, said):
    own, order, report, sent = [""] * missing + [moment(0)] * (4 - missing)
    text = replace(Message("p1", (result(HR, own),)), sent=sent, order=("", order)).encoded().decode()
    panel = f"|24323-8^Panel^LN|||{order}"

    found = read(text.replace(panel, panel + "|" * 15 + report).encode())

    assert said in notes(found)
    assert kinds(found) == ([NO_TIME] if missing == 4 else [])


def test_a_segment_that_goes_on_is_put_together():
    cut = of(result(HR)).replace(b"|88|", b"|8\rADD|8|")

    assert values(read(cut)) == [88.0]


def test_stray_lines_are_passed_over_and_named():
    broken = of(result(HR)).replace(b"Doe^Jane", b"Doe\nof the west")

    found = read(broken)

    assert "1 line passed over" in notes(found)
    assert "line 3" in notes(found)


def test_a_character_set_that_is_not_what_is_said_is_noticed():
    found = read(Message("Müller", (result(HR),)).encoded(encoding="latin-1"))

    assert found.record_ids == ("Müller",)
    assert "Windows-1252" in notes(found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MSH|^~\\&|A|B\r", "no result that can be used.*say nothing"),
        (b"MSH|^~\\&|A|B\r" * (MAX_STRAY + 2), "say nothing"),
        (Message("p1", (), kind="ADT^A01").encoded(), "1 ADT.A01"),
        (of(result(HR))[:60] + b"\r" + b"xx\r" * (MAX_STRAY + 2), "lines that are no segments"),
        (b"FHS|^~\\&|A\r", "no result that can be used"),
    ],
    ids=["header", "headers", "admission", "stray", "batch"],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data, said):
    with pytest.raises(DataError, match=said):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        of(result(HR)) + b"OBX|\r" * 200_000,
        of(result(HR)) + b"ADD|\r" * 1_000_000,
        of(result(HR)) + b"ADD|" + b"1" * 10_000_000,
        of(result(HR)).replace(b"|88|", b"|" + b"1~" * 200_000 + b"|"),
        of(result(HR)) + b"\r" * 5_000_000,
        b"MSH|^~\\&|\r" * 300_000,
        of(result(HR)).replace(b"|88|", b"|" + b"\\" * 500_000 + b"|"),
        of(result(HR)) + b"PID|1||" + b"~".join(str(i).encode() for i in range(100_000)) + b"\r",
    ],
    ids=["OBX", "ADD", "long ADD", "repetitions", "blank lines", "headers", "escapes", "identifiers"],
)
def test_much_of_nothing_ends_soon(data):
    begun = time.process_time()

    list(read_hl7v2([Blob("a.hl7", data)]))

    assert time.process_time() - begun < 10


def test_no_more_rows_are_read_than_allowed(monkeypatch):
    monkeypatch.setenv("MEDGRU_MAX_ROWS", "5")
    app_settings.cache_clear()
    try:
        found = list(read_hl7v2([Blob("a", joined(EACH)), Blob("b", joined(EACH[:3]))]))
        assert [type(f) for f in found] == [Refusal, Table]
        assert "none of it was read" in found[0].problem
        assert len(found[1]) == 3
    finally:
        monkeypatch.undo()
        app_settings.cache_clear()


def test_only_messages_are_taken():
    for head in (b"MSH|^~\\&|A|", b"\x0bMSH|^~\\&|", b"FHS|^~\\&|", b"BHS|^~\\&|", b"\r\nMSH$%~\\&$A", b"MSH|^~\\&#|A"):
        assert is_hl7v2(head)
    for head in (b"MSH,time,HR\n", b"MSH|time|HR", b"record_id", b"{", b"", b"PID|1||"):
        assert not is_hl7v2(head)


PIECES = st.text(st.sampled_from("|^~\\&\r\n 0159.-+<XNMOBZé\x0b\x1c"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_give_a_table_or_a_refusal(data):
    form = joined(EACH[:3])
    at = data.draw(st.integers(0, len(form)))
    piece = data.draw(st.binary(max_size=8) | PIECES.map(str.encode))
    damaged = form[:at] + piece + form[at + data.draw(st.integers(0, 40)) :]

    for found in read_hl7v2([Blob("a.hl7", damaged)]):
        assert isinstance(found, Table | Refusal)
        if isinstance(found, Refusal):
            assert found.problem.endswith(".")


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6), st.sampled_from(["NM", "SN", "ST", "CWE", "TS"]))
def test_values_are_what_the_library_hl7_reads(pieces, kind):
    text = "".join(c for c in "".join(pieces) if c not in "|^~\\&\r\n\x0b\x1c").strip()
    raw = of(result(HR), result(LATER, kind=kind, value=text))
    theirs = str(hl7.parse(raw.decode()).segments("OBX")[1][5])

    table = next(read_hl7v2([Blob("a", raw)]))
    ours = table.data["value"].to_pylist()

    assert len(ours) == 2
    assert (ours[1] or "").strip('[]"') in (theirs.strip(), theirs.strip().strip('[]"'))
