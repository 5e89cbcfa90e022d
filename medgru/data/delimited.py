"""CSV, TSV and their relatives: encoding, delimiter, header and decimal mark are found out, not asked.

Files with the same header are read in one go, as hospitals export one file a stay.
"""

import codecs
import csv as plain_csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from medgru.data.headers import SNIFFED_ROWS, Header, find_header
from medgru.data.source import Blob, Refusal
from medgru.data.table import TABLE, Table, flat, unique_headers
from medgru.data.tidy import tidy, with_record_id
from medgru.data.typed_csv import FROM_BYTES, parse_typed
from medgru.data.words import counted

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SPACE = " "
"""Sets columns apart only where nothing else does, every row has as many cells, and its first row holds no numbers."""
MAX_COLUMNS = 2_000
MAX_CELLS = 60_000_000
"""Most cells of one text file: a cell costs up to 20 bytes once parsed."""

_COMMA = r"^\s*[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})\s*$"
_POINT = r"^\s*[+-]?[0-9]+\.[0-9]+\s*$"
_BLOCK = 1 << 20
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32-be", "UTF-32"),
    (b"\xff\xfe", "utf-16-le", "UTF-16"),
    (b"\xfe\xff", "utf-16-be", "UTF-16"),
)
_LATIN = "medgru-latin"
_ASCII = bytes(range(128))
_EAST_ASIAN = {"gb18030": "GB18030 (Chinese)", "big5": "Big5 (Chinese)", "shift_jis": "Shift-JIS (Japanese)"}
# Characters of the names of columns, of sexes and of what was not measured.
_BOTH = "体温心率呼吸患者病人住院年性女男日期值位小果度白血肌酐科室床入出有无未次分"
_USUAL = {
    "gb18030": frozenset(
        _BOTH + "时间编号压脉氧饱和红胞钾钠镁尿素氮肝胆糖乳酸测单项结记录龄别参数变量检查张收缩舒平均动"
    ),
    "big5": frozenset(
        "體溫心率呼吸患者病人住院年性女男日期值位小果度白血肌酐科室床入出有無未次分時間編號壓脈氧飽和紅胞鉀鈉鎂尿"
    )
    | frozenset("素氮肝膽糖乳酸測單項結記錄齡別參數變量檢查張收縮舒平均動"),
    "shift_jis": frozenset(_BOTH + "時間番号圧脈拍酸素飽和度収縮期拡張検査値単位項目名前歳齢測定体重身長尿量乳")
    | frozenset(map(chr, range(0x3041, 0x30FF))),
}
_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_GAP = re.compile(r"\S {2,}\S")
_SNIFF_CHARS = 200_000


@dataclass(frozen=True)
class _Text:
    """One file decoded, with what was found out about it.

    Attributes:
        data: In UTF-8; as it came where it is plain.
        header: Names of its columns.
        skip: Rows above the last one that names them.
        written: The names as they stand in the file.
        record_id: The identifier in the lines above the table, "" where there is none.
        lines: How many lines it has.
    """

    blob: Blob
    data: bytes | memoryview
    delimiter: str
    header: tuple[str, ...]
    skip: int
    written: tuple[str, ...]
    record_id: str
    lines: int
    notes: tuple[str, ...]


