"""NumPy archives (.npz): arrays with names, from which tables are made.

Nothing is unpickled: arrays of Python objects are refused before they are touched, and what a header declares is held
against the bytes that are there before anything is made of it. Letters: B stays, T steps, F variables, H and W rows and
columns of an image, R rows of the table.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from tokenize import TokenError

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from numpy.typing import NDArray

from medgru.data.archives import check_zip
from medgru.data.delimited import MAX_COLUMNS
from medgru.data.images import ROW_HEADER, reduce, reduced_size
from medgru.data.names import RECORD_ID, TIME
from medgru.data.source import Blob, Refusal
from medgru.data.table import TABLE, Table, stem, unique_headers
from medgru.data.words import agreeing, counted
from medgru.errors import DataError, UnsafeFileError
from medgru.settings import settings

KIND = "NPZ"
MAX_ARRAYS = 500
MAX_CELLS = 30_000_000
"""Most cells of the table of one file."""

_MAX_HEADER = 10_000
_MAX_CLASSES = 50
_SPLIT = re.compile(
    r"^(train|training|val|valid|validation|dev|test)_(.+)$|^(.+)_(train|training|val|valid|validation|dev|test)$"
)
_X = {"x", "data", "values", "series", "inputs", "input", "signals", "samples", "sequences", "arr_0"}
_IMAGES = {"images", "image", "imgs", "img"}
_MASK = {"mask", "masks", "observed", "x_mask", "mask_x"}
_LENGTHS = {"lengths", "length", "lens", "seq_len", "seq_lens", "seq_length", "seq_lengths"}
_TIMES = {"times", "time", "t", "timestamps", "timestamp", "hours", "hour", "minutes", "minute", "seconds", "second"}
_CLOCKS = {"hours": "hours", "hour": "hours", "minutes": "minutes", "minute": "minutes"}
_CLOCKS |= {"seconds": "seconds", "second": "seconds"}
_FEATURES = {"features", "feature_names", "feature", "columns", "column_names", "variables", "variable_names", "names"}
_FEATURES |= {"channels", "channel_names"}
_LABELS = {"y", "label", "labels", "target", "targets", "outcome", "outcomes", "y_true"}
_IDS = {"ids", "id", "record_id", "record_ids", "stay_id", "stay_ids", "patient_id", "patient_ids", "subject_id"}
_IDS |= {"subject_ids", "sample_id", "sample_ids"}
_EXPECTED = (
    "What is read: measurements as one block, patients × times × variables, called x, with the names of the variables "
    "called features, and beside it, where there are any, mask (1 where something was measured), lengths (how many "
    "times each patient has), times, ids and y (the outcomes); or one block of patients × times for each variable; or "
    "pictures, patients × rows × columns, called images; or arrays of one length each, the columns of a table. Ask "
    "whoever wrote the file to save it so, or as CSV."
)

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    MemoryError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def is_npz(data: bytes) -> bool:
    """Whether the bytes are a zip of arrays and of nothing else."""
    if not data.startswith(b"PK"):
        return False
    try:
        members = [m.filename for m in zipfile.ZipFile(io.BytesIO(data)).infolist() if m.filename and not m.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, OverflowError, NotImplementedError, EOFError):
        return False
    return bool(members) and all(name.lower().endswith(".npy") for name in members)


def read_npz(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table a file."""
    for blob in blobs:
        try:
            yield _table(blob, stem(blob.name) if len(blobs) > 1 else "")
        except DataError as error:
            yield Refusal(blob.name, str(error).removeprefix(blob.name).strip(), isinstance(error, UnsafeFileError))
        except _DAMAGED:
            yield Refusal(blob.name, "is damaged, locked or was cut off. Save it again with numpy.savez_compressed.")


# From bytes to arrays.


