"""DICOM: waveforms (ECG and monitors) as signals, images as sequences of their rows.

pydicom reads; what a file declares is checked before anything is decoded. Who the patient is stands in many of its
elements: none is looked at but age and sex, and recordings are named after their files.
"""

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.images import (
    MAX_PIXELS,
    Picture,
    check_passes,
    picture_tables,
    reduce,
    reduced_note,
    reduced_size,
)
from medgru.data.signals import (
    AGE_HEADER,
    SEX_HEADER,
    Budget,
    Recorded,
    Signal,
    Stretch,
    file_name,
    plain_label,
    quiet,
    tables,
)
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError, UnsafeFileError
from medgru.settings import settings

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

KIND = "DICOM"

_PREAMBLE = 128
_ENDINGS = (".dcm", ".dicom", ".ima")
_META = b"\x02\x00\x00\x00UL\x04\x00"
# Without the preamble, a file begins with its meta elements or with group 8; the start of any other binary file may
# look like the tag alone.
_BARE = re.compile(
    _META
    + rb"|\x08\x00(\x00\x00(UL\x04\x00|\x04\x00\x00\x00)|\x05\x00(CS|.\x00\x00\x00ISO)|\x08\x00CS|[\x16\x18]\x00UI)"
    rb"|\x00\x08\x00(\x05CS|\x08CS|\x16UI)",
    re.DOTALL,
)
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DIRECTORY = "1.2.840.10008.1.3.10"
_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"

_MAX_FILE_PIXELS = 200_000_000
"""Most pixels of all frames of a file: a CT of 500 slices has 131 million."""

_MAX_CHANNELS = 1_000
_SAMPLES = {("SB", 8): "i1", ("UB", 8): "u1", ("SS", 16): "i2", ("US", 16): "u2", ("SL", 32): "i4", ("UL", 32): "u4"}
_AGE = re.compile(r"(\d{3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_AGAIN = "Export it again."
_CONVERT = "Export it uncompressed, or convert it with dcmdjpeg, dcmdjpls or gdcmconv --raw."


def is_dicom(head: bytes) -> bool:
    """Whether the bytes begin as a DICOM file does, with its preamble or without."""
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _BARE.match(head) is not None


def belongs_to_dicom(blob: Blob) -> bool:
    """Whether only the file's name says that it is one."""
    return file_name(blob).lower().endswith(_ENDINGS) and b"\x00" in bytes(blob.data[:4096])


def read_dicom(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """Tables of all waveforms and all images; each frame of an image is a recording of its own."""
    budget = Budget()
    waveforms: list[Recorded] = []
    pictures: list[Picture] = []
    for blob in blobs:
        try:
            with quiet():
                dataset = _open(blob)
                if "WaveformSequence" in dataset:
                    waveforms.append(_waveform(blob, dataset, budget))
                else:
                    pictures += _pictures(blob, dataset, budget)
        except UnsafeFileError as error:
            yield Refusal(blob.name, str(error), unsafe=True)
        except DataError as error:
            yield Refusal(blob.name, str(error))
        except Exception:
            # pydicom reads elements when they are asked for, and raises anything on damaged ones.
            yield Refusal(blob.name, f"is a damaged DICOM file: what it says of itself cannot be read. {_AGAIN}")
    yield from tables(KIND, waveforms)
    yield from picture_tables(KIND, pictures)


def _open(blob: Blob) -> "Dataset":
    """The dataset, of which elements are parsed when they are asked for.

    Raises:
        DataError: It holds neither a waveform nor a picture.
    """
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    data = bytes(blob.data)
    deflated = _DEFLATED in data
    dataset = pydicom.dcmread(io.BytesIO(_inflated(data) if deflated else data), force=True)
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        )
        dataset.file_meta = meta
    kind = UID(str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""))
    if kind == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        raise DataError("is only the directory (DICOMDIR) of a medium. Bring the image or waveform files themselves.")
    if "WaveformSequence" not in dataset:
        name = plain_label(kind.name) if kind else "an unknown kind"
        if kind == _RT_DOSE:
            raise DataError(f"is a dose distribution ({name}), no image. Bring the images or waveforms.")
        if "Rows" not in dataset or not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dir(dataset)):
            if not (kind or is_dicom(data[:4096])):
                raise DataError(f"is no DICOM file that can be read, or a damaged one. {_AGAIN}")
            raise DataError(
                f"is a DICOM file of {name} without an image or a waveform in it. Bring the images or waveforms."
            )
    return dataset