def read_delimited(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table for each header that occurs; files that hold no table are refused."""
    groups: dict[tuple, list[_Text]] = {}
    for blob in blobs:
        found = _open(blob)
        if isinstance(found, Refusal):
            yield found
        else:
            groups.setdefault((found.delimiter, found.header, found.skip), []).append(found)
    for texts in groups.values():
        yield from _read_group(texts)


def _open(blob: Blob) -> _Text | Refusal:
    data, encoding = _plain(blob) or to_utf8(bytes(blob.data))
    if b"\x00" in bytes(data[:4096]):
        return Refusal(blob.name, "is not a table that can be read: it holds binary data. Export it as CSV or Excel.")
    notes = [f"{blob.name} was read as {encoding} text."] if encoding != "UTF-8" else []
    head = bytes(data[:_SNIFF_CHARS]).decode("utf-8", errors="ignore")
    if "\n" not in head:
        if "\r" in head:  # old Mac line ends
            data = bytes(data).replace(b"\r", b"\n")
            head = head.replace("\r", "\n")
        elif len(data) > _SNIFF_CHARS:
            return Refusal(blob.name, "is not a table that can be read: its first line never ends. Export it as CSV.")
    if not head.strip():
        return Refusal(blob.name, "holds only blank lines. Export it again and check that it holds rows.")
    found = _sniff(head)
    if found is None:
        if sum(_GAP.search(line) is not None for line in head.splitlines()[:SNIFFED_ROWS]) >= 2:
            return Refusal(
                blob.name,
                "seems to be of fixed width: only spaces set its columns apart, and where one ends is not certain. "
                "Open it in Excel (Data > From Text, fixed width) and save it as CSV.",
            )
        return Refusal(
            blob.name,
            "has only one column in row 1: no comma, semicolon, tab or vertical bar separates its columns. "
            "Export it as CSV, with a comma between the columns.",
        )
    delimiter, header, written = found
    width, row = len(header.names), header.last + 1
    if width > MAX_COLUMNS:
        return Refusal(blob.name, f"has {width:,} columns in row {row}; at most {MAX_COLUMNS:,} are read.")
    rows = blob.lines if len(data) == len(blob.data) else Blob(blob.name, data).lines
    if rows * width > MAX_CELLS:
        return Refusal(blob.name, f"has {rows:,} rows of {width:,} columns, more than is read at once. Split it.")
    if header.last:
        notes.append(header.note(blob.name))
    names = tuple(header.names)
    lines = rows + (not _ends(data))
    return _Text(blob, data, delimiter, names, header.last, tuple(written), header.record_id, lines, tuple(notes))


def _plain(blob: Blob) -> tuple[bytes | memoryview, str] | None:
    """The bytes of a large table in ASCII as they are, not copied; None for others."""
    if len(blob.data) < FROM_BYTES or not blob.is_ascii or 0 in blob.data[:2000]:
        return None
    return blob.data, "UTF-8"


def _ends(data: bytes | memoryview) -> bool:
    """Whether the last line has an end."""
    return bytes(data[-1:]) == b"\n"


def to_utf8(data: bytes) -> tuple[bytes, str]:
    """The text as UTF-8 without a byte order mark, and the name of its encoding.

    Without a mark: UTF-8 if nearly all of it is valid; else the East Asian encoding in which it holds the most usual
    characters; GB18030 if its high bytes mostly come in pairs; else Windows-1252.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    for mark, encoding, name in _MARKS:
        if data.startswith(mark):
            return _recode(data[len(mark) :], encoding, "replace"), name
    sample = data[:2000]
    if len(sample) > 3 and sample.count(0) > len(sample) // 4:
        encoding, name = _wide_encoding(sample)
        return _recode(data, encoding, "replace"), name
    if data.isascii():
        return data, "UTF-8"
    if _is_utf8(data):
        return data, "UTF-8"
    high = data[:_SNIFF_CHARS].translate(None, _ASCII)
    usual = {encoding: _usual(data[:_SNIFF_CHARS], encoding) for encoding in _EAST_ASIAN}
    best = max(usual, key=lambda encoding: usual[encoding])
    if not usual[best] and _high_bytes_are_paired(data):
        best, usual["gb18030"] = "gb18030", 1
    # A few letters of another encoding in what is UTF-8 otherwise: two files were put together.
    valid = data[:_SNIFF_CHARS].decode("utf-8", "ignore").encode().translate(None, _ASCII)
    if len(valid) > 0.7 * len(high):
        return _recode(data, "utf-8", _LATIN), "UTF-8 with some Windows-1252"
    if usual[best]:
        try:
            return _recode(data, best, "strict"), _EAST_ASIAN[best]
        except UnicodeDecodeError:
            pass
    return _recode(data, "cp1252", "replace"), "Windows-1252 (Western European)"


def _is_utf8(data: bytes) -> bool:
    """Whether all of it is UTF-8, without making a str of it."""
    ends = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(data)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _wide_encoding(sample: bytes) -> tuple[str, str]:
    """Encoding and name of a text of two or four bytes a character without a mark."""
    zeros = [sample[i::4].count(0) for i in range(4)]
    first, second, third, fourth = (4 * n > 0.9 * len(sample) for n in zeros)
    if (third and fourth) or (first and second):
        return ("utf-32-le" if fourth else "utf-32-be"), "UTF-32"
    return ("utf-16-le" if zeros[1] + zeros[3] > zeros[0] + zeros[2] else "utf-16-be"), "UTF-16"


def _usual(data: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are usual in tables of measurements; 0 where it is another encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return 0.0
    beyond = [c for c in text if c > "\x7f"]
    share = sum(c in _USUAL[encoding] for c in beyond) / len(beyond) if beyond else 0.0
    return share if share > 0.1 else 0.0


def _latin(error: UnicodeError) -> tuple[str, int]:
    """What stands where UTF-8 breaks off, as Windows-1252."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_LATIN, _latin)


def _recode(data: bytes, encoding: str, errors: str) -> bytes:
    """The text as UTF-8, in blocks: the whole of it as one str may need four times the memory."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    blocks = (decoder.decode(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK))
    return b"".join(block.encode() for block in blocks) + decoder.decode(b"", final=True).encode()


def _high_bytes_are_paired(data: bytes) -> bool:
    high = np.frombuffer(data[:_SNIFF_CHARS], dtype=np.uint8) >= 0x80
    edges = np.flatnonzero(np.diff(np.concatenate([[0], high.view(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return bool(len(lengths)) and float((lengths % 2 == 0).mean()) > 0.5


def _sniff(head: str) -> tuple[str, Header, list[str]] | None:
    """Delimiter, header, and its names as written; None where there is one column only."""
    best: tuple[float, str, list[list[str]]] | None = None
    complete = head.rsplit("\n", 1)[0] if len(head) >= _SNIFF_CHARS - 4 and "\n" in head else head
    said = _SEPARATOR.match(head)  # Excel's own first line
    for delimiter in (said.group(1),) if said else DELIMITERS:
        rows = _rows(complete, delimiter)
        widths = [len(row) for row in rows if row]
        if not widths or max(widths) < 2:
            continue
        common = max(set(widths), key=lambda w: (widths.count(w), w))
        agreeing = widths.count(common) / len(widths)
        if common < 2:
            common, agreeing = widths[0], 0.1
        score = agreeing * min(common, 20)
        if widths[0] >= 2 and (best is None or score > best[0]):
            best = (score, delimiter, rows)
        elif common >= 2 and (best is None or score / 2 > best[0]):
            best = (score / 2, delimiter, rows)
    if best is None:
        rows, delimiter = _rows(complete, _SPACE), _SPACE
        names, *cells = rows or [[]]
        if len(names) < 2 or not cells or any(len(row) != len(names) for row in cells):
            return None
        if any(not name.strip() or name[0].isdecimal() for name in names):
            return None
    else:
        _, delimiter, rows = best
    header = find_header(rows)
    if len(header.names) < 2:
        return None
    below = [row for row in rows[header.last + 1 :] if row]
    if below and all(len(row) == len(header.names) + 1 and not row[-1] for row in below):
        header.names.append("")  # every row ends in a delimiter, the header does not
    written = rows[header.first + (header.first == header.units)]
    return delimiter, header, [cell.strip() for cell in written]


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in plain_csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if len(rows) >= SNIFFED_ROWS:
                break
    except plain_csv.Error:  # a cell longer than the csv module takes
        pass
    return rows


def _read_group(texts: list[_Text]) -> Iterator[Table | Refusal]:
    if len(texts) > 1 and not texts[0].skip:
        table = _read_together(texts)
        if table is not None:
            yield table
        else:  # something unusual in one of them: halves until it stands alone
            yield from _read_group(texts[: len(texts) // 2])
            yield from _read_group(texts[len(texts) // 2 :])
        return
    for text in texts:
        yield _read_one(text)


def _read_together(texts: list[_Text]) -> Table | None:
    """Files with one header, joined with their header lines as marks between them; None if unusual."""
    first = texts[0]
    joined = b"".join(part for t in texts for part in (t.data, b"" if _ends(t.data) else b"\n"))
    names, changed = unique_headers(first.header)
    if changed or b"\n\n" in joined or b"\n\r" in joined:
        return None
    try:
        data = _parse(joined, first.delimiter, names, skip=0)
    except pa.ArrowInvalid:
        return None
    mark = np.ones(data.num_rows, dtype=bool)
    for i in range(min(3, len(names))):
        equal = pc.equal(pc.utf8_trim_whitespace(data.column(i)), first.header[i])
        mark &= flat(pc.fill_null(equal, False)).to_numpy(zero_copy_only=False)
    marks = np.flatnonzero(mark)
    if len(marks) != len(texts) or marks[0] != 0:
        return None
    kept = np.flatnonzero(~mark)
    member = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(np.append(marks, len(mark))))[kept]
    data = data.take(pa.array(kept))
    notes = tuple(note for t in texts for note in t.notes)[:3]
    return _finish(data, texts, member, kept - marks[member] + 1, notes)


def _read_one(text: _Text) -> Table | Refusal:
    names, changed = unique_headers(text.header)
    notes = list(text.notes)
    row = None
    ragged: list[int] = []
    try:
        data = None
        if not (text.blob.is_quoted or text.skip):
            data = parse_typed(text.data, text.delimiter, names, text.lines)
        if data is None:
            whole = bytes(text.data)
            text = replace(text, data=whole)
            blank = b"\n\n" in whole or b"\n\r" in whole
            if blank or text.skip:
                raise pa.ArrowInvalid("rows must be counted")
            data = _parse(whole, text.delimiter, names, skip=1)
    except pa.ArrowInvalid:
        try:
            data, row, ragged = _parse_forgiving(text, names)
        except pa.ArrowInvalid:
            return Refusal(text.blob.name, "cannot be split into rows and columns. Open it and export it again as CSV.")
        if ragged:
            notes.append(
                f"{text.blob.name}: {counted(len(ragged), 'row')} set aside for not having {len(names)} columns, "
                f"the first in row {ragged[0]:,}."
            )
    if not data.num_rows and ragged:
        return Refusal(
            text.blob.name,
            f"has {counted(len(ragged), 'row')} below the column names, but none with as many cells as there are names "
            f"({len(names)} in row {text.skip + 1}). Check that row {text.skip + 1} names every column, and export it "
            "again; text that is no table cannot be read.",
        )
    if not data.num_rows:
        return Refusal(text.blob.name, "holds column names but no rows below them.")
    if changed:
        notes.append(f"{text.blob.name}: the column name {', '.join(sorted(set(changed)))} occurs more than once.")
    table = _finish(data, [text], None, row, tuple(notes))
    if not len(table):
        return Refusal(text.blob.name, "holds column names but no rows below them.")
    return replace(with_record_id(table, text.record_id), ragged=tuple(ragged))


def _finish(
    data: pa.Table, texts: list[_Text], member: np.ndarray | None, row: np.ndarray | None, notes: tuple[str, ...]
) -> Table:
    names = tuple(t.blob.name for t in texts)
    comma = _has_decimal_comma(data)
    if comma:
        notes = (*notes, f"{names[0]}: the decimal comma was understood (36,6 is 36.6).")
    written = texts[0].written if len(texts) == 1 else ()  # of several, they stood between the files
    return tidy(Table(TABLE, names, data, member, row, tuple(t.blob.source for t in texts), comma, notes), written)


def _parse(data: bytes, delimiter: str, names: list[str], skip: int) -> pa.Table:
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=names, skip_rows_after_names=skip, block_size=1 << 24),
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _parse_forgiving(text: _Text, names: list[str]) -> tuple[pa.Table, np.ndarray, list[int]]:
    """Set ragged rows aside and keep count of the rows, blank ones included."""
    ragged: list[int] = []

    def set_aside(invalid: csv.InvalidRow) -> str:
        if invalid.text.strip():
            ragged.append(invalid.number)
        else:
            blank.append(invalid.number)
        return "skip"

    blank: list[int] = []
    data = csv.read_csv(
        pa.BufferReader(text.data),
        csv.ReadOptions(column_names=names, block_size=1 << 24, use_threads=False),
        csv.ParseOptions(
            delimiter=text.delimiter,
            newlines_in_values=text.blob.is_quoted,
            ignore_empty_lines=False,
            invalid_row_handler=set_aside,
        ),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    gone = np.array(sorted({*ragged, *blank}), dtype=np.int64)
    row = np.setdiff1d(np.arange(1, data.num_rows + len(gone) + 1), gone)
    empty = np.ones(data.num_rows, dtype=bool)
    for column in data.columns:
        empty &= flat(pc.equal(pc.fill_null(column, ""), "")).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(~empty & (row > text.skip + 1))
    ragged = [r for r in ragged if r > text.skip + 1]
    return data.take(pa.array(kept)), row[kept], ragged


def _has_decimal_comma(data: pa.Table) -> bool:
    """Whether more cells look like "36,6" than like "36.6"; "1,200" alone says nothing."""
    commas = points = 0
    for column in data.slice(0, 2_000).columns:
        if not pa.types.is_string(column.type):  # read as numbers, or as codes of texts that are none
            continue
        commas += pc.sum(pc.match_substring_regex(column, _COMMA)).as_py() or 0
        points += pc.sum(pc.match_substring_regex(column, _POINT)).as_py() or 0
    return commas > points
