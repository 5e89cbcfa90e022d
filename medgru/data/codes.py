"""Codes in the name of a variable: "Heart rate (LOINC 8867-4)", "LOINC//8867-4", "LOINC/8867-4", "OMOP 3027018".

Readers of coded formats name each variable by its words with the code behind them in brackets, or by the code alone;
what a code means stands with the features of the task.
"""

import re

_SYSTEMS = {"loinc": "LOINC", "omop": "OMOP", "mimic": "MIMIC", "snomed": "SNOMED"}
_CODE = re.compile(r"(?:^|[\s(/|;,])(loinc|omop|mimic|snomed)(?://?|[:\s]\s*)([0-9]{3,18}(?:-[0-9])?)\b", re.IGNORECASE)
_BARE_LOINC = re.compile(r"^[0-9]{3,5}-[0-9]$")
_MIMIC_EVENT = re.compile(
    r"^(?:lab|vitals?|chart\w*|subject_fluid_output|procedure)//(?:result//)?([0-9]{5,6})(?://|$)", re.IGNORECASE
)
"""Events of MIMIC-IV in MEDS: "LAB//220045//bpm", "LAB//RESULT//50912//mg/dL"."""


def with_code(words: str, system: str, code: str) -> str:
    """Name of a variable from its words, which may be empty, and its code: "Heart rate (LOINC 8867-4)"."""
    return f"{words} ({system} {code})" if words else f"{system} {code}"


def without_code(name: str) -> str:
    """The words of a name without its code."""
    return _CODE.sub("", name).strip(" ()/|;,")


def code_in(name: str) -> str | None:
    """The code in the name of a variable, as features declare theirs ("LOINC 8867-4"); None where it has none."""
    if found := _CODE.search(name):
        return f"{_SYSTEMS[found[1].lower()]} {found[2]}"
    if _BARE_LOINC.match(name.strip()) and _has_check_digit(name.strip()):
        return f"LOINC {name.strip()}"
    if found := _MIMIC_EVENT.match(name.strip()):
        return f"MIMIC {found[1]}"
    return None


def _has_check_digit(code: str) -> bool:
    """Whether the last digit of a LOINC code is that of its number (Luhn, mod 10): "2020-1" is something else."""
    number, digit = code.split("-")
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(number)))
    return (total + int(digit)) % 10 == 0
