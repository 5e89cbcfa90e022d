"""FHIR resources out of JSON: a Bundle, an array, one resource, or one a line (NDJSON).

A Bundle is parsed entry by entry, so that memory and damage stay within one entry. Numbers stay the texts that they are
in the file: "7.10" and "1e400" say more than a float.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from medgru.data.delimited import to_utf8
from medgru.data.source import Blob
from medgru.errors import DataError
from medgru.settings import settings

MAX_RESOURCE_MB = 16
"""Largest single resource: parsed, it takes up to twenty times its size."""

MAX_PARTS = 200_000
"""Most lists and objects in a resource of more than a block: what is parsed costs a hundred times its text."""

MAX_KEYS = 10_000
"""Most elements of a resource; none of FHIR has more than a hundred."""

MAX_BROKEN = 1_000
"""Lines of an NDJSON file without a resource after which it is taken for something else."""

MAX_EMPTY = 100_000
"""Entries of a Bundle without a resource after which it is taken for something else."""

LINE, ENTRY = "line", "entry"
_BLOCK = 1 << 20
_LIMIT = MAX_RESOURCE_MB << 20
_LOOKED_AT = 20
_SPACE = re.compile(r"[ \t\r\n]*")
_EXPORT_AGAIN = "Export it again."

Json = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """A resource and where it stands.

    Attributes:
        row: Number of its line, or of its entry in the Bundle or array.
        resource: Its content; None where the place holds none that can be read.
        url: The `fullUrl` of its entry.
        problem: Why there is none; "" where an entry is rightly without one.
    """

    row: int
    resource: Json | None
    url: str = ""
    problem: str = ""


class _Parser(json.JSONDecoder):
    """JSON with its numbers as text; notices a key that stands twice in one object, where one value would hide one."""

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._object, parse_float=str, parse_int=str, parse_constant=str, strict=False
        )
        self.twice = False

    def _object(self, pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.twice = True
        return found

    def has_twice(self) -> bool:
        """Whether a key stood twice since the last call."""
        twice, self.twice = self.twice, False
        return twice


class _Window:
    """The text of a document, of which only a part is held."""

    def __init__(self, data: bytes) -> None:
        self.stream, self.parser = BytesIO(data), _Parser()
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text, self.at, self.lines, self.size = "", 0, 1, 0

    def more(self) -> bool:
        """Hold more of the text: as much again as is not parsed yet, a block at least; False at its end."""
        block = self.stream.read(max(_BLOCK, len(self.text) - self.at))
        if not block:
            return False
        self.lines += self.text.count("\n", 0, self.at)
        self.text = self.text[self.at :] + self.decoder.decode(block)
        self.at = 0
        return True

    def next(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def take(self, expected: str) -> str:
        """Pass over one of these characters.

        Raises:
            DataError: Another one stands there.
        """
        found = self.next()
        if not found or found not in expected:
            raise self.broken(self.at)
        self.at += 1
        return found

    def value(self) -> Any:
        """The next value.

        Raises:
            DataError: It is no JSON, nested too deeply, or larger than `MAX_RESOURCE_MB`.
        """
        self.next()
        while True:
            try:
                found, end = self.parser.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                held = len(self.text) - self.at
                parts = self.text.count("[", self.at) + self.text.count("{", self.at)
                if held > _LIMIT or (2 * held >= _BLOCK and parts > MAX_PARTS):
                    raise DataError(
                        f"holds something that is not valid JSON, or a single resource larger than {MAX_RESOURCE_MB} "
                        f"MB or with more than {MAX_PARTS:,} parts, from line {self.line(self.at):,}. {_EXPORT_AGAIN}"
                    ) from None
                if not self.more():
                    cut = error.pos >= len(self.text) or error.msg.startswith("Unterminated")
                    raise self.broken(len(self.text) if cut else error.pos) from None
            except RecursionError:
                raise DataError(f"is nested too deeply in line {self.line(self.at):,}.") from None
            else:
                # A number at the end of what is held may go on.
                if end < len(self.text) or not self.more():
                    self.at, self.size = end, end - self.at
                    return found

    def line(self, at: int) -> int:
        """Line of a place in the text held."""
        return self.lines + self.text.count("\n", 0, at)

    def broken(self, at: int) -> DataError:
        """The error that says where the JSON ends to be JSON."""
        what = "ends in the middle of" if at >= len(self.text) else "is not valid JSON in"
        return DataError(f"{what} line {self.line(at):,}. {_EXPORT_AGAIN}")


def rows_are(data: bytes) -> str:
    """What the rows of these bytes are called: `LINE` in NDJSON, else `ENTRY`."""
    return LINE if _is_ndjson(data) else ENTRY


def open_text(blob: Blob) -> tuple[bytes, str]:
    """The text of a file as UTF-8, and the name of its encoding."""
    data = bytes(blob.data)
    if b"\x00" in data[:4] or not _is_utf8(data):
        data, encoding = to_utf8(data)
        return data, encoding
    return data.removeprefix(b"\xef\xbb\xbf"), "UTF-8"


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8; found out block by block, as a copy of a large file costs as much again."""
    decoder, stream = codecs.getincrementaldecoder("utf-8")(), BytesIO(data)
    try:
        while block := stream.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def resources(data: bytes, rows: str) -> Iterator[Found]:
    """The resources of a file in their order, nested Bundles opened; `rows` is what `rows_are` says of it.

    Raises:
        DataError: It is no JSON (the sentence lacks its name), or holds more than is read at once.
    """
    found = _lines(data) if rows == LINE else _documents(data)
    empty = 0
    for n, one in enumerate(found):
        empty += one.resource is None
        if empty > MAX_EMPTY:
            raise DataError(f"holds more than {MAX_EMPTY:,} entries without a FHIR resource. {_EXPORT_AGAIN}")
        if n >= settings().max_rows:
            raise DataError(
                f"holds more than {settings().max_rows:,} resources, the most that is read at once, so none of it was "
                "read. Split it, or raise MEDGRU_MAX_ROWS."
            )
        yield from _opened(one)


