"""Tables as hospitals have them: workbooks by xlsxwriter, .ods, .xlsb and text by hand, and the same as plain CSV."""

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter

Files = dict[str, bytes]
Cell = str | float | int | None | dt.datetime
Sheets = Mapping[str, Sequence[Sequence[Cell]]]
Row = tuple[str, float, str, float]

# Two stays, (record_id, hours since their first row, variable, value in the unit of the task).
ROWS: list[Row] = [
    *[("4711", h, "HR", v) for h, v in ((0, 80), (1.5, 92), (3, 101))],
    *[("4711", h, "Temp", v) for h, v in ((0, 37.0), (1.5, 38.5), (3, 40.0))],
    *[("0815", h, "HR", v) for h, v in ((0, 66), (1.5, 67), (3, 71))],
    *[("0815", h, "Temp", v) for h, v in ((0, 35.0), (1.5, 37.0), (3, 38.5))],
]
PRESSURES: list[Row] = [
    *[("4711", h, "SysABP", v) for h, v in ((0, 120), (1.5, 95), (3, 88))],
    *[("4711", h, "DiasABP", v) for h, v in ((0, 80), (1.5, 55), (3, 40))],
]
LABS: list[Row] = [
    *[("4711", h, "Platelets", v) for h, v in ((0, 1234.5), (1.5, 88), (3, 1002.25))],
    *[("0815", h, "Platelets", v) for h, v in ((0, 250), (1.5, 251), (3, 1250.5))],
]
AGES = {"4711": (63, 0), "0815": (71, 1)}
START = dt.datetime(2026, 3, 1, 8, 30)


def twin(*parts: Sequence[Row], facts: bool = False) -> Files:
    """The measurements as plain long CSV, and age and sex as another."""
    lines = ["record_id,time (hours),variable,value", *(f"{i},{h},{n},{v!r}" for part in parts for i, h, n, v in part)]
    files = {"twin.csv": "\n".join([*lines, ""]).encode()}
    if facts:
        lines = ["record_id,Age,Gender", *(f"{i},{age},{sex}" for i, (age, sex) in AGES.items())]
        files["facts.csv"] = "\n".join([*lines, ""]).encode()
    return files


def wide(names: Sequence[str], *parts: Sequence[Row]) -> list[tuple[str, float, list[float]]]:
    """A row a stay and time: (record_id, hours, values in the order of the names)."""
    cells = {(i, h, n): v for part in parts for i, h, n, v in part}
    places = dict.fromkeys((i, h) for part in parts for i, h, _, _ in part)
    return [(i, h, [cells[i, h, n] for n in names]) for i, h in places]


def fahrenheit(celsius: float) -> float:
    """The same temperature in °F, to a tenth."""
    return round(celsius * 9 / 5 + 32, 1)


def moment(hours: float) -> dt.datetime:
    """A moment so many hours after the first row."""
    return START + dt.timedelta(hours=hours)


def text(rows: Sequence[Sequence[object]], sep: str = ",", end: str = "\n") -> bytes:
    """Rows as text; cells that hold the delimiter are quoted."""

    def cell(value: object) -> str:
        said = "" if value is None else str(value)
        return f'"{said}"' if sep in said or "\n" in said else said

    return "".join(sep.join(map(cell, row)) + end for row in rows).encode()


