"""Files of PhysioNet 2019, one a patient, beside the same measurements as long CSV."""

import io
import zipfile

from tests.twin_csv import Row, long_csv

Files = dict[str, bytes]
HEADER = (
    *("HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp", "EtCO2", "BaseExcess", "HCO3", "FiO2", "pH", "PaCO2", "SaO2"),
    *("AST", "BUN", "Alkalinephos", "Calcium", "Chloride", "Creatinine", "Bilirubin_direct", "Glucose", "Lactate"),
    *("Magnesium", "Phosphate", "Potassium", "Bilirubin_total", "TroponinI", "Hct", "Hgb", "PTT", "WBC", "Fibrinogen"),
    *("Platelets", "Age", "Gender", "Unit1", "Unit2", "HospAdmTime", "ICULOS", "SepsisLabel"),
)
FEATURES = {
    **{
        "HR": "HR",
        "O2Sat": "SaO2",
        "Temp": "Temp",
        "SBP": "SysABP",
        "MAP": "MAP",
        "DBP": "DiasABP",
        "Resp": "RespRate",
    },
    **{"HCO3": "HCO3", "FiO2": "FiO2", "pH": "pH", "PaCO2": "PaCO2", "AST": "AST", "BUN": "BUN", "Alkalinephos": "ALP"},
    **{"Creatinine": "Creatinine", "Glucose": "Glucose", "Lactate": "Lactate", "Magnesium": "Mg", "Potassium": "K"},
    **{"Bilirubin_total": "Bilirubin", "TroponinI": "TroponinI", "Hct": "HCT", "WBC": "WBC", "Platelets": "Platelets"},
    **{"Age": "Age", "Gender": "Gender"},
}
FULL = {
    **{"HR": 88, "O2Sat": 96.5, "Temp": 36.6, "SBP": 121, "MAP": 81.33, "DBP": 64, "Resp": 18, "EtCO2": 35, "HCO3": 24},
    **{
        "FiO2": 0.4,
        "pH": 7.35,
        "PaCO2": 40,
        "AST": 31,
        "BUN": 17,
        "Alkalinephos": 71,
        "Calcium": 8.2,
        "Creatinine": 1.1,
    },
    **{"Glucose": 131, "Lactate": 1.75, "Magnesium": 2, "Potassium": 4.1, "Bilirubin_total": 0.9, "TroponinI": 0.24},
    **{"Hct": 31.2, "WBC": 9.5, "Platelets": 179, "Age": 62, "Gender": 1},
}
Hours = dict[int, dict[str, float]]


def psv(hours: Hours, header: tuple[str, ...] = HEADER, end: str = "\n", unit: str = "") -> bytes:
    """A file; what an hour does not say is NaN."""
    units = {"Unit1": int(unit == "medical"), "Unit2": int(unit == "surgical")} if unit else {}
    lines = ["|".join(header)]
    for hour, values in hours.items():
        row = {"HospAdmTime": -3.5, "SepsisLabel": 0, **units, **values, "ICULOS": hour}
        lines.append("|".join(f"{row[name]}" if name in row else "NaN" for name in header))
    return (end.join(lines) + end).encode()


def rows(patient: str, hours: Hours, unit: str = "") -> list[Row]:
    """The same as rows of a long table."""
    found: list[Row] = [
        (patient, hour, FEATURES[name], value, "")
        for hour, values in hours.items()
        for name, value in values.items()
        if name in FEATURES
    ]
    code = {"medical": 3, "surgical": 4}.get(unit)
    return found if code is None else [*found, (patient, 1, "ICUType", code, "")]


def patients(n: int) -> dict[str, Hours]:
    return {f"p{i:06d}": {h: {"HR": 60 + i, "Temp": 36 + h / 10} for h in range(1, 2 + i % 5)} for i in range(1, n + 1)}


def packed(files: Files) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"training_setA/{name}", content)
    return data.getvalue()


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases, each with a trap of the format."""
    every = {1: FULL, 3: {"HR": 90}, 40: {"Lactate": 3.5}}
    few = {1: {"HR": 80, "Age": 50, "Gender": 0}, 2: {"HR": 82, "Temp": 37.1}}
    many = patients(60)
    long = long_csv(row for name, hours in many.items() for row in rows(name, hours))
    files = {f"{name}.psv": psv(hours) for name, hours in many.items()}
    unlabelled = tuple(name for name in HEADER if name != "SepsisLabel")

    def one(data: bytes, hours: Hours, unit: str = "") -> tuple[Files, Files]:
        return {"p100001.psv": data}, {"twin.csv": long_csv(rows("p100001", hours, unit))}

    blank, marked = files["p000007.psv"].replace(b"\n", b"\n\n"), b"\xef\xbb\xbf" + files["p000009.psv"]
    odd = files | {"p000007.psv": blank, "p000009.psv": marked}
    return [
        ("every variable", *one(psv(every), every)),
        ("without SepsisLabel", *one(psv(few, unlabelled), few)),
        ("line ends of Windows", *one(psv(few, end="\r\n"), few)),
        ("no line end at the end", *one(psv(few).rstrip(b"\n"), few)),
        ("medical ICU", *one(psv(few, unit="medical"), few, "medical")),
        ("surgical ICU", *one(psv(few, unit="surgical"), few, "surgical")),
        ("hours missing at the start", *one(psv({9: FULL, 10: {"HR": 70}}), {9: FULL, 10: {"HR": 70}})),
        ("many files", files, {"twin.csv": long}),
        ("many files in an archive", {"set.zip": packed(files)}, {"twin.csv": long}),
        ("odd files among many", odd, {"twin.csv": long}),
        ("with and without SepsisLabel", files | {"p000001.psv": psv(many["p000001"], unlabelled)}, {"twin.csv": long}),
    ]