def _opened(found: Found) -> Iterator[Found]:
    """A resource, or those of the Bundle that it is."""
    resource = found.resource
    if resource is None or resource.get("resourceType") != "Bundle":
        yield found
        return
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        yield from _opened(_of_entry(found.row, entry))


def _of_entry(row: int, entry: Any) -> Found:
    """The resource of one entry of a Bundle."""
    if not isinstance(entry, dict):
        return Found(row, None, problem="passed over: no FHIR resource")
    resource, url = entry.get("resource"), entry.get("fullUrl")
    if resource is None:
        request = entry.get("request")
        gone = isinstance(request, dict) and request.get("method") == "DELETE"
        return (
            Found(row, None, problem="where a resource was deleted: earlier versions of it are still read")
            if gone
            else Found(row, None)
        )
    return _checked(row, resource, url if isinstance(url, str) else "")


def _checked(row: int, resource: Any, url: str = "") -> Found:
    if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
        return Found(row, resource, url)
    return Found(row, None, problem="passed over: no FHIR resource")


def _is_ndjson(data: bytes) -> bool:
    """Whether each line is a document: of the first lines one is a resource, and not the only line."""
    stream, looked, hit = BytesIO(data), 0, False
    while looked < _LOOKED_AT and (line := stream.readline(_BLOCK)):
        if line.isspace():
            continue
        if len(line) == _BLOCK:  # a Bundle in one line, whatever follows it
            return False
        looked += 1
        if looked == 1 and not line.lstrip().startswith(b"{"):
            return False
        if hit:
            return True
        hit = line.strip().endswith(b"}") and _is_resource(line)
        if hit and looked > 1:
            return True
    return False


def _is_resource(line: bytes) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("resourceType"), str)


def _lines(data: bytes) -> Iterator[Found]:
    parser, n_broken = _Parser(), 0
    for row, line in enumerate(BytesIO(data), start=1):
        if len(line) > _BLOCK:  # a large Bundle may stand in one line
            yield from (Found(row, f.resource, f.url, f.problem) for f in _documents(line))
            continue
        if line.isspace():
            continue
        found = _line(parser, row, line)
        n_broken += found.resource is None
        if n_broken > MAX_BROKEN:
            raise DataError(
                f"holds more than {MAX_BROKEN:,} lines without a FHIR resource, up to line {row:,}. {_EXPORT_AGAIN}"
            )
        yield found


def _line(parser: _Parser, row: int, line: bytes) -> Found:
    try:
        resource = parser.decode(line.decode("utf-8", "replace").strip())
    except json.JSONDecodeError:
        return Found(row, None, problem="passed over: not valid JSON")
    except RecursionError:
        return Found(row, None, problem="passed over: nested too deeply")
    return _twice(row) if parser.has_twice() else _checked(row, resource)


def _twice(row: int) -> Found:
    return Found(
        row, None, problem="passed over: a key stands twice in one object, and nobody can say which value holds"
    )


def _documents(data: bytes) -> Iterator[Found]:
    """Entries of Bundles, elements of arrays and single resources, one document after the other."""
    window, row = _Window(data), 0
    while char := window.next():
        found = _array(window, row) if char == "[" else _document(window, row)
        for one in found:
            row = one.row
            yield one


def _array(window: _Window, row: int) -> Iterator[Found]:
    for number, value in _elements(window, row):
        yield _twice(number) if window.parser.has_twice() else _checked(number, value)


def _elements(window: _Window, row: int) -> Iterator[tuple[int, Any]]:
    """The elements of an array, numbered on."""
    window.take("[")
    if window.next() == "]":
        window.take("]")
        return
    while True:
        row += 1
        yield row, window.value()
        if window.take(",]") == "]":
            return


def _document(window: _Window, row: int) -> Iterator[Found]:
    """The entries of a Bundle, else the resource that the document is."""
    window.take("{")
    top: Json = {}
    has_entries, twice, number, size = False, False, row, 0
    closed = window.next() == "}" and bool(window.take("}"))
    while not closed:
        if window.next() != '"':
            raise window.broken(window.at)
        key = window.value()
        window.take(":")
        twice |= key in top
        if key == "entry" and window.next() == "[":
            has_entries, top[key] = True, None
            for at, entry in _elements(window, number):
                number = at
                yield _twice(at) if window.parser.has_twice() else _of_entry(at, entry)
        else:
            top[key] = window.value()
            size += window.size
            if size > _LIMIT or len(top) > MAX_KEYS:
                raise DataError(f"is a single object of more than {MAX_RESOURCE_MB} MB or {MAX_KEYS:,} elements.")
        closed = window.take(",}") == "}"
    if window.parser.has_twice() or twice:
        yield _twice(number + 1)
    elif not has_entries and top.get("resourceType") != "Bundle":
        yield _checked(number + 1, top)