def book(sheets: Sheets, merged: Sequence[tuple[str, str, str]] = (), hidden: Sequence[str] = ()) -> bytes:
    """An .xlsx; `merged` are (sheet, range, text)."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"}) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if cell is not None:
                        sheet.write(r, c, cell)
            for where, cells, said in merged:
                if where == name:
                    sheet.merge_range(cells, said)
            if name in hidden:
                sheet.hide()
    return out.getvalue()


def packed(files: Mapping[str, bytes | str]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def ods(sheets: Sheets, extra: str = "", prolog: str = "") -> bytes:
    """An .ods; `extra` is XML after its sheets, `prolog` before its root."""

    def cell(value: Cell) -> str:
        if value is None:
            return "<table:table-cell/>"
        kind = 'office:value-type="string"'
        if not isinstance(value, str):
            kind = f'office:value-type="float" office:value="{value}"'
        return f"<table:table-cell {kind}><text:p>{escape(str(value))}</text:p></table:table-cell>"

    tables = ""
    for name, rows in sheets.items():
        body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        tables += f"<table:table table:name={quoteattr(name)}>{body}</table:table>"
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<office:document-content {spaces}>'
            f"<office:body><office:spreadsheet>{tables}{extra}</office:spreadsheet></office:body></office:document-content>",
            "META-INF/manifest.xml": '<?xml version="1.0"?><manifest:manifest '
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
            'manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
        }
    )


def xlsb(sheets: Sheets) -> bytes:
    """An .xlsb: records of [MS-XLSB], as few as make a workbook."""

    def record(kind: int, data: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
        size, left = b"", len(data)
        while True:
            size += bytes([left & 0x7F | (0x80 if left > 127 else 0)])
            left >>= 7
            if not left:
                return head + size + data

    def said(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    workbook = record(131) + record(153, struct.pack("<II", 0, 0) + said("")) + record(143)
    relations, files = "", {}
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    for n, (name, rows) in enumerate(sheets.items(), start=1):
        workbook += record(156, struct.pack("<II", 0, n) + said(f"rId{n}") + said(name))
        relations += f'<Relationship Id="rId{n}" Type="{kind}" Target="worksheets/sheet{n}.bin"/>'
        sheet = (
            record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)) + record(145)
        )
        for r, row in enumerate(rows):
            sheet += record(0, struct.pack("<I", r) + bytes(13))
            for c, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet += record(6, struct.pack("<II", c, 0) + said(cell))
                elif isinstance(cell, int | float):
                    sheet += record(5, struct.pack("<IId", c, 0, cell))
        files[f"xl/worksheets/sheet{n}.bin"] = sheet + record(146) + record(130)
    workbook += record(144) + record(157, bytes(26)) + record(132)
    spaces = "http://schemas.openxmlformats.org/package/2006"
    return packed(
        {
            "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{spaces}/content-types">'
            '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
            "xl/workbook.bin": workbook,
            "xl/_rels/workbook.bin.rels": f'<?xml version="1.0"?><Relationships xmlns="{spaces}/relationships">'
            f"{relations}</Relationships>",
            **files,
        }
    )


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases: name, files as a hospital has them, files of the twin."""
    return [*_workbooks(), *_headers(), *_numbers(), *_times(), *_encodings(), *_files()]


_VITALS = ["HR", "Temp"]


def _workbooks() -> list[tuple[str, Files, Files]]:
    vitals = wide(_VITALS, ROWS)
    plain = [["record_id", "time", "HR", "Temp"], *([i, h, *values] for i, h, values in vitals)]
    circulation = wide(["HR", "Temp", "SysABP", "DiasABP"], [r for r in ROWS if r[0] == "4711"], PRESSURES)
    two_levels = [
        ["Klinikum Musterstadt, Intensivstation 3"],
        [],
        ["Fallnummer", "Stunde", "Vitals", None, "BP", None],
        [None, None, "HR", "Temp", "sys", "dia"],
        ["", "h", "/min", "°C", "mmHg", "mmHg"],
        *([i, h, *values] for i, h, values in circulation),
        ["Mittelwert", None, 91, 38.5, 101, 58],
    ]
    merged = [("a", "C3:D3", "Vitals"), ("a", "E3:F3", "BP")]
    chinese = [
        ["病历号", "测量时间", "心率(次/分)", "体温(℉)"],
        *([i, moment(h), hr, fahrenheit(temp)] for i, h, (hr, temp) in vitals),
    ]
    facts = [["患者编号", "年龄", "性别"], *([i, age, "男" if sex else "女"] for i, (age, sex) in AGES.items())]
    cover = [["Export of 3 March 2026, ward 3. Questions to the data office."]]
    return [
        ("merged header in two levels", {"a.xlsx": book({"a": two_levels}, merged)}, twin(circulation_rows())),
        ("blanks for merged cells in CSV", {"a.csv": text(two_levels, ";")}, twin(circulation_rows())),
        (
            "sheets in °F with Chinese headers, a cover and a hidden sheet",
            {"病房.xlsx": book({"封面": cover, "生命体征": chinese, "基本信息": facts, "old": plain}, hidden=["old"])},
            twin(ROWS, facts=True),
        ),
        ("an .ods", {"a.ods": ods({"a": plain})}, twin(ROWS)),
        ("an .xlsb", {"a.xlsb": xlsb({"a": plain})}, twin(ROWS)),
        (
            "numbers as text and real dates",
            {
                "a.xlsx": book(
                    {
                        "a": [
                            ["Patient ID", "Charttime", "HR", "Temp"],
                            *([i, moment(h), f"{hr} ", f"{temp}".replace(".", ",")] for i, h, (hr, temp) in vitals),
                        ]
                    }
                )
            },
            twin(ROWS),
        ),
    ]