def _load(blob: Blob) -> dict[str, NDArray]:
    """The arrays by name, in the order of the file."""
    archive = check_zip(blob.name, bytes(blob.data))
    members = [m for m in archive.infolist() if m.filename and not m.is_dir()]
    if len(members) > MAX_ARRAYS:
        raise DataError(
            f"{blob.name} holds {len(members):,} arrays; at most {MAX_ARRAYS} are read. Split it into several files."
        )
    arrays: dict[str, NDArray] = {}
    for member in members:
        last = member.filename.replace("\\", "/").rsplit("/", 1)[-1][: -len(".npy")]
        name = "".join(c for c in last if c.isprintable())[:60]
        if name in arrays:
            raise DataError(f"{blob.name} holds two arrays called {name}. Save it again with one of each name.")
        arrays |= _plain(blob.name, name, _array(blob.name, name, archive.read(member)))
    return arrays


def _array(file: str, name: str, data: bytes) -> NDArray:
    """One array, after its header was held against the bytes that follow it."""
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            version = npy.read_magic(stream)
            read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
            shape, fortran, dtype = read_header(stream, max_header_size=_MAX_HEADER)
    except (ValueError, TypeError, SyntaxError, TokenError, LookupError, RecursionError, MemoryError, AttributeError):
        raise DataError(
            f"{file} is damaged: the beginning of its array {name} cannot be read. Copy it once more, or save it again."
        ) from None
    if dtype.hasobject:
        raise UnsafeFileError(
            f"{file} holds Python objects in the array {name}: reading them could run a program, so it is refused. "
            "Save numbers and text only, or export the data as CSV."
        )
    if len(shape) > 32 or dtype.itemsize == 0 or any(not isinstance(n, int) or n < 0 for n in shape):
        raise DataError(
            f"{file} is damaged: its array {name} says that it is {_size(shape)} large, which cannot be. Save it again."
        )
    count = prod(shape)
    if count * dtype.itemsize != len(data) - stream.tell():
        raise DataError(
            f"{file} is damaged or cut off: its array {name} should hold {_size(shape)} values and does not. Copy it "
            "once more, or save it again."
        )
    flat = np.frombuffer(data, dtype, count, stream.tell()) if count else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _plain(file: str, name: str, array: NDArray) -> dict[str, NDArray]:
    """The array as numbers, text or moments of this machine's byte order; one for each field of a structured one."""
    kind = array.dtype
    if kind.names:
        if array.ndim != 1 or any(kind[n].names or kind[n].subdtype for n in kind.names):
            raise DataError(
                f"{file} holds a table within a table in the array {name}. Save each of its columns as an array."
            )
        return {
            n: column for field_name in kind.names for n, column in _plain(file, field_name, array[field_name]).items()
        }
    if kind.kind in "biuf":
        return {name: array.astype(kind.newbyteorder("="), copy=False)}
    if kind.kind == "U":
        return {name: array.astype(kind.newbyteorder("="), copy=False)}
    if kind.kind == "S":
        return {name: np.char.decode(array, "utf-8", "replace")}
    if kind.kind == "M":
        return {name: array.astype("datetime64[us]")}
    if kind.kind == "m":
        return {name: array.astype("timedelta64[us]") / np.timedelta64(1, "h")}
    raise DataError(
        f"{file} holds an array {name} that is neither numbers nor text nor dates ({kind.name}). Save it without that."
    )


def _size(shape: Sequence[int]) -> str:
    """ "30 × 5"."""
    return " × ".join(str(n)[:20] for n in shape[:6]) + (" × …" if len(shape) > 6 else "")


def _what(array: NDArray) -> str:
    """ "30 × 5 numbers"."""
    kind = array.dtype.kind
    thing = "date" if kind == "M" else "text" if kind == "U" else "number"
    return f"{_size(array.shape)} {thing}s" if array.ndim else f"one {thing}"


# From arrays to rows.


@dataclass
class _Rows:
    """Rows made of the arrays of one split.

    Attributes:
        columns: By name, each (R,).
        stay: Index of the stay of each row, (R,); None for a plain table.
        ids: Of the stays, as given; None where none were.
        time: Name of the time column, "" where there is none.
        step: Number of each row within its stay, (R,), the first being 1.
        stays: How many there are.
        left_out: Arrays that fit nowhere.
    """

    columns: dict[str, NDArray]
    stay: NDArray[np.int64] | None = None
    ids: list[str] | None = None
    time: str = ""
    step: NDArray[np.int64] | None = None
    stays: int = 0
    left_out: list[str] = field(default_factory=list)


