"""EDF, EDF+ and BDF files written by edfio, and the same measurements as long CSV."""

import datetime
import io
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Row = tuple[str, float, str, float, str]
Files = dict[str, bytes]
Channel = tuple[str, str, float, NDArray[np.int64]]
"""Label, unit, samples a second, tenths of the unit."""


def long_csv(rows: Iterable[Row]) -> bytes:
    """Rows of (record_id, seconds, variable, value, unit)."""
    lines = ["record_id,time (hours),variable,value,unit"]
    lines += [f"{i},{s / 3600!r},{name},{float(value)!r},{unit}" for i, s, name, value, unit in rows]
    return "\n".join([*lines, ""]).encode()


def write(channels: Sequence[Channel], *, bdf: bool = False, turned: bool = False, **options: object) -> bytes:
    """A file of these signals; `turned`: with the physical minimum above the maximum, as for EEG shown upside down."""
    import edfio

    signal, recording = (edfio.BdfSignal, edfio.Bdf) if bdf else (edfio.EdfSignal, edfio.Edf)
    kind = np.int32 if bdf else np.int16
    sign = -1 if turned else 1
    signals = [
        signal.from_digital(
            (sign * tenths).astype(kind),
            rate,
            label=label,
            physical_dimension=unit,
            digital_range=(-20_000, 20_000),
            physical_range=(-2_000 * sign, 2_000 * sign),
        )
        for label, unit, rate, tenths in channels
    ]
    patient = edfio.Patient(code="MRN-0815", name="Doe_Jane", sex="F", birthdate=datetime.date(1961, 2, 3))
    return recording(signals, patient=patient, **options).to_bytes()


def rows_of(record_id: str, channels: Sequence[Channel], shift: float = 0.0) -> list[Row]:
    """The same as rows of the twin."""
    return [
        (record_id, shift + i / rate, label, value / 10, unit)
        for label, unit, rate, tenths in channels
        for i, value in enumerate(tenths)
    ]


def with_onsets(data: bytes, onsets: Sequence[float]) -> bytes:
    """An EDF+C file made one with gaps (EDF+D): each data record gets an onset of its own."""
    before = [f"+{i}\x14\x14".encode() for i in range(len(onsets))]
    parts = bytearray(data.replace(b"EDF+C", b"EDF+D", 1))
    position = 0
    for old, onset in zip(before, onsets, strict=True):
        new = f"+{onset:g}\x14\x14".encode()
        assert len(new) <= len(old) + 4
        position = parts.index(old, position)
        parts[position : position + len(new)] = new
    return bytes(parts)


def pairs() -> list[tuple[str, Files, Files]]:
    """Name of the case, files of the format, files of the twin."""
    import edfio

    rng = np.random.default_rng(5)
    found: list[tuple[str, Files, Files]] = []

    def vital(label: str, unit: str, low: int, high: int, n: int, rate: float = 1.0) -> Channel:
        return label, unit, rate, rng.integers(low * 10, high * 10, n)

    def add(name: str, files: Files, rows: list[Row]) -> None:
        found.append((f"edf {name}", files, {"twin.csv": long_csv(rows)}))

    channels = [vital("HR", "bpm", 50, 120, 60), vital("SpO2", "%", 88, 100, 60)]
    add("one rate", {"bed 4.edf": write(channels)}, rows_of("bed 4", channels))

    channels = [vital("HR", "bpm", 50, 120, 60), vital("Temp", "degC", 35, 40, 12, 0.2)]
    add("two rates", {"p1.edf": write(channels)}, rows_of("p1", channels))

    channels = [vital("HR", "bpm", 50, 120, 40), vital("ABP Sys", "mmHg", 80, 160, 40)]
    events = [edfio.EdfAnnotation(3.5, 2.0, "Sleep stage W"), edfio.EdfAnnotation(20, None, "alarm")]
    add("annotations", {"p2.edf": write(channels, annotations=events)}, rows_of("p2", channels))

    channels = [vital("HR", "bpm", 50, 120, 30)]
    shifted = write(channels, annotations=[], starttime=datetime.time(23, 59, 58, 250_000))
    add("a start within a second", {"p3.edf": shifted}, rows_of("p3", channels))

    # Six data records of one second: three, a gap of an hour, three.
    channels = [vital("HR", "bpm", 50, 120, 12, 2.0)]
    onsets = [0, 1, 2, 3602, 3603, 3604]
    notes = [edfio.EdfAnnotation(float(i), None, "padding to make room") for i in range(6)]
    data = with_onsets(write(channels, annotations=notes, data_record_duration=1.0), onsets)
    label, unit, rate, values = channels[0]
    rows = [("p4", onsets[i // 2] + (i % 2) / rate, label, v / 10, unit) for i, v in enumerate(values)]
    add("gaps (EDF+D)", {"p4.edf": data}, rows)

    channels = [vital("Pulse", "bpm", 50, 120, 60), vital("SpO2", "%", 88, 100, 15, 0.25)]
    add("BDF with 24 bits", {"p5.bdf": write(channels, bdf=True)}, rows_of("p5", channels))

    channels = [vital("HR", "bpm", 50, 120, 45)]
    open_end = bytearray(write(channels))
    open_end[236:244] = b"-1      "
    add("a recording that was not closed", {"p6.edf": bytes(open_end)}, rows_of("p6", channels))

    channels = [vital("Temp", "degF", 96, 104, 30)]
    add("Fahrenheit, range turned round", {"p7.edf": write(channels, turned=True)}, rows_of("p7", channels))

    # The curve of breathing is no respiratory rate, though both are called Resp.
    channels = [vital("HR", "bpm", 50, 120, 20)]
    curve = vital("Resp", "mV", 5, 50, 20 * 32, 32.0)
    add("a curve called as a number", {"p8.edf": write([*channels, curve])}, rows_of("p8", channels))

    packed = io.BytesIO()
    rows = []
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("m1", "m2", "m3"):
            channels = [vital("HR", "bpm", 50, 120, 20), vital("RR", "/min", 8, 30, 20)]
            archive.writestr(f"night/{name}.edf", write(channels))
            rows += rows_of(name, channels)
    add("several in a zip", {"nights.zip": packed.getvalue()}, rows)
    return found
