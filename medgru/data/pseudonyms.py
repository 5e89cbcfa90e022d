"""What identifiers of stays become when identifiers are removed, and what is said once the old ones fit no more."""

import re
from collections.abc import Collection, Iterable

_PREFIXES = ("P", "Q", "PX", "QX", "PZZ")
_DIGITS = 4
_PSEUDONYM = re.compile(rf"(?:{'|'.join(_PREFIXES)})[0-9]{{{_DIGITS},}}")

BEFORE_REMOVAL = (
    "Files of outcomes with the original identifiers do not fit any more: bring them before identifiers are removed, "
    "together with the measurements."
)


def pseudonyms(names: Collection[str]) -> dict[str, str]:
    """The pseudonym of each identifier, in their order; none of them is an identifier itself."""
    width = max(_DIGITS, len(str(len(names))))
    prefix = next(p for p in _PREFIXES if not any(f"{p}{i:0{width}}" in names for i in (1, 2, 3)))
    return {name: f"{prefix}{i:0{width}}" for i, name in enumerate(names, start=1)}


def why_apart(record_ids: Iterable[str]) -> str:
    """A sentence where stays seem to bear pseudonyms: a file with the original identifiers cannot fit; else ""."""
    ids = list(record_ids)
    if not ids or not all(map(_PSEUDONYM.fullmatch, ids)):
        return ""
    return (
        " The stays are called like pseudonyms: if identifiers were removed, the original ones cannot be joined to "
        "them. Bring the original files again, the outcomes together with the measurements, and remove identifiers "
        "after that."
    )
