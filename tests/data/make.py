"""Writes the bad and ugly files of this folder: one fault each, invented values only.

`python tests/data/make.py` writes them anew, byte for byte the same. Large ones are not kept in the
repository: `large(folder)` writes them for the tests that want them.
"""
# ruff: noqa: E501  a file is easier to read in one line

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import xlsxwriter

HERE = Path(__file__).parent
_DATE = (2026, 1, 1, 0, 0, 0)

WIDE = (
    "record_id,time,HR,Temp,Age\ninvented-1,0:30,80,36.6,63\ninvented-1,1:30,82,36.8,63\ninvented-2,0:15,90,37.2,55\n"
)
"""Two invented stays without any fault."""

PHYSIONET = (
    "Time,Parameter,Value\n00:00,RecordID,900001\n00:00,Age,63\n00:00,Gender,0\n00:00,Height,-1\n00:00,ICUType,3\n"
    "00:00,Weight,70\n00:30,HR,80\n00:30,Temp,36.6\n01:30,HR,82\n"
)


def text_files() -> dict[str, bytes]:
    """The files that are text, by name."""
    files: dict[str, str | bytes] = {
        "good.csv": WIDE,
        "empty.csv": "",
        "blank_lines.csv": "\n\n  \n",
        "header_only.csv": "record_id,time,HR,Temp\n",
        "header_only.txt": "Time,Parameter,Value\n",
        "wrong_delimiter.csv": WIDE.replace(",", "^"),
        "semicolon_decimal_comma.csv": WIDE.replace(",", ";")
        .replace("36.6", "36,6")
        .replace("36.8", "36,8")
        .replace("37.2", "37,2"),
        "tabs.tsv": WIDE.replace(",", "\t"),
        "latin1.csv": "Fallnummer,Stunde,Körpergröße,Herzfrequenz\ninvented-ä,1,168,80\ninvented-ä,2,168,82\n".encode(
            "latin-1"
        ),
        "gb18030.csv": "病人ID,时间,心率,体温,性别\n虚构甲,1,80,36.6,女\n虚构甲,2,82,36.8,女\n".encode("gb18030"),
        "utf8_bom.csv": WIDE.encode("utf-8-sig"),
        "utf16.csv": WIDE.encode("utf-16"),
        "no_id_one_stay.csv": "time,HR,Temp\n1,80,36.6\n2,82,36.8\n3,84,37.0\n",
        "no_id_many_stays.csv": "time,HR,Temp\n1,80,36.6\n2,82,36.8\n1,90,37.0\n2,91,37.1\n",
        "no_time.csv": "record_id,HR,Temp\ninvented-1,80,36.6\ninvented-2,82,36.8\n",
        "unknown_columns.csv": "record_id,time,bed colour,mood\ninvented-1,1,2,3\n",
        "no_header.csv": "invented-1,1,80,36.6\ninvented-1,2,82,36.8\n",
        "unknown_variables.csv": "id,time,variable,value\ninvented-1,1,mood,3\ninvented-1,2,mood,4\n",
        "two_columns_one_variable.csv": "record_id,time,HR,Pulse\ninvented-1,1,80,81\ninvented-1,2,82,83\n",
        "text_in_number.csv": "record_id,time,HR,Lactate\ninvented-1,1,80,<5\ninvented-1,2,see note,2.1\ninvented-1,3,84,2.0\n",
        "fahrenheit.csv": "record_id,time,Temp\ninvented-1,1,98.6\ninvented-1,2,100.4\ninvented-2,1,97.7\n",
        "fahrenheit_header.csv": "record_id,time,Temp (°F)\ninvented-1,1,98.6\ninvented-1,2,212\n",
        "mixed_units.csv": "record_id,time,Temp\ninvented-1,1,36.6\ninvented-1,2,98.6\ninvented-1,3,37.0\ninvented-1,4,36.9\n",
        "unit_column.csv": (
            "id,hour,variable,value,unit\ninvented-1,1,Glucose,5.5,mmol/L\ninvented-1,2,Glucose,99,mg/dL\n"
            "invented-1,3,Glucose,4,spoons\ninvented-1,1,Urea,60,mg/dL\n"
        ),
        "duplicate_times.csv": "record_id,time,HR\ninvented-1,1,80\ninvented-1,1,84\ninvented-1,2,90\n",
        "unsorted.csv": "record_id,time,HR\ninvented-1,3,84\ninvented-2,1,70\ninvented-1,1,80\ninvented-1,2,82\n",
        "negative_times.csv": "record_id,time,HR\ninvented-1,-2,80\ninvented-1,1,82\n",
        "bad_times.csv": "record_id,time,HR\ninvented-1,00:30,80\ninvented-1,noon,82\ninvented-1,,84\ninvented-1,25:15,86\n",
        "after_48h.csv": "record_id,time (h),HR\ninvented-1,1,80\ninvented-1,48,82\ninvented-1,48.01,84\ninvented-1,70,86\n",
        "stay_without_measurement.csv": "record_id,time,HR\ninvented-1,1,80\ninvented-2,1,\n",
        "stay_without_measurement.txt": "Time,Parameter,Value\n00:00,RecordID,900002\n",
        "one_row.csv": "record_id,time,HR\ninvented-1,1,80\n",
        "good.txt": PHYSIONET,
        "ragged_and_missing.txt": PHYSIONET + "02:00,HR\n02:30,HR,-1\n03:00,,5\n03:30,HR,fast\n",
        "not_finite.csv": (
            "record_id,time,HR,Temp\ninvented-1,1,NaN,36.6\ninvented-1,2,inf,36.7\ninvented-1,3,1e308,36.8\n"
            "invented-1,4,-inf,1e400\n"
        ),
        "not_finite_long.csv": "id,time,variable,value\ninvented-1,1,HR,NaN\ninvented-1,2,HR,inf\ninvented-1,3,HR,80\ninvented-1,4,HR,\n",
        "markup_headers.csv": "record_id,time,<img src=x onerror=alert(1)>,\"=cmd|' /C calc'!A0\",**HR**,:material/home:\ninvented-1,1,5,6,80,7\n",
        "same_stay_twice.csv": "record_id,time,HR\ninvented-1,1,80\ninvented-1,2,82\ninvented-1,1,80\ninvented-1,2,82\n",
        "quoted_newlines.csv": 'record_id,time,HR,remark\ninvented-1,1,80,"calm\nasleep"\ninvented-1,2,999,"a ""quoted"" word"\n',
        "ragged.csv": "record_id,time,HR,Temp\ninvented-1,1,80,36.6\ninvented-1,2,82\ninvented-1,3,84,36.8,7,7\ninvented-1,4,86,36.9\n",
        "trailing_delimiter.csv": "record_id,time,HR\ninvented-1,1,80,\ninvented-1,2,82,\n",
        "title_above_header.csv": "Ward 3 export,,,\n,,,\nrecord_id,time,HR,Temp\ninvented-1,1,80,36.6\ninvented-1,2,400,36.8\n",
        "duplicate_headers.csv": "record_id,time,HR,HR\ninvented-1,1,80,81\ninvented-1,2,82,83\n",
        "timestamps.csv": (
            "record_id,charttime,HR\ninvented-1,2026-01-01 22:00,80\ninvented-1,2026-01-02 01:30,82\n"
            "invented-2,2026-02-01 10:00,90\ninvented-2,2026-02-01 11:00,91\n"
        ),
        "timestamps_local.csv": (
            "record_id,charttime,intime,HR\ninvented-1,31.12.2025 23:00,31.12.2025 22:00,80\n"
            "invented-1,01.01.2026 01:30,31.12.2025 22:00,82\ninvented-1,31.12.2025 21:00,31.12.2025 22:00,84\n"
        ),
        "conflicting_descriptors.csv": "record_id,time,HR,Age,Sex\ninvented-1,1,80,63,F\ninvented-1,2,82,64,female\ninvented-2,1,90,200,x\n",
        "german_ward.csv": (
            "Patient;Datum/Uhrzeit;Puls;RR syst;RR diast;Temperatur (°F);AF;Bemerkung\n"
            "invented-1;01.03.2026 08:00;88;120;70;98,6;14;ok\ninvented-1;01.03.2026 14:30;110;95;55;;22;-\n"
        ),
        "variables_unnamed.csv": (
            "subject,charttime,itemid,valuenum,valueuom\ninvented-1,2126-01-01 00:10:00,Heart Rate,88,bpm\n"
            "invented-1,2126-01-01 02:10:00,Temperature,98.6,F\ninvented-1,2126-01-01 02:10:00,Mood,3,\n"
        ),
        "time_unnamed.csv": (
            "id,geboren,wann,HR\ninvented-1,01.02.1960 10:15,31.12.2025 22:00,80\n"
            "invented-1,01.02.1960 10:15,01.01.2026 01:30,82\n"
        ),
        "date_and_time_of_day.csv": (
            "id,Datum,Uhrzeit,HR\ninvented-1,31.12.2025,23:30,80\ninvented-1,01.01.2026,00:30,82\n"
            "invented-1,,01:30,84\ninvented-1,01.01.2026,noon,86\n"
        ),
        "no_line_ends.csv": "record_id,time,HR",
        "old_mac_line_ends.csv": WIDE.replace("\n", "\r"),
        "blank_rows_between.csv": "record_id,time,HR\n\ninvented-1,1,80\n\n,,\ninvented-1,2,900\n",
        "minutes.csv": "record_id,time (min),HR\ninvented-1,0,80\ninvented-1,90,82\n",
        "missing_ids.csv": "record_id,time,HR\ninvented-1,1,80\n,2,82\n",
        "renamed_program.csv": b"MZ\x90\x00" + bytes(60) + b"This program cannot be run in DOS mode." + bytes(100),
        "renamed_pdf.csv": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n",
        "binary.csv": bytes(range(256)) * 4,
    }
    return {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}