def _inflated(data: bytes) -> bytes:
    """The dataset of a file with the deflated transfer syntax, unpacked up to the limit only.

    Raises:
        UnsafeFileError: It unpacks to more.
        DataError: It is damaged.
    """
    damaged = DataError(f"is packed (deflated), but is damaged or was cut off. {_AGAIN}")
    start = _PREAMBLE + 4
    if data[_PREAMBLE:start] != b"DICM" or data[start : start + 8] != _META:
        raise damaged
    start += 12 + int.from_bytes(data[start + 8 : start + 12], "little")
    if _DEFLATED in data[start:]:
        raise damaged
    limit = settings().max_unpacked_mb << 20
    try:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        body = stream.decompress(data[start:], limit + 1)
    except zlib.error:
        raise damaged from None
    if len(body) > limit:
        raise UnsafeFileError(
            f"unpacks to more than {settings().max_unpacked_mb} MB, which is refused to protect this computer."
        )
    if not stream.eof or _DEFLATED in body:  # cut off, or packed twice
        raise damaged
    return body


def _waveform(blob: Blob, dataset: "Dataset", budget: Budget) -> Recorded:
    """Signals of all groups; those derived from others (the mean beat of an ECG) are passed over."""
    groups = list(dataset.WaveformSequence)
    original = [g for g in groups if str(g.get("WaveformOriginality", "ORIGINAL")) != "DERIVED"]
    notes = []
    if original and len(original) < len(groups):
        derived = len(groups) - len(original)
        notes.append(f"{derived} derived waveform{'s' if derived > 1 else ''} (such as a mean beat) passed over.")
    kept = original or groups
    for group in kept:
        if problem := _group_problem(group) or budget.problem(
            int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
        ):
            raise DataError(problem)
    little = dataset.original_encoding[1] is not False
    stretches = [_stretch(group, little, notes) for group in kept]
    if "WaveformAnnotationSequence" in dataset:
        notes.append("its annotations (such as measured intervals) were passed over.")
    named = tuple(f"{file_name(blob)}: {note}" for note in dict.fromkeys(notes))
    return Recorded(blob, stretches, named, _facts(dataset))


def _group_problem(group: "Dataset") -> str | None:
    """Why a group of signals cannot be read, from what it declares."""
    samples, channels = int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
    bits, form = int(group.WaveformBitsAllocated), str(group.WaveformSampleInterpretation)
    if (form, bits) not in _SAMPLES:
        return f"holds samples of a kind that cannot be read ({plain_label(form)}, {bits} bits). {_AGAIN}"
    if not (samples > 0 and 0 < channels <= _MAX_CHANNELS):
        return f"declares {samples:,} samples of {channels:,} signals, which cannot be. {_AGAIN}"
    if len(group.ChannelDefinitionSequence) != channels:
        return f"declares {channels:,} signals, but describes {len(group.ChannelDefinitionSequence):,}. {_AGAIN}"
    if len(group.WaveformData) < samples * channels * bits // 8:
        return f"declares {samples:,} samples of {channels:,} signals, but holds fewer: it was cut off. {_AGAIN}"
    if not 0 < float(group.SamplingFrequency) < 1e9:
        return f"does not say how often a second was measured. {_AGAIN}"
    return None


