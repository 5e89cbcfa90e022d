"""DICOM: waveforms and images as pydicom decodes them, nobody's name, hostile files refused."""

import io
import logging
import time
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.dicom import belongs_to_dicom, is_dicom, read_dicom
from medgru.data.images import reduce
from medgru.data.readers import read_tables
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY
from tests.twins.dicom import group, waveform
from tests.twins.images import dicom as image

RNG = np.random.default_rng(14)
FEW = hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VITALS = [("HR", "/min", RNG.integers(100, 240, 50)), ("SpO2", "%", RNG.integers(176, 200, 50))]
MONITOR = waveform([group(VITALS, 1.0)])
GREY = RNG.integers(0, 4096, (12, 10), dtype=np.uint16)
PICTURE = image(GREY, photometric="MONOCHROME2", PatientAge="063Y", PatientSex="F")


def shipped(name: str) -> bytes:
    """A test file of pydicom; those that it would download are skipped."""
    path = Path(pydicom.data.__file__).parent / "test_files" / name
    if not path.exists():
        pytest.skip(f"this pydicom does not ship {name}")
    return path.read_bytes()


def read(data: bytes, name: str = "a.dcm") -> tuple[list[Table], list[Refusal]]:
    return read_tables([Source(name, data)])


def problem(data: bytes, name: str = "a.dcm") -> str:
    tables, refused = read(data, name)
    assert not tables
    assert refused[0].problem.endswith(".")
    return refused[0].problem


def pixels(table: Table) -> np.ndarray:
    return np.column_stack([table.data.column(name).to_numpy() for name in table.columns[2:]])


def edited(data: bytes, **values) -> bytes:
    """The file with elements replaced; None takes one away."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    for name, value in values.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def in_group(**values) -> bytes:
    """The monitor's file with elements of its group of signals replaced; None takes one away."""
    dataset = pydicom.dcmread(io.BytesIO(MONITOR))
    for name, value in values.items():
        if value is None:
            delattr(dataset.WaveformSequence[0], name)
        else:
            setattr(dataset.WaveformSequence[0], name, value)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_the_ecg_of_pydicom_is_read_as_it_decodes_it():
    data = shipped("waveform_ecg.dcm")
    tables, refused = read(data)
    expected = pydicom.dcmread(io.BytesIO(data)).waveform_array(0)

    assert not refused
    assert tables[0].columns[:4] == ["record_id", "time (seconds)", "Lead I (Einthoven) (uV)", "Lead II (uV)"]
    np.testing.assert_allclose(pixels(tables[0]), expected, rtol=1e-15)
    np.testing.assert_array_equal(tables[0].data.column(1).to_numpy(), np.arange(10_000) / 1000)
    assert tables[0].notes[0] == "a.dcm: 1 derived waveform (such as a mean beat) passed over."


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_RLE.dcm",
        "MR_small_padded.dcm",
        "image_dfl.dcm",
        "ExplVR_BigEnd.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "examples_palette.dcm",
        "examples_overlay.dcm",
        "JPEG2000.dcm",
        "693_J2KI.dcm",
        "liver_1frame.dcm",
    ],
)
def test_images_of_pydicom_are_read_as_it_decodes_them(name):
    data = shipped(name)
    tables, refused = read(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data))
        arrays = list(pydicom.pixels.iter_pixels(dataset))
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            arrays = [pydicom.pixels.apply_color_lut(a, dataset) for a in arrays]
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    expected = np.concatenate([reduce(a) for a in arrays]) * slope + intercept

    assert not refused
    np.testing.assert_allclose(pixels(tables[0]), expected, rtol=1e-12, atol=1e-9)


def test_what_pydicom_ships_is_read_or_refused_in_a_sentence():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = [Path(f) for f in pydicom.data.get_testdata_files()]
    read_ones = 0
    for path in files:
        if not path.is_file():
            continue
        blob = Blob(path.name, path.read_bytes())
        if is_dicom(bytes(blob.data[:4096])) or belongs_to_dicom(blob):
            for found in read_dicom([blob]):
                assert isinstance(found, Table) or found.problem.endswith(".")
                read_ones += isinstance(found, Table)
    assert read_ones > 50


