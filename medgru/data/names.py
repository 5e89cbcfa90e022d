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

PERSON_NAMES = (
    *("name", "patient name", "patientname", "full name", "name of patient", "last name", "surname", "patientenname"),
    *("nachname", "name vorname", "nom", "nom prenom", "nom du patient", "nombre", "nombre y apellidos", "apellidos"),
    *(
        "nombre del paciente",
        "nome",
        "nome e cognome",
        "cognome",
        "nome do paciente",
        "naam",
        "patientnaam",
        "achternaam",
    ),
    *("姓名", "患者姓名", "病人姓名", "患者名", "氏名", "名字"),
)
"""Headers of columns with the names of people, who are told apart by them where nothing else does it."""

TIME_UNITS = {
    "h",
    "hr",
    "hrs",
    "hour",
    "hours",
    "min",
    "minutes",
    "s",
    "sec",
    "d",
    "days",
    "std",
    "std.",
    "小时",
    "分钟",
}
"""Units that stand beside the name of a time."""

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
        *("icu stay number", "stay number", "encounter number", "visit number", "case number", "case no"),
        *("admission number", "patient number", "patient no", "patient nr", "pat id", "patid", "pat nr"),
        *("study id", "subject number", "medical record number", "hospital number", "fallnr", "fall nr", "fall"),
        *("aufnahmenummer", "patientennr", "patienten nr", "patientenid", "patientnummer", "patient nummer"),
        *("opnamenummer", "numero de patient", "id patient", "n patient", "nip", "ipp", "numero de dossier"),
        *("dossier", "numero sejour", "sejour", "nhc", "historia clinica", "numero de historia"),
        *("numero de historia clinica", "id del paciente", "numero de paciente", "episodio", "id paziente"),
        *("numero paziente", "codice paziente", "cartella clinica", "nosologico", "prontuario", "id do paciente"),
        *("numero do paciente", "atendimento", "患者", "病人", "患者号", "病人号", "病案号", "住院编号", "门诊号"),
        *("就诊号", "就诊编号", "登记号", "患者標識", "病歷號", "病歷号", "住院號", "病人編號", "患者編號"),
        *("患者番号", "入院号", "受试者编号"),
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
        *("chart date time", "date and time", "measured", "measurement date time", "obs time", "observation date"),
        *("observation date time", "taken at", "drawn at", "collected", "specimen time", "result date time"),
        *("entry time", "event date time", "mess zeit", "messung", "datum uhrzeit", "datum zeit"),
        *("zeitpunkt der messung", "entnahmezeit", "entnahmezeitpunkt", "eingangszeit", "erfasst am"),
        *("date heure", "heure de mesure", "heure de prelevement", "date de prelevement", "fecha y hora"),
        *("hora de medicion", "hora de toma", "ora", "data ora", "data e ora", "orario", "ora del prelievo"),
        *(
            "data hora",
            "data e hora",
            "horario",
            "momento",
            "horas",
            "heures",
            "ore",
            "uur",
            "uren",
            "tijd",
            "tijdstip",
            "datum tijd",
            "datum en tijd",
        ),
        *("meettijd", "afnametijd", "測量時間", "時間", "時刻", "記錄時間", "日期時間", "测定时间", "检查时间"),
        *("采样时间", "报告时间", "化验时间", "检验时间", "观察时间", "测量日期时间", "记录日期时间", "监测时间"),
        *("護理時間", "护理时间", "入院后小时", "入院后小时数", "住院小时"),
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
        *("data", "datum der messung", "entnahmedatum", "untersuchungsdatum", "date de mesure", "date mesure"),
        *("fecha de medicion", "fecha de toma", "data misurazione", "data da medicao", "meetdatum", "afnamedatum"),
        *("检查日期", "采样日期", "报告日期", "检验日期", "測量日期", "記錄日期", "檢查日期", "日付"),
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
        *("parameter name", "analyse", "laborwert", "laborparameter", "laborwerte", "messparameter"),
        *("messgroesse", "untersuchung", "bezeichnung", "parametre", "examen", "mesure", "libelle", "parametro"),
        *("analisis", "determinacion", "prueba", "esame", "analisi", "misura", "exame", "medida", "bepaling"),
        *("variabele", "meting", "检验项目", "检测项目", "项目名称", "指标名称", "检验指标", "监测项目", "项目名"),
        *("名称", "項目", "項目名稱", "檢查項目", "指標", "參數", "變量", "検査項目"),
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
        *("value text", "text value", "value as number", "test result", "messergebnis", "resultado numerico"),
        *("risultato", "valore", "waarde", "uitslag", "resultaat", "检验结果", "检查结果", "结果值", "测定值"),
        *("檢驗結果", "測量值", "數值", "結果", "検査値", "測定値", "值数"),
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
        *("unit of measurement", "measurement unit", "masseinheit", "unite de mesure", "unidad de medida"),
        *("unita", "unita di misura", "unidade", "unidade de medida", "eenheid", "eenheden", "單位"),
        *("计量单位名称", "単位", "结果单位"),
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
        *("admission date time", "admission datetime", "admission date", "hospital admission time"),
        *("icu admission", "icu admission time", "icu admission date", "admit date", "date of admission"),
        *("time of admission", "aufnahmedatum", "aufnahmezeitpunkt", "aufnahme its", "eintritt", "eintrittsdatum"),
        *("date d admission", "date admission", "date entree", "date d entree", "admission rea"),
        *("fecha de ingreso", "fecha ingreso", "ingreso", "hora de ingreso", "data ricovero", "data di ricovero"),
        *("ricovero", "data ingresso", "data de admissao", "data de internacao", "data internacao", "opnamedatum"),
        *("opname", "opnametijd", "入院日期", "入院時間", "入院日期时间", "入住时间", "入室时间", "入icu时间"),
        *("icu入科时间", "转入时间", "转入icu时间", "入住icu时间", "入院日時"),
    ),
}

_BRACKETS = re.compile(r"^(.*?)[\s_,]*[\(\[（【]\s*([^()\[\]（）【】]*(?:\[[^\]]*\])?)\s*[\)\]）】]\s*$")
_REPEATED = re.compile(r" \(\d+\)$")
_WORD_ENDS = re.compile(r"[\s/&+|,;_.-]+")
_AND = {"und", "and", "et", "y", "e", "u", "与", "和"}
_ELSEWHERE = ("pap", "pawp", "pcwp", "icp")
"""Pressures in the lung and the skull: one letter away from those of the body, and never to be taken for them."""

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
        if len(key) < 4 or len(key) > 60 or key.startswith(_ELSEWHERE):
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
    if len(words) > 1 and words[-1].casefold() in TIME_UNITS and (hit := _ROLE_KEYS.get(name_key("".join(words[:-1])))):
        return (TIME, hit[1], words[-1]) if hit[0] == TIME else None  # "time h"
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
