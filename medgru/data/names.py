"""Which variable a column header means.

Compared without case, spaces and punctuation; a unit in the header ("Temp (°F)", "hr_bpm") is split
off. What is only similar is marked as guessed, so that someone looks at it.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from medgru.data.codes import code_in, without_code
from medgru.data.units import find_unit, looks_like_unit
from medgru.tasks import Feature, Task

EXACT, SYNONYM, GUESSED, CHOSEN, LEFT_OUT = "exact", "synonym", "guessed", "chosen", "left out"
RECORD_ID, TIME, VARIABLE, VALUE, UNIT, ADMISSION = "record_id", "time", "variable", "value", "unit", "admission"
ROLES = (RECORD_ID, TIME, VARIABLE, VALUE, UNIT, ADMISSION)
DATE = "date"
"""The day of each row where the time column is a time of day; in a mapping both become `TIME`."""

EICU_OFFSETS = {"observationoffset", "labresultoffset", "nursingchartoffset", "respchartoffset"}
"""Columns of the eICU database with the minutes since admission."""

# In order of preference: where several columns could be the identifier, the first in this list is it.
_ROLE_NAMES: dict[str, tuple[str, ...]] = {
    RECORD_ID: (
        "record id",
        "stay id",
        "icustay id",
        "icu stay id",
        "stay",
        "patientunitstayid",
        "encounter id",
        "encounter",
        "visit id",
        "case id",
        "case",
        "hadm id",
        "admission id",
        "patient id",
        "patient",
        "subject id",
        "subject",
        "person id",
        "pid",
        "id",
        "mrn",
        "fallnummer",
        "fall id",
        "patientennummer",
        "patienten id",
        "numero patient",
        "患者id",
        "病人id",
        "患者编号",
        "病人编号",
        "病历号",
        "住院号",
        "编号",
        "id paciente",
        "paciente",
    ),
    TIME: (
        "time",
        "hour",
        "hours",
        "hours since admission",
        "hours after admission",
        "time since admission",
        "iculos",
        "timestamp",
        "date time",
        "datetime",
        "chart time",
        "charttime",
        "observation time",
        "observationtime",
        "measured at",
        "recorded at",
        "measurement time",
        "minute",
        "minutes",
        "offset",
        *sorted(EICU_OFFSETS),
        "seconds",
        "second",
        "min",
        "sec",
        "zeit",
        "zeitpunkt",
        "stunde",
        "stunden",
        "uhrzeit",
        "heure",
        "hora",
        "时间",
        "测量时间",
        "小时",
        "时刻",
        "日期时间",
        "记录时间",
        "采集时间",
        "检测时间",
        "recorded time",
        "record time",
        "recorded",
        "recording time",
        "collected at",
        "collection time",
        "sample time",
        "result time",
        "event time",
        "messzeit",
        "messzeitpunkt",
        "abnahmezeit",
        "abnahmezeitpunkt",
        "zeitstempel",
        "horodatage",
        "fecha hora",
        "fechahora",
    ),
    DATE: (
        "date",
        "chart date",
        "measurement date",
        "recorded date",
        "sample date",
        "collection date",
        "day",
        "datum",
        "messdatum",
        "abnahmedatum",
        "tag",
        "jour",
        "fecha",
        "dia",
        "giorno",
        "日期",
        "测量日期",
        "记录日期",
    ),
    VARIABLE: (
        "variable",
        "parameter",
        "measurement",
        "vital",
        "vital sign",
        "vitals",
        "item",
        "test",
        "test name",
        "label",
        "analyte",
        "observation",
        "name",
        "variable name",
        "parametername",
        "item name",
        "signal",
        "concept",
        "code",
        "messgrösse",
        "指标",
        "项目",
        "检查项目",
        "参数",
        "变量",
    ),
    VALUE: (
        "value",
        "result",
        "valuenum",
        "value num",
        "reading",
        "measured value",
        "numeric value",
        "valor",
        "wert",
        "messwert",
        "valeur",
        "ergebnis",
        "数值",
        "值",
        "结果",
        "测量值",
        "result value",
        "labresult",
        "nursingchartvalue",
        "lab result",
        "numericvalue",
        "valeur numerique",
        "resultado",
        "resultat",
        "检测结果",
    ),
    UNIT: (
        "unit",
        "units",
        "uom",
        "valueuom",
        "unit of measure",
        "unit name",
        "result unit",
        "value unit",
        "einheit",
        "einheiten",
        "unite",
        "unites",
        "unidad",
        "unidades",
        "单位",
        "计量单位",
    ),
    ADMISSION: (
        "admission time",
        "admission",
        "admitted",
        "admitted at",
        "admittime",
        "intime",
        "icu intime",
        "admit time",
        "aufnahme",
        "aufnahmezeit",
        "入院时间",
        "入科时间",
    ),
}

_BRACKETS = re.compile(r"^(.*?)[\s_,]*[\(\[（【]\s*([^()\[\]（）【】]*(?:\[[^\]]*\])?)\s*[\)\]）】]\s*$")
_REPEATED = re.compile(r" \(\d+\)$")
_WORD_ENDS = re.compile(r"[\s/&+|,;_.-]+")
_AND = {"und", "and", "et", "y", "e", "u", "与", "和"}
_MIN_RATIO, _MIN_LEAD = 0.86, 0.03


@dataclass(frozen=True)
class NameMatch:
    """What a header means: the name of a feature, descriptor or role (None: nothing), and how that was found.

    Attributes:
        unit: The unit written in the header, "" where there is none.
        reason: A sentence for the screen.
    """

    target: str | None
    how: str
    reason: str
    unit: str = ""


def name_key(text: str) -> str:
    """Letters and digits of a name, without case and accents: what two spellings of it have in common."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in folded if c.isalnum())


