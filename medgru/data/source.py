"""What the user brings: files by name and content, on disk or in memory."""

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from medgru.errors import DataError
from medgru.settings import settings

MAX_LOCAL_MB = 1024
"""Largest file read from this computer's own disk; what is uploaded has `settings().max_upload_mb`."""

MAX_FILES = 50_000
"""Most files in a folder or an archive."""

_BLOCK = 1 << 18
_MAPPED_FROM = 4 << 20
_FEED, _RETURN, _QUOTE = b'\n\r"'


@dataclass(frozen=True)
class Source:
    """An uploaded or local file. The name of an upload is shown, and never used as a path."""

    name: str
    content: Path | bytes

    @classmethod
    def from_path(cls, path: Path) -> "Source":
        """The file at that path; it is opened only by `inspect`."""
        return cls(path.name, path)

    def read(self) -> bytes | memoryview:
        """The whole content; a large file on this computer's disk is mapped, not copied.

        Raises:
            DataError: It is missing, unreadable, empty or larger than allowed.
        """
        if isinstance(self.content, bytes):
            limit, size = settings().max_upload_mb, len(self.content)
        else:
            try:
                limit, size = MAX_LOCAL_MB, self.content.stat().st_size
            except OSError as error:
                raise DataError(f"{self.name} cannot be opened ({error.strerror}). Check the path.") from None
        if size > limit << 20:
            raise DataError(
                f"{self.name} is {size / 2**20:.0f} MB large; at most {limit} MB can be read at once. "
                "Split it into several files, or compress the text files into a .tar.xz."
            )
        if size == 0:
            raise DataError(f"{self.name} is empty (0 bytes). Export it again and check that it holds rows.")
        if isinstance(self.content, bytes):
            return self.content
        try:
            if size < _MAPPED_FROM:
                return self.content.read_bytes()
            with self.content.open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise DataError(f"{self.name} cannot be read ({error.strerror}). Check the permissions.") from None


@dataclass(frozen=True)
class Blob:
    """Bytes of one file, or of one member of an archive.

    Attributes:
        name: For the screen: "ward.zip › monday.csv" for a member.
        data: Its bytes.
        source: Position among the sources that the user gave.
    """

    name: str
    data: bytes | memoryview
    source: int = 0

    @property
    def lines(self) -> int:
        """Line ends in it; those of old Macs where there are no others."""
        return self._seen.feeds or self._seen.returns

    @property
    def is_ascii(self) -> bool:
        """Whether it holds nothing beyond ASCII."""
        return self._seen.is_ascii

    @property
    def is_quoted(self) -> bool:
        """Whether there are quotes in it."""
        return self._seen.quotes > 0

    @cached_property
    def _seen(self) -> "_Seen":
        """All that must be known of its bytes, found out in one go: block by block they stay in the core's cache."""
        data = np.frombuffer(self.data, np.uint8)
        blocks = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)]
        feeds = returns = quotes = highest = 0
        for block in blocks:
            feeds += int(np.count_nonzero(block == _FEED))
            quotes += int(np.count_nonzero(block == _QUOTE))
            highest = max(highest, int(block.max()))
        if not feeds:
            returns = sum(int(np.count_nonzero(block == _RETURN)) for block in blocks)
        return _Seen(feeds, returns, quotes, highest < 0x80)


@dataclass(frozen=True)
class _Seen:
    """How often a line feed, a carriage return (counted where there is no line feed) and a quote occur."""

    feeds: int
    returns: int
    quotes: int
    is_ascii: bool


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be used: its name, why (a sentence without the name), and whether it is dangerous."""

    file: str
    problem: str
    unsafe: bool = False


def sources(paths: Iterable[Path | str]) -> list[Source]:
    """The files at these paths; of a folder all files within, hidden ones left out, in order of name.

    Raises:
        DataError: A path does not exist, a folder holds no file, or there are too many.
    """
    found: list[Source] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            if not inside:
                raise DataError(f"The folder {path.name} holds no files. Choose the folder with the data files.")
            found += map(Source.from_path, inside)
        elif path.exists():
            found.append(Source.from_path(path))
        else:
            raise DataError(f"{path.name} does not exist. Check the path.")
        if len(found) > MAX_FILES:
            raise DataError(f"More than {MAX_FILES:,} files were given. Read them in several parts.")
    if not found:
        raise DataError("No file was given. Choose at least one file or folder.")
    return found
