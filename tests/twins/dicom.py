"""DICOM waveforms of a monitor written by pydicom, and the same measurements as long CSV.

Images have twins in `images.py`: no shipped task knows pixels.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = tuple[str, float, str, float, str]
Files = dict[str, bytes]
Channel = tuple[str, str, NDArray[np.integer]]
"""Label, unit, steps of the converter."""


def long_csv(rows: Iterable[Row]) -> bytes:
    """Rows of (record_id, seconds, variable, value, unit); values that are not there are left out."""
    lines = ["record_id,time (hours),variable,value,unit"]
    for record_id, seconds, variable, value, unit in rows:
        if not np.isnan(value):
            lines.append(f"{record_id},{seconds / 3600!r},{variable},{float(value)!r},{unit}")
    return "\n".join([*lines, ""]).encode()


def group(
    channels: Sequence[Channel],
    rate: float,
    *,
    kind: str = "i2",
    sensitivity: float = 0.5,
    correction: float | None = None,
    baseline: float = 0.0,
    padding: int | None = None,
    by_source: bool = False,
    big: bool = False,
    **more: Any,
) -> Any:
    """One multiplex group of signals."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.WaveformOriginality = "ORIGINAL"
    item.NumberOfWaveformChannels = len(channels)
    item.NumberOfWaveformSamples = len(channels[0][2])
    item.SamplingFrequency = rate
    definitions = []
    for label, unit, _ in channels:
        channel, source, units = Dataset(), Dataset(), Dataset()
        source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = "0", "L", label
        units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
        channel.ChannelSourceSequence = [source]
        if not by_source:
            channel.ChannelLabel = label
        channel.ChannelSensitivity, channel.ChannelBaseline = sensitivity, baseline
        if correction is not None:
            channel.ChannelSensitivityCorrectionFactor = correction
        channel.ChannelSensitivityUnitsSequence = [units]
        channel.WaveformBitsStored = np.dtype(kind).itemsize * 8
        definitions.append(channel)
    item.ChannelDefinitionSequence = definitions
    item.WaveformBitsAllocated = np.dtype(kind).itemsize * 8
    item.WaveformSampleInterpretation = {"i1": "SB", "u1": "UB", "i2": "SS", "u2": "US", "i4": "SL"}[kind]
    form = np.dtype(kind).newbyteorder(">" if big else "<")
    item.WaveformData = np.column_stack([steps for _, _, steps in channels]).astype(form).tobytes()
    item["WaveformData"].VR = "OB" if kind[1] == "1" else "OW"
    if padding is not None:
        item.WaveformPaddingValue = np.array([padding], form).tobytes()
        item["WaveformPaddingValue"].VR = item["WaveformData"].VR
    for name, value in more.items():
        setattr(item, name, value)
    return item


def waveform(groups: Sequence[Any], *, big: bool = False, **more: Any) -> bytes:
    """A file of these groups."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset

    dataset = Dataset()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian if big else pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.HemodynamicWaveformStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.5"
    dataset.file_meta = meta
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "0815", "19610203"
    dataset.AcquisitionDateTime = "20260301120000"
    dataset.WaveformSequence = list(groups)
    for name, value in more.items():
        setattr(dataset, name, value)
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=not big, enforce_file_format=True)
    return out.getvalue()


def rows_of(
    record_id: str,
    channels: Sequence[Channel],
    rate: float,
    *,
    factor: float = 0.5,
    baseline: float = 0.0,
    start: float = 0.0,
    padding: int | None = None,
) -> list[Row]:
    """The same as rows of the twin."""
    return [
        (record_id, start + i / rate, label, np.nan if step == padding else int(step) * factor + baseline, unit)
        for label, unit, steps in channels
        for i, step in enumerate(steps)
    ]


def pairs() -> list[tuple[str, Files, Files]]:
    """Name of the case, files of the format, files of the twin."""
    rng = np.random.default_rng(7)
    found: list[tuple[str, Files, Files]] = []

    def add(name: str, files: Files, rows: list[Row]) -> None:
        found.append((f"dicom waveform {name}", files, {"twin.csv": long_csv(rows)}))

    def vital(label: str, unit: str, low: int, high: int, n: int) -> Channel:
        return label, unit, rng.integers(low * 2, high * 2, n)

    a = [vital("HR", "/min", 50, 120, 40), vital("SpO2", "%", 88, 100, 40)]
    add("plain", {"m.dcm": waveform([group(a, 1.0)])}, rows_of("m", a, 1.0))
    add("named by code", {"m.dcm": waveform([group(a, 0.5, by_source=True)])}, rows_of("m", a, 0.5))
    gaps = [("HR", "/min", np.where(rng.random(40) < 0.3, -32_768, a[0][2])), a[1]]
    data = waveform([group(gaps, 1.0, padding=-32_768)])
    add("padding", {"m.dcm": data}, rows_of("m", gaps, 1.0, padding=-32_768))
    pressure = [vital("ABP Sys", "mm[Hg]", 20, 60, 30)]
    data = waveform([group(pressure, 1.0, correction=1.25, baseline=40.0)])
    add("correction and baseline", {"m.dcm": data}, rows_of("m", pressure, 1.0, factor=0.625, baseline=40.0))
    warm = [vital("Temp", "Cel", 36, 40, 10)]
    data = waveform([group(a, 1.0), group(warm, 0.25)])
    add("two rates", {"m.dcm": data}, rows_of("m", a, 1.0) + rows_of("m", warm, 0.25))
    later = [vital("HR", "/min", 50, 120, 15)]
    data = waveform([group(a[:1], 1.0), group(later, 1.0, MultiplexGroupTimeOffset="90000")])
    add("a group that began later", {"m.dcm": data}, rows_of("m", a[:1], 1.0) + rows_of("m", later, 1.0, start=90.0))
    derived = group([vital("HR", "/min", 200, 250, 5)], 1.0, WaveformOriginality="DERIVED")
    add("a derived group", {"m.dcm": waveform([group(a, 1.0), derived])}, rows_of("m", a, 1.0))
    for kind in ("u1", "u2", "i4"):
        add(f"samples of kind {kind}", {"m.dcm": waveform([group(a, 1.0, kind=kind)])}, rows_of("m", a, 1.0))
    data = waveform([group(a, 1.0, big=True)], big=True)
    add("big endian", {"m.dcm": data}, rows_of("m", a, 1.0))
    data = waveform([group(a, 1.0)], PatientAge="071Y", PatientSex="M")
    facts = [("m", 0.0, "Age", 71.0, ""), ("m", 0.0, "Gender", 1.0, "")]
    add("age and sex", {"m.dcm": data}, [*rows_of("m", a, 1.0), *facts])
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("DICOM/one", waveform([group(a, 1.0)]))
        archive.writestr("DICOM/two.dcm", waveform([group(warm, 1.0)]))
    add("in a zip, without an ending", {"cd.zip": box.getvalue()}, rows_of("one", a, 1.0) + rows_of("two", warm, 1.0))
    return found
