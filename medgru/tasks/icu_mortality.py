"""Death in hospital from the first 48 hours in intensive care (PhysioNet/CinC Challenge 2012).

Silva et al., Comput Cardiol 2012;39:245-248. 37 irregular series and 5 admission descriptors; body
weight is both, and is kept as one series whose first value is the weight at admission. Plausible
ranges are wide: they catch what cannot be (pH 735, temperature -17.8 °C, blood pressure 0), not what
is merely bad. Reference bands are usual adult ones, for orientation on the screen only.
"""

from dataclasses import replace

from medgru.tasks.icu_names import ABROAD, DIASTOLIC, MEAN, SYSTOLIC
from medgru.tasks.task import Feature, Outcome, Task, Unit

_KPA = Unit("kPa", 7.50062)
_MG_DL_FROM_UMOL_CREATININE = Unit("µmol/L", 1 / 88.42, aliases=("umol/l", "μmol/l", "micromol/l"))
_FRACTION_TO_PERCENT = Unit("fraction", 100.0, aliases=("l/l", "1", "ratio"))
_U_L = ("u/l", "iu/l", "units/l", "[iu]/l")


def _pressure(
    name: str,
    label: str,
    normal: tuple[float, float],
    high: float,
    loinc: str,
    synonyms: tuple[str, ...],
    codes: tuple[str, ...] = (),
) -> Feature:
    return Feature(
        name,
        label,
        "mmHg",
        10,
        high,
        *normal,
        synonyms=synonyms,
        units=(_KPA,),
        loinc=loinc,
        codes=codes,
        group="Circulation",
    )


# Names and codes that say neither arterial line nor cuff: taken as the line, as a guess to check.
_SYSTOLIC = (
    *("sbp", "systolic blood pressure", "systolic", "systolic bp", "sys bp", "收缩压", "bp sys", "bp syst"),
    *("bp systolic", "blood pressure systolic", "blutdruck systolisch", "blutdruck syst", "blutdruck sys"),
    *("systolischer blutdruck", "systolisch", "ta sys", "ta syst", "ta systolique", "ta sistolica", "tas", "pa sys"),
    *("pa systolique", "pa sistolica", "pas", "pression arterielle systolique", "presion arterial sistolica"),
    *("tension arterial sistolica", "systolique", "sistolica"),
    *SYSTOLIC,
)
_DIASTOLIC = (
    *("dbp", "diastolic blood pressure", "diastolic", "diastolic bp", "dia bp", "舒张压", "bp dia", "bp diast"),
    *("bp dias", "bp diastolic", "blood pressure diastolic", "blutdruck diastolisch", "blutdruck diast"),
    *("blutdruck dia", "diastolischer blutdruck", "diastolisch", "ta dia", "ta dias", "ta diast", "ta diastolique"),
    *("ta diastolica", "tad", "pa dia", "pa diast", "pa diastolique", "pa diastolica", "pad"),
    *("pression arterielle diastolique", "presion arterial diastolica", "tension arterial diastolica"),
    *("diastolique", "diastolica"),
    *DIASTOLIC,
)
_MEAN = ("mbp", "mean bp", *MEAN)
# Urea itself, not its nitrogen.
_UREA = ("urea", "harnstoff", "hst", "uree", "urée", "ureum", "ureia", "尿素", "血尿素")
_UNSPECIFIC = (
    *("OMOP 3004249", "OMOP 3012888", "OMOP 3027598"),
    *("LOINC 8480-6", "LOINC 8462-4", "LOINC 8478-0"),
)
_LINE_OR_CUFF = "Taken as arterial line; change it if by cuff. Please check."