def circulation_rows() -> list[Row]:
    """All that is known of the first stay."""
    return [r for r in ROWS if r[0] == "4711"] + PRESSURES


def _headers() -> list[tuple[str, Files, Files]]:
    vitals = wide(_VITALS, ROWS)
    rows = [[i, h, hr, fahrenheit(temp)] for i, h, (hr, temp) in vitals]
    cases: dict[str, list[list[object]]] = {
        "units in the header": [["id", "time (h)", "HR [bpm]", "Temp (°F)"], *rows],
        "units in the header without brackets": [["id", "time h", "HR bpm", "Temp °F"], *rows],
        "a row of units below the names": [["id", "time", "HR", "Temp"], ["", "h", "/min", "°F"], *rows],
        "a row of units above the names": [["", "h", "/min", "°F"], ["id", "time", "HR", "Temp"], *rows],
        "units in brackets in a row": [["id", "time", "HR", "Temp"], ["-", "[h]", "[bpm]", "[°F]"], *rows],
        "units in the cells": [
            ["id", "hour", "HR", "Temp"],
            *([i, h, f"{hr} /min", f"{temp} °F"] for i, h, hr, temp in rows),
        ],
        "French names": [["N° patient", "Heure", "Fréquence cardiaque", "Température (°F)"], *rows],
        "Spanish names": [["NHC", "Hora", "Frecuencia cardíaca", "Temperatura corporal (°F)"], *rows],
        "Italian names": [["ID paziente", "ora (h)", "Frequenza cardiaca", "Temperatura corporea (°F)"], *rows],
        "Portuguese names": [["Prontuário", "horas", "Frequência cardíaca", "Temperatura (°F)"], *rows],
        "Dutch names": [["Patiëntnummer", "tijd (h)", "Hartslag", "Lichaamstemperatuur (°F)"], *rows],
        "traditional Chinese names": [["病歷號", "時間", "心率", "體溫(℉)"], *rows],
        "names again, totals, comments and footnotes": [
            ["# export of ward 3, shift A"],
            ["id", "time", "HR", "Temp (°F)"],
            *rows[:3],
            ["id", "time", "HR", "Temp (°F)"],
            *rows[3:],
            ["Mean", "", "79.5", "99.1"],
            ["n=6", "", "", ""],
            ["* taken in the ear", "", "", ""],
        ],
    }
    long = [["id", "time", "variable", "value"]]
    for i, h, hr, temp in rows:
        long += [[i, h, "HR", f"{hr} bpm"], [i, h, "Temperature", f"{temp} °F"]]
    cases["units in the cells of a long table"] = long
    united = [["id", "time", "parameter", "result", "unit"]]
    for i, h, hr, temp in rows:
        united += [[i, h, "Pulse", hr, "/min"], [i, h, "Temperature", temp, "degF"]]
    cases["units in a column"] = united
    return [(name, {"a.csv": text(made)}, twin(ROWS)) for name, made in cases.items()]


