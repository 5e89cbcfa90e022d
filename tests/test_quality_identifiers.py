"""Who could be recognised: found by name and by content, never in a column of measurements, and gone after removal."""

import io
import random
import string
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect, sources
from medgru.data.labels import attach_labels
from medgru.data.table import Table
from medgru.errors import DataError, MedGRUError
from medgru.quality import identifier_cells as cells
from medgru.quality import identifier_kinds as kinds
from medgru.quality import inspected_again, removed, suspects, to_remove
from medgru.quality.identifier_kinds import KINDS, kind_by_name
from medgru.quality.repeats import Repeats
from medgru.settings import settings as medgru_settings
from tests.recordings import statics_table

DATA = Path(__file__).parent / "data"


def opened(task, **files: str | bytes):
    return inspect([Source(n, c.encode() if isinstance(c, str) else c) for n, c in files.items()], task)


def chinese_id(first17: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first17 + "10X98765432"[sum(int(c) * w for c, w in zip(first17, weights, strict=True)) % 11]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Patient Name", kinds.NAME),
        ("pat_nachname", kinds.NAME),
        ("Prénom", kinds.NAME),
        ("患者姓名", kinds.NAME),
        ("PLZ", kinds.PLACE),
        ("家庭住址", kinds.PLACE),
        ("DOB", kinds.BIRTH),
        ("出生日期", kinds.BIRTH),
        ("discharge_date", kinds.DATE),
        ("Phone_2", kinds.PHONE),
        ("手机号", kinds.PHONE),
        ("Fax", kinds.FAX),
        ("e-mail", kinds.EMAIL),
        ("SSN", kinds.SSN),
        ("身份证号", kinds.SSN),
        ("MRN", kinds.MRN),
        ("住院号", kinds.MRN),
        ("NHS number", kinds.PLAN),
        ("医保卡号", kinds.PLAN),
        ("IBAN", kinds.ACCOUNT),
        ("driver's licence number", None),
        ("Führerschein", kinds.LICENCE),
        ("车牌号", kinds.VEHICLE),
        ("device serial number", kinds.DEVICE),
        ("URL", kinds.URL),
        ("IP address", kinds.IP),
        ("fingerprint", kinds.BIOMETRIC),
        ("照片", kinds.PHOTO),
        ("accession number", kinds.UNIQUE),
        ("Bemerkung", kinds.FREE_TEXT),
        ("Heart rate", None),
        ("MAP", None),
        ("pH", None),
        ("Platelets", None),
        ("心率", None),
    ],
)
def test_headers_name_their_kind(header, kind):
    assert kind_by_name(header) is kind


def test_all_eighteen_kinds_of_safe_harbor_are_there():
    assert {kind.letter for kind in KINDS} == set("ABCDEFGHIJKLMNOPQR")