class _Arrays:
    """The arrays of one split by what they are for; one use.

    Attributes:
        rest: Those not yet used, by their name in small letters without the split.
        called: Their names as in the file, without the split.
        notes: What was done to them.
    """

    def __init__(self, file: str, arrays: Mapping[str, NDArray]) -> None:
        self.file = file
        self.rest = {name.lower(): array for name, array in arrays.items()}
        self.called = {name.lower(): name for name in arrays}
        self.notes: list[str] = []
        self.shapes = ", ".join(f"{n} ({_what(a)})" for n, a in list(arrays.items())[:10])
        self.shapes += ", …" if len(arrays) > 10 else ""

    def rows(self) -> _Rows:
        """The rows; DataError where the arrays are nothing that is known."""
        features = self._features()
        images = self._named(_IMAGES, (3, 4)) or self._named(_X, (4,))
        if images:
            return self._of_images(images)
        x = self._named(_X, (3,)) or self._only_of(3)
        if x:
            return self._of_series(x, features)
        table = self.rest.keys() - _MASK
        if table and features is None and len({a.shape[:1] for a in self.rest.values()}) == 1:
            flat = {self.called[n]: a.reshape(-1) for n, a in self.rest.items() if a.ndim == 1 or a.shape[1:] == (1,)}
            if len(flat) == len(self.rest) and len(flat) > 1:
                return _Rows(flat)
        two = self._named(_X, (2,)) or self._only_of(2)
        if two and features is not None and len(features) == self.rest[two].shape[1]:
            return self._of_one(two, features)
        return self._of_variables(features)

    def _named(self, names: set[str], dimensions: tuple[int, ...]) -> str:
        return next((n for n, a in self.rest.items() if n in names and a.ndim in dimensions and _is_number(a)), "")

    def _only_of(self, dimensions: int) -> str:
        roles = _MASK | _TIMES | _LABELS
        found = [n for n, a in self.rest.items() if a.ndim == dimensions and _is_number(a) and n not in roles]
        return found[0] if len(found) == 1 else ""

    def _features(self) -> list[str] | None:
        name = next((n for n, a in self.rest.items() if n in _FEATURES and a.ndim == 1 and a.dtype.kind == "U"), None)
        return None if name is None else [str(text) for text in self.rest.pop(name)]

    def unknown(self, why: str = "") -> DataError:
        """What was found, and what was expected."""
        return DataError(
            f"{self.file} was opened, but what its arrays stand for is not clear: {self.shapes}. {why}{_EXPECTED}"
        )

    def _of_images(self, name: str) -> _Rows:
        """Each image a stay, in grey and of at most `MAX_SIDE` pixels, its rows the steps: as pictures are read."""
        x = self.rest.pop(name)
        if x.ndim == 4 and x.shape[3] not in (1, 3):
            raise self.unknown(
                f"The pictures in {name} have {x.shape[3]:,} colours a point; 1 (grey) or 3 (red, green, blue) are "
                "read. "
            )
        grey = x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
        if not grey.size:
            raise self._empty()
        n = len(grey)
        height, width, _ = reduced_size(*grey.shape[1:3])
        self._check(n * height, width)
        if grey.shape != (n, height, width):
            grey = np.stack([reduce(image) for image in grey])
            self.notes.append(f"{name}: {counted(n, 'image')} read in grey, {width} x {height} pixels each.")
        flat = grey.reshape(n * height, width)
        stay, step = np.repeat(np.arange(n), height), np.tile(np.arange(height), n)
        columns = {ROW_HEADER: step + 1.0, **{f"pixel {i + 1}": flat[:, i] for i in range(width)}}
        return self._with_extras(_Rows(columns, stay, time=ROW_HEADER, step=step + 1, stays=n), height, stay, step)

    def _of_series(self, name: str, features: list[str] | None) -> _Rows:
        """x (B, T, F) with what stands beside it."""
        x = self.rest.pop(name)
        n, steps, variables = x.shape
        if features is None:
            features = [f"{self.called[name]} {i}" for i in range(1, variables + 1)]
        if len(features) != variables:
            raise self.unknown(
                f"{name} holds {counted(variables, 'variable')}, but features has {counted(len(features), 'name')}. "
            )
        self._check(n * steps, variables)
        stay, step = self._steps(n, steps)
        values = self._observed(x, (n, steps, variables))[stay, step]
        rows = _Rows({}, stay, step=step + 1, stays=n)
        self._add_times(rows, n, steps, stay, step)
        headers, _ = unique_headers(features)
        rows.columns |= {header: values[:, i] for i, header in enumerate(headers)}
        return self._with_extras(rows, steps, stay, step)

    def _of_one(self, name: str, features: list[str]) -> _Rows:
        """x (T, F): the rows of one stay, or of as many as the identifiers name."""
        x = self.rest.pop(name)
        self._check(*x.shape)
        values = self._observed(x, x.shape)
        ids = next(
            (n for n, a in self.rest.items() if n in _IDS and a.shape[:1] == x.shape[:1] and a.size == len(x)), None
        )
        headers, _ = unique_headers(features)
        columns = {header: values[:, i] for i, header in enumerate(headers)}
        if ids is not None:  # a table whose columns came in one array
            extras = {self.called[n]: a.reshape(-1) for n, a in self.rest.items() if a.size == len(x) == a.shape[0]}
            return _Rows(
                {**extras, **columns}, left_out=[self.called[n] for n, a in self.rest.items() if a.size != len(x)]
            )
        step = np.arange(len(x))
        stay = np.zeros(len(x), dtype=np.int64)
        rows = _Rows({}, stay, step=step + 1, stays=1)
        self.rest = {n: a[None] if a.shape == (len(x),) else a for n, a in self.rest.items()}
        self._add_times(rows, 1, len(x), stay, step)
        rows.columns |= columns
        return self._with_extras(rows, len(x), stay, step)

    def _of_variables(self, features: list[str] | None) -> _Rows:
        """One array (B, T) a variable."""
        roles = _MASK | _LENGTHS | _TIMES | _LABELS | _IDS
        found = [n for n, a in self.rest.items() if a.ndim == 2 and a.shape[1] > 1 and _is_number(a) and n not in roles]
        shapes = {self.rest[n].shape for n in found}
        if not found or len(shapes) > 1:
            raise self.unknown()
        n, steps = next(iter(shapes))
        beside = {name for name, a in self.rest.items() if name in roles and a.shape[:1] in ((n,), (steps,))}
        if len(found) == 1 and not beside:
            raise self.unknown(
                f"Nothing says whether {found[0]} holds a patient or a time in each row, and what its columns are. "
            )
        names = [self.called[name] for name in found]
        if features is not None and len(features) == len(found):
            names = features
        elif features is not None:
            raise self.unknown(
                f"features has {counted(len(features), 'name')}, but there {agreeing(len(found), 'is', 'are')} "
                f"{counted(len(found), 'variable')}. "
            )
        self._check(n * steps, len(found))
        stay, step = self._steps(n, steps)
        values = [self.rest.pop(name) for name in found]
        if len(values) == 1:
            values = [self._observed(values[0], (n, steps))]
        rows = _Rows({}, stay, step=step + 1, stays=n)
        self._add_times(rows, n, steps, stay, step)
        headers, _ = unique_headers(names)
        rows.columns |= {header: value[stay, step] for header, value in zip(headers, values, strict=True)}
        return self._with_extras(rows, steps, stay, step)

    def _check(self, rows: int, columns: int) -> None:
        if columns > MAX_COLUMNS:
            raise DataError(f"{self.file} would be a table of {columns:,} columns; at most {MAX_COLUMNS:,} are read.")
        if rows > settings().max_rows or rows * columns > MAX_CELLS:
            raise DataError(
                f"{self.file} would be a table of {rows:,} rows and {columns:,} columns, more than is read at once. "
                "Split it."
            )
        if not rows or not columns:
            raise self._empty()

    def _empty(self) -> DataError:
        return DataError(f"{self.file} holds no values: {self.shapes}. Save it again and check that it holds data.")

    def _steps(self, n: int, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Stay and step of each row, padding left out."""
        name = next((key for key, a in self.rest.items() if key in _LENGTHS and a.size == n), None)
        lengths = np.full(n, steps)
        if name is not None:
            given = self.rest.pop(name).reshape(-1)
            if not _is_number(given) or not ((given >= 0) & (given <= steps) & (given == np.rint(given))).all():
                raise self.unknown(
                    f"{name} must say how many times each patient has: whole numbers from 0 to {steps:,}. "
                )
            lengths = given.astype(np.int64)
        there = np.arange(steps) < lengths[:, None]
        stay, step = np.nonzero(there)
        return stay, step

    def _observed(self, x: NDArray, shape: tuple[int, ...]) -> NDArray:
        """The values, NaN where the mask says that nothing was measured."""
        name = next((key for key in self.rest if key in _MASK), None)
        if name is None:
            return x
        mask = self.rest.pop(name)
        if mask.shape != shape or not _is_number(mask) or not np.isin(mask, (0, 1)).all():
            raise self.unknown(
                f"{name} must be 1 where something was measured and 0 elsewhere, and as large as the values, "
                f"{_size(shape)}. "
            )
        value = x if x.dtype.kind == "f" else x.astype(np.float64)
        return np.where(mask.astype(bool), value, value.dtype.type(np.nan))

    def _add_times(self, rows: _Rows, n: int, steps: int, stay: NDArray, step: NDArray) -> None:
        """The time of each row; its step where no array says the time."""
        for name in [key for key in self.rest if key in _TIMES]:
            times = self.rest[name]
            if times.shape in ((n, steps), (steps,), (n, steps, 1)) and (_is_number(times) or times.dtype.kind == "M"):
                del self.rest[name]
                times = times.reshape(-1, steps) if times.size == n * steps else np.broadcast_to(times, (n, steps))
                rows.time = _CLOCKS.get(name, "time")
                rows.columns[rows.time] = times[stay, step]
                return
        rows.time = "step"
        rows.columns["step"] = step.astype(np.float64)

    def _with_extras(self, rows: _Rows, steps: int, stay: NDArray, step: NDArray) -> _Rows:
        """Add identifiers, and every array of one value a stay or one a step."""
        n = rows.stays
        for name, array in self.rest.items():
            header = self.called[name]
            if name in _IDS and array.size == n and rows.ids is None:
                rows.ids = [_id_text(v) for v in array.reshape(-1).tolist()]
            elif array.size == n and array.shape[:1] == (n,):
                rows.columns.setdefault(header, array.reshape(-1)[stay])
            elif array.shape == (n, steps):
                rows.columns.setdefault(header, array[stay, step])
            elif name in _LABELS and array.ndim == 2 and len(array) == n and array.shape[1] <= _MAX_CLASSES:
                for i in range(array.shape[1]):
                    rows.columns.setdefault(f"{header} {i + 1}", array[stay, i])
            else:
                rows.left_out.append(f"{header} ({_what(array)})")
        return rows


def _is_number(array: NDArray) -> bool:
    return array.dtype.kind in "biuf"


def _id_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


# From rows to a table.


def _table(blob: Blob, prefix: str) -> Table:
    """The table of a file; stays without identifiers are numbered, behind the prefix and the name of their split."""
    by_split: dict[str, dict[str, NDArray]] = {}
    shared: dict[str, NDArray] = {}
    for name, array in _load(blob).items():
        found = _SPLIT.match(name.lower())
        if found is None:
            shared[name] = array
            continue
        split = found[1] or found[4]
        by_split.setdefault(split, {})[name[len(split) + 1 :] if found[1] else name[: -len(split) - 1]] = array
    groups = {split: shared | arrays for split, arrays in by_split.items()} or {"": shared}
    readers = {split: _Arrays(blob.name, arrays) for split, arrays in groups.items()}
    parts = {split: reader.rows() for split, reader in readers.items()}
    notes = [f"{blob.name}: {note}" for reader in readers.values() for note in reader.notes]
    if left_out := list(dict.fromkeys(name for part in parts.values() for name in part.left_out)):
        notes.append(
            f"{blob.name}: the arrays {', '.join(left_out[:5])} belong neither to the patients nor to their "
            "times; left out."
        )
    _check_total(blob.name, parts)
    columns: dict[str, pa.Array] = {}
    are_stays = all(part.stay is not None for part in parts.values())
    if are_stays:
        columns["record_id"] = _record_ids(parts, prefix, notes, blob.name)
    if len(parts) > 1:
        splits = np.repeat(np.arange(len(parts)), [_len(part) for part in parts.values()])
        columns["split"] = pa.array(list(parts), pa.string()).take(pa.array(splits))
    added = set(columns)
    times = {part.time for part in parts.values()}
    for name in dict.fromkeys(name for part in parts.values() for name in part.columns):
        pieces = [part.columns.get(name, np.full(_len(part), np.nan)) for part in parts.values()]
        columns[f"{name} (2)" if name in added else name] = _arrow(pieces)
    roles = {}
    if are_stays and len(times) == 1:
        roles = {RECORD_ID: "record_id", TIME: times.pop()}
    steps = [part.step for part in parts.values() if part.step is not None]
    return Table(
        KIND if roles else TABLE,
        (blob.name,),
        pa.table(columns),
        row=np.concatenate(steps) if len(steps) == len(parts) else None,
        sources=(blob.source,),
        notes=tuple(notes),
        roles=roles,
    )


def _len(part: _Rows) -> int:
    return len(next(iter(part.columns.values())))


def _check_total(name: str, parts: Mapping[str, _Rows]) -> None:
    """The splits together must not be more than one table may be; and no array may be of no or many texts."""
    rows = sum(map(_len, parts.values()))
    cells = rows * max(len(part.columns) for part in parts.values())
    if rows > settings().max_rows or cells > MAX_CELLS:
        raise DataError(f"{name} would be a table of {rows:,} rows, more than is read at once. Split it.")
    if not rows:
        raise DataError(f"{name} holds no values. Save it again and check that it holds data.")


def _record_ids(parts: Mapping[str, _Rows], prefix: str, notes: list[str], file: str) -> pa.Array:
    """The stay of each row: as the arrays name it, else by its number; one name is never given to two stays."""
    names: list[str] = []
    codes = []
    for split, part in parts.items():
        before = " ".join(word for word in (prefix, split) if word)
        own = part.ids or [f"{before} {i}".strip() for i in range(1, part.stays + 1)]
        if part.stay is not None:
            codes.append(part.stay + len(names))
        names += own
    taken: Counter[str] = Counter()
    unique = []
    for name in names:
        taken[name] += 1
        unique.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    if len(taken) < len(names):
        notes.append(f"{file}: identifiers occur more than once; each array row was taken as a stay of its own.")
    return pa.DictionaryArray.from_arrays(
        pa.array(np.concatenate(codes).astype(np.int32)), pa.array(unique, pa.string())
    )


def _arrow(pieces: Sequence[NDArray]) -> pa.Array:
    """The parts of one column together: numbers, moments or text."""
    kinds = {piece.dtype.kind for piece in pieces}
    if kinds <= set("biuf"):
        whole = np.concatenate(pieces)
        if whole.dtype.kind in "iu" and whole.size and max(abs(int(whole.min())), abs(int(whole.max()))) > 2**53:
            return pa.array([str(v) for v in whole.tolist()], pa.string())  # a float would merge two identifiers
        return pa.array(_written(whole), from_pandas=True)
    if kinds == {"M"}:
        return pa.array(np.concatenate(pieces))
    texts = [pa.array([_cell(v) for v in piece.tolist()], pa.string()) for piece in pieces]
    return pa.concat_arrays(texts)


def _written(value: NDArray) -> NDArray[np.float64]:
    """Numbers as they were written: 36.6 kept in four or two bytes is 36.6, not 36.599998."""
    if value.dtype.kind != "f" or value.dtype.itemsize >= 8:
        return value.astype(np.float64)
    distinct, inverse = np.unique(value, return_inverse=True)
    if len(distinct) > len(value) // 2 and len(value) > 1_000_000:  # no decimals that anybody wrote
        return value.astype(np.float64)
    return np.array([float(str(v)) for v in distinct], dtype=np.float64)[inverse.reshape(-1)]


def _cell(value: object) -> str | None:
    if value is None or value != value:
        return None
    return _id_text(value)
