"""The formats that can be read: one file each, one line here.

A reader gets all files of its format at once, so that formats made of several files, and formats of
one file a stay, can be read together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from medgru.data.archives import is_archive, unpack
from medgru.data.delimited import read_delimited
from medgru.data.dicom import belongs_to_dicom, is_dicom, read_dicom
from medgru.data.edf import belongs_to_edf, is_edf, read_edf
from medgru.data.excel import is_excel, read_excel
from medgru.data.fhir import is_fhir, read_fhir
from medgru.data.hl7v2 import is_hl7v2, read_hl7v2
from medgru.data.images import is_image, read_images
from medgru.data.meds import is_meds, read_meds
from medgru.data.npz import is_npz, read_npz
from medgru.data.omop import is_omop, read_omop
from medgru.data.parquet import is_parquet, read_parquet
from medgru.data.physionet import is_physionet, read_physionet
from medgru.data.physionet2019 import is_physionet_2019, read_physionet_2019
from medgru.data.source import Blob, Refusal, Source
from medgru.data.table import Table
from medgru.data.wfdb_records import belongs_to_wfdb, is_wfdb, read_wfdb
from medgru.errors import DataError, UnsafeFileError
from medgru.settings import settings

HEAD = 4096
"""Bytes of a file that a recogniser may look at."""

_LISTED_AT_END = (b"PK", b"PAR1")
"""How files begin of which a recogniser sees the whole: their contents are listed at their end."""


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        name: For the screen.
        endings: Usual endings of its files, for the upload widget.
        recognises: Whether these bytes are of the format; its name does not count, its content does.
        read: Tables and refusals from all files of the format.
        is_text: Whether its lines can be counted before it is parsed.
        is_zip: Whether its files are zips themselves, which must not be opened as archives.
        belongs: For files that only their name gives away, such as the .dat beside a .hea: whether this one, of
            which no other reader recognises the content, is part of the format.
    """

    name: str
    endings: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    read: Callable[[Sequence[Blob]], Iterator[Table | Refusal]]
    is_text: bool = False
    is_zip: bool = False
    belongs: Callable[[Blob], bool] | None = None


# The first that recognises a file reads it; CSV takes whatever is left.
READERS: tuple[Reader, ...] = (
    Reader("Excel", (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), is_excel, read_excel, is_zip=True),
    Reader("NPZ", (".npz",), is_npz, read_npz, is_zip=True),
    Reader("MEDS", (".parquet", ".json"), is_meds, read_meds),
    Reader("Parquet", (".parquet", ".pq"), is_parquet, read_parquet),
    Reader("FHIR", (".json", ".ndjson"), is_fhir, read_fhir),
    Reader("HL7 v2", (".hl7", ".txt"), is_hl7v2, read_hl7v2, is_text=True),
    Reader("EDF", (".edf", ".bdf"), is_edf, read_edf, belongs=belongs_to_edf),
    Reader("DICOM", (".dcm",), is_dicom, read_dicom, belongs=belongs_to_dicom),
    Reader("image", (".png", ".jpg", ".jpeg"), is_image, read_images),
    Reader("WFDB", (".hea", ".dat", ".mat", ".atr"), is_wfdb, read_wfdb, belongs=belongs_to_wfdb),
    Reader("PhysioNet text", (".txt",), is_physionet, read_physionet, is_text=True),
    Reader("PhysioNet 2019", (".psv",), is_physionet_2019, read_physionet_2019, is_text=True),
    Reader("OMOP", (".csv", ".tsv"), is_omop, read_omop, is_text=True),
    Reader("CSV", (".csv", ".tsv", ".txt", ".psv"), lambda data: True, read_delimited, is_text=True),
)

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".gz")
ENDINGS = tuple(dict.fromkeys([*(e for r in READERS for e in r.endings), *_ARCHIVES]))
"""Endings of every file that can be brought."""

