"""What was removed from one place and stands in another: found at the borders of words and numbers.

A text is taken apart into its words, its runs of digits and its Chinese characters, so that "445506" is found in "bed
of M-445506" and not in "14455067". A search costs what the text is long, however many texts were removed.
"""

import re
import unicodedata
from collections.abc import Iterable

_IDEOGRAPHS = "\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_PARTS = re.compile(rf"[0-9]+|[{_IDEOGRAPHS}]|(?:(?![0-9{_IDEOGRAPHS}_])\w)+")
_LONGEST = 12
"""Parts of a removed text that are compared; a longer one is recognised by its first."""

FEWEST_DIGITS, FEWEST_LETTERS, FEWEST_IDEOGRAPHS = 5, 4, 2


class Repeats:
    """The removed texts."""

    def __init__(self) -> None:
        self._known: set[tuple[str, ...]] = set()
        self._lengths: dict[str, set[int]] = {}

    def add(self, texts: Iterable[str], words_too: bool = False) -> None:
        """Look for these texts and for the numbers in them; for each of their words as well where that is asked."""
        for text in texts:
            parts = _parts(text)
            self._add(parts)
            for part in parts:
                if part.isdigit() or words_too:
                    self._add((part,))

    def _add(self, parts: tuple[str, ...]) -> None:
        if parts and not _says_little(parts):
            parts = parts[:_LONGEST]
            self._known.add(parts)
            self._lengths.setdefault(parts[0], set()).add(len(parts))

    def within(self, text: str) -> bool:
        """Whether one of them stands in a text."""
        parts = _parts(text)
        return any(parts[i : i + n] in self._known for i, part in enumerate(parts) for n in self._lengths.get(part, ()))


def _parts(text: str) -> tuple[str, ...]:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(_PARTS.findall(plain.casefold()))


def _says_little(parts: tuple[str, ...]) -> bool:
    """Whether they are too short, or too plain a number, to tell anything when they stand somewhere else."""
    whole = "".join(parts)
    if whole.isdigit():  # "120/80" is a pressure and no number of a patient
        return max(map(len, parts)) < FEWEST_DIGITS and len(whole) < 8
    return len(whole) < (FEWEST_IDEOGRAPHS if any(ord(c) > 0x2E80 for c in whole) else FEWEST_LETTERS)
