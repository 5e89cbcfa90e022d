"""Pictures as PNG, JPEG and DICOM, and their grey values as a plain table with a row for each row of the picture.

No shipped task knows pixels: the pairs are read for a task of their own.
"""

import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

Files = dict[str, bytes]
WIDTH = 6


def table_csv(pictures: dict[str, NDArray[Any]]) -> bytes:
    """Grey values of pictures by the identifier of each."""
    lines = ["record_id,row," + ",".join(f"pixel {x}" for x in range(1, WIDTH + 1))]
    for record_id, grey in pictures.items():
        for y, row in enumerate(grey, start=1):
            lines.append(f"{record_id},{y}," + ",".join(repr(float(v)) for v in row))
    return "\n".join([*lines, ""]).encode()


def packed(pixels: NDArray[Any], form: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """A picture written by Pillow."""
    from PIL import Image

    data = io.BytesIO()
    image = Image.fromarray(pixels)
    if mode is not None:
        image = image.convert(mode)
    image.save(data, form, **options)
    return data.getvalue()


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Grey in whole numbers, as ITU-R BT.601 has it and Pillow rounds it."""
    red, green, blue = (rgb[..., i].astype(np.int64) for i in range(3))
    return (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16


def dicom(stored: NDArray[Any], *, syntax: str = "ExplicitVRLittleEndian", photometric: str, **more: Any) -> bytes:
    """An image, (H, W), (frames, H, W) or (H, W, 3), written by pydicom."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset

    uid = getattr(pydicom.uid, syntax)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid
    meta.MediaStorageSOPClassUID = pydicom.uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "0815", "19610203"
    color = stored.shape[-1] == 3
    dataset.SamplesPerPixel = 3 if color else 1
    if color:
        dataset.PlanarConfiguration = 0
    elif stored.ndim == 3:
        dataset.NumberOfFrames = len(stored)
    dataset.Rows, dataset.Columns = stored.shape[:2] if color else stored.shape[-2:]
    dataset.PhotometricInterpretation = photometric
    bits = stored.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    for name, value in more.items():
        setattr(dataset, name, value)
    big = syntax == "ExplicitVRBigEndian"
    data = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset.PixelData = data + b"\x00" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    if syntax == "RLELossless":
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.compress(uid)
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr="Implicit" in syntax, little_endian=not big, enforce_file_format=True)
    return out.getvalue()


def pairs() -> list[tuple[str, Files, Files]]:
    """Name of the case, files of the format, files of the twin."""
    from PIL import Image

    rng = np.random.default_rng(6)
    found: list[tuple[str, Files, Files]] = []

    def add(name: str, files: Files, pictures: dict[str, NDArray[Any]]) -> None:
        found.append((name, files, {"twin.csv": table_csv(pictures)}))

    grey = rng.integers(0, 256, (9, WIDTH), dtype=np.uint8)
    deep = rng.integers(0, 65_536, (9, WIDTH), dtype=np.uint16)
    rgb = rng.integers(0, 256, (9, WIDTH, 3), dtype=np.uint8)
    add("png grey", {"a.png": packed(grey)}, {"a": grey})
    add("png 16 bits", {"a.png": packed(deep)}, {"a": deep})
    add("png colours", {"a.png": packed(rgb)}, {"a": luma(rgb)})
    few = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [255, 255, 255]], np.uint8)[rng.integers(0, 4, (9, WIDTH))]
    palette = packed(few, mode="P", palette=None)
    add("png palette", {"a.png": palette}, {"a": luma(np.asarray(Image.open(io.BytesIO(palette)).convert("RGB")))})
    add("png black and white", {"a.png": packed(grey > 99)}, {"a": np.where(grey > 99, 255, 0)})
    see_through = np.dstack([rgb, np.where(grey > 99, 255, 0).astype(np.uint8)])
    add("png transparent", {"a.png": packed(see_through)}, {"a": np.where(grey > 99, luma(rgb), 0)})
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: a quarter turn clockwise makes it right
    turned = np.rot90(grey)
    add("png turned by EXIF", {"a.png": packed(np.ascontiguousarray(turned), exif=exif)}, {"a": grey})
    large = rng.integers(0, 256, (600, 2 * WIDTH), dtype=np.uint8)
    means = large.reshape(300, 2, WIDTH, 2).mean(axis=(1, 3))
    add("png reduced", {"a.png": packed(large)}, {"a": means})
    flat = np.full((16, WIDTH), 77, np.uint8)
    add("jpeg", {"a.jpg": packed(flat, "JPEG", quality=100)}, {"a": flat})
    two = rng.integers(0, 256, (4, WIDTH), dtype=np.uint8)
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("one.png", packed(grey))
        archive.writestr("deep/two.png", packed(two))
    add("png in a zip", {"all.zip": box.getvalue()}, {"one": grey, "two": two})

    signed = rng.integers(-1_000, 1_000, (8, WIDTH), dtype=np.int16)
    hounsfield = {"RescaleSlope": "0.5", "RescaleIntercept": "-1024"}
    plain = {"photometric": "MONOCHROME2"}
    for syntax in ("ExplicitVRLittleEndian", "ImplicitVRLittleEndian", "ExplicitVRBigEndian", "RLELossless"):
        data = dicom(signed, syntax=syntax, **plain, **hounsfield)
        add(f"dicom rescaled, {syntax}", {"ct.dcm": data}, {"ct": signed * 0.5 - 1024})
    data = dicom(deep, syntax="DeflatedExplicitVRLittleEndian", **plain)
    add("dicom deflated", {"ct.dcm": data}, {"ct": deep})
    data = dicom(deep & 0xFFF, photometric="MONOCHROME1", BitsStored=12, HighBit=11)
    add("dicom white is low", {"xr.dcm": data}, {"xr": 4095 - (deep & 0xFFF).astype(np.int64)})
    frames = rng.integers(0, 256, (3, 5, WIDTH), dtype=np.uint8)
    pictures = {f"us frame {i}": frame for i, frame in enumerate(frames, start=1)}
    add("dicom frames", {"us.dcm": dicom(frames, **plain)}, pictures)
    data = dicom(rgb, photometric="RGB")
    add("dicom colours", {"us.dcm": data}, {"us": rgb @ np.array([0.299, 0.587, 0.114])})
    return found