def test_who_the_patient_is_stands_nowhere(caplog):
    for data in (MONITOR, PICTURE, MONITOR[:-40], PICTURE[:-40]):
        with caplog.at_level(logging.DEBUG):
            tables, refused = read(data)
        seen = repr([(t.names, t.notes, t.data.to_pydict()) for t in tables]) + repr(refused) + caplog.text
        assert b"Doe^Jane" in data
        assert not any(word in seen for word in ("Doe", "Jane", "0815", "1961"))
    assert logging.getLogger("pydicom").disabled is False


def test_age_and_sex_are_facts_of_the_recording():
    tables, _ = read(PICTURE)
    assert tables[1].data.to_pydict() == {"record_id": ["a"], "Age (years)": [63.0], "Gender": ["female"]}
    for text, years in (("006M", 0.5), ("014D", 14 / 365.25), ("", None), ("old", None)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom about ages that are none
            data = edited(PICTURE, PatientAge=text)
        facts = read(data)[0][1].data.to_pydict()
        assert facts.get("Age (years)", [None]) == [years]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DICOMDIR-empty.dcm", None),
        ("reportsi.dcm", "Basic Text SR Storage"),
        ("rtplan.dcm", "RT Plan Storage"),
        ("rtstruct.dcm", "RT Structure Set Storage"),
        ("rtdose.dcm", "RT Dose Storage"),
        ("MR_small_jpeg_ls_lossless.dcm", "JPEG-LS Lossless Image Compression"),
        ("JPEG-lossy.dcm", "12 bits a pixel"),
        ("MR_truncated.dcm", "damaged"),
    ],
)
def test_what_is_no_picture_is_refused_by_what_it_is(name, words):
    assert (words or "DICOMDIR") in problem(shipped(name) if words else shipped("dicomdirtests/DICOMDIR"), name)


def test_every_lie_about_a_waveform_is_refused():
    assert "it was cut off" in problem(in_group(NumberOfWaveformSamples=51))
    assert "which cannot be" in problem(in_group(NumberOfWaveformSamples=0))
    assert problem(in_group(NumberOfWaveformSamples=2**32 - 1))
    assert "describes 2" in problem(in_group(NumberOfWaveformChannels=3))
    assert "which cannot be" in problem(in_group(NumberOfWaveformChannels=65_535))
    assert "how often a second" in problem(in_group(SamplingFrequency="0"))
    assert "cannot be read (MB" in problem(in_group(WaveformSampleInterpretation="MB", WaveformBitsAllocated=8))
    assert "damaged" in problem(in_group(WaveformData=None))


def test_more_than_is_declared_is_said():
    assert "more samples than it declares" in read(in_group(NumberOfWaveformSamples=49))[0][0].notes[0]
    assert "more pixels than it declares" in read(edited(PICTURE, Rows=11))[0][0].notes[0]
    assert not read(PICTURE)[0][0].notes


def test_a_signal_without_a_scale_has_no_unit_and_that_is_said():
    dataset = pydicom.dcmread(io.BytesIO(MONITOR))
    del dataset.WaveformSequence[0].ChannelDefinitionSequence[0].ChannelSensitivity
    out = io.BytesIO()
    dataset.save_as(out)
    tables, _ = read(out.getvalue())
    assert tables[0].columns[2:] == ["HR", "SpO2 (%)"]
    assert "read as they are, without a unit" in tables[0].notes[0]


def test_every_lie_about_an_image_is_refused_at_once():
    begin = time.perf_counter()
    assert problem(edited(PICTURE, Rows=65_535, Columns=65_535)).startswith("has 1 frames of 65,535 x 65,535 pixels")
    assert "protect this computer" in problem(edited(PICTURE, NumberOfFrames=2_000_000_000))
    assert problem(edited(PICTURE, NumberOfFrames=1000))
    assert problem(edited(PICTURE, Rows=13))
    assert problem(edited(PICTURE, Rows=0))
    assert problem(edited(PICTURE, SamplesPerPixel=200))
    assert problem(edited(PICTURE, BitsAllocated=65_535))
    assert "rescale slope" in problem(edited(PICTURE, RescaleSlope="0", RescaleIntercept="0"))
    assert time.perf_counter() - begin < 5