def _numbers() -> list[tuple[str, Files, Files]]:
    labs = wide(["Platelets"], LABS)

    def case(name: str, form: Callable[[float], str], sep: str = ",") -> tuple[str, Files, Files]:
        made = [["id", "hour", "Platelets"], *([i, str(h), form(v[0])] for i, h, v in labs)]
        return name, {"a.csv": text(made, sep)}, twin(LABS)

    def english(value: float) -> str:
        return f"{value:,}"

    def german(value: float) -> str:
        return english(value).translate(str.maketrans(",.", ".,"))

    cuff = wide(["SysABP", "DiasABP"], PRESSURES)
    both = [[i, str(h), f"{a:g}/{b:g}"] for i, h, (a, b) in cuff]
    means = [("4711", h, "MAP", v) for h, v in ((0, 93), (1.5, 68), (3, 56))]
    coma = [("4711", h, "GCS", v) for h, v in ((0, 15), (1, 9), (2, 6), (3, 14))]
    limits = [("4711", 0, "Lactate", 0.5), ("4711", 1, "Lactate", 30.0), ("4711", 2, "Lactate", 2.5)]
    limits += [("4711", 3, "Lactate", 4.0), ("4711", 4, "Lactate", 1.0), ("4711", 5, "Lactate", 3.5)]
    return [
        case("English thousands", english),
        case("German thousands", german, ";"),
        case("Swiss thousands", lambda v: english(v).replace(",", "\u2019")),
        case("French thousands", lambda v: english(v).replace(",", "\u202f").replace(".", ","), ";"),
        case("scientific", lambda v: f"{v:e}"),
        case("full-width digits", lambda v: "".join(chr(ord(c) + 0xFEE0) for c in str(v))),
        case("flags", lambda v: f"{v} H" if v > 450 else f"{v} L" if v < 150 else f" {v}"),
        (
            "limits and words",
            {
                "a.csv": text(
                    [
                        ["id", "hour", "Lactate"],
                        *(["4711", h, c] for h, c in enumerate(["<0.5", "> 30", "2.5*", "≥4.0 (H)", "≤ 1", "3.5"])),
                        *(
                            ["4711", h, c]
                            for h, c in enumerate(["n/a", "k.A.", "未测", "not done", "#N/A", "hemolyzed"], 6)
                        ),
                    ]
                )
            },
            twin(limits),
        ),
        ("120/80", {"a.csv": text([["id", "hour", "BP"], *both])}, twin(PRESSURES)),
        (
            "120/80 (93) in German",
            {
                "a.csv": text(
                    [
                        ["Fall-ID", "Stunde", "Blutdruck (mmHg)"],
                        *([*row[:2], f"{row[2]} ({mean[3]:g})"] for row, mean in zip(both, means, strict=True)),
                    ],
                    ";",
                )
            },
            twin(PRESSURES, means),
        ),
        (
            "120/80 in a long table",
            {"a.csv": text([["id", "hour", "variable", "value"], *([i, h, "血压", v] for i, h, v in both)])},
            twin(PRESSURES),
        ),
        (
            "parts of the coma scale",
            {"a.csv": text([["id", "hour", "GCS"], *(["4711", h, c] for h, c in enumerate(_COMA))])},
            twin(coma),
        ),
    ]


_COMA = ("15/15", "E2V2M5", "1+1+4", "E4 V4 M6")


def _times() -> list[tuple[str, Files, Files]]:
    months = ["", "janvier", "février", "mars"]
    half = {True: "上午", False: "下午"}

    def offset(h: float) -> str:
        zone = dt.timezone(dt.timedelta(hours=2 if h < 1 else 1))  # the night in which summer ends
        return moment(h).replace(tzinfo=dt.UTC).astimezone(zone).isoformat()

    forms: dict[str, Callable[[float], object]] = {
        "day.month.year Uhr": lambda h: moment(h).strftime("%d.%m.%Y %H:%M Uhr"),
        "two-digit years": lambda h: moment(h).strftime("%d.%m.%y %H:%M"),
        "month/day/year AM": lambda h: (moment(h) + dt.timedelta(days=20)).strftime("%m/%d/%Y %I:%M %p"),
        "French months": lambda h: f"{moment(h).day} {months[moment(h).month]} 2026 à {moment(h):%Hh%M}",
        "Chinese dates": lambda h: f"2026年3月1日 {moment(h):%H:%M}",
        "上午 and 下午": lambda h: f"2026年3月1日 {half[moment(h).hour < 12]} {moment(h):%I:%M}",
        "offsets that differ": offset,
        "seconds since 1970": lambda h: int(moment(h).replace(tzinfo=dt.UTC).timestamp()),
        "milliseconds since 1970": lambda h: int(moment(h).replace(tzinfo=dt.UTC).timestamp() * 1000),
        "days as Excel counts them": lambda h: 46082 + (8.5 + h) / 24,
        "days of the stay": lambda h: f"Day {1 + int(h > 2)} {9 + h if h <= 2 else h - 15 + 24:02.0f}:00",
        "hours and minutes": lambda h: f"{int(h):02d}:{int(h % 1 * 60):02d}",
        "minutes": lambda h: int(h * 60),
    }
    found = []
    for name, form in forms.items():
        header = "time (min)" if name == "minutes" else "time"
        rows = ROWS
        if name == "days of the stay":  # at nine, and at noon of the day after
            rows = [(i, {0: 0, 1.5: 3.0, 3: 27.0}[h], n, v) for i, h, n, v in ROWS]
            said = {0: "Day 1 09:00", 3.0: "Day 1 12:00", 27.0: "Day 2 12:00"}
            form = said.__getitem__
        made = [["id", header, *_VITALS], *([i, form(h), *values] for i, h, values in wide(_VITALS, rows))]
        found.append((f"times: {name}", {"a.csv": text(made)}, twin(rows)))
    apart = [
        ["id", "Datum", "Uhrzeit", *_VITALS],
        *([i, f"{moment(h):%d.%m.%Y}", f"{moment(h):%H:%M}", *values] for i, h, values in wide(_VITALS, ROWS)),
    ]
    return [*found, ("times: a date and a clock", {"a.csv": text(apart)}, twin(ROWS))]


