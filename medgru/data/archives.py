"""Archives opened in memory: .zip, .tar, .tar.gz, .tar.xz. Nothing is ever written to disk.

Every size that an archive declares may be a lie, so unpacking stops at the limit itself.
"""

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from medgru.data.source import MAX_FILES, Blob
from medgru.errors import DataError, UnsafeFileError
from medgru.settings import settings

MAX_RATIO = 200
"""Most bytes that one packed byte may become, once `RATIO_FROM` are reached: text shrinks 5 to 20 times."""

RATIO_FROM = 32 << 20

ZIP, GZIP, XZ = b"PK\x03\x04", b"\x1f\x8b", b"\xfd7zXZ\x00"
_ARCHIVE_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".xz", ".txz", ".7z", ".rar", ".bz2", ".zst")
_BLOCK = 1 << 20


def is_archive(data: bytes) -> bool:
    """Whether the bytes are an archive of files (or one packed file); workbooks are not meant."""
    return data.startswith((ZIP, b"PK\x05\x06", GZIP, XZ)) or data[257:262] == b"ustar"


def unpack(name: str, data: bytes, source: int = 0) -> Iterator[Blob]:
    """The files in an archive, folders and hidden files left out.

    Raises:
        UnsafeFileError: A member points outside (absolute path, `..`, link), is an archive itself, or
            the content is larger than the limits.
        DataError: The archive is damaged, empty or locked with a password.
    """
    try:
        if data.startswith((ZIP, b"PK\x05\x06")):
            yield from _from_zip(name, data, source)
        else:
            yield from _from_tar(name, data, source)
    except NotImplementedError:
        raise DataError(f"{name} is packed in a way that cannot be read. Pack it as a plain .zip or .tar.xz.") from None
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError):
        raise DataError(f"{name} is damaged or was cut off. Download or export it again.") from None