def test_no_variable_of_the_shipped_task_is_called_like_an_identifier(task):
    for feature in (*task.features, *task.statics):
        for name in (feature.name, feature.label, *feature.synonyms):
            assert kind_by_name(name) is None, name


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (cells.is_chinese_id, "11010519491231002X", "110105194912310021"),
        (cells.is_nhs_number, "943 476 5919", "943 476 5918"),
        (cells.is_french_nir, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        (cells.is_german_kvnr, "A123456780", "A123456781"),
        (cells.is_iban, "DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
        (cells.is_card_number, "4111 1111 1111 1111", "4111 1111 1111 1112"),
        (cells.is_vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
        (cells.is_ssn, "123-45-6789", "666-45-6789"),
        (cells.is_ip, "192.168.0.1", "192.168.0.256"),
        (cells.is_phone, "+49 30 1234567", "2026-01-01"),
        (cells.is_phone, "13800138000", "23800138000"),
        (cells.is_address, "12 High Street", "12 mg per day"),
        (cells.is_address, "北京市朝阳区建国路88号", "心率"),
    ],
)  # fmt: skip
def test_check_digits_tell_identity_numbers_from_other_numbers(check, good, bad):
    assert check(good)
    assert not check(bad)


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at_and_masked(text):
    for form in cells.FORMS:
        form.matches(text)
    cells.within(text)
    hidden = cells.masked(text)
    assert not any(c.isalnum() for c in hidden)


def test_a_mask_hides_every_letter_of_a_name_and_keeps_how_it_is_written():
    assert cells.masked("王小明") == "•••"
    assert cells.masked("Smith, Jo") == "•••, •••"
    assert cells.masked("jo@st-mary.org") == "•••@•••-•••.•••"


def test_cells_give_away_what_headers_do_not(task):
    rows = [
        f"s{i},{1 + i % 3},80,{chinese_id(f'4405241988{1 + i % 9:02}01{i:03}')},a{i}@b.org,1391234{i:04}"
        for i in range(12)
    ]
    found = suspects(opened(task, **{"x.csv": "record_id,time (h),HR,eins,zwei,drei\n" + "\n".join(rows)}))
    by_column = {s.column: s.kind for s in found if s.direct}
    assert by_column == {"eins": kinds.SSN, "zwei": kinds.EMAIL, "drei": kinds.PHONE}


def test_no_suspicion_holds_a_value(task):
    inspection = opened(task, **{"x.csv": "MRN,Name,time (h),HR\nQX-55512,Annegret Quast,1,80\n"})
    assert "Annegret" not in repr(suspects(inspection))
    assert "55512" not in repr(suspects(inspection))


def test_an_identity_number_within_free_text_is_found(task):
    text = "record_id,time (h),HR,befund\np1,1,80,calm; tel +49 30 1234567\np2,1,82,x\n"
    assert [s.kind for s in suspects(opened(task, **{"x.csv": text})) if s.direct] == [kinds.PHONE]


def test_a_variable_of_a_long_table_may_be_a_name(task):
    text = "id,time (h),variable,value\np1,1,HR,80\np1,1,Patient name,Anna Quast\np1,2,HR,82\n"
    inspection = opened(task, **{"x.csv": text})
    assert "Patient name" in to_remove(suspects(inspection))
    clean = removed(inspection, ["Patient name"], seed=1)
    assert "Quast" not in everything(clean.inspection)
    assert clean.inspection.views[0].table.place(1) == ("file 1.csv", 4)


@pytest.mark.parametrize(
    "column",
    [
        ("opdate", "20230501", "20230502"),
        ("visit_date", "202305011030", "202305021030"),
        ("seen", "20230501103000", "20230502103000"),
        ("state", "op 2023-05-01", "well"),
        ("state", "op am 01.05.23", "well"),
    ],
)
def test_dates_are_suspected_however_they_are_written(task, column):
    text = "MRN,time (h),HR,{}\nK1234567,1,80,{}\nK1234567,2,82,{}\n".format(*column)
    found = suspects(opened(task, **{"x.csv": text}))
    assert [(s.column, s.kind) for s in found if s.column == column[0]] == [(column[0], kinds.DATE)]
    assert "2023" not in repr(found)


@pytest.mark.parametrize(("form", "listed"), [("2023-04-0{}", "value"), ("2023040{}", "last visit")])
def test_dates_among_the_values_of_a_long_table_are_suspected(task, form, listed):
    rows = [f"K1234567,2023-04-01 1{i}:00,HR,{80 + i}" for i in range(6)]
    rows += [f"K1234567,2023-04-01 1{i}:00,last visit,{form.format(i + 1)}" for i in range(3)]
    inspection = opened(task, **{"x.csv": "MRN,charttime,variable,value\n" + "\n".join(rows)})
    assert (listed, kinds.DATE) in [(s.column, s.kind) for s in suspects(inspection)]
    assert "2023" not in "".join(map(str, removed(inspection, [], seed=1).inspection.views[0].table.data["value"][6:]))


@pytest.mark.parametrize("path", sorted(p for p in DATA.iterdir() if p.suffix in (".csv", ".tsv", ".txt", ".xlsx")))
def test_no_column_of_measurements_is_ever_suspected(path, task):
    try:
        inspection = inspect(sources([path]), task)
    except MedGRUError:
        return
    used = {m.source for m in inspection.mapping.matches if m.converted_to and m.target != "time"}
    assert not used & {s.column for s in suspects(inspection) if s.kind is not kinds.OLD_AGE}


def test_the_public_icu_data_gives_no_false_alarm(task):
    folder = medgru_settings().data_dir
    if folder is None or not (folder / "physionet2012" / "set-a.tar.xz").is_file():
        pytest.skip("Needs PhysioNet 2012 set A: set MEDGRU_DATA_DIR to the folder with the public data.")
    found = suspects(inspect(sources([folder / "physionet2012" / "set-a.tar.xz"]), task))
    assert not [s for s in found if s.direct]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_random_measurements_look_like_identifiers(task, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.lognormal(4, rng.uniform(0.1, 3), (30, 6)).round(int(rng.integers(0, 4))))
    table.columns = ["HR", "Temp", "flow a", "index b", "count c", "depth d"]
    table.insert(0, "time (h)", np.arange(30) % 10)
    table.insert(0, "record_id", np.arange(30) // 10)
    assert not [s for s in suspects(opened(task, **{"x.csv": table.to_csv(index=False)})) if s.direct]


# Removal


def everything(value: object) -> str:
    """All text that can be reached from a value, caches included."""
    found: list[str] = []
    seen: dict[int, object] = {}  # kept alive, or another value could get its id

    def walk(one: object) -> None:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, bytes):
            found.append(one.decode("utf-8", "ignore"))
        elif id(one) in seen or isinstance(one, int | float | type(None) | np.ndarray):
            return
        else:
            seen[id(one)] = one
            if isinstance(one, Table):
                found.extend(one.data.column_names)
                for column in one.data.columns:
                    for chunk in column.chunks:
                        if pa.types.is_dictionary(chunk.type):  # also what no row uses
                            found.extend(map(str, chunk.dictionary.to_pylist()))
                    found.extend(str(cell) for cell in column.to_pylist())
            if isinstance(one, pd.DataFrame):
                found.append(one.to_csv())
            elif isinstance(one, dict):
                for pair in one.items():
                    walk(pair)
            elif isinstance(one, list | tuple | set | frozenset):
                for part in one:
                    walk(part)
            elif hasattr(one, "__dict__") and type(one).__module__.startswith("medgru"):
                walk({k: v for k, v in vars(one).items() if k != "task"})

    walk(value)
    return "\n".join(found)


def hospital(seed: int, stays: int = 6) -> tuple[dict[str, str], list[str]]:
    """Two files of one ward with identifiers everywhere, and these identifiers."""
    rng = random.Random(seed)

    def word(n: int = 9) -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=n)).capitalize()

    vitals = ["MRN,Familienname,Phone,charttime,HR,Temp,Bemerkung,bed"]
    labs = ["MRN;Entnahme;charttime;Laktat;note"]
    canaries = []
    for _ in range(stays):
        mrn, name, phone = f"K{rng.randrange(10**8, 10**9)}", word(), f"139{rng.randrange(10**8):08}"
        canaries += [mrn, name, phone]
        for h in range(4):
            day = 1 + rng.randrange(20)
            when = f"2026-01-{day:02} {h + 2:02}:15"
            vitals.append(f"{mrn},{name},{phone},{when},{70 + h},36.{h},ask {name} at {phone},{name if h == 2 else h}")
            labs.append(f"{mrn};{when};{when};{1 + h},5;seen by {word()} for {name}")
    vitals.append(f"{mrn},{name},{phone},2026-01-25 03:00,{name} was not there today,999,x,1")
    return {f"{name}.csv": "\n".join(vitals), "labs.csv": "\n".join(labs)}, canaries


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_of_an_identifier_is_left_anywhere(task, seed):
    files, canaries = hospital(seed)
    inspection = opened(task, **files)
    there = everything(inspection)
    assert [c for c in canaries if c not in there] == []
    clean = removed(inspection, to_remove(suspects(inspection)), seed=seed)
    built = build(clean.inspection, clean.mapping)
    left = everything([clean.inspection, clean.mapping, clean.inspection.preview, clean.inspection.files, clean.done])
    left += everything([built.report, built.record_ids])
    assert not [c for c in canaries if c.casefold() in left.casefold()]
    assert "2026-01" not in left


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_measured_stays_as_it_was_but_for_whose_it_is(task, seed):
    files, _ = hospital(seed)
    inspection = opened(task, **files)
    before = build(inspection, inspection.mapping)
    clean = removed(inspection, to_remove(suspects(inspection)), seed=seed)
    after = build(clean.inspection, clean.mapping)
    assert len(before) == len(after) == 6
    for name in ("stay", "hours", "feature", "value", "statics"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    back = dict(zip(clean.key["pseudonym"], clean.key["identifier"], strict=True))
    assert tuple(back[p] for p in after.record_ids) == before.record_ids


def test_dates_of_a_stay_move_together_and_keep_their_time_of_day(task):
    text = (
        "MRN,admittime,charttime,discharge date,HR\nK1234567,2026-01-01 08:00,2026-01-01 10:30,2026-02-01,80\n"
        "K7654321,2026-01-05 08:00,2026-01-05 11:30,2026-02-03,82\n"
    )
    inspection = opened(task, **{"x.csv": text})
    data = removed(inspection, [], seed=3).inspection.views[0].table.data.to_pandas()
    old = pd.read_csv(io.StringIO(text), parse_dates=["admittime", "charttime", "discharge date"])
    moved = pd.DataFrame({c: data[c] - old[c] for c in ("admittime", "charttime", "discharge date")})
    assert (moved.nunique(axis=1) == 1).all()
    assert moved["charttime"].nunique() == 2
    assert (moved["charttime"].dt.total_seconds() % 86_400 == 0).all()


def test_the_date_of_birth_becomes_an_age_of_at_most_90(task):
    rows = ("inv-0001,1931-02-03,2026-01-01 10:00,80", "inv-0002,1980-02-03,2026-01-01 10:00,82")
    text = "\n".join(["record_id,geboren,charttime,HR", *rows])
    inspection = opened(task, **{"x.csv": text})
    clean = removed(inspection, to_remove(suspects(inspection)), seed=1)
    assert statics_table(build(clean.inspection, clean.mapping))["Age"].tolist() == [90, 45]


@given(st.dates(date(1940, 1, 1), date(2000, 12, 28)), st.integers(1, 60), st.integers(-1, 1))
@settings(max_examples=15, deadline=None)
def test_on_a_birthday_one_is_a_year_older(task, born, years, days):
    at = (pd.Timestamp(born) + pd.DateOffset(years=years)) + pd.Timedelta(days=days)
    text = f"record_id,geboren,charttime,HR\ninv-0001,{born},{at:%Y-%m-%d} 10:00,80\n"
    clean = removed(opened(task, **{"x.csv": text}), ["geboren"], seed=1)
    full = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    assert clean.inspection.views[0].table.data["Age"].to_pylist() == [full]


def test_ages_over_89_become_90(task):
    text = "record_id,time (h),HR,Age\na,1,80,97\nb,1,82,89\n"
    clean = removed(opened(task, **{"x.csv": text}), [], seed=1)
    assert statics_table(build(clean.inspection, clean.mapping))["Age"].tolist() == [90, 89]


def test_a_stay_named_after_its_file_gets_a_pseudonym_and_the_file_too(task):
    inspection = opened(task, **{"Quastenflosser.csv": "time (h),HR\n1,80\n2,82\n", "Meier.csv": "time (h),HR\n1,90\n"})
    clean = removed(inspection, [], seed=1)
    assert build(clean.inspection, clean.mapping).record_ids == ("P0001", "P0002")
    assert "Quastenflosser" not in everything(clean.inspection)


def test_outcomes_by_the_original_identifiers_say_why_they_fit_no_more_and_what_to_do(task):
    inspection = opened(task, **{"x.csv": "MRN,time (h),HR\n71,1,80\n72,2,82\n"})
    labels = [Source("outcomes.csv", b"MRN,died\n71,1\n72,0\n")]
    before = build(inspection, inspection.mapping)
    assert attach_labels(before, labels, "died").y_true.tolist() == [1, 0]

    clean = removed(inspection, [], seed=1)
    assert any("bring them before identifiers are removed" in said for said in clean.done)
    after = build(clean.inspection, clean.mapping)
    with pytest.raises(DataError, match=r"like pseudonyms.*outcomes together with the measurements, and remove"):
        attach_labels(after, labels, "died")
    with pytest.raises(DataError) as other:
        attach_labels(before, [Source("outcomes.csv", b"MRN,died\n8,1\n9,0\n")], "died")
    assert "pseudonyms" not in str(other.value)


def test_refused_files_lose_their_names_as_well(task):
    inspection = opened(task, **{"good.csv": "id,time (h),HR\na,1,80\n", "Quastenflosser.csv": b""})
    clean = removed(inspection, [], seed=1)
    assert "Quastenflosser" not in everything([clean.inspection, build(clean.inspection, clean.mapping).report])
    assert len(clean.inspection.refused) == 1


def test_what_was_mapped_by_hand_stays_mapped(task):
    text = "MRN,Name,charttime,HR,foo\nK1234567,Anna Quast,2026-01-01 10:00,80,1.5\n"
    inspection = opened(task, **{"x.csv": text})
    mapping = inspection.mapping.change("foo", target="Lactate")
    clean = removed(inspection, ["Name"], mapping=mapping, seed=1)
    assert clean.mapping["foo"].target == "Lactate"


def test_read_again_for_another_task_the_tables_are_still_without_identifiers(task, own_ward):
    text = "MRN,Name,charttime,HR,体温\nK1234567,Anna Quast,2026-01-01 10:00,80,37\n"
    clean = removed(opened(task, **{"x.csv": text}), ["Name"], seed=1)
    again = inspected_again(clean.inspection, own_ward)
    assert again.mapping["体温"].target == "体温"
    assert "Quast" not in everything(again)


def test_without_pseudonyms_and_shift_only_the_columns_go(task):
    text = "MRN,Name,charttime,HR\nK1234567,Anna Quast,2026-01-01 10:00,80\n"
    clean = removed(opened(task, **{"x.csv": text}), ["Name"], pseudonyms=False, shift_dates=False, seed=1)
    data = clean.inspection.views[0].table.data.to_pandas()
    assert list(data) == ["MRN", "charttime", "HR"]
    assert data["MRN"].tolist() == ["K1234567"]
    assert str(data["charttime"].iat[0]).startswith("2026-01-01")


@pytest.mark.parametrize("mrn", ["445506", "M-445506", "K 44550"])
@pytest.mark.parametrize("ward", ["bed of {}", "{}", "M-{}", "({}/2)", "病床{}号"])
def test_the_number_of_a_patient_is_gone_from_any_text(task, mrn, ward):
    text = f"MRN,time (h),HR,ward\n{mrn},1,80,{ward.format(mrn)}\n{mrn},2,82,quiet\nZ-998877,1,82,bed 2\n"
    clean = removed(opened(task, **{"x.csv": text}), [], seed=1)
    assert clean.inspection.views[0].table.data["ward"].to_pylist() == ["[removed]", "quiet", "bed 2"]


def test_a_longer_number_that_holds_that_of_a_patient_stays(task):
    text = "MRN,time (h),HR,ward\n445506,1,80,x14455067\n445506,2,82,quiet\n"
    clean = removed(opened(task, **{"x.csv": text}), [], seed=1)
    assert clean.inspection.views[0].table.data["ward"].to_pylist() == ["x14455067", "quiet"]


@given(st.lists(st.text(max_size=30), max_size=6), st.text(max_size=20), st.text(max_size=20))
def test_a_removed_text_is_found_between_any_others(texts, before, after):
    repeats = Repeats()
    repeats.add([*texts, "Quasten-445506"])
    assert repeats.within(f"{before} Quasten-445506 {after}")
    assert repeats.within(f"{before}/445506/{after}")


def test_many_numbers_are_looked_for_in_long_text_in_no_time(task):
    repeats = Repeats()
    repeats.add(f"M-{i}" for i in range(100_000, 300_000))
    began = time.monotonic()
    assert not repeats.within("M-" * 100_000 + " a 12 " * 50_000)
    assert time.monotonic() - began < 5


LONG = "MRN,charttime,variable,value\n"


def long_rows(*values: tuple[str, str]) -> str:
    return LONG + "".join(
        f"K{1 + i % 2}234567,2023-04-{1 + i // 24:02} {i % 24:02}:00,{variable},{value}\n"
        for i, (variable, value) in enumerate(values)
    )


@pytest.mark.parametrize(("n_numbers", "n_dates"), [(3, 9), (9, 3), (6, 6)])
def test_only_those_values_of_a_long_table_move_that_are_dates(task, n_numbers, n_dates):
    values = [("HR", str(80 + i)) for i in range(n_numbers)]
    values += [("last visit", f"2023-04-0{1 + i}") for i in range(n_dates)]
    inspection = opened(task, **{"x.csv": long_rows(*values)})
    clean = removed(inspection, [], seed=1)
    before, after = build(inspection, inspection.mapping), build(clean.inspection, clean.mapping)
    np.testing.assert_array_equal(before.value, after.value)
    assert len(after.value) == n_numbers
    data = clean.inspection.views[0].table.data.to_pandas()
    days = dict(zip(clean.key["pseudonym"], clean.key["days moved"], strict=True))
    moved = data[data["variable"] == "last visit"]
    back = pd.to_datetime(moved["value"]) - pd.to_timedelta(moved["MRN"].map(days), unit="D")
    assert [f"{d:%Y-%m-%d}" for d in back] == [value for name, value in values if name == "last visit"]
    assert "2023-04" not in everything(clean.inspection)


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y%m%d%H%M", "%Y%m%d%H%M%S"])
@pytest.mark.parametrize("header", ["opdate", "visit_date", "charttime"])
def test_dates_without_signs_move_with_the_others(task, form, header):
    moments = [pd.Timestamp("2023-05-01 10:30:00") + pd.Timedelta(days=i // 3) for i in range(6)]
    other = "charttime" if header != "charttime" else "discharge date"
    rows = [f"K{1 + i % 2}234567,{m:%Y-%m-%d %H:%M},{m.strftime(form)},{80 + i}" for i, m in enumerate(moments)]
    inspection = opened(task, **{"x.csv": f"MRN,{other},{header},HR\n" + "\n".join(rows)})
    data = removed(inspection, [], seed=1).inspection.views[0].table.data.to_pandas()
    gap = pd.Series(pd.to_datetime([m.strftime(form) for m in moments], format=form)) - data[header]
    whole = pd.Series([m.floor("min") for m in moments]) - data[other]
    assert gap.tolist() == whole.tolist()
    assert gap.nunique() == 2


@pytest.mark.parametrize("text", ["op 2023-05-01", "1.5.2023 op", "op am 01.05.23", "op 20230501", "May 1, 2023: op",
                                  "1 Mai 2023 op", "手术2023年5月1日"])  # fmt: skip
def test_dates_within_text_are_blanked_and_that_is_said(task, text):
    table = f'MRN,time (h),HR,state\nK1234567,1,80,"{text}"\nK1234567,2,82,well\n'
    inspection = opened(task, **{"x.csv": table})
    clean = removed(inspection, [], seed=1)
    first, second = clean.inspection.views[0].table.data["state"].to_pylist()
    assert "[removed]" in first
    assert "2023" not in first
    assert second == "well"
    assert any("Dates within text" in sentence for sentence in clean.done)


def test_a_name_in_the_rows_of_a_long_table_is_gone_from_all_tables(task):
    long = "id,time (h),variable,value\np1,1,HR,80\np1,1,Patient name,Quastenholz\np1,2,HR,82\n"
    wide = "id,time (h),HR,ward\np1,3,80,Quastenholz\np1,4,81,bed of Quastenholz\n"
    for files in ({"a.csv": long, "b.csv": wide}, {"a.csv": wide, "b.csv": long}):
        clean = removed(opened(task, **files), ["Patient name"], seed=1)
        assert "Quastenholz" not in everything([clean.inspection, clean.mapping])


@pytest.mark.parametrize("other", ["", "K-998877,3,ward,bed\n"])
def test_the_number_of_a_patient_is_gone_from_the_values_of_a_long_table(task, other):
    text = f"MRN,time (h),variable,value\n445506,1,HR,80\n445506,1,ward,445506\n445506,2,HR,82\n{other}"
    clean = removed(opened(task, **{"x.csv": text}), [], seed=1)
    assert "445506" not in everything([clean.inspection, clean.mapping])
    assert build(clean.inspection, clean.mapping).value.tolist() == [80, 82]
