"""What stands in one cell: a number in the style of its country, a comparator, a flag, a unit.

A number is read only where it can be read in one way. Which mark is the decimal one is decided by all cells of a
column; "1,234" in a column that does not say it is left to a person.
"""

import re
from dataclasses import dataclass

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Not NFKC, which makes "10³" into "103".
_SAME = str.maketrans(
    _FULL_WIDTH
    | dict.fromkeys(
        map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"), " "
    )
    | dict.fromkeys(map(ord, "\u2212\u2012\u2013\ufe63"), "-")
    | dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u00b4"), "'")
    | dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff"), "")
    | {ord("℃"): "°C", ord("℉"): "°F", ord("⩽"): "≤", ord("⩾"): "≥", ord("º"): "°"}
)

CLEAR_COMMA = r"^[+-]?([0-9]*,([0-9]{1,2}|[0-9]{4,})|0*,[0-9]+|[0-9]{4,},[0-9]+)([eE][+-]?[0-9]+)?$"
"""Texts in which the comma can only be the decimal mark: "36,6", "0,123"."""
CLEAR_POINT = r"^[+-]?([0-9]*\.([0-9]{1,2}|[0-9]{4,})|0*\.[0-9]+|[0-9]{4,}\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""Texts in which the point can only be the decimal mark: "36.6", "0.123"."""
OPEN_POINT = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"
"""Texts in which the point may be either: "7.412", "1.234"."""

_ABOUT = re.compile(r"^(?:(?P<than>[<>≤≥]=?|=[<>])\s*|(?:[*!↑↓]|[HL]\s)\s*)?(?P<rest>[+-]?[0-9.,].*)$")
_NUMBER = re.compile(r"(?P<number>[+-]?(?:[0-9](?:[0-9.,']|[ ](?=[0-9]{3}(?![0-9])))*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)")
# A bare L may be a litre; a plus beside one digit is a grade ("2+"), and a minus may be a sign put last.
_FLAG = re.compile(
    r"\s*(?:[*!↑↓]{1,3}|\(\s*(?:H|HH|L|LL|N|A|\+|-|↑|↓|\*)\s*\)|H{1,2}|LL|\s[+-]{1,2}|\[\s*(?:H|HH|L|LL)\s*\]|"
    r"(?<=[0-9]{2})\+|(?<=[0-9][.,][0-9])\+)$"
)
_GROUPS = re.compile(r"[0-9]{1,3}([ '])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]+)?")
_OPEN = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


LONGEST_CELL = 60
"""Longer cells are a text, not a number with something beside it."""


@dataclass(frozen=True)
class Style:
    """How the numbers of a column are written.

    Attributes:
        comma, point: Whether that mark is the decimal one; both where a column has both, none where it does not say.
        of_table: Whether only the rest of the table says so.
    """

    comma: bool = False
    point: bool = False
    of_table: bool = False

    @classmethod
    def of(cls, n_comma: int, n_point: int, comma_elsewhere: bool) -> "Style":
        """The style of a column with so many clear cells of either kind."""
        if n_comma or n_point:
            return cls(n_comma > 0, n_point > 0)
        return cls(comma=comma_elsewhere, of_table=True)

    def groups(self, mark: str) -> bool | None:
        """Whether the mark in "1,234" or "1.234" is that of thousands; None where nobody can say."""
        if self.comma and self.point:
            return None
        if mark == ",":
            return False if self.comma else True if self.point else None
        if self.comma:
            return None if self.of_table else True
        return False


@dataclass(frozen=True)
class Cell:
    """A cell read.

    Attributes:
        value: Its number.
        limited: Whether the number is a limit: "<5".
        unit: What stands behind the number, "" where nothing does.
        bare: The text without it.
    """

    value: float
    limited: bool = False
    unit: str = ""
    bare: str = ""


def plain(text: str) -> str:
    """The text with the digits, spaces and signs of a keyboard."""
    return text.translate(_SAME).strip()


def read_cell(text: str, style: Style) -> Cell | None:
    """What the cell says, None where it is no number or could be two."""
    if len(text) > LONGEST_CELL:
        return None
    about = _ABOUT.match(plain(text))
    if about is None:
        return None
    found = _NUMBER.match(about["rest"])
    if found is None:
        return None
    number, behind = found["number"], about["rest"][found.end() :]
    behind = "" if _FLAG.fullmatch(number[-3:] + behind, min(3, len(number))) else _unflagged(behind)
    if behind and " " in number.strip():
        return None  # "12 103/µL" may mean 10³
    value = _value(number, style)
    return None if value is None else Cell(value, about["than"] is not None, behind, (about["than"] or "") + number)


def _unflagged(behind: str) -> str:
    """The unit without the flag behind it."""
    unit = behind.strip()
    flagged = re.fullmatch(r"(.*\S)\s*(?:[*!↑↓]{1,3}|\((?:H|HH|L|LL|N|A)\)|\s(?:H{1,2}|L{1,2}))", unit)
    unit = (flagged.group(1) if flagged else unit).strip()
    inner = re.fullmatch(r"[\[(]([^\[\]()]+)[\])]", unit)
    return (inner.group(1) if inner else unit).strip()


def _value(text: str, style: Style) -> float | None:
    sign = -1.0 if text.startswith("-") else 1.0
    body, _, power = text.lstrip("+-").partition("e" if "e" in text else "E")
    if " " in body or "'" in body:
        if not _GROUPS.fullmatch(body):
            return None
        body = body.replace(" ", "").replace("'", "").replace(",", ".")
    elif "," in body and "." in body:
        inner, mark = (",", ".") if body.rfind(".") > body.rfind(",") else (".", ",")
        if not re.fullmatch(rf"[0-9]{{1,3}}(?:\{inner}[0-9]{{3}})+\{mark}[0-9]*", body):
            return None
        body = body.replace(inner, "").replace(mark, ".")
    elif body.count(",") + body.count(".") > 1:
        mark = "," if "," in body else "."
        if not re.fullmatch(rf"[0-9]{{1,3}}(?:\{mark}[0-9]{{3}})+", body):
            return None
        body = body.replace(mark, "")
    elif _OPEN.fullmatch(body) and not power:
        mark = "," if "," in body else "."
        groups = style.groups(mark)
        if groups is None:
            return None
        body = body.replace(mark, "" if groups else ".")
    else:
        body = body.replace(",", ".")
    try:
        return sign * float(f"{body}e{power}" if power else body)
    except ValueError:
        return None
