"""EDF, EDF+ and BDF: signals of polysomnography, EEG and monitors in one file (https://www.edfplus.info/specs).

The header is checked against the bytes that are there before anything is decoded. Who the patient is and who recorded
stands in it too: these fields are not even looked at.

The samples are decoded here (docs/adr/0018): edfio does not give the times of data records (EDF+D), hands out bare
steps as values where it cannot parse a range ("2000,0"), and takes what a damaged header declares. It is the oracle of
the tests.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.signals import Budget, Recorded, Signal, Stretch, file_name, plain_label, tables
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError

KIND = "EDF"

_HEADER = 256
_FIELDS = (
    *(("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8)),
    *(("digital_min", 8), ("digital_max", 8), ("prefiltering", 80), ("samples", 8), ("reserved", 32)),
)
_EDF, _BDF = b"0       ", b"\xffBIOSEMI"
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_ONSET = re.compile(rb"^([+-]\d{1,12}(?:\.\d{1,12})?)(?:\x15[^\x14]*)?\x14")
_ANNOTATED = re.compile(rb"\x14[^\x14\x00]")
_INT = re.compile(r"-?\d{1,8}")
_AGAIN = "Export or copy it again."
_STEPS = (1e-30, 1e30)
"""Between these a step means something in any unit; beyond them numbers run over, or become zero."""
_DIGITAL = 1e9
"""Far beyond what a sample can hold, and so small that nothing is lost beside it."""


@dataclass(frozen=True)
class _Channel:
    """One signal as the header describes it; `start` and `samples` are its place in a data record."""

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    start: int
    samples: int

    @property
    def is_annotations(self) -> bool:
        return self.label in _ANNOTATIONS

    @property
    def is_calibrated(self) -> bool:
        """Whether its header says what a step means."""
        if not all(map(np.isfinite, (*self.physical, *self.digital))) or max(map(abs, self.digital)) > _DIGITAL:
            return False
        return self.digital[1] > self.digital[0] and _STEPS[0] < abs(self.gain) < _STEPS[1]

    @property
    def gain(self) -> float:
        """What a step means, in its unit."""
        return (self.physical[1] - self.physical[0]) / (self.digital[1] - self.digital[0])


@dataclass(frozen=True)
class _File:
    """A file with its header parsed and found to fit its size.

    Attributes:
        records: Data records that are there whole.
        seconds: Length of a data record.
        channels: All signals, those with annotations too.
        width: Bytes of a sample.
        gapped: Whether the data records do not follow each other (EDF+D).
        start: Where the data begin.
    """

    records: int
    seconds: float
    channels: tuple[_Channel, ...]
    width: int
    gapped: bool
    start: int

    @property
    def a_record(self) -> int:
        """Samples of a data record."""
        return sum(channel.samples for channel in self.channels)


def is_edf(head: bytes) -> bool:
    """Whether the bytes begin with the header of such a file."""
    if not head.startswith((_EDF, _BDF)) or len(head) < _HEADER:
        return False
    size, signals = _text(head[184:192]), _text(head[252:256])
    return _INT.fullmatch(size) is not None and _INT.fullmatch(signals) is not None


def belongs_to_edf(blob: Blob) -> bool:
    """Whether only the file's name says that it should be one: then it is damaged."""
    name = file_name(blob).lower()
    return name.endswith((".edf", ".bdf")) and b"\x00" in bytes(blob.data[:4096])