_ROLE_KEYS = {name_key(name): (role, rank) for role, names in _ROLE_NAMES.items() for rank, name in enumerate(names)}


class Names:
    """The names of one task's variables."""

    def __init__(self, task: Task) -> None:
        self.features = (*task.features, *task.statics)
        self.as_written = {f.name: f for f in self.features}
        self.exact = {name_key(f.name): f for f in self.features if name_key(f.name)}
        self.synonyms: dict[str, Feature] = {}
        for f in self.features:
            for name in (f.label, *f.synonyms):
                self.synonyms.setdefault(name_key(name), f)
        self.codes = {code: f for f in self.features for code in f.codes}
        self.codes |= {f"LOINC {f.loinc}": f for f in self.features if f.loinc}
        self.doubts = {name_key(name): doubt for name, doubt in task.doubts.items()}

    def match(self, header: str) -> NameMatch:
        """The variable that a header, or a name in a long table, stands for."""
        return self.known(header) or self._guess(_REPEATED.sub("", header))

    def known(self, header: str) -> NameMatch | None:
        """The variable that has exactly this name or synonym, None where none has."""
        if header in self.as_written:  # "a+" and "a-" of a user's own table have one key
            return NameMatch(header, EXACT, "Same name.")
        header = _REPEATED.sub("", header)
        if code := code_in(header):
            return self._by_code(header, code)
        for name, unit in _splits(header):
            key = name_key(name)
            feature = self.exact.get(key) or self.synonyms.get(key)
            if feature is None or (unit and not _is_bracketed(header) and find_unit(feature, unit) is None):
                continue
            how = EXACT if key in self.exact else SYNONYM
            reason = "Same name." if how == EXACT else f"Another name for {feature.label}."
            if doubt := self.doubts.get(key):
                how, reason = GUESSED, f"{reason} {doubt}"
            return NameMatch(feature.name, how, reason, unit)
        return None

    def _by_code(self, header: str, code: str) -> NameMatch | None:
        """The variable that a code means; where it means none that is known, the words beside it make a guess."""
        feature = self.codes.get(code)
        _, unit = bracketed(header)
        unit = "" if code_in(unit) else unit
        if feature is not None:
            doubt = self.doubts.get(name_key(code), "")
            reason = f"{code} is {feature.label}. {doubt}".strip()
            return NameMatch(feature.name, GUESSED if doubt else EXACT, reason, unit)
        words = without_code(header)
        key = name_key(words)
        feature = self.exact.get(key) or self.synonyms.get(key)
        if feature is None:
            return None
        return NameMatch(feature.name, GUESSED, f"Called {words}, but {code} is not known. Please check.")

    def _guess(self, header: str) -> NameMatch:
        if code := code_in(header):
            return NameMatch(None, LEFT_OUT, f"{code} is no variable that the model knows.")
        name, unit = bracketed(header)
        key = name_key(name)
        if len(key) < 4 or len(key) > 60:
            return NameMatch(None, LEFT_OUT, "Not a variable that the model knows.")
        best: dict[str, float] = {}
        matcher = SequenceMatcher(b=key, autojunk=False)
        for known, feature in (*self.exact.items(), *self.synonyms.items()):
            if len(known) < 4 or abs(len(known) - len(key)) > 3:
                continue
            matcher.set_seq1(known)
            if matcher.quick_ratio() >= _MIN_RATIO and (ratio := matcher.ratio()) >= _MIN_RATIO:
                best[feature.name] = max(best.get(feature.name, 0.0), ratio)
        ranked = sorted(best.items(), key=lambda item: -item[1])
        labels = {f.name: f.label for f in self.features}
        if not ranked:
            return NameMatch(None, LEFT_OUT, "Not a variable that the model knows.")
        if len(ranked) > 1 and ranked[0][1] - ranked[1][1] < _MIN_LEAD:
            return NameMatch(
                None, LEFT_OUT, f"Could be {labels[ranked[0][0]]} or {labels[ranked[1][0]]}: choose one to use it."
            )
        return NameMatch(ranked[0][0], GUESSED, f"Looks like {labels[ranked[0][0]]}. Please check.", unit)