# Codes: OMOP concepts and items of MIMIC-IV as OHDSI maps them (github.com/OHDSI/MIMIC, custom_mapping_csv:
# gcpt_meas_chartevents_main_mod, gcpt_meas_lab_loinc_mod, gcpt_outputevents), the items checked against mimic-code
# (github.com/MIT-LCP/mimic-code, mimic-iv/concepts/measurement). Left out: items whose specimen is not known to be
# arterial (50818, 50820, 50821), and the weight in pounds (226531), which comes without its unit. LOINC: names as on
# loinc.org, in US Core and in the worksheet of AHRQ (hcup-us.ahrq.gov, Appendix K), the same substance in blood, serum
# or plasma; urea by mass (3091-6) is left out, as its mg/dL are not those of urea nitrogen.
# One feature a paragraph, as in a table: wrapped argument by argument it could not be read.
# fmt: off
_FEATURES = (
    # Circulation
    Feature("HR", "Heart rate", "/min", 10, 300, 60, 100, group="Circulation",
            loinc="8867-4",
            codes=("OMOP 3027018", "MIMIC 220045"),
            synonyms=("heart rate", "pulse", "pulse rate", "hr", "heartrate", "bpm", "herzfrequenz", "puls", "fc",
                      "心率", "脉搏", "frequence cardiaque", "frecuencia cardiaca")),
    _pressure("SysABP", "Systolic pressure, arterial line", (90, 140), 300, "76215-3",
              ("arterial blood pressure systolic", "systemic systolic", "invasive blood pressure systolic", "sysabp",
               "abp systolic", "arterial systolic", "invasive systolic", "art sys", "ibp sys", "abps", "abp sys",
               *_SYSTOLIC),
              codes=("LOINC 8480-6", "OMOP 3004249", "MIMIC 220050", "MIMIC 225309")),
    _pressure("DiasABP", "Diastolic pressure, arterial line", (60, 90), 220, "76213-8",
              ("arterial blood pressure diastolic", "systemic diastolic", "invasive blood pressure diastolic",
               "diasabp", "abp diastolic", "arterial diastolic", "invasive diastolic", "art dia", "ibp dia", "abpd",
               "abp dia", "abp dias", "art dias", "ibp dias",
               *_DIASTOLIC),
              codes=("LOINC 8462-4", "OMOP 3012888", "MIMIC 220051", "MIMIC 225310")),
    _pressure("MAP", "Mean pressure, arterial line", (65, 105), 300, "76214-6",
              ("arterial blood pressure mean", "systemic mean", "invasive blood pressure mean", "map",
               "mean arterial pressure", "abp mean", "arterial mean", "abpm", "art mean",
               "平均动脉压", *_MEAN),
              codes=("LOINC 8478-0", "OMOP 3027598", "MIMIC 220052", "MIMIC 225312")),
    _pressure("NISysABP", "Systolic pressure, cuff", (90, 140), 300, "76534-7",
              ("non invasive blood pressure systolic", "noninvasive systolic", "nisbp", "cuff sbp", "nisysabp",
               "nibp systolic", "non invasive systolic", "cuff systolic", "nbp sys", "nibp sys", "nbps", "nibps",
               "无创收缩压",
               # Riva-Rocci, who gave the cuff its name.
               "rr syst", "rr sys", "rr systolisch", "rr systole", "rrs", "rrsys", "riva rocci systolisch"),
              codes=("OMOP 21492239", "MIMIC 220179")),
    _pressure("NIDiasABP", "Diastolic pressure, cuff", (60, 90), 220, "76535-4",
              ("non invasive blood pressure diastolic", "noninvasive diastolic", "nidbp", "cuff dbp", "nidiasabp",
               "nibp diastolic", "non invasive diastolic", "cuff diastolic", "nbp dia", "nibp dia", "nbpd", "nibpd",
               "nbp dias", "nibp dias",
               "无创舒张压", "rr diast", "rr dia", "rr dias", "rr diastolisch", "rr diastole", "rrd", "rrdia",
               "riva rocci diastolisch"),
              codes=("OMOP 21492240", "MIMIC 220180")),
    _pressure("NIMAP", "Mean pressure, cuff", (65, 105), 300, "76536-2",
              ("non invasive blood pressure mean", "noninvasive mean", "cuff map", "nimap", "nibp mean",
               "non invasive mean", "cuff mean", "nbp mean", "nbpm", "nibpm", "rr mittel", "rr mean", "rr mitteldruck",
               "rr mad", "rrm", "riva rocci mittel"),
              codes=("OMOP 21492241", "MIMIC 220181")),
    Feature("Lactate", "Lactate", "mmol/L", 0.1, 40, 0.5, 2.0, "log", group="Circulation", decimals=1,
            loinc="2524-7",
            codes=("LOINC 32693-4", "LOINC 59032-3", "OMOP 3047181", "OMOP 3018405", "MIMIC 50813", "MIMIC 225668"),
            synonyms=("lactate", "lactic acid", "blood lactate", "lac", "laktat", "乳酸"),
            units=(Unit("mg/dL", 1 / 9.008),)),
    Feature("TroponinI", "Troponin I", "µg/L", 0.0, 100, 0.0, 0.04, "log", group="Circulation", decimals=2,
            loinc="10839-9",
            codes=("OMOP 3021337", "MIMIC 51002"),
            synonyms=("troponin i", "tni", "ctni", "trop i", "肌钙蛋白i"),
            units=(Unit("ng/L", 0.001, aliases=("pg/ml",)),)),
    Feature("TroponinT", "Troponin T", "µg/L", 0.0, 100, 0.0, 0.014, "log", group="Circulation", decimals=2,
            loinc="6598-7",
            codes=("OMOP 3019800", "MIMIC 51003"),
            synonyms=("troponin t", "tnt", "ctnt", "trop t", "肌钙蛋白t"),
            units=(Unit("ng/L", 0.001, aliases=("pg/ml",)),)),
    # Breathing
    Feature("RespRate", "Respiratory rate", "/min", 1, 100, 12, 20, group="Breathing",
            loinc="9279-1",
            codes=("OMOP 3024171", "MIMIC 220210", "MIMIC 224690"),
            synonyms=("respiration", "respiratory rate", "resp rate", "resp", "rr", "breathing rate", "respirations",
                      "af",
                      "atemfrequenz", "呼吸频率", "呼吸")),
    Feature("SaO2", "Oxygen saturation", "%", 20, 100, 94, 100, group="Breathing",
            loinc="2708-6",
            codes=("LOINC 59408-5", "OMOP 40762499", "OMOP 3016502", "MIMIC 220277", "MIMIC 220227"),
            synonyms=("o2 saturation pulseoxymetry", "pulse oxygen saturation", "oxygen saturation", "sao2", "spo2",
                      "o2 sat", "o2sat", "saturation", "sats", "pulse oximetry",
                      "sättigung", "sauerstoffsättigung", "o2 sättigung", "血氧饱和度", "血氧"),
            units=(_FRACTION_TO_PERCENT,)),
    Feature("FiO2", "Inspired oxygen fraction", "fraction", 0.15, 1.0, 0.21, 0.40, group="Breathing", decimals=2,
            loinc="19994-3",
            codes=("LOINC 3150-6", "OMOP 3020716", "MIMIC 223835"),
            synonyms=("fio2", "fraction of inspired oxygen", "inspired oxygen", "inspired o2 fraction", "吸氧浓度"),
            units=(Unit("%", 0.01, aliases=("percent",)),)),
    Feature("PaO2", "Arterial oxygen tension", "mmHg", 15, 700, 75, 100, group="Breathing",
            loinc="2703-7",
            codes=("OMOP 3027801", "MIMIC 220224"),
            synonyms=("pao2", "po2", "arterial po2", "partial pressure of oxygen", "氧分压"), units=(_KPA,)),
    Feature("PaCO2", "Arterial carbon dioxide tension", "mmHg", 5, 200, 35, 45, group="Breathing",
            loinc="2019-8",
            codes=("OMOP 3027946", "MIMIC 220235"),
            synonyms=("paco2", "pco2", "arterial pco2", "partial pressure of carbon dioxide", "二氧化碳分压"),
            units=(_KPA,)),
    Feature("pH", "Arterial pH", "pH", 6.5, 8.0, 7.35, 7.45, group="Breathing", decimals=2,
            loinc="2744-1",
            codes=("OMOP 3019977", "MIMIC 223830"),
            synonyms=("ph", "arterial ph", "blood ph", "酸碱度")),
    Feature("HCO3", "Bicarbonate", "mmol/L", 2, 60, 22, 28, group="Breathing",
            loinc="1963-8",
            codes=("LOINC 1959-6", "LOINC 1960-4", "LOINC 1962-0", "OMOP 3016293", "MIMIC 50882", "MIMIC 227443"),
            synonyms=("hco3", "bicarbonate", "bicarb", "hco3-", "serum bicarbonate", "碳酸氢根"),
            units=(Unit("mEq/L"),)),
    Feature("MechVent", "Mechanical ventilation", "on/off", 0, 1, group="Breathing",
            synonyms=("mechvent", "mechanical ventilation", "ventilated", "on ventilator", "intubated", "机械通气"),
            choices={0: "off", 1: "on"}),
    # Consciousness and temperature
    Feature("GCS", "Glasgow Coma Scale", "points", 3, 15, 15, 15, group="General",
            loinc="9269-2",
            codes=("OMOP 3032652",),
            synonyms=("gcs", "glasgow coma scale", "glasgow coma score", "gcs total", "coma score",
                      "格拉斯哥昏迷评分")),
    Feature("Temp", "Temperature", "°C", 25, 45, 36.0, 38.0, group="General", decimals=1,
            loinc="8310-5",
            codes=("OMOP 3020891", "MIMIC 223762", "MIMIC 223761"),
            synonyms=("temperature", "temp", "body temperature", "core temperature", "t", "temp c", "temp body",
                      "temperatur", "temperatura", "体温"),
            units=(Unit("°F", 5 / 9, -160 / 9, ("f", "degf", "fahrenheit", "[degf]", "deg f")),)),
    Feature("Weight", "Weight", "kg", 20, 350, group="General", decimals=1, transform="log", at_admission=True,
            loinc="29463-7",
            codes=("OMOP 3025315", "MIMIC 226512"),
            synonyms=("weight", "body weight", "wt", "gewicht", "körpergewicht", "poids", "peso", "admission weight",
                      "体重"),
            units=(Unit("lb", 0.45359237, aliases=("lbs", "pound", "pounds", "[lb_av]")),)),
    # Kidney and fluids
    Feature("Urine", "Urine output", "mL", 0, 5000, group="Kidney", transform="log", aggregate="sum",
            loinc="9187-6",
            codes=("OMOP 3014315", "MIMIC 226559", "MIMIC 226560", "MIMIC 226561", "MIMIC 226584", "MIMIC 226563",
                   "MIMIC 226564", "MIMIC 226565", "MIMIC 226567", "MIMIC 226557", "MIMIC 226558"),
            synonyms=("urine", "urine output", "uop", "diuresis", "urine volume", "尿量"),
            units=(Unit("L", 1000.0, aliases=("litre", "liter")),)),
    Feature("Creatinine", "Creatinine", "mg/dL", 0.05, 30, 0.6, 1.3, "log", group="Kidney", decimals=1,
            loinc="2160-0",
            codes=("LOINC 38483-4", "LOINC 14682-9", "OMOP 3016723", "MIMIC 50912", "MIMIC 220615"),
            synonyms=("creatinine", "serum creatinine", "crea", "scr", "kreatinin", "肌酐"),
            units=(_MG_DL_FROM_UMOL_CREATININE,)),
    Feature("BUN", "Blood urea nitrogen", "mg/dL", 1, 300, 7, 20, "log", group="Kidney",
            loinc="3094-0",
            codes=("LOINC 6299-2", "LOINC 22664-7", "OMOP 3013682", "MIMIC 51006", "MIMIC 225624"),
            synonyms=("bun", "blood urea nitrogen", "urea nitrogen", "urea", "harnstoff", "uree", "尿素氮", "尿素"),
            units=(Unit("mmol/L", 2.8011),
                   # 60.06 g of urea hold 28.01 g of nitrogen.
                   Unit("mg/dL urea", 0.4665, aliases=tuple(f"{name} mg/dl" for name in _UREA)))),
    Feature("Na", "Sodium", "mmol/L", 90, 200, 135, 145, group="Kidney",
            loinc="2951-2",
            codes=("LOINC 2947-0", "OMOP 3019550", "MIMIC 50983", "MIMIC 220645"),
            synonyms=("sodium", "na", "na+", "serum sodium", "natrium", "钠"), units=(Unit("mEq/L"),)),
    Feature("K", "Potassium", "mmol/L", 1, 12, 3.5, 5.0, "log", group="Kidney", decimals=1,
            loinc="2823-3",
            codes=("LOINC 6298-4", "OMOP 3023103", "MIMIC 50971", "MIMIC 227442"),
            synonyms=("potassium", "k", "k+", "serum potassium", "kalium", "钾"), units=(Unit("mEq/L"),)),
    Feature("Mg", "Magnesium", "mg/dL", 0.3, 12, 1.7, 2.4, "log", group="Kidney", decimals=1,
            loinc="19123-9",
            codes=("LOINC 2601-3", "OMOP 3001420", "MIMIC 50960"),
            synonyms=("magnesium", "mg", "mg++", "镁"), units=(Unit("mmol/L", 2.4305), Unit("mEq/L", 1.2153))),
    Feature("Glucose", "Glucose", "mg/dL", 5, 2000, 70, 140, "log", group="Kidney",
            loinc="2345-7",
            codes=("LOINC 2339-0", "LOINC 2340-8", "LOINC 2341-6", "LOINC 41653-7", "LOINC 14749-6",
                   "OMOP 3004501", "MIMIC 50931", "MIMIC 220621", "MIMIC 225664", "MIMIC 226537"),
            synonyms=("glucose", "blood glucose", "blood sugar", "glu", "bg", "glukose", "血糖", "葡萄糖"),
            units=(Unit("mmol/L", 18.0156),)),
    # Blood
    Feature("HCT", "Haematocrit", "%", 5, 75, 36, 50, group="Blood", decimals=0,
            loinc="4544-3",
            codes=("LOINC 20570-8", "OMOP 3023314", "OMOP 3009542", "MIMIC 51221", "MIMIC 220545"),
            synonyms=("hct", "haematocrit", "hematocrit", "packed cell volume", "pcv", "红细胞压积"),
            units=(_FRACTION_TO_PERCENT,)),
    Feature("WBC", "White blood cells", "10⁹/L", 0, 500, 4, 11, "log", group="Blood", decimals=1,
            loinc="6690-2",
            codes=("LOINC 26464-8", "LOINC 804-5", "OMOP 3000905", "MIMIC 51301"),
            synonyms=("wbc", "white blood cells", "white cell count", "leukocytes", "leucocytes", "wcc", "白细胞"),
            units=(Unit("10³/µL", aliases=("k/ul", "10^3/ul", "10^9/l", "x10e9/l", "10*9/l", "10*3/ul", "k/µl")),
                   Unit("/µL", 0.001, aliases=("cells/ul", "/ul", "/mm3")),)),
    Feature("Platelets", "Platelets", "10⁹/L", 1, 3000, 150, 400, "log", group="Blood",
            loinc="777-3",
            codes=("LOINC 26515-7", "OMOP 3024929", "OMOP 3007461", "MIMIC 51265"),
            synonyms=("platelets", "platelet count", "plt", "thrombocytes", "血小板"),
            units=(Unit("10³/µL", aliases=("k/ul", "10^3/ul", "10^9/l", "x10e9/l", "10*9/l", "10*3/ul", "k/µl")),
                   Unit("/µL", 0.001, aliases=("cells/ul", "/ul", "/mm3")),)),
    # Liver
    Feature("Bilirubin", "Bilirubin, total", "mg/dL", 0.05, 80, 0.2, 1.2, "log", group="Liver", decimals=1,
            loinc="1975-2",
            codes=("LOINC 14631-6", "OMOP 3024128", "MIMIC 50885"),
            synonyms=("bilirubin total", "bilirubin", "total bilirubin", "bili", "tbil", "胆红素", "总胆红素"),
            units=(Unit("µmol/L", 1 / 17.104, aliases=("umol/l", "μmol/l", "micromol/l")),)),
    Feature("ALT", "Alanine transaminase", "U/L", 1, 30000, 7, 56, "log", group="Liver",
            loinc="1742-6",
            codes=("OMOP 3006923", "MIMIC 50861"),
            synonyms=("alt", "alanine transaminase", "alanine aminotransferase", "sgpt", "gpt", "谷丙转氨酶"),
            units=(Unit("IU/L", aliases=_U_L),)),
    Feature("AST", "Aspartate transaminase", "U/L", 1, 30000, 10, 40, "log", group="Liver",
            loinc="1920-8",
            codes=("OMOP 3013721", "MIMIC 50878"),
            synonyms=("ast", "aspartate transaminase", "aspartate aminotransferase", "sgot", "got", "谷草转氨酶"),
            units=(Unit("IU/L", aliases=_U_L),)),
    Feature("ALP", "Alkaline phosphatase", "U/L", 1, 5000, 40, 130, "log", group="Liver",
            loinc="6768-6",
            codes=("LOINC 1783-0", "OMOP 3035995", "MIMIC 50863"),
            synonyms=("alkaline phos", "alp", "alkaline phosphatase", "alk phos", "碱性磷酸酶"), units=(Unit("IU/L",
                      aliases=_U_L),)),
    Feature("Albumin", "Albumin", "g/dL", 0.5, 8, 3.5, 5.0, group="Liver", decimals=1,
            loinc="1751-7",
            codes=("OMOP 3024561", "MIMIC 50862"),
            synonyms=("albumin", "alb", "serum albumin", "白蛋白"), units=(Unit("g/L", 0.1),)),
    Feature("Cholesterol", "Cholesterol, total", "mg/dL", 10, 1000, 0, 200, group="Liver",
            loinc="2093-3",
            codes=("OMOP 3027114", "MIMIC 50907"),
            synonyms=("cholesterol", "total cholesterol", "chol", "胆固醇"), units=(Unit("mmol/L", 38.67),)),
)