def read_edf(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """Tables of all files; each file is one recording, named after the file."""
    budget = Budget()
    found: list[Recorded] = []
    for blob in blobs:
        try:
            found.append(_read(blob, budget))
        except DataError as error:
            yield Refusal(blob.name, str(error))
    yield from tables(KIND, found)


def _read(blob: Blob, budget: Budget) -> Recorded:
    notes: list[str] = []
    file = _parse(memoryview(blob.data), notes)
    kept = [c for c in file.channels if not c.is_annotations and c.samples and c.is_calibrated]
    odd = [plain_label(c.label) or "a signal" for c in file.channels if not c.is_annotations and c not in kept]
    if not kept:
        what = "only annotations and no signals" if not odd else "no signal whose header says what its steps mean"
        raise DataError(f"holds {what}, so there are no measurements in it. Bring the file with the signals.")
    if odd:
        notes.append(f"left out, because the header does not say what their steps mean: {', '.join(odd)}.")
    if not file.records:
        raise DataError(f"holds a header but no data below it. {_AGAIN}")
    if not 0 < file.seconds < 1e7:
        raise DataError(f"does not say how long its data records last. {_AGAIN}")
    groups: dict[int, list[_Channel]] = {}
    for channel in kept:
        groups.setdefault(channel.samples, []).append(channel)
    if problem := budget.problem(sum(groups) * file.records, max(map(len, groups.values()))):
        raise DataError(problem)
    raw = np.frombuffer(blob.data, np.uint8, file.records * file.a_record * file.width, file.start)
    raw = raw.reshape(file.records, file.a_record * file.width)
    onsets = _onsets(file, raw) if file.gapped else None
    stretches = []
    for samples, channels in groups.items():
        seconds = np.arange(file.records * samples) * file.seconds / samples
        if onsets is not None:
            seconds = (onsets[:, None] + seconds[:samples]).reshape(-1)
        signals = [Signal(c.label, c.unit, _physical(c, raw, file.width)) for c in channels]
        stretches.append(Stretch.of(seconds, signals, samples / file.seconds))
    if _has_annotations(file, raw):
        notes.append("its annotations (such as sleep stages or events) were passed over.")
    named = tuple(f"{file_name(blob)}: {note}" for note in notes)
    return Recorded(blob, stretches, named)


def _parse(data: memoryview, notes: list[str]) -> _File:
    """Read the header and hold it against the size of the file.

    Raises:
        DataError: It is damaged, or declares what is not there.
    """
    if len(data) < _HEADER or not is_edf(bytes(data[:_HEADER])):
        raise DataError(f"is named as an EDF file, but does not begin as one. {_AGAIN}")
    head = bytes(data[:_HEADER])
    count = _whole(head[252:256], "the number of signals")
    start = _HEADER * (count + 1)
    if count < 1 or len(data) < start or _whole(head[184:192], "the size of its header") != start:
        raise DataError(f"declares {count:,} signals, but does not hold the description of so many. {_AGAIN}")
    cells = _cells(bytes(data[_HEADER:start]), count)
    channels: list[_Channel] = []
    position = 0
    for i in range(count):
        samples = _whole(cells["samples"][i], "the samples of a signal")
        if samples < 0:
            raise DataError(f"declares a signal with fewer than no samples. {_AGAIN}")
        channels.append(
            _Channel(
                label=_text(cells["label"][i]),
                unit=_text(cells["unit"][i]),
                physical=(_number(cells["physical_min"][i]), _number(cells["physical_max"][i])),
                digital=(_number(cells["digital_min"][i]), _number(cells["digital_max"][i])),
                start=position,
                samples=samples,
            )
        )
        position += samples
    width = 3 if head.startswith(_BDF) else 2
    declared = _whole(head[236:244], "the number of data records")
    size = position * width
    there, rest = divmod(len(data) - start, size) if size else (0, 0)
    if declared == -1:  # a recorder that was switched off, or is still running
        notes.append("the recording was not closed properly: what is there was read.")
    elif declared < 0 or there < declared:
        raise DataError(f"declares {declared:,} data records, but holds {there:,}: it was cut off on the way. {_AGAIN}")
    elif there > declared or rest:
        notes.append(f"it holds more than the {declared:,} data records it declares; only those were read.")
    gapped = _text(head[192:236])[:5] in ("EDF+D", "BDF+D")
    records = there if declared == -1 else declared
    return _File(records, _number(head[244:252]), tuple(channels), width, gapped, start)


def _cells(data: bytes, count: int) -> dict[str, list[bytes]]:
    """The fields of all signals: the header holds the first field of each, then the second of each."""
    cells: dict[str, list[bytes]] = {}
    position = 0
    for name, width in _FIELDS:
        cells[name] = [data[position + i * width : position + (i + 1) * width] for i in range(count)]
        position += count * width
    return cells


def _physical(channel: _Channel, raw: NDArray[np.uint8], width: int) -> NDArray[np.float64]:
    """Values of one signal in its unit, (records * samples,)."""
    part = _part(channel, raw, width).reshape(-1)
    if width == 2:
        digital = part.view("<i2").astype(np.float64)
    else:
        a, b, c = part[0::3].astype(np.int32), part[1::3].astype(np.int32), part[2::3].view(np.int8).astype(np.int32)
        digital = (a | b << 8 | c << 16).astype(np.float64)
    digital += channel.physical[1] / channel.gain - channel.digital[1]
    digital *= channel.gain
    return digital


def _onsets(file: _File, raw: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Seconds from the start of a recording with gaps to each data record, (records,)."""
    channel = next((c for c in file.channels if c.is_annotations), None)
    if channel is None:
        raise DataError(f"has gaps (EDF+D), but does not say when its parts were recorded. {_AGAIN}")
    onsets = np.empty(file.records)
    for i, row in enumerate(_part(channel, raw, file.width)):
        found = _ONSET.match(row.tobytes())
        if found is None:
            raise DataError(f"has gaps (EDF+D), but does not say when data record {i + 1:,} was recorded. {_AGAIN}")
        onsets[i] = float(found[1])
    if (np.diff(onsets) <= 0).any():
        raise DataError(f"has data records whose times do not rise, so they cannot be put in order. {_AGAIN}")
    return onsets - onsets[0]


def _part(channel: _Channel, raw: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bytes of one signal, (records, samples * width)."""
    return raw[:, channel.start * width : (channel.start + channel.samples) * width]


def _has_annotations(file: _File, raw: NDArray[np.uint8]) -> bool:
    """Whether there is any annotation beside those without a text, which only keep the time."""
    parts = (_part(c, raw, file.width).tobytes() for c in file.channels if c.is_annotations)
    return any(_ANNOTATED.search(part) for part in parts)


def _text(cell: bytes) -> str:
    """A field of the header; outside ASCII, old recorders write Latin-1 ("µV")."""
    try:
        return cell.decode("utf-8").strip(" \x00")
    except UnicodeDecodeError:
        return cell.decode("latin-1").strip(" \x00")


def _whole(cell: bytes, what: str) -> int:
    text = _text(cell)
    if not _INT.fullmatch(text):
        raise DataError(f"has a damaged header: {what} is no whole number. {_AGAIN}")
    return int(text)


def _number(cell: bytes) -> float:
    """A number of the header, NaN where there is none."""
    try:
        return float(_text(cell).replace(",", "."))
    except ValueError:
        return float("nan")
