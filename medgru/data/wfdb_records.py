"""WFDB records of PhysioNet and others: a header (.hea) beside the files with its signals (.dat).

Header: https://wfdb.io/spec/header-files.html, formats: https://wfdb.io/spec/signal-files.html. Decoded here, in
memory: the library `wfdb` reads from folders only, and from the network where a header says so. It is the oracle of
the tests: values are the same to the last bit.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.signals import (
    AGE_HEADER,
    SEX_HEADER,
    Budget,
    Recorded,
    Signal,
    Stretch,
    file_name,
    plain_label,
    tables,
)
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table, stem
from medgru.errors import DataError

KIND = "WFDB"

SIGNAL_ENDINGS = (".dat", ".xyz", ".mat", ".flac", ".sig")
_ANNOTATION_ENDINGS = (
    *(".atr", ".ari", ".ann", ".qrs", ".wqrs", ".gqrs", ".ecg", ".pwave", ".pap", ".bph", ".aux", ".hypn", ".apn"),
    *(".st", ".sta", ".stb", ".stc", ".stf", ".al", ".cvp", ".art", ".abp", ".man", ".q1c", ".q2c", ".qt1", ".pu"),
)
_MAX_HEADER = 1 << 20
_MAX_SEGMENTS = 20_000
_GAP = "~"
_DEFAULT_RATE, _DEFAULT_GAIN, _DEFAULT_UNIT = 250.0, 200.0, "mV"
"""What the format says of a header that leaves them out."""

_NAME = r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,254}"
_RECORD = re.compile(
    rf"^(?P<name>{_NAME})(?:/(?P<segments>\d{{1,7}}))?\s+(?P<signals>\d{{1,5}})"
    r"(?:\s+(?P<rate>[+-]?[0-9.]+(?:[eE][+-]?\d{1,3})?)(?:/[^\s(]*)?(?:\([^)\s]*\))?"
    r"(?:\s+(?P<frames>\d{1,15})(?:\s+[0-9:.]+(?:\s+[0-9/]+)?)?)?)?\s*$"
)
_SIGNAL = re.compile(
    r"^(?P<file>\S+)\s+(?P<fmt>\d{1,3})(?:x(?P<each>\d{1,6}))?(?::(?P<skew>\d{1,9}))?(?:\+(?P<offset>\d{1,12}))?"
    r"(?:\s+(?P<gain>[+-]?[0-9.]+(?:[eE][+-]?\d{1,3})?)(?:\((?P<baseline>-?\d{1,12})\))?(?:/(?P<unit>\S*))?"
    r"(?:\s+\d{1,3}(?:\s+(?P<zero>-?\d{1,12})(?:\s+(?P<first>-?\d{1,12})(?:\s+(?P<checksum>-?\d{1,7})"
    r"(?:\s+-?\d{1,9}(?:\s+(?P<label>.*))?)?)?)?)?)?)?\s*$"
)
_SEGMENT = re.compile(rf"^(?P<name>{_NAME})\s+(?P<frames>\d{{1,15}})\s*$")
_AGE = re.compile(r"\bage\W{1,3}(\d{1,3}(?:\.\d{1,2})?)\b", re.IGNORECASE)
_SEX = re.compile(r"\b(?:sex|gender)\W{1,3}(female|male|f|m)\b", re.IGNORECASE)
_TEXT = bytes(c for c in range(256) if c >= 32) + b"\t\n\r\x0b\x0c"


@dataclass(frozen=True)
class _Line:
    """One signal as the header describes it."""

    file: str
    fmt: str
    each: int
    skew: int
    offset: int
    gain: float
    calibrated: bool
    baseline: int
    unit: str
    first: int
    checksum: int | None
    label: str


@dataclass(frozen=True)
class _Header:
    """A header parsed.

    Attributes:
        rate: Frames a second; a frame holds one or several samples of each signal.
        rate_given: Whether the header says so.
        frames: Length, None where the header leaves it out.
        lines: Its signals.
        segments: Names and lengths of the records it is made of, where it is made of others.
        facts: Age and sex, where a comment says so.
    """

    rate: float
    rate_given: bool
    frames: int | None
    lines: tuple[_Line, ...]
    segments: tuple[tuple[str, int], ...]
    facts: dict[str, float | str]

    @property
    def is_layout(self) -> bool:
        """Whether it only names the signals of the segments beside it."""
        return bool(self.lines) and all(line.file == _GAP for line in self.lines)


def is_wfdb(head: bytes) -> bool:
    """Whether the bytes begin as a header does: a line on the record, then a line on its first signal or segment."""
    lines = [line for raw in head.split(b"\n")[:200] if (line := raw.strip()) and not line.startswith(b"#")][:2]
    if len(lines) < 2 or not all(line.isascii() and len(line) < 1_000 for line in lines):
        return False
    record, signal = _RECORD.match(lines[0].decode()), lines[1].decode()
    if record is None:
        return False
    if record["segments"] is not None:
        return _SEGMENT.match(signal) is not None
    found = _SIGNAL.match(signal)
    # Numbers in columns look alike: the name of a file has a letter in it.
    return found is not None and found["fmt"] in _FORMATS and any(c.isalpha() or c == _GAP for c in found["file"])


def belongs_to_wfdb(blob: Blob) -> bool:
    """Whether only the file's name says that it is part of a record; a .dat with text in it is a table."""
    name = file_name(blob).lower()
    if name.endswith(".hea"):
        return True
    head = bytes(blob.data[: 1 << 16])
    is_text = not head.translate(None, _TEXT) or head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return name.endswith((*SIGNAL_ENDINGS, *_ANNOTATION_ENDINGS)) and not is_text