def match_role(header: str) -> tuple[str, int, str] | None:
    """The role that a header names, its rank among the names of that role, and a unit in brackets."""
    header = _REPEATED.sub("", header)
    for name, unit in ((header, ""), bracketed(header)):
        hit = _ROLE_KEYS.get(name_key(name))
        if hit is not None:
            return hit[0], hit[1], unit
    name, unit = bracketed(header)
    words = [word for word in _WORD_ENDS.split(name) if word and word.casefold() not in _AND]
    hits = [_ROLE_KEYS.get(name_key(word)) for word in words]
    if len(hits) > 1 and all(hit is not None and hit[0] in (TIME, DATE) for hit in hits):
        return TIME, len(_ROLE_NAMES[TIME]), unit  # "Datum/Uhrzeit", "Date and time"
    return None


def _is_bracketed(header: str) -> bool:
    return _BRACKETS.match(header) is not None


def bracketed(header: str) -> tuple[str, str]:
    """Name and unit of "Temp (°F)" or "HR [bpm]"; the unit is "" where there are no brackets."""
    match = _BRACKETS.match(header)
    return (match.group(1), match.group(2).strip()) if match and match.group(1).strip() else (header, "")


def _splits(header: str) -> Iterable[tuple[str, str]]:
    """Every way to read a header as name and unit: before brackets, before its last words, whole."""
    name, unit = bracketed(header)
    if unit:
        yield name, unit
    words = [w for w in re.split(r"[\s_,;:-]+", header) if w]
    # "HR min" is a minimum; only "HR per min" is a heart rate.
    is_minimum = words[-1:] == ["min"] and words[-2:-1] not in (["per"], ["1"])
    for count in (3, 2, 1):
        if len(words) > count and not is_minimum and looks_like_unit("/".join(words[-count:])):
            yield " ".join(words[:-count]), "/".join(words[-count:])
    yield header, ""