def _stretch(group: "Dataset", little: bool, notes: list[str]) -> Stretch:
    """The signals of one group in their units."""
    samples, channels = int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
    form = _SAMPLES[str(group.WaveformSampleInterpretation), int(group.WaveformBitsAllocated)]
    kind = np.dtype(form).newbyteorder("<" if little else ">")
    raw = np.frombuffer(group.WaveformData, kind, samples * channels).reshape(samples, channels)
    if len(group.WaveformData) > raw.nbytes + 1:
        notes.append("it holds more samples than it declares; only those declared were read.")
    padding = None
    if "WaveformPaddingValue" in group:
        value = group.WaveformPaddingValue
        padding = np.frombuffer(value, kind, 1)[0] if isinstance(value, bytes) else value
    signals = []
    for i, channel in enumerate(group.ChannelDefinitionSequence):
        sensitivity = channel.get("ChannelSensitivity")
        values = raw[:, i].astype(np.float64)
        unit = ""
        if sensitivity is None:
            notes.append("some signals do not say what their steps mean: they are read as they are, without a unit.")
        else:
            values *= float(sensitivity)
            values *= float(_or(channel.get("ChannelSensitivityCorrectionFactor"), 1.0))
            values += float(_or(channel.get("ChannelBaseline"), 0.0))
            unit = _code(channel, "ChannelSensitivityUnitsSequence", "CodeValue")
        if padding is not None:
            values[raw[:, i] == padding] = np.nan
        if any(float(_or(channel.get(key), 0)) for key in ("ChannelSampleSkew", "ChannelTimeSkew")):
            notes.append("the signals are some fractions of a second apart (skew), which was not corrected.")
        label = str(channel.get("ChannelLabel") or "") or _code(channel, "ChannelSourceSequence", "CodeMeaning")
        signals.append(Signal(label, unit, values))
    rate = float(group.SamplingFrequency)
    offset = float(_or(group.get("MultiplexGroupTimeOffset"), 0.0)) / 1000
    return Stretch.of(offset + np.arange(samples) / rate, signals, rate)


def _or(value: Any, otherwise: float) -> Any:
    return otherwise if value is None or value == "" else value


def _code(channel: "Dataset", sequence: str, element: str) -> str:
    """A text of the first code in a sequence, "" where there is none."""
    items = channel.get(sequence)
    return str(items[0].get(element) or "") if items else ""


def _pictures(blob: Blob, dataset: "Dataset", budget: Budget) -> list[Picture]:
    """All frames of an image in grey."""
    height, width = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if height < 1 or width < 1 or frames < 1:
        raise DataError(f"declares an image of {width} x {height} pixels and {frames} frames. {_AGAIN}")
    if height * width > MAX_PIXELS or height * width * frames > _MAX_FILE_PIXELS:
        raise DataError(
            f"has {frames:,} frames of {width:,} x {height:,} pixels, which is refused to protect this computer. "
            f"At most {MAX_PIXELS // 10**6} million pixels a frame and {_MAX_FILE_PIXELS // 10**6} million in all "
            "are read."
        )
    _check_packed(dataset, height, width, frames)
    rows, columns, _ = reduced_size(height, width)
    if problem := budget.problem(rows * frames, columns, "rows of {} pixels"):
        raise DataError(problem)
    notes = reduced_note(file_name(blob), height, width)
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated and _excess(dataset) > 1:
        notes += (f"{file_name(blob)}: it holds more pixels than it declares; only those declared were read.",)
    facts = _facts(dataset)
    found = []
    for i, grey in enumerate(_frames(dataset, frames)):
        found.append(Picture(blob, grey, i + 1 if frames > 1 else 0, notes, facts))
    if len(found) != frames:
        raise DataError(f"declares {frames:,} frames, but holds {len(found):,}. {_AGAIN}")
    return found