def zip_of(members: dict[str, bytes]) -> bytes:
    """A zip with these members, always the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def tar_of(members: dict[str, bytes], link: str | None = None) -> bytes:
    """A plain tar with these members, and a symbolic link where one is asked for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo("link.csv")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return out.getvalue()


def workbook_of(sheets: dict[str, list[list]]) -> bytes:
    """A workbook with these sheets."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "default_date_format": "yyyy-mm-dd hh:mm"}
    ) as book:
        book.set_properties({"created": pd.Timestamp(*_DATE[:3]).to_pydatetime()})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if cell is not None:
                        sheet.write(r, c, cell)
    return out.getvalue()


def parquet_of(table: pd.DataFrame) -> bytes:
    """A Parquet file with this table."""
    out = io.BytesIO()
    table.to_parquet(out, index=False)
    return out.getvalue()


def good_table() -> pd.DataFrame:
    """`WIDE` as a table."""
    return pd.read_csv(io.StringIO(WIDE))


def binary_files() -> dict[str, bytes]:
    """The files that are not text, by name."""
    wide = WIDE.encode()
    rows = [
        ["record_id", "time", "HR", "Temp", "Age"],
        ["invented-1", 0.5, 80, 36.6, 63],
        ["invented-1", 1.5, 82, 36.8, 63],
        ["invented-2", 0.25, 90, 37.2, 55],
    ]
    long = [["id", "hour", "variable", "value"], ["invented-3", 1, "HR", 70]]
    return {
        "two_sheets.xlsx": workbook_of(
            {"vitals": rows, "labs": long, "notes": [["Written by"], ["nobody"]], "blank": []}
        ),
        "truncated.xlsx": workbook_of({"vitals": rows})[:-600],
        "title_above_header.xlsx": workbook_of({"vitals": [["Ward 3 export"], [], *rows]}),
        "truncated.parquet": parquet_of(good_table())[:-200],
        "parent_path.zip": zip_of({"../../etc/good.csv": wide}),
        "absolute_path.zip": zip_of({"/etc/good.csv": wide}),
        "nested.zip": zip_of({"inner.zip": zip_of({"good.csv": wide})}),
        "one_bad_member.zip": zip_of({"good.csv": wide, "renamed.csv": b"MZ\x90\x00 program"}),
        "truncated.zip": zip_of({"good.csv": wide})[:-30],
        "empty.zip": zip_of({}),
        "link.tar.gz": gzip.compress(tar_of({"good.csv": wide}, link="/etc/passwd"), mtime=0),
        "truncated.tar.xz": lzma.compress(tar_of({"900001.txt": PHYSIONET.encode()}))[:-40],
        "physionet.tar.xz": lzma.compress(
            tar_of(
                {
                    "set/900001.txt": PHYSIONET.encode(),
                    "set/900002.txt": PHYSIONET.replace("900001", "900002").encode(),
                }
            )
        ),
        "packed.csv.gz": gzip.compress(wide, mtime=0),
    }


def large(folder: Path) -> dict[str, Path]:
    """Write the large files into a folder: 10,000 rows in one stay, 60 MB, and three bombs."""
    rng = np.random.default_rng(0)
    n = 10_000
    one_stay = pd.DataFrame(
        {"record_id": "invented-1", "time": np.sort(rng.uniform(0, 48, n)).round(4), "HR": rng.integers(60, 120, n)}
    )
    one_stay.to_csv(folder / "ten_thousand_rows.csv", index=False)
    line = b"".join(b"invented-%d,%d.25,HR,%d\n" % (i % 5000, i % 48, 60 + i % 40) for i in range(100_000))
    repeats = (60 << 20) // len(line) + 1
    with (folder / "sixty_megabytes.csv").open("wb") as out:
        out.write(b"id,hour,variable,value\n")
        for _ in range(repeats):
            out.write(line)
    zeros = b"0,0,0,0\n" * (1 << 20)
    with (
        zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bomb.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(40):
            member.write(zeros)
    with lzma.open(folder / "bomb.tar.xz", "w", preset=0) as out:
        for _ in range(8):
            out.write(zeros)
    with zipfile.ZipFile(folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in _minimal_workbook().items():
            archive.writestr(name, data)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            for _ in range(45):
                member.write(b"<row></row>" * 700_000)
    names = ["ten_thousand_rows.csv", "sixty_megabytes.csv", "bomb.zip", "bomb.tar.xz", "bomb.xlsx"]
    return {name: folder / name for name in names}


def _minimal_workbook() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook_of({"a": [[1]]}))) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("sheet1.xml")}


if __name__ == "__main__":
    for name, data in {**text_files(), **binary_files()}.items():
        (HERE / name).write_bytes(data)
