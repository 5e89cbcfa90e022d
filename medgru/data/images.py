"""PNG and JPEG pictures as sequences: each row of a picture is a step, each of its columns a variable in grey.

A picture is one recording, named after its file. Pillow decodes; how large a picture is stands in its first bytes and
is checked before. Shapes: H rows, W columns.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.names import RECORD_ID, TIME
from medgru.data.signals import ID_HEADER, Budget, facts_table, file_name, identifiers, record_ids
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

KIND = "image"
ROW_HEADER = "row"

MAX_SIDE = 500
"""Wider or higher pictures are reduced to it: an own task has at most so many variables."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: the largest X-ray detectors have a third of it."""

_MAX_SCANNED = 600_000_000
"""Pixels times passes: a progressive JPEG may ask for thousands of passes over them."""

_LUMA = np.array([0.299, 0.587, 0.114])
"""Red, green and blue in grey (ITU-R BT.601)."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_DAMAGED = "is damaged or was cut off. Save or export it again."


@dataclass(frozen=True)
class Picture:
    """One picture in grey.

    Attributes:
        blob: File it comes from.
        grey: Values, (H, W).
        frame: Its number within the file, from 1; 0 where it is the only one.
        notes: What was done to read it, for the screen.
        facts: Age and sex of the patient, as in `Recorded`.
    """

    blob: Blob
    grey: NDArray[np.float64]
    frame: int = 0
    notes: tuple[str, ...] = ()
    facts: Mapping[str, float | str] = field(default_factory=dict)


def is_image(head: bytes) -> bool:
    """Whether the bytes begin as a PNG or JPEG does."""
    return head.startswith((_PNG, _JPEG))


def read_images(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """Tables of all pictures, those of the same width together."""
    budget = Budget()
    found: list[Picture] = []
    for blob in blobs:
        try:
            found.append(_read(blob, budget))
        except DataError as error:
            yield Refusal(blob.name, str(error))
    yield from picture_tables(KIND, found)


def picture_tables(kind: str, pictures: Sequence[Picture]) -> Iterator[Table]:
    """One table for all pictures of a width, the rows of each numbered from 1; then what is known of the patients."""
    files = {id(p.blob): p.blob for p in pictures}
    ids, renamed = record_ids([*files.values()])
    base = dict(zip(files, ids, strict=True))
    names = [base[id(p.blob)] + (f" frame {p.frame}" if p.frame else "") for p in pictures]
    widths: dict[int, list[int]] = {}
    for i, picture in enumerate(pictures):
        widths.setdefault(picture.grey.shape[1], []).append(i)
    for width, members in widths.items():
        group = [pictures[i] for i in members]
        heights = [len(p.grey) for p in group]
        position = np.repeat(np.arange(len(group), dtype=np.int32), heights)
        rows = np.concatenate([np.arange(1, h + 1) for h in heights])
        data: dict[str, Any] = {
            ID_HEADER: identifiers(position, [names[i] for i in members]),
            ROW_HEADER: pa.array(rows.astype(np.float64)),
        }
        for x in range(width):
            data[f"pixel {x + 1}"] = pa.array(np.concatenate([p.grey[:, x] for p in group]))
        yield Table(
            kind=kind,
            names=tuple(p.blob.name for p in group),
            data=pa.table(data),
            member=position,
            row=rows,
            sources=tuple(p.blob.source for p in group),
            notes=tuple(dict.fromkeys([*renamed, *(note for p in group for note in p.notes)])),
            roles={RECORD_ID: ID_HEADER, TIME: ROW_HEADER},
        )
        renamed = ()
    yield from facts_table(kind, [(n, p.blob, p.facts) for n, p in zip(names, pictures, strict=True)])


def reduced_size(height: int, width: int) -> tuple[int, int, int]:
    """Height and width after reducing, and how many pixels become one in each direction."""
    factor = -(-max(height, width) // MAX_SIDE)
    return -(-height // factor), -(-width // factor), factor


def reduce(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """The picture in grey, neither side above `MAX_SIDE`: blocks of pixels become their mean, so none is skipped.

    Args:
        pixels: (H, W), or (H, W, 3) for red, green and blue.
    """
    height, width = pixels.shape[:2]
    factor = reduced_size(height, width)[2]
    if factor == 1:
        return pixels @ _LUMA if pixels.ndim == 3 else pixels.astype(np.float64)
    starts = np.arange(0, width, factor)
    columns = np.diff(np.append(starts, width))
    rows = []
    for y in range(0, height, factor):  # by strips: the whole in float64 would be eight times as large
        strip = pixels[y : y + factor]
        line = strip.sum(axis=0, dtype=np.float64)
        line = line @ _LUMA if pixels.ndim == 3 else line
        rows.append(np.add.reduceat(line, starts) / (columns * len(strip)))
    return np.stack(rows)


def reduced_note(name: str, height: int, width: int) -> tuple[str, ...]:
    """What is said of a picture that is reduced."""
    new_height, new_width, factor = reduced_size(height, width)
    if factor == 1:
        return ()
    return (
        f"{name}: reduced from {width} x {height} to {new_width} x {new_height} pixels, each the mean of up to "
        f"{factor} x {factor}.",
    )


def check_passes(data: bytes, pixels: int) -> None:
    """Hold the work that a JPEG asks for against what cameras make.

    Raises:
        DataError: It is packed in far more passes than any of them does.
    """
    passes = data.count(b"\xff\xda") if data.startswith(_JPEG) else 1
    if pixels * passes > _MAX_SCANNED:
        raise DataError(f"is packed in {passes:,} passes, more than any camera makes. Save it again as PNG.")


def _read(blob: Blob, budget: Budget) -> Picture:
    from PIL import Image

    data = bytes(blob.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata that is not used, and sizes that are checked here
        try:
            with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
                return _decode(blob, data, image, budget)
        except DataError:
            raise
        except Image.DecompressionBombError:
            raise _too_large() from None
        except Exception:
            raise DataError(_DAMAGED) from None  # Pillow raises anything on damaged files


def _decode(blob: Blob, data: bytes, image: "Image.Image", budget: Budget) -> Picture:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large()
    check_passes(data, width * height)
    orientation = image.getexif().get(0x0112, 1)
    if orientation in (5, 6, 7, 8):
        height, width = width, height
    rows, columns, _ = reduced_size(height, width)
    if problem := budget.problem(rows, columns, "rows of {} pixels"):
        raise DataError(problem)
    name = file_name(blob)
    notes = list(reduced_note(name, height, width))
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"{name}: it holds several pictures; only the first was read.")
    if data.startswith(_PNG) and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06"):
        notes.append(f"{name}: its 16 bits a colour were read as 8.")
    grey, see_through = _grey(image)
    if see_through:
        notes.append(f"{name}: what is transparent was read as black.")
    return Picture(blob, reduce(_upright(grey, orientation)), notes=tuple(notes))


def _grey(image: "Image.Image") -> tuple[NDArray[Any], bool]:
    """Grey values, (H, W), and whether anything was transparent; 16 bits of grey stay 16."""
    if image.mode in ("I", "I;16", "I;16B", "F"):
        return np.asarray(image), False
    if not image.has_transparency_data:
        return np.asarray(image.convert("L")), False
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    alpha, grey = np.asarray(image.getchannel("A")), np.asarray(image.convert("L"))
    if alpha.min(initial=255) == 255:
        return grey, False
    laid_on_black = np.multiply(grey, alpha, dtype=np.float32)
    laid_on_black /= 255
    return laid_on_black, True


def _upright(grey: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The picture as it is meant to be seen: cameras write down how they were held (EXIF 2.3, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        grey = grey.T
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    return grey


def _too_large() -> DataError:
    return DataError(
        f"has more than {MAX_PIXELS // 1_000_000} million pixels, which is refused to protect this computer. Save it "
        "smaller."
    )