def _encodings() -> list[tuple[str, Files, Files]]:
    rows = [[i, h, *values] for i, h, values in wide(_VITALS, ROWS)]
    simplified = text([["病历号", "时间", "心率", "体温"], *rows]).decode()
    traditional = text([["病歷號", "時間", "心率", "體溫"], *rows]).decode()
    western = text([["Aufnahmenummer", "Stunde", "Puls", "Körpertemperatur"], *rows], ";").decode()
    japanese = text([["患者番号", "時間", "心拍数", "体温"], *rows]).decode().replace("心拍数", "HR")
    made = {
        "GB18030": simplified.encode("gb18030"),
        "UTF-8 with a mark": simplified.encode("utf-8-sig"),
        "UTF-16": simplified.encode("utf-16"),
        "UTF-16 without a mark": simplified.encode("utf-16-le"),
        "UTF-32": simplified.encode("utf-32"),
        "Big5": traditional.encode("big5"),
        "Shift-JIS": japanese.encode("shift_jis"),
        "Windows-1252": western.encode("cp1252"),
        "line ends of old Macs": western.replace("\n", "\r").encode(),
        "line ends of two kinds": western.replace("\n", "\r\n", 4).encode(),
        "a line that says the delimiter": b"sep=;\r\n" + western.encode(),
        "a quoted line end in the header": western.replace("Puls", '"Puls\n(/min)"').encode(),
        "delimiters at the ends of rows": "\n".join(f"{line};" for line in western.splitlines()).encode(),
    }
    return [(f"text: {name}", {"a.csv": data}, twin(ROWS)) for name, data in made.items()]


def _files() -> list[tuple[str, Files, Files]]:
    rows = wide(_VITALS, ROWS)

    def of(record_id: str, *above: Sequence[object]) -> bytes:
        return text([*above, ["hour", *_VITALS], *([h, *v] for i, h, v in rows if i == record_id)])

    vitals = text([["stay_id", "hour", *_VITALS], *([i, h, *v] for i, h, v in rows)])
    labs = text([["Fallnummer", "Stunde", "Thrombozyten"], *([i, h, *v] for i, h, v in wide(["Platelets"], LABS))], ";")
    facts = text([["id", "age", "sex"], *([i, age, "m" if sex else "f"] for i, (age, sex) in AGES.items())])
    named = text([["姓名", "时间", "HR", "Temp"], *([_PEOPLE[i], h, *v] for i, h, v in rows)])
    people = [(_PEOPLE[i], h, n, v) for i, h, n, v in ROWS]
    return [
        ("a file a patient", {"ward.zip": packed({f"{i}.csv": of(i) for i in AGES})}, twin(ROWS)),
        (
            "the identifier above the table",
            {
                "bed 1.csv": of("4711", ["Patient: 4711"], ["Ward", "3"]),
                "bed 2.csv": of("0815", ["Fallnummer", "0815"], []),
            },
            twin(ROWS),
        ),
        (
            "vitals, labs and demographics joined",
            {"vitals.csv": vitals, "labor.csv": labs, "demographics.csv": facts},
            twin(ROWS, LABS, facts=True),
        ),
        ("people by name", {"a.csv": named}, twin(people)),
    ]


_PEOPLE = {"4711": "虚构甲", "0815": "虚构乙"}