def read_wfdb(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """Tables of all records; a record of which something is missing or wrong is refused by name."""
    headers = [b for b in blobs if file_name(b).lower().endswith(".hea") or is_wfdb(bytes(b.data[:4096]))]
    shelf = _Shelf(blobs)
    parsed: dict[int, _Header] = {}
    inner: set[str] = set()
    for i, blob in enumerate(headers):
        try:
            parsed[i] = _parse(blob)
        except DataError as error:
            yield Refusal(blob.name, str(error))
            shelf.take_namesakes(stem(blob.name))
            continue
        inner.update(f"{name}.hea".casefold() for name, _ in parsed[i].segments if name != _GAP)
    budget = Budget()
    found: list[Recorded] = []
    annotations: list[str] = []
    for i, header in parsed.items():
        blob = headers[i]
        if file_name(blob).casefold() in inner and not header.segments:
            continue
        beside = shelf.annotations(blob)
        try:
            found.append(_Record(blob, header, shelf, budget).read())
            annotations += beside
        except DataError as error:
            yield Refusal(blob.name, str(error))
    if annotations:
        named = ", ".join(annotations[:5]) + (f" and {len(annotations) - 5:,} more" if len(annotations) > 5 else "")
        note = f"WFDB annotations (labels of heart beats and the like) were passed over: {named}."
        found[0] = replace(found[0], notes=(*found[0].notes, note))
    yield from shelf.left_over()
    yield from tables(KIND, found)


class _Shelf:
    """The files that were brought, found by the name a header gives them."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self.blobs = blobs
        self.by_name: dict[str, list[Blob]] = {}
        for blob in blobs:
            self.by_name.setdefault(file_name(blob).casefold(), []).append(blob)
        self.used: set[str] = set()

    def find(self, name: str, beside: Blob) -> Blob | None:
        """The file of that name, rather from the same archive.

        Raises:
            DataError: There are several, with different content.
        """
        key = name.casefold()
        self.used.add(key)
        found = self.by_name.get(key, [])
        same = [blob for blob in found if blob.source == beside.source] or found
        if len(same) > 1 and any(blob.data != same[0].data for blob in same):
            raise DataError(
                f"needs the file {name}, but {len(same)} different files of that name were brought. Bring each record "
                "in an archive of its own, or by itself."
            )
        return same[0] if same else None

    def annotations(self, record: Blob) -> list[str]:
        """Names of the files with annotations of a record."""
        base = stem(record.name).casefold()
        names = [key for key in self.by_name if key.endswith(_ANNOTATION_ENDINGS) and stem(key) == base]
        self.used.update(names)
        return [file_name(self.by_name[key][0]) for key in names]

    def take_namesakes(self, name: str) -> None:
        """Files called as a header that cannot be read, or is not, need no refusal of their own."""
        name = name.casefold()
        self.used.update(f"{name}{ending}" for ending in SIGNAL_ENDINGS)

    def left_over(self) -> Iterator[Refusal]:
        """Files that no header names."""
        for key, blobs in self.by_name.items():
            if key in self.used or key.endswith(".hea") or is_wfdb(bytes(blobs[0].data[:4096])):
                continue
            base = stem(file_name(blobs[0]))
            for blob in blobs:
                if key.endswith(_ANNOTATION_ENDINGS):
                    problem = (
                        "holds annotations of a WFDB record (such as labels of heart beats), not measurements. "
                        f"Bring the record itself: {base}.hea and its .dat."
                    )
                else:
                    problem = (
                        "is binary, and nothing says what its numbers mean without a WFDB header beside it. Bring "
                        f"{base}.hea together with it."
                        + (" If it is a table of MATLAB, save it as CSV." if key.endswith(".mat") else "")
                    )
                yield Refusal(blob.name, problem)


class _Record:
    """Reads one record; one use."""

    def __init__(self, blob: Blob, header: _Header, shelf: _Shelf, budget: Budget) -> None:
        self.blob, self.header, self.shelf, self.budget = blob, header, shelf, budget
        self.notes: list[str] = []
        self.name = file_name(blob)

    def read(self) -> Recorded:
        """The record.

        Raises:
            DataError: It cannot be read; the message has no name before it.
        """
        if self.header.is_layout:
            raise DataError(
                "only names the signals of a record made of several parts. Bring the header of that record."
            )
        parts = self._segments() if self.header.segments else [(0, self.header)]
        missing = {line.file for _, h in parts for line in h.lines if self.shelf.find(line.file, self.blob) is None}
        if missing:
            raise _without(sorted(missing))
        if not any(header.lines for _, header in parts):
            raise DataError("is the header of a record without signals. Nothing can be read from it.")
        planned = [(start, header, _plan(header, self._bytes)) for start, header in parts if header.lines]
        rows = sum(frames * n for _, header, frames in planned for n in {line.each for line in header.lines})
        columns = max(len(header.lines) for _, header, _ in planned)
        if problem := self.budget.problem(rows, columns):
            raise DataError(problem)
        if not rows:
            raise DataError("is the header of an empty record: it declares no samples. Export it again.")
        stretches = [s for start, header, frames in planned for s in self._stretches(start, header, frames)]
        if not self.header.rate_given:
            self._note(
                "its header does not say how often a second was measured: 250 Hz are taken, as the format has it."
            )
        return Recorded(self.blob, stretches, tuple(self.notes), self.header.facts)

    def _note(self, text: str) -> None:
        self.notes.append(f"{self.name}: {text}")

    def _bytes(self, name: str) -> memoryview:
        blob = self.shelf.find(name, self.blob)
        assert blob is not None
        return memoryview(blob.data)

    def _segments(self) -> list[tuple[int, _Header]]:
        """First frame and header of each segment; gaps hold nothing."""
        found: list[tuple[int, _Header]] = []
        missing: list[str] = []
        parsed: dict[str, _Header] = {}
        start = 0
        for name, frames in self.header.segments:
            blob = None if name == _GAP else self.shelf.find(f"{name}.hea", self.blob)
            if name != _GAP and blob is None and frames:  # a layout, of no length, is not needed
                missing.append(f"{name}.hea")
            if blob is not None and frames:
                if name not in parsed:
                    parsed[name] = _parse(blob)
                header = parsed[name]
                if header.segments:
                    raise DataError(f"is made of {name}, which is made of others itself. That is not allowed.")
                if header.frames not in (None, frames) or header.rate != self.header.rate:
                    raise DataError(
                        f"says of its segment {name} something else than the header of that segment (its length or "
                        "sampling rate), so one of both is wrong. Download the record again."
                    )
                found.append((start, header))
            start += frames
        if missing:
            for name, _ in self.header.segments:
                self.shelf.take_namesakes(name)
            raise _without(missing)
        return found

    def _stretches(self, start: int, header: _Header, frames: int) -> Iterator[Stretch]:
        """The signals of one segment, those of each rate together."""
        decoded: dict[int, NDArray[np.float64]] = {}
        for name in dict.fromkeys(line.file for line in header.lines):
            members = [i for i, line in enumerate(header.lines) if line.file == name]
            decoded |= self._decode(members, header.lines, frames)
        for each in dict.fromkeys(line.each for line in header.lines):
            mine = [i for i, line in enumerate(header.lines) if line.each == each]
            rate = header.rate * each
            seconds = (start * each + np.arange(frames * each)) / rate
            signals = [Signal(header.lines[i].label, header.lines[i].unit, decoded[i]) for i in mine]
            yield Stretch.of(seconds, signals, rate)

    def _decode(self, members: list[int], lines: Sequence[_Line], frames: int) -> dict[int, NDArray[np.float64]]:
        """Values of the signals of one file, in their units."""
        first = lines[members[0]]
        a_frame = sum(lines[i].each for i in members)
        data = self._bytes(first.file)
        if first.fmt in _FLAC_BITS:
            flat = _flac(data, first, [lines[i] for i in members], frames)
        else:
            form = _FORMATS[first.fmt]
            flat = form.decode(data[first.offset :], frames * a_frame)
            if form.samples_in(len(data) - first.offset) // a_frame > frames:
                self._note(f"{first.file} holds more samples than the header declares; only those declared were read.")
        table = flat.reshape(frames, a_frame)
        values, column = {}, 0
        for i in members:
            line = lines[i]
            digital = table[:, column : column + line.each].reshape(-1)
            column += line.each
            if line.fmt == "8":
                digital = digital.cumsum(dtype=np.int64) + line.first
            if line.checksum is not None and (int(digital.sum(dtype=np.int64)) - line.checksum) % 65_536:
                self._note(
                    f"the sum of the samples of {plain_label(line.label) or 'a signal'} is not the one in the header: "
                    "the file may have been changed, or be of another record. Please check."
                )
            value = digital.astype(np.float64)
            value -= line.baseline
            value /= line.gain
            missing = _FORMATS[line.fmt].missing
            if missing is not None:
                value[digital == missing] = np.nan
            if line.skew:
                late = min(line.skew * line.each, len(value))
                value[: len(value) - late] = value[late:].copy()
                value[len(value) - late :] = np.nan
            if not line.calibrated:
                self._note(
                    f"{plain_label(line.label) or 'a signal'} is not calibrated: 200 steps to the {line.unit} are "
                    "taken, as the format has it."
                )
            values[i] = value
        return values


def _without(files: list[str]) -> DataError:
    listed = ", ".join(files[:5]) + (f" and {len(files) - 5:,} more" if len(files) > 5 else "")
    return DataError(
        f"needs {listed}, which {'was' if len(files) == 1 else 'were'} not brought. Bring all of its files."
    )


def _plan(header: _Header, data_of: Callable[[str], memoryview]) -> int:
    """Frames of a record, checked against the bytes that are there before anything is decoded.

    Raises:
        DataError: The files are shorter than the header says, or say different things.
    """
    frames = header.frames
    for name in dict.fromkeys(line.file for line in header.lines):
        lines = [line for line in header.lines if line.file == name]
        a_frame = sum(line.each for line in lines)
        if len({(line.fmt, line.offset) for line in lines}) > 1:
            raise DataError(f"gives two formats to the one file {name}. Export or download it again.")
        data = data_of(name)
        if lines[0].fmt in _FLAC_BITS:
            there = _flac_frames(data, name) // lines[0].each - lines[0].offset
        else:
            there = _FORMATS[lines[0].fmt].samples_in(max(0, len(data) - lines[0].offset)) // a_frame
        if frames is None:
            frames = there
        if there < frames:
            raise DataError(
                f"declares {frames:,} samples a signal, but {name} holds {max(there, 0):,}: it was cut off, or is of "
                "another record. Export or download both again."
            )
    return frames or 0


def _parse(blob: Blob) -> _Header:
    """Parse a header.

    Raises:
        DataError: It is none, or names files by a path.
    """
    wrong = "is not a WFDB header that can be read"
    if len(blob.data) > _MAX_HEADER:
        raise DataError(f"{wrong}: it is larger than any header.")
    text = bytes(blob.data).decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    comments = [line for line in lines if line.startswith("#")]
    lines = [line for line in lines if line and not line.startswith("#")]
    record = _RECORD.match(lines[0][:1_000]) if lines else None
    if record is None:
        raise DataError(f"{wrong}: its first line does not name a record. Export or download it again.")
    rate = _number(record["rate"], _DEFAULT_RATE)
    if not 0 < rate < 1e9:
        raise DataError(f"{wrong}: its sampling rate is no number above 0.")
    frames = int(record["frames"] or 0) or None
    rest = lines[1:]
    if record["segments"] is not None:
        segments = [_SEGMENT.match(line[:1_000]) for line in rest[:_MAX_SEGMENTS]]
        if len(rest) > _MAX_SEGMENTS:
            raise DataError(f"is made of more than {_MAX_SEGMENTS:,} segments. Bring a part of it.")
        if len(rest) != int(record["segments"]) or None in segments:
            raise DataError(f"{wrong}: it declares {record['segments']} segments, but does not name each on a line.")
        pairs = tuple((s["name"], int(s["frames"])) for s in segments if s is not None)
        return _Header(rate, record["rate"] is not None, frames, (), pairs, _facts(comments))
    if len(rest) < int(record["signals"]):
        raise DataError(f"{wrong}: it declares {record['signals']} signals, but describes {len(rest)}.")
    described = tuple(_line(text, wrong) for text in rest[: int(record["signals"])])
    silent = all(line.file == _GAP for line in described)
    kept = described if silent else tuple(line for line in described if line.fmt != "0")
    return _Header(rate, record["rate"] is not None, frames, kept, (), _facts(comments))


def _line(text: str, wrong: str) -> _Line:
    found = _SIGNAL.match(text[:1_000])
    if found is None:
        raise DataError(f"{wrong}: the line of a signal is not as it should be. Export or download it again.")
    file, fmt = found["file"], found["fmt"]
    if not re.fullmatch(_NAME, file) or ".." in file:
        raise DataError("names a file by a path or an odd name. Files must lie beside the header, called plainly.")
    if fmt not in _FORMATS and not (fmt == "0"):
        raise DataError(f"is of the format {fmt}, which is not known. Known are {', '.join(_FORMATS)}.")
    gain = _number(found["gain"], 0.0)
    if not np.isfinite(gain):
        raise DataError(f"{wrong}: the gain of a signal is no number.")
    baseline = found["baseline"] if found["baseline"] is not None else found["zero"]
    return _Line(
        file=file,
        fmt=fmt,
        each=int(found["each"] or 1) or 1,
        skew=int(found["skew"] or 0),
        offset=int(found["offset"] or 0),
        gain=gain or _DEFAULT_GAIN,
        calibrated=gain != 0,
        baseline=int(baseline or 0),
        unit=_DEFAULT_UNIT if found["unit"] is None else found["unit"].replace("_", " "),
        first=int(found["first"] or 0),
        checksum=None if found["checksum"] is None else int(found["checksum"]),
        label=found["label"] or "",
    )


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        return float("nan")


def _facts(comments: list[str]) -> dict[str, float | str]:
    """Age and sex, where a comment says "Age: 63" and "Sex: F"."""
    facts: dict[str, float | str] = {}
    for comment in comments:
        age, sex = _AGE.search(comment[:500]), _SEX.search(comment[:500])
        if age:
            facts.setdefault(AGE_HEADER, float(age[1]))
        if sex:
            facts.setdefault(SEX_HEADER, "female" if sex[1][0].lower() == "f" else "male")
    return facts


@dataclass(frozen=True)
class _Format:
    """How samples are packed.

    Attributes:
        group: Samples and bytes of the smallest group with whole bytes.
        unpack: Samples from an array of bytes that holds whole groups.
        missing: The sample that stands for "not measured".
    """

    group: tuple[int, int]
    unpack: Callable[[NDArray[np.uint8]], NDArray[Any]]
    missing: int | None
    partial: tuple[int, ...] = (0,)
    """Bytes that 0, 1, 2 samples take in a group that is not full."""

    def samples_in(self, size: int) -> int:
        """How many samples so many bytes hold."""
        samples, each = self.group
        groups, rest = divmod(size, each)
        return groups * samples + max(i for i, need in enumerate(self.partial) if need <= rest)

    def decode(self, data: memoryview, count: int) -> NDArray[Any]:
        """The first samples, (count,)."""
        samples, each = self.group
        groups = -(-count // samples)
        raw = np.frombuffer(data[: groups * each], dtype=np.uint8)
        if len(raw) < groups * each:
            raw = np.concatenate([raw, np.zeros(groups * each - len(raw), dtype=np.uint8)])
        return self.unpack(raw)[:count]


def _signed(value: NDArray[np.int16], bits: int) -> NDArray[np.int16]:
    value[value >= 1 << (bits - 1)] -= 1 << bits
    return value


def _unpack_212(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Two samples of 12 bits in three bytes."""
    a, b, c = (raw[i::3].astype(np.int16) for i in range(3))
    return _signed(np.stack([a | (b & 0x0F) << 8, c | (b >> 4) << 8], axis=1).reshape(-1), 12)


def _unpack_310(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Three samples of 10 bits in two words: bits 1 to 10 of each, and bits 11 to 15 of both."""
    first, second = raw.view("<u2")[0::2], raw.view("<u2")[1::2]
    third = first >> 11 | second >> 11 << 5
    packed = np.stack([first >> 1 & 0x3FF, second >> 1 & 0x3FF, third], axis=1).reshape(-1)
    return _signed(packed.astype(np.int16), 10)


def _unpack_311(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Three samples of 10 bits in 32, the lowest first."""
    word = raw.view("<u4")
    return _signed(np.stack([word >> s & 0x3FF for s in (0, 10, 20)], axis=1).reshape(-1).astype(np.int16), 10)


def _unpack_24(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    a, b, c = raw[0::3].astype(np.int32), raw[1::3].astype(np.int32), raw[2::3].view(np.int8).astype(np.int32)
    return a | b << 8 | c << 16


_FLAC_BITS = {"508": 8, "516": 16, "524": 24}
_FORMATS = {
    "8": _Format((1, 1), lambda raw: raw.view(np.int8), None),
    "16": _Format((1, 2), lambda raw: raw.view("<i2"), -(1 << 15)),
    "24": _Format((1, 3), _unpack_24, -(1 << 23)),
    "32": _Format((1, 4), lambda raw: raw.view("<i4"), -(1 << 31)),
    "61": _Format((1, 2), lambda raw: raw.view(">i2"), -(1 << 15)),
    "80": _Format((1, 1), lambda raw: raw.astype(np.int16) - 128, -(1 << 7)),
    "160": _Format((1, 2), lambda raw: raw.view("<u2").astype(np.int32) - 32_768, -(1 << 15)),
    "212": _Format((2, 3), _unpack_212, -(1 << 11), (0, 2)),
    "310": _Format((3, 4), _unpack_310, -(1 << 9), (0, 2, 4)),
    "311": _Format((3, 4), _unpack_311, -(1 << 9), (0, 2, 3)),
    **{
        name: _Format((1, 1), lambda raw: raw, -(1 << (bits - 1)))  # through libsndfile, see `_flac`
        for name, bits in _FLAC_BITS.items()
    },
}


def _open_flac(data: memoryview, name: str) -> Any:
    try:
        import soundfile  # type: ignore[import-untyped]
    except (ImportError, OSError):
        raise DataError(
            f"names {name}, which is packed with FLAC. Install the package soundfile, or unpack it with xform."
        ) from None
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except (RuntimeError, TypeError, ValueError):
        raise DataError(f"names {name}, which should be packed with FLAC, but is not or is damaged.") from None


def _flac_frames(data: memoryview, name: str) -> int:
    with _open_flac(data, name) as file:
        return int(file.frames)


def _flac(data: memoryview, first: _Line, lines: list[_Line], frames: int) -> NDArray[np.int32]:
    """Samples of a file packed with FLAC, in the order of the other formats."""
    each = first.each
    with _open_flac(data, first.file) as file:
        bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(file.subtype, 99)
        if file.channels != len(lines) or bits > _FLAC_BITS[first.fmt] or any(line.each != each for line in lines):
            raise DataError(f"does not describe {first.file} as it is. Export or download both again.")
        packed = np.empty((frames * each, len(lines)), dtype=np.int32)
        try:
            file.seek(first.offset)
            read = 0
            while read < len(packed) and (n := len(file.read(out=packed[read : read + (1 << 20)]))):
                read += n
        except RuntimeError:
            read = -1
    if read != len(packed):
        raise DataError(f"names {first.file}, which is damaged or was cut off. Export or download it again.")
    packed >>= 32 - bits
    return packed.reshape(frames, each, len(lines)).transpose(0, 2, 1).reshape(-1)