def check_zip(name: str, data: bytes, limit_mb: int | None = None) -> zipfile.ZipFile:
    """Open a zip (or a workbook, which is one) after checking what it would unpack to.

    Args:
        name: For the message.
        data: The bytes.
        limit_mb: Most MiB that it may unpack to; None for `settings().max_unpacked_mb`.

    Raises:
        UnsafeFileError: Too large, too many members, or packed too tightly to be honest.
        zipfile.BadZipFile: Damaged.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (OSError, ValueError, OverflowError) as error:
        raise zipfile.BadZipFile(str(error)) from None
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise UnsafeFileError(f"{name} holds {len(members):,} files; at most {MAX_FILES:,} are read. Split it.")
    _check_size(name, sum(m.file_size for m in members), len(data), limit_mb)
    return archive


def _from_zip(name: str, data: bytes, source: int) -> Iterator[Blob]:
    archive = check_zip(name, data)
    members = archive.infolist()
    for member in members:
        is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
        _check_path(name, member.orig_filename, is_link)
    found = False
    for member in members:
        if member.is_dir() or _is_hidden(member.filename):
            continue
        found = True
        _check_nested(name, member.filename)
        if member.flag_bits & 0x1:
            raise DataError(f"{name} is locked with a password. Unlock it and pack it again without one.")
        content = archive.read(member)
        yield _blob(name, member.filename, content, source)
    if not found:
        raise DataError(f"{name} holds no files. Pack the data files into it again.")


def _from_tar(name: str, data: bytes, source: int) -> Iterator[Blob]:
    content = _inflate(name, data)
    if content[257:262] != b"ustar":
        if data.startswith((GZIP, XZ)):  # one packed file, such as table.csv.gz
            inner = name.rsplit(".", 1)[0] if name.lower().endswith((".gz", ".xz")) else name
            _check_nested(name, inner, content)
            yield Blob(inner, content, source)
            return
        raise DataError(f"{name} is not an archive that can be read. Pack the files as .zip or .tar.xz.")
    view = memoryview(content)
    found = 0
    for member, start, end in _plain_members(content) or _any_members(name, content):
        _check_path(name, member, is_link=False)
        if _is_hidden(member):
            continue
        _check_nested(name, member)
        found += 1
        if found > MAX_FILES:
            raise UnsafeFileError(f"{name} holds more than {MAX_FILES:,} files. Split it.")
        if end > len(content):
            raise DataError(f"{name} is damaged or was cut off. Download or export it again.")
        yield _blob(name, member, view[start:end], source)
    if not found:
        raise DataError(f"{name} holds no files. Pack the data files into it again.")


def _any_members(name: str, content: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, begin and end of each file of a tar, through tarfile."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            if member.size < 0:
                raise tarfile.ReadError("a size below zero")  # the next member would be this one again
            if member.isdir():
                continue
            _check_path(name, member.name, is_link=not member.isfile() or member.sparse is not None)
            yield member.name, member.offset_data, member.offset_data + member.size


def _plain_members(content: bytes) -> list[tuple[str, int, int]] | None:
    """The same for a tar of plain files with short names; None where tarfile must look at it.

    tarfile takes longer to walk over 4,000 small files than it takes to parse them.
    """
    found: list[tuple[str, int, int]] = []
    position = 0
    while position + 512 <= len(content):
        head = content[position : position + 512]
        if not head.strip(b"\0"):
            return found
        try:
            size, checksum = (int(head[a:b].strip(b"\0 ") or b"0", 8) for a, b in ((124, 136), (148, 156)))
            name = (head[345:500].rstrip(b"\0") + b"/" + head[:100].rstrip(b"\0")).decode("ascii").removeprefix("/")
        except ValueError:
            return None
        kind, start = head[156:157], position + 512
        if size < 0:
            return None
        if len(found) > MAX_FILES:
            return found
        if checksum != sum(head) - sum(head[148:156]) + 256 or head[:1] == b"/" or not head.startswith(b"ustar", 257):
            return None
        position = start + -(-size // 512) * 512
        if kind in (b"0", b"\0"):
            found.append((name, start, start + size))
        elif kind == b"x":  # more on the next member: harmless unless it changes its name, size or kind
            if any(word in content[start : start + size] for word in (b"path=", b"size=", b"sparse")):
                return None
        elif kind != b"5":
            return None
    return None


def _inflate(name: str, data: bytes) -> bytes:
    """Undo gzip or xz, at most up to the limit."""
    if not data.startswith((XZ, GZIP)):
        _check_size(name, len(data), len(data))
        return data
    parts, total = [], 0
    packed = io.BytesIO(data)
    with lzma.LZMAFile(packed) if data.startswith(XZ) else gzip.GzipFile(fileobj=packed) as stream:
        while part := stream.read(_BLOCK):
            total += len(part)
            _check_size(name, total, len(data))
            parts.append(part)
    return b"".join(parts)


def _check_size(name: str, unpacked: int, packed: int, limit_mb: int | None = None) -> None:
    limit = settings().max_unpacked_mb if limit_mb is None else limit_mb
    if unpacked > limit << 20:
        raise UnsafeFileError(
            f"{name} unpacks to more than {limit} MB, which is refused to protect this computer. "
            "Split it into smaller archives."
        )
    if unpacked > RATIO_FROM and unpacked > MAX_RATIO * packed:
        raise UnsafeFileError(
            f"{name} unpacks to more than {MAX_RATIO} times its size, which no table of measurements does. "
            "It is refused to protect this computer; bring the files unpacked."
        )


def _check_path(name: str, member: str, is_link: bool) -> None:
    parts = member.replace("\\", "/").split("/")
    if is_link:
        raise UnsafeFileError(f"{name} holds a link or a special file instead of data. Pack only plain files into it.")
    if not member or parts[0] == "" or ".." in parts or parts[0].endswith(":") or "\x00" in member:
        raise UnsafeFileError(
            f"{name} holds a file whose path points outside the archive. Pack the files again, by name only."
        )


def _check_nested(name: str, member: str, content: bytes | None = None) -> None:
    if member.lower().endswith(_ARCHIVE_ENDINGS) or (content is not None and is_archive(content)):
        raise UnsafeFileError(f"{name} holds another archive. Unpack that one first and bring its files.")


def _is_hidden(member: str) -> bool:
    parts = member.split("/")
    return parts[-1].startswith(".") or "__MACOSX" in parts


def _blob(name: str, member: str, content: bytes | memoryview, source: int) -> Blob:
    return Blob(f"{name} › {member.rsplit('/', 1)[-1]}", content, source)
