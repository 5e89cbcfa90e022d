"""Pictures as sequences of rows: grey values right, sizes bounded, bombs and cut files refused."""

import io
import struct
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from medgru.data import Source, build, inspect
from medgru.data.images import MAX_SIDE, read_images, reduce
from medgru.data.new_task import define, examine
from medgru.data.readers import read_tables
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY
from tests.twins.images import packed

RNG = np.random.default_rng(13)
FEW = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
GREY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)


def read(files: dict[str, bytes]) -> tuple[list[Table], list[Refusal]]:
    return read_tables([Source(name, data) for name, data in files.items()])


def only(data: bytes, name: str = "a.png") -> Table:
    tables, refused = read({name: data})
    assert not refused
    assert len(tables) == 1
    return tables[0]


def problem(data: bytes, name: str = "a.png") -> str:
    tables, refused = read({name: data})
    assert not tables
    assert refused[0].problem.endswith(".")
    return refused[0].problem


def pixels(table: Table) -> np.ndarray:
    return np.column_stack([table.data.column(name).to_numpy() for name in table.columns[2:]])


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG whose header declares that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_a_jpeg_has_the_grey_values_of_its_decoder():
    noise = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    four_inks = packed(noise, "JPEG", mode="CMYK")
    for data in (packed(noise, "JPEG"), packed(noise, "JPEG", progressive=True), packed(GREY, "JPEG"), four_inks):
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
        np.testing.assert_array_equal(pixels(only(data, "a.jpeg")), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_as_its_camera_was_held(orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = packed(GREY, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(pixels(only(data)), expected)


@given(st.integers(1, 1300), st.integers(1, 1300))
@hypothesis_settings(max_examples=15, deadline=None)
def test_a_large_picture_becomes_means_of_its_blocks(height, width):
    grey = np.add.outer(np.arange(height), np.arange(width)) % 251
    small = reduce(grey)
    factor = -(-max(height, width) // MAX_SIDE)
    assert max(small.shape) <= MAX_SIDE
    for y, x in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1)):
        block = grey[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
        assert small[y, x] == pytest.approx(block.mean())


def test_what_is_done_to_a_picture_is_said():
    large = packed(RNG.integers(0, 256, (300, 1200), dtype=np.uint8))
    assert only(large).notes == ("a.png: reduced from 1200 x 300 to 400 x 100 pixels, each the mean of up to 3 x 3.",)
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    film = io.BytesIO()
    frames[0].save(film, "PNG", save_all=True, append_images=frames[1:])
    table = only(film.getvalue())
    assert table.notes == ("a.png: it holds several pictures; only the first was read.",)
    np.testing.assert_array_equal(pixels(table), GREY)


def test_pictures_of_one_width_share_a_table_and_keep_their_names():
    files = {"x/a.png": GREY, "b.jpg": GREY[:5], "c.png": GREY[:, :7], "y/a.png": GREY, "a (2).png": GREY}
    tables, refused = read({name: packed(grey) for name, grey in files.items()})
    assert not refused
    assert [(len(t), len(t.columns)) for t in tables] == [(65, 32), (20, 9)]
    assert tables[0].data.column("record_id").combine_chunks().dictionary.to_pylist() == ["a", "b", "a (3)", "a (2)"]
    assert tables[0].notes == ("y/a.png: another file has the same name, so this recording is called a (3).",)


def test_a_bomb_is_refused_before_it_is_decoded():
    begin = time.perf_counter()
    assert "million pixels" in problem(png(60_000, 60_000, bytes(1000)))
    assert "million pixels" in problem(png(9_000, 9_000, bytes(1000)))
    assert problem(png(2**31 - 1, 2**31 - 1, b""))
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    jpeg = packed(np.zeros((4000, 4000), np.uint8), "JPEG", progressive=True)
    assert "passes" in problem(jpeg[:-2] + scan * 1000 + jpeg[-2:], "a.jpg")
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(("form", "name"), [("PNG", "a.png"), ("JPEG", "a.jpg")])
def test_a_cut_picture_is_refused(form, name):
    data = packed(RNG.integers(0, 256, (100, 100), dtype=np.uint8), form)
    for end in (len(data) // 2, 40, 10):
        assert problem(data[:end], name) == "is damaged or was cut off. Save or export it again."


def test_pictures_that_do_not_fit_are_refused_and_the_others_read(monkeypatch):
    monkeypatch.setattr("medgru.data.signals.settings", lambda: replace(settings(), max_rows=110))
    tables, refused = read({f"{i}.png": packed(GREY) for i in range(3)})
    # 20 rows of 30 pixels are 600 values; 12 times 110 are allowed.
    assert [t.names for t in tables] == [("0.png", "1.png")]
    assert [r.file for r in refused] == ["2.png"]
    assert refused[0].problem.startswith("holds 20 rows of 30 pixels, too much together with the files before it")


def test_a_picture_holds_nothing_for_the_shipped_task_and_that_is_said():
    inspection = inspect([Source("a.png", packed(GREY))], ICU_MORTALITY)
    assert not inspection.mapping.guessed, "a row of a picture is no minute, and nothing is asked"
    with pytest.raises(DataError, match=r"a\.png is a picture\. The model was trained on measurements"):
        build(inspection, inspection.mapping)


def test_a_new_task_counts_the_rows_of_pictures_as_steps():
    files = {f"x{i}.png": packed((RNG.random((9, 6)) * 90 + 90 * (i % 2)).astype(np.uint8)) for i in range(12)}
    files["labels.csv"] = ("record_id,outcome\n" + "".join(f"x{i},{'ab'[i % 2]}\n" for i in range(12))).encode()
    sources = [Source(name, data) for name, data in files.items()]

    proposal = examine(sources)
    stays = define(proposal).recordings

    assert not proposal.problems
    assert (proposal.choices.time, proposal.choices.time_unit, proposal.choices.label) == ("row", "steps", "outcome")
    assert set(stays.hours.tolist()) == set(range(1, 10))
    again = inspect(sources[:1], stays.task)
    assert set(build(again, again.mapping).hours.tolist()) == set(range(1, 10))


@FEW
@given(st.data())
def test_a_damaged_picture_gives_a_table_or_a_refusal(data):
    content = bytearray(DAMAGED[data.draw(st.integers(0, len(DAMAGED) - 1))])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(3, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for found in read_images([Blob("a", bytes(content))]):
        assert isinstance(found, Table | Refusal)


DAMAGED = [
    packed(GREY),
    packed(GREY, "JPEG"),
    packed(GREY, mode="P"),
    packed(np.dstack([GREY] * 4), "PNG"),
    packed(np.dstack([GREY] * 3), "JPEG", progressive=True),
]