def jpeg_of(width: int, height: int, **values) -> bytes:
    """An image packed as a JPEG of that size, whatever the file declares."""
    from PIL import Image

    packed = io.BytesIO()
    Image.new("L", (width, height), 7).save(packed, "JPEG")
    dataset = pydicom.dcmread(io.BytesIO(image(np.full((10, 10), 7, np.uint8), photometric="MONOCHROME2")))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.PixelData = pydicom.encaps.encapsulate([packed.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_frames_of_an_enhanced_image_have_scales_of_their_own():
    from pydicom.dataset import Dataset

    def scaled(slope: float, intercept: float) -> Dataset:
        groups, scale = Dataset(), Dataset()
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = slope, intercept, "US"
        groups.PixelValueTransformationSequence = [scale]
        return groups

    frames = RNG.integers(0, 4096, (2, 4, 5), dtype=np.uint16)
    plain = {"photometric": "MONOCHROME2", "RescaleSlope": 9, "RescaleIntercept": 9}
    own = image(frames, **plain, PerFrameFunctionalGroupsSequence=[scaled(2, 1), scaled(0.5, -1)])
    shared = image(frames, **plain, SharedFunctionalGroupsSequence=[scaled(3, 0)])

    np.testing.assert_array_equal(pixels(read(own)[0][0]), np.concatenate([frames[0] * 2.0 + 1, frames[1] * 0.5 - 1]))
    np.testing.assert_array_equal(pixels(read(shared)[0][0]), np.concatenate(frames) * 3.0)


def test_a_packed_image_of_another_size_is_refused_before_it_is_unpacked():
    np.testing.assert_array_equal(pixels(read(jpeg_of(10, 10))[0][0]), np.full((10, 10), 7))
    begin = time.perf_counter()
    assert "the packed image is of another size" in problem(jpeg_of(8000, 7000))
    assert problem(jpeg_of(10, 10, NumberOfFrames=3))
    assert time.perf_counter() - begin < 3


def deflated(body: bytes) -> bytes:
    head = image(GREY, syntax="DeflatedExplicitVRLittleEndian", photometric="MONOCHROME2")
    meta_end = 144 + int.from_bytes(head[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return head[:meta_end] + packer.compress(body) + packer.flush()


def test_a_deflated_bomb_is_refused(monkeypatch):
    monkeypatch.setattr("medgru.data.dicom.settings", lambda: replace(settings(), max_unpacked_mb=5))
    bomb = deflated(bytes(100 << 20))
    begin = time.perf_counter()
    _, refused = read(bomb)
    assert refused[0].unsafe
    assert "unpacks to more than 5 MB" in refused[0].problem
    assert "damaged" in problem(deflated(deflated(b"\x08\x00\x05\x00")))
    assert "damaged" in problem(deflated(bytes(10_000))[:-2])
    assert time.perf_counter() - begin < 2


def test_a_deeply_nested_file_is_refused_at_once():
    item = b"\x40\x00\x40\xa7SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    bomb = PICTURE[: PICTURE.index(b"\x08\x00\x16\x00UI")] + item * 20_000
    begin = time.perf_counter()
    assert problem(bomb)
    assert time.perf_counter() - begin < 5


def test_files_that_do_not_fit_are_refused_and_the_others_read(monkeypatch):
    monkeypatch.setattr("medgru.data.signals.settings", lambda: replace(settings(), max_rows=110))
    found = list(read_dicom([Blob(f"{i}.dcm", MONITOR, i) for i in range(3)]))
    assert [f.file for f in found if isinstance(f, Refusal)] == ["2.dcm"]
    assert [len(f) for f in found if isinstance(f, Table)] == [100]


def test_an_ecg_holds_nothing_for_the_shipped_task_and_that_is_said():
    data = waveform([group([("Lead I", "uV", RNG.integers(-500, 500, 1000))], 500.0)])
    inspection = inspect([Source("ecg.dcm", data)], ICU_MORTALITY)
    with pytest.raises(DataError, match=r"ecg\.dcm has no column that the model knows .*Lead I \(uV\)"):
        build(inspection, inspection.mapping)


@FEW
@given(st.data())
def test_a_damaged_file_gives_tables_or_a_refusal(data):
    content = bytearray(DAMAGED[data.draw(st.integers(0, len(DAMAGED) - 1))])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(128, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for found in read_dicom([Blob("x.dcm", bytes(content))]):
        assert isinstance(found, Table | Refusal)
        assert not isinstance(found, Refusal) or found.problem.endswith(".")


DAMAGED = [
    MONITOR,
    PICTURE,
    image(GREY, photometric="MONOCHROME1", syntax="RLELossless"),
    image(GREY, photometric="MONOCHROME2", syntax="DeflatedExplicitVRLittleEndian"),
    jpeg_of(10, 10),
]