def _check_packed(dataset: "Dataset", height: int, width: int, frames: int) -> None:
    """Check the pixel data against the size that the file declares, before it is decoded.

    Raises:
        DataError: It is smaller, packed in a way that cannot be undone here, or of another size within.
    """
    from pydicom.encaps import generate_frames
    from pydicom.pixels import get_decoder

    syntax: UID = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        name = plain_label(syntax.name)
        raise DataError(f"is packed as {name}, which cannot be unpacked here. {_CONVERT}")
    bits = int(dataset.BitsAllocated)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples not in (1, 3) or not 1 <= bits <= 64:
        raise DataError(f"has pixels of {samples} samples of {bits} bits, which cannot be read. {_AGAIN}")
    if not syntax.is_encapsulated:
        return  # pydicom refuses what is shorter than declared
    from PIL import Image, UnidentifiedImageError

    for i, frame in enumerate(generate_frames(dataset.PixelData, number_of_frames=frames)):
        if i >= frames:
            raise DataError(f"declares {frames:,} frames, but holds more. {_AGAIN}")
        check_passes(frame, height * width)
        if "RLE" in syntax.name:
            continue
        try:
            with Image.open(io.BytesIO(frame), formats=["JPEG", "JPEG2000"]) as image:
                size = image.size
        except (Image.DecompressionBombError, UnidentifiedImageError, OSError, ValueError, SyntaxError):
            raise DataError(
                f"holds a packed image that cannot be unpacked here (damaged, or of 12 bits a pixel). {_CONVERT}"
            ) from None
        if size != (width, height):
            raise DataError(f"declares {width} x {height} pixels, but the packed image is of another size. {_AGAIN}")


def _excess(dataset: "Dataset") -> int:
    """Bytes of pixels beyond those declared; one may fill up an odd number."""
    from pydicom.pixels.utils import get_expected_length

    held = next(k for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if k in dataset)
    return len(dataset[held].value) - get_expected_length(dataset)


def _frames(dataset: "Dataset", frames: int) -> Iterator[NDArray[np.float64]]:
    """Each frame in grey and in the units of the file, (H, W), reduced where it is large."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels

    photometric = str(dataset.get("PhotometricInterpretation") or "")
    shared = _transformation(dataset.get("SharedFunctionalGroupsSequence"), 0)
    for i, pixels in enumerate(iter_pixels(dataset, indices=range(frames))):
        if photometric == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
        if pixels.ndim == 3:
            yield reduce(pixels)
            continue
        # What follows is linear, so it may come after the mean; a table of values has to come before.
        table = "ModalityLUTSequence" in dataset
        grey = reduce(apply_modality_lut(pixels, dataset) if table else pixels)
        if photometric == "MONOCHROME1":  # its lowest value is white
            grey = _brightest(dataset, table) - grey
        if not table:
            own = _transformation(dataset.get("PerFrameFunctionalGroupsSequence"), i) or shared or dataset
            slope, intercept = float(_or(own.get("RescaleSlope"), 1.0)), float(_or(own.get("RescaleIntercept"), 0.0))
            if not (np.isfinite(slope) and np.isfinite(intercept) and slope):
                raise DataError(f"does not say what its values mean: its rescale slope is not above 0. {_AGAIN}")
            grey = grey * slope + intercept
        yield grey


def _brightest(dataset: "Dataset", table: bool) -> int:
    """The sum of the lowest and the highest value that a pixel can have."""
    if table:
        return (1 << int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])) - 1
    stored = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    return -1 if int(dataset.get("PixelRepresentation") or 0) else (1 << stored) - 1


def _transformation(groups: Any, frame: int) -> "Dataset | None":
    """Rescale slope and intercept of one frame in an enhanced image, None where it has none of its own."""
    if not groups or frame >= len(groups):
        return None
    found = groups[frame].get("PixelValueTransformationSequence")
    return found[0] if found else None


def _facts(dataset: "Dataset") -> dict[str, float | str]:
    """Age and sex, where the file says them."""
    facts: dict[str, float | str] = {}
    if age := _AGE.fullmatch(str(dataset.get("PatientAge") or "")):
        facts[AGE_HEADER] = int(age[1]) * _YEARS[age[2]]
    if (sex := str(dataset.get("PatientSex") or "")) in ("F", "M"):
        facts[SEX_HEADER] = "female" if sex == "F" else "male"
    return facts
