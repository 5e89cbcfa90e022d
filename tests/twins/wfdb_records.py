"""WFDB records written by the library `wfdb`, and the same measurements as long CSV."""

import io
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Row = tuple[str, float, str, float, str]
Files = dict[str, bytes]


def long_csv(rows: Iterable[Row]) -> bytes:
    """Rows of (record_id, seconds, variable, value, unit); values that are not there are left out."""
    units = {"pm": "/min"}  # as the recorders behind PhysioNet spell "per minute"
    lines = ["record_id,time (hours),variable,value,unit"]
    for record_id, seconds, variable, value, unit in rows:
        if not np.isnan(value):
            lines.append(f"{record_id},{seconds / 3600!r},{variable},{float(value)!r},{units.get(unit, unit)}")
    return "\n".join([*lines, ""]).encode()


def write(
    name: str,
    rate: float,
    signals: Sequence[tuple[str, str, NDArray[np.int64]]],
    *,
    fmt: str = "16",
    gain: float = 10.0,
    baseline: int = 0,
    each: Sequence[int] | None = None,
    comments: Sequence[str] = (),
) -> Files:
    """Header and signal file of a record; signals are (label, unit, steps of the converter)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3.1 uses what pandas 3 deprecates
        import wfdb

        n = len(signals)
        with tempfile.TemporaryDirectory() as folder:
            digital = [np.asarray(steps, dtype=np.int64) for _, _, steps in signals]
            data = {"d_signal": np.column_stack(digital)} if each is None else {"e_d_signal": digital}
            wfdb.wrsamp(
                name,
                fs=rate,
                units=[unit for _, unit, _ in signals],
                sig_name=[label for label, _, _ in signals],
                fmt=[fmt] * n,
                adc_gain=[gain] * n,
                baseline=[baseline] * n,
                samps_per_frame=list(each) if each is not None else [1] * n,
                comments=list(comments),
                write_dir=folder,
                **data,
            )
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def rows_of(
    record_id: str,
    rate: float,
    signals: Sequence[tuple[str, str, NDArray[np.int64]]],
    *,
    gain: float = 10.0,
    baseline: int = 0,
    start: float = 0.0,
    missing: int | None = None,
) -> list[Row]:
    """The same as rows of the twin."""
    return [
        (record_id, start + i / rate, label, float("nan") if step == missing else (int(step) - baseline) / gain, unit)
        for label, unit, steps in signals
        for i, step in enumerate(steps)
    ]


def zip_of(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _vitals(rng: np.random.Generator, n: int) -> list[tuple[str, str, NDArray[np.int64]]]:
    return [
        ("HR", "bpm", rng.integers(600, 1200, n)),
        ("SpO2", "%", rng.integers(880, 1000, n)),
        ("RESP", "pm", rng.integers(100, 300, n)),
    ]


def pairs() -> list[tuple[str, Files, Files]]:
    """Name of the case, files of the format, files of the twin."""
    rng = np.random.default_rng(4)
    found: list[tuple[str, Files, Files]] = []

    def add(name: str, files: Files, rows: list[Row]) -> None:
        found.append((f"wfdb {name}", files, {"twin.csv": long_csv(rows)}))

    minute = 1 / 60
    vitals = _vitals(rng, 50)
    add("numerics once a minute", write("n1", 0.0166667, vitals), rows_of("n1", 0.0166667, vitals))

    for fmt, missing in (("212", -(1 << 11)), ("80", -(1 << 7)), ("24", -(1 << 23)), ("32", -(1 << 31))):
        steps = rng.integers(60, 120, 31)
        steps[[3, 30]] = missing
        signal = [("HR", "bpm", steps), ("PULSE", "bpm", rng.integers(60, 120, 31))]
        files = write("gaps", 0.5, signal, fmt=fmt, gain=1.0)
        add(f"format {fmt}, missing samples", files, rows_of("gaps", 0.5, signal[:1], gain=1.0, missing=missing))

    signal = [("ABP Sys", "mmHg", rng.integers(-500, 500, 40)), ("ABP Dias", "mmHg", rng.integers(-700, -600, 40))]
    files = write("line", 1.0, signal, gain=8.5, baseline=-1200)
    add("gain and baseline", files, rows_of("line", 1.0, signal, gain=8.5, baseline=-1200))

    signal = [("Temp", "degF", rng.integers(970, 1020, 24))]
    add("Fahrenheit", write("warm", minute, signal), rows_of("warm", minute, signal))

    # Two samples of one signal in each frame: twice the rate of the other.
    signal = [("HR", "bpm", rng.integers(600, 900, 20)), ("SpO2", "%", rng.integers(900, 1000, 40))]
    rows = rows_of("two rates", 0.5, signal[:1]) + rows_of("two rates", 1.0, signal[1:])
    files = write("two_rates", 0.5, signal, each=(1, 2))
    add("two rates", files, [("two_rates", *row[1:]) for row in rows])

    signal = _vitals(rng, 30)[:2]
    files = write("late", 1.0, signal)
    header = files["late.hea"].replace(b"late.dat 16 ", b"late.dat 16:4 ", 1)  # HR was written four samples late
    rows = rows_of("late", 1.0, [("HR", "bpm", signal[0][2][4:])]) + rows_of("late", 1.0, signal[1:])
    add("skew", files | {"late.hea": header}, rows)

    signal = _vitals(rng, 30)
    files = write("A0001", 1.0, signal, comments=["Age: 63", "Sex: Female"])
    header = files["A0001.hea"].replace(b"A0001.dat 16 ", b"A0001.mat 16+24 ")
    rows = [*rows_of("A0001", 1.0, signal), ("A0001", 0.0, "Age", 63.0, ""), ("A0001", 0.0, "Gender", 0.0, "")]
    add(
        "MATLAB file behind 24 bytes, with age and sex",
        {"A0001.hea": header, "A0001.mat": bytes(24) + files["A0001.dat"]},
        rows,
    )

    signal = _vitals(rng, 25)
    add("FLAC", write("packed", 1.0, signal, fmt="516"), rows_of("packed", 1.0, signal))

    first, second = _vitals(rng, 20), _vitals(rng, 10)
    files = write("s_1", 1.0, first) | write("s_2", 1.0, second)
    files["s.hea"] = b"s/3 3 1 45\ns_1 20\n~ 15\ns_2 10\n"
    add("segments with a gap", files, rows_of("s", 1.0, first) + rows_of("s", 1.0, second, start=35.0))

    first, second = _vitals(rng, 20), [("NBPSys", "mmHg", rng.integers(900, 1400, 10))]
    files = write("v_1", 0.5, first) | write("v_2", 0.5, second, gain=4.0)
    files["v_layout.hea"] = (
        b"v_layout 4 0.5 0\n~ 0 10/bpm 0 0 0 0 0 HR\n~ 0 10/% 0 0 0 0 0 SpO2\n~ 0 10/pm 0 0 0 0 0 RESP\n"
        b"~ 0 4/mmHg 0 0 0 0 0 NBPSys\n"
    )
    files["v.hea"] = b"v/3 4 0.5 30\nv_layout 0\nv_1 20\nv_2 10\n"
    rows = rows_of("v", 0.5, first) + rows_of("v", 0.5, second, gain=4.0, start=40.0)
    add("segments of other signals, with a layout", files, rows)

    one, two = _vitals(rng, 12), _vitals(rng, 14)
    archive = zip_of(write("p1", 1.0, one) | write("p2", 1.0, two) | {"p1.atr": b"\x01\x04\x00\x00"})
    add("records and annotations in a zip", {"ward.zip": archive}, rows_of("p1", 1.0, one) + rows_of("p2", 1.0, two))
    return found
