"""Archives of NumPy, beside the same measurements as CSV."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.twin_csv import long_csv

Files = dict[str, bytes]
NAMES = ("HR", "Temp (°F)", "Lactate")
UNITS = {"HR": "", "Temp (°F)": "°F", "Lactate": ""}


def packed(compress: bool = True, **arrays: Any) -> bytes:
    data = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(data, **arrays)
    return data.getvalue()


def series(stays: int = 3, steps: int = 4) -> NDArray[np.float64]:
    """x (B, T, F) with one decimal and some holes."""
    x = np.empty((stays, steps, 3))
    for b, t in np.ndindex(stays, steps):
        x[b, t] = 60 + 5 * b + t, 97 + (b + t) / 10, 1 + b + t / 10
    x[0, 1, 2] = x[1, 0, 1] = np.nan
    return x


def twin(x: NDArray[Any], ids: Any, hours: Any = None, lengths: Any = None) -> Files:
    """The same as a long table."""
    rows = []
    for b, t, f in np.ndindex(x.shape):
        if not np.isnan(x[b, t, f]) and (lengths is None or t < lengths[b]):
            hour = t if hours is None else float(hours[b][t])
            rows.append((str(ids[b]), hour, NAMES[f].split(" ")[0], repr(float(x[b, t, f])), UNITS[NAMES[f]]))
    return {"twin.csv": long_csv(rows)}


def pixels(images: NDArray[Any], ids: Any) -> Files:
    """Grey values of images, a line for each of their rows."""
    lines = ["record_id,row," + ",".join(f"pixel {i + 1}" for i in range(images.shape[2]))]
    for b, y in np.ndindex(*images.shape[:2]):
        lines.append(f"{ids[b]},{y + 1}," + ",".join(str(v) for v in images[b, y].tolist()))
    return {"twin.csv": "\n".join([*lines, ""]).encode()}


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases, each with a trap of the format."""
    x, features, ids = series(), np.array(NAMES), np.array(["a", "b", "c"])
    hours = np.array([[0, 1.5, 2.25, 40]] * 3)
    large = np.array([2**60, 2**60 + 1, 2**63 - 1])
    zeros, mask = np.nan_to_num(x, nan=0.0), ~np.isnan(x)
    grey = np.random.default_rng(0).integers(0, 256, (3, 4, 6), dtype=np.uint8)
    flat = {"record_id": np.repeat(ids, 4), "hours": hours.reshape(-1), "HR": x[..., 0].reshape(-1)}
    kind = [("record_id", "U3"), ("hours", ">f8"), ("HR", "<f4")]
    records = np.array(list(zip(*flat.values(), strict=True)), dtype=kind)
    start = np.datetime64("2026-03-28T23:30")
    moments = start + (hours * 60).astype("timedelta64[m]")
    only_hr = np.full_like(x, np.nan)
    only_hr[..., 0] = x[..., 0]
    numbered = ["1", "2", "3"]
    y = np.array([0, 1, 1])

    def case(name: str, expected: Files, compress: bool = True, **arrays: Any) -> tuple[str, Files, Files]:
        return name, {"stays.npz": packed(compress, **arrays)}, expected

    lengths = np.array([4, 2, 1])
    return [
        case("float64, not packed", twin(x, ids), False, x=x, features=features, ids=ids),
        case("float32 keeps its decimals", twin(x, ids), x=x.astype(np.float32), features=features, ids=ids, y=y),
        case("other byte order", twin(x, ids), x=x.astype(">f8"), features=features.astype(">U12"), ids=ids),
        case("order of Fortran", twin(x, ids), x=np.asfortranarray(x), features=features, ids=ids),
        case("whole numbers", twin(only_hr, ids), x=x[..., :1].astype(np.int16), features=features[:1], ids=ids),
        case("mask", twin(x, ids), x=zeros, mask=mask, features=features, ids=ids),
        case(
            "mask of numbers, values of two bytes",
            twin(only_hr, ids),
            x=x[..., :1].astype(np.float16),
            mask=mask[..., :1].astype(np.float32),
            features=features[:1],
            ids=ids,
        ),
        case(
            "lengths",
            twin(x, ids, lengths=lengths),
            x=np.where(np.arange(4)[:, None] < lengths[:, None, None], x, 0),
            lengths=lengths,
            features=features,
            ids=ids,
        ),
        case("hours of each stay", twin(x, ids, hours), x=x, hours=hours, features=features, ids=ids),
        case("hours of all", twin(x, ids, hours), x=x, hours=hours[0], features=features, ids=ids),
        case("moments", twin(x, ids, hours), x=x, times=moments, features=features, ids=ids),
        case("identifiers that no float holds", twin(x, large), x=x, features=features, ids=large),
        case("text in bytes", twin(x, ids), x=x, features=np.char.encode(features, "utf-8"), ids=ids.astype("S")),
        case("stays without identifiers", twin(x, numbered), x=x, features=features),
        case("one stay", twin(x[:1], ["1"], hours), x=x[0], features=features, hours=hours[0]),
        case("an array a variable", twin(only_hr, ids, hours), HR=x[..., 0], hours=hours, ids=ids),
        case("columns of a table", twin(only_hr, ids, hours), **flat),
        case("records", twin(only_hr, ids, hours), table=records),
        case(
            "splits",
            twin(np.concatenate([x, x]), [*(f"train {i}" for i in numbered), *(f"test {i}" for i in numbered)]),
            **{"x_train": x, "y_train": y, "x_test": x, "y_test": y, "features": features},
        ),
        case(
            "images of MedMNIST",
            pixels(grey, [f"train {i}" for i in numbered]),
            train_images=grey,
            train_labels=y[:, None],
        ),
        case("images with a channel", pixels(grey, ids), images=grey[..., None], ids=ids),
    ]
