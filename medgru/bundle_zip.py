"""A bundle as a zip of exactly its files, and back.

A zip may come from a stranger. It is unpacked only if it holds the files of a bundle and nothing else, at
the top or in one folder, and sizes are counted while unpacking, not believed.
"""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from medgru.bundle import ALLOWED, FILES, MAX_JSON_BYTES, MAX_WEIGHT_BYTES, SUMS, BundleInfo, describe_bundle, largest
from medgru.errors import BundleError

MAX_ZIP_BYTES = MAX_WEIGHT_BYTES + len(ALLOWED) * MAX_JSON_BYTES
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's list of contents
_MAX_ENTRIES = 64
_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK = 2**20
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
    IndexError,  # an entry without any name
)


def pack(info: BundleInfo) -> bytes:
    """The bundle's files in a folder of its id; the same bundle always gives the same bytes.

    Raises:
        BundleError: It was damaged or changed since it was described.
    """
    files = sorted(describe_bundle(info.path).checksums)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (*files, SUMS):
            entry = zipfile.ZipInfo(f"{info.id}/{file}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, (info.path / file).read_bytes())
    return out.getvalue()


def unpack(content: bytes, folder: Path) -> str:
    """Write the files of a zipped bundle into an empty folder; checking what they say is `describe_bundle`'s work.

    Returns:
        The name of the folder they were in, empty where they were in none.

    Raises:
        BundleError: It is no zip, or holds anything but the files of one bundle; the message names it.
    """
    if len(content) > MAX_ZIP_BYTES:
        raise BundleError(f"The zip is larger than {MAX_ZIP_BYTES // 2**20} MiB, the most a model may have.")
    # Before Python makes an object of each of a million entries.
    if content.count(_ENTRY) > _MAX_ENTRIES:
        raise BundleError(f"The zip holds far more files than the {len(ALLOWED)} of a model. Export the model anew.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries, name = _entries(archive)
            for file, entry in entries.items():
                _unpack_one(archive, entry, folder / file, largest(file))
    except _DAMAGED as error:
        raise BundleError(f"The file is no whole zip ({type(error).__name__}). Export the model anew.") from None
    return name


def _entries(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], str]:
    """Each file of the bundle by name, once nothing else is in the zip; and the folder they are in."""
    entries: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for entry in archive.infolist():
        folder, _, file = entry.filename.rpartition("/")
        if entry.is_dir() and file == "" and folder and "/" not in folder:
            folders.add(folder)
            continue
        shown = ascii(entry.filename[:60])
        # ZipInfo cuts names at a null byte and knows what was there before.
        outside = entry.filename.startswith("/") or "/" in folder or folder in (".", "..")
        if file not in ALLOWED or outside or entry.orig_filename != entry.filename:
            raise BundleError(
                f"The zip holds {shown}, which is no file of a model. A model is a zip of "
                f"{', '.join((*FILES, SUMS))} and perhaps task.json, at the top or in one folder."
            )
        if file in entries:
            raise BundleError(f"The zip holds {file} twice. Export the model anew.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1 or entry.compress_type not in _PLAIN:
            raise BundleError(f"{shown} in the zip is a link, encrypted or packed in an unusual way. Export it anew.")
        entries[file] = entry
        folders.add(folder)
    if len(folders) > 1:
        raise BundleError("The zip holds files in several folders; a model's files lie in one. Export the model anew.")
    if missing := sorted({*FILES, SUMS} - set(entries)):
        raise BundleError(f"The zip lacks {', '.join(missing)} of a model. Export the model anew.")
    return entries, folders.pop()


_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, limit: int) -> None:
    size = 0
    with archive.open(entry) as packed, path.open("xb") as out:
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise BundleError(f"{path.name} in the zip is larger than {limit // 2**20} MiB. Export the model anew.")
            out.write(chunk)