_STATICS = (
    Feature("Age", "Age", "years", 14, 120, group="Admission",
            synonyms=("age", "age years", "patient age", "alter", "edad", "年龄")),
    Feature("Gender", "Sex", "code", 0, 1, group="Admission",
            synonyms=("gender", "sex", "geschlecht", "sexo", "性别"), choices={0: "female", 1: "male"}),
    Feature("Height", "Height", "cm", 120, 230, group="Admission",
            loinc="8302-2",
            codes=("OMOP 3036277", "MIMIC 226730", "MIMIC 226707"),
            synonyms=("height", "body height", "ht", "grösse", "körpergrösse", "taille", "talla", "身高"),
            units=(Unit("m", 100.0, aliases=("metre", "meter")),
                   Unit("in", 2.54, aliases=("inch", "inches", "[in_i]")))),
    Feature("ICUType", "Intensive care unit", "code", 1, 4, group="Admission",
            synonyms=("icutype", "icu type", "unit type", "icu", "care unit"),
            choices={1: "coronary care", 2: "cardiac surgery recovery", 3: "medical ICU", 4: "surgical ICU"}),
)
# fmt: on


def _with_names(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """The features with what they are called in other languages."""
    return tuple(replace(f, synonyms=tuple(dict.fromkeys((*f.synonyms, *ABROAD.get(f.name, ()))))) for f in features)


FEATURES, STATICS = _with_names(_FEATURES), _with_names(_STATICS)

# What is said of the task stands on every model's card; of the shipped data and weights, on the shipped one's.
_INTENDED_USE = """\
## Intended use

Research, teaching and demonstration: to see how a recurrent network reads the first 48 hours in intensive care, and how
far its answers can be trusted. **Not** for decisions about real patients, for triage, for limiting treatment, or for
comparing hospitals. Nobody has tested whether showing these numbers to clinicians helps patients.

"""

_ABOUT_THE_TASK = """\
- The outcome is death before leaving hospital. It mixes how ill a patient was with how she was treated and with
  decisions to limit treatment, which the data do not hold.
- *What* was measured and how often is information to the model: a lactate is ordered for a reason. Where ordering
  habits differ, so will the answers. Contributions speak of values only.
- Answers at early hours rest on less: the hour-by-hour curve is calibrated at every hour, but it ranks patients less
  well the earlier it is read.
"""

_ABOUT_THE_ANSWERS = """\
- Attention says where the network looked, not why. Contributions describe the model, not the illness.

"""

_CARD = f"""\
{_INTENDED_USE}## What goes in

37 series (vital signs, laboratory values, urine, ventilation, weight) and four descriptors (age, sex, height, type of
unit) from the first 48 hours, at the times at which they were measured. Nothing needs to be complete; with less than 6
hours or 20 measurements the model abstains. Values outside plausible ranges are left out and reported.

## Other networks on this task

GRU-D (Che et al. 2018, https://doi.org/10.1038/s41598-018-24271-9) on set A alone, 5 folds, by `python -m medgru
benchmark grud --data DIR`: AUROC 0.842 ± 0.017 for a single network, 0.855 ± 0.020 for three averaged (standard
deviation over folds). The authors report 0.8424 ± 0.012. The rest of the family, trained on A and measured on B, stands
in `docs/lab-physionet2012.md`.

## Limits

- The patients were adults in four kinds of unit of one hospital in the United States, about 2001 to 2008 (MIMIC-II).
  Other hospitals, other years and other ways of measuring are other data; expect worse discrimination and, above all,
  worse calibration until it was checked there.
{_ABOUT_THE_TASK}\
- Sex is coded female or male in the source; diagnoses, drugs, notes and ethnicity are not in it, so nobody can check
  here for whom else it fails.
{_ABOUT_THE_ANSWERS}## Data, licence, citation

PhysioNet/CinC Challenge 2012, Open Data Commons Attribution License 1.0 (ODC-By). No row of it is part of this
repository. The weights may be used under Apache-2.0, naming the source:

- Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Predicting in-hospital mortality of ICU patients: the
  PhysioNet/Computing in Cardiology Challenge 2012. Comput Cardiol 2012;39:245-248.
- Goldberger AL, et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 2000;101(23):e215-e220.
"""

_USER_CARD = f"""\
{_INTENDED_USE}## What goes in

The first 48 hours, at the times at which they were measured; which variables the training data hold, stands above.
Nothing needs to be complete; with less than 6 hours or 20 measurements the model abstains. Values outside plausible
ranges are left out and reported.

## Limits

- Discrimination and calibration were measured on patients held out of the same data. Other places, other times and
  other ways of measuring are other data; expect worse discrimination and, above all, worse calibration until it was
  checked there.
{_ABOUT_THE_TASK}{_ABOUT_THE_ANSWERS}"""

ICU_MORTALITY = Task(
    name="icu-mortality",
    title="ICU mortality",
    question="Will this patient die before leaving hospital, judged from the first 48 hours in intensive care?",
    features=FEATURES,
    statics=STATICS,
    outcomes=(Outcome("survived", "Survived to discharge"), Outcome("died", "Died in hospital")),
    event="died",
    doubts=dict.fromkeys((*_SYSTOLIC, *_DIASTOLIC, *_MEAN, *_UNSPECIFIC), _LINE_OR_CUFF),
    window_hours=48,
    min_hours=6,
    min_measurements=20,
    source="PhysioNet/CinC Challenge 2012 (ODC-By 1.0)",
    card=_CARD,
    user_card=_USER_CARD,
)