# What people bring by mistake, by its first bytes.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"MZ", "is a program"),
    (b"\x7fELF", "is a program"),
    (b"\xcf\xfa\xed\xfe", "is a program"),
    (b"\xca\xfe\xba\xbe", "is a program"),
    (b"#!", "is a program"),
    (b"%PDF", "is a PDF document"),
    (b"GIF8", "is an image"),
    (b"{\\rtf", "is a text document"),
    (b"<!DOCTYPE", "is a web page"),
    (b"<html", "is a web page"),
    (b"7z\xbc\xaf", "is a 7z archive, which cannot be opened; pack the files as .zip"),
    (b"Rar!", "is a RAR archive, which cannot be opened; pack the files as .zip"),
    (b"BZh", "is a bzip2 archive, which cannot be opened; pack the files as .zip"),
    (b"(\xb5/\xfd", "is a Zstandard archive, which cannot be opened; pack the files as .zip"),
    (b"\x80\x04\x95", "is a Python pickle, which could run code"),
    (b"SQLite format 3", "is a database"),
)
_MAGICS = tuple(magic for magic, _ in _FOREIGN)
_MARKUP = tuple(magic.lower() for magic, _ in _FOREIGN if magic.startswith(b"<"))
_DANGEROUS = ("is a program", "is a Python pickle, which could run code")
_EXPECTED = "not a table of measurements. Bring a CSV, Excel or Parquet file, PhysioNet text, or an archive of these."


Progress = Callable[[int, int, str], None]
"""Called before each file with its number, how many there are, and its name."""


class _Watched(list[Blob]):
    """Files for a reader; each says so when the reader first comes to it."""

    def __init__(self, blobs: Sequence[Blob], reached: Callable[[Blob], None]) -> None:
        super().__init__(blobs)
        self._reached, self._seen = reached, 0

    def __iter__(self) -> Iterator[Blob]:
        for i, blob in enumerate(super().__iter__()):
            if i >= self._seen:
                self._seen = i + 1
                self._reached(blob)
            yield blob


def read_tables(sources: Sequence[Source], progress: Progress | None = None) -> tuple[list[Table], list[Refusal]]:
    """Every table in these files, and the files that could not be used, each with a sentence why."""
    refused: list[Refusal] = []
    by_reader: dict[str, list[Blob]] = {}
    lines = 0
    for position, source in enumerate(sources):
        try:
            blobs = _open(source, position)
            new_lines = _count_lines(source.name, blobs, lines)
        except DataError as error:
            refused.append(_refusal(source.name, error))
            continue
        lines += new_lines
        for blob in blobs:
            foreign = _foreign(blob)
            if foreign is not None:
                refused.append(foreign)
                continue
            by_reader.setdefault(_reader_of(blob).name, []).append(blob)
    tables: list[Table] = []
    total, number = sum(map(len, by_reader.values())), count(1)

    def reached(blob: Blob) -> None:
        if progress is not None:
            progress(next(number), total, blob.name)

    for reader in READERS:
        for found in reader.read(_Watched(by_reader.get(reader.name, []), reached)):
            if isinstance(found, Refusal):
                refused.append(found)
            else:
                tables.append(found)
    return tables, refused


def _open(source: Source, position: int) -> list[Blob]:
    data = source.read()
    if is_archive(bytes(data[:HEAD])):
        data = bytes(data)
        if not any(reader.is_zip and reader.recognises(data) for reader in READERS):
            return list(unpack(source.name, data, position))
    return [Blob(source.name, data, position)]


def _count_lines(name: str, blobs: Sequence[Blob], before: int) -> int:
    """Lines of the text files of a source.

    Raises:
        DataError: With the lines before, they are more than are read at once; part of a source is never read.
    """
    lines = 0
    for blob in blobs:
        if _foreign(blob) is None and _reader_of(blob).is_text:
            lines += blob.lines
            if before + lines > settings().max_rows:
                raise DataError(
                    f"{name} would bring the rows to more than {settings().max_rows:,}, the most that is read at "
                    "once, so none of it was read. Read it by itself, split it, or raise MEDGRU_MAX_ROWS."
                )
    return lines


def _reader_of(blob: Blob) -> Reader:
    head = bytes(blob.data[:HEAD])
    *formats, plain = READERS
    for reader in formats:
        # Zips and Parquet files need more than their beginning: what they hold stands at their end.
        if reader.recognises(bytes(blob.data) if head.startswith(_LISTED_AT_END) else head):
            return reader
    return next((r for r in formats if r.belongs is not None and r.belongs(blob)), plain)


def _foreign(blob: Blob) -> Refusal | None:
    head = bytes(blob.data[:16])
    if not head:
        return Refusal(blob.name, "is empty (0 bytes). Export it again and check that it holds rows.")
    if head.startswith(_MAGICS) or head.lower().startswith(_MARKUP):
        for magic, what in _FOREIGN:
            if head.lower().startswith(magic.lower()):
                return Refusal(blob.name, f"{what}, {_EXPECTED}", unsafe=what in _DANGEROUS)
    return None


def _refusal(name: str, error: DataError) -> Refusal:
    text = str(error)
    return Refusal(name, text.removeprefix(name).strip(), isinstance(error, UnsafeFileError))
