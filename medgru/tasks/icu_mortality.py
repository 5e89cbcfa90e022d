"""Death in hospital from the first 48 hours in intensive care (PhysioNet/CinC Challenge 2012).

Silva et al., Comput Cardiol 2012;39:245-248. 37 irregular series and 5 admission descriptors; body
weight is both, and is kept as one series whose first value is the weight at admission. Plausible
ranges are wide: they catch what cannot be (pH 735, temperature -17.8 °C, blood pressure 0), not what
is merely bad. Reference bands are usual adult ones, for orientation on the screen only.
"""

from medgru.tasks.task import Feature, Outcome, Task, Unit

_KPA = Unit("kPa", 7.50062)
_MG_DL_FROM_UMOL_CREATININE = Unit("µmol/L", 1 / 88.42, aliases=("umol/l", "μmol/l", "micromol/l"))
_FRACTION_TO_PERCENT = Unit("fraction", 100.0, aliases=("l/l", "1", "ratio"))
_U_L = ("u/l", "iu/l", "units/l", "[iu]/l")


def _pressure(name: str, label: str, normal: tuple[float, float], high: float, synonyms: tuple[str, ...]) -> Feature:
    return Feature(
        name, label, "mmHg", 10, high, *normal, synonyms=synonyms, units=(_KPA,), group="Circulation"
    )


FEATURES = (
    # Circulation
    Feature("HR", "Heart rate", "/min", 10, 300, 60, 100, group="Circulation",
            synonyms=("heart rate", "pulse", "pulse rate", "hr", "heartrate", "bpm", "herzfrequenz", "puls", "fc",
                      "心率", "脉搏", "frequence cardiaque", "frecuencia cardiaca")),
    _pressure("SysABP", "Systolic pressure, arterial line", (90, 140), 300,
              ("sysabp", "abp systolic", "arterial systolic", "invasive systolic", "art sys", "ibp sys", "abps",
               "sbp", "systolic blood pressure", "systolic", "systolic bp", "sys bp", "收缩压")),
    _pressure("DiasABP", "Diastolic pressure, arterial line", (60, 90), 220,
              ("diasabp", "abp diastolic", "arterial diastolic", "invasive diastolic", "art dia", "ibp dia", "abpd",
               "dbp", "diastolic blood pressure", "diastolic", "diastolic bp", "dia bp", "舒张压")),
    _pressure("MAP", "Mean pressure, arterial line", (65, 105), 300,
              ("map", "mean arterial pressure", "abp mean", "arterial mean", "mbp", "mean bp", "abpm",
               "平均动脉压")),
    _pressure("NISysABP", "Systolic pressure, cuff", (90, 140), 300,
              ("nisysabp", "nibp systolic", "non invasive systolic", "cuff systolic", "nbp sys", "nbps", "nibps",
               "无创收缩压")),
    _pressure("NIDiasABP", "Diastolic pressure, cuff", (60, 90), 220,
              ("nidiasabp", "nibp diastolic", "non invasive diastolic", "cuff diastolic", "nbp dia", "nbpd", "nibpd",
               "无创舒张压")),
    _pressure("NIMAP", "Mean pressure, cuff", (65, 105), 300,
              ("nimap", "nibp mean", "non invasive mean", "cuff mean", "nbp mean", "nbpm", "nibpm")),
    Feature("Lactate", "Lactate", "mmol/L", 0.1, 40, 0.5, 2.0, "log", group="Circulation", decimals=1,
            synonyms=("lactate", "lactic acid", "blood lactate", "lac", "laktat", "乳酸"),
            units=(Unit("mg/dL", 1 / 9.008),)),
    Feature("TroponinI", "Troponin I", "µg/L", 0.0, 100, 0.0, 0.04, "log", group="Circulation", decimals=2,
            synonyms=("troponin i", "tni", "ctni", "trop i", "肌钙蛋白i"),
            units=(Unit("ng/L", 0.001, aliases=("pg/ml",)),)),
    Feature("TroponinT", "Troponin T", "µg/L", 0.0, 100, 0.0, 0.014, "log", group="Circulation", decimals=2,
            synonyms=("troponin t", "tnt", "ctnt", "trop t", "肌钙蛋白t"),
            units=(Unit("ng/L", 0.001, aliases=("pg/ml",)),)),
    # Breathing
    Feature("RespRate", "Respiratory rate", "/min", 1, 100, 12, 20, group="Breathing",
            synonyms=("respiratory rate", "resp rate", "resp", "rr", "breathing rate", "respirations", "af",
                      "atemfrequenz", "呼吸频率", "呼吸")),
    Feature("SaO2", "Oxygen saturation", "%", 20, 100, 94, 100, group="Breathing",
            synonyms=("oxygen saturation", "sao2", "spo2", "o2 sat", "o2sat", "saturation", "sats", "pulse oximetry",
                      "sättigung", "血氧饱和度", "血氧"),
            units=(_FRACTION_TO_PERCENT,)),
    Feature("FiO2", "Inspired oxygen fraction", "fraction", 0.15, 1.0, 0.21, 0.40, group="Breathing", decimals=2,
            synonyms=("fio2", "fraction of inspired oxygen", "inspired oxygen", "inspired o2 fraction", "吸氧浓度"),
            units=(Unit("%", 0.01, aliases=("percent",)),)),
    Feature("PaO2", "Arterial oxygen tension", "mmHg", 15, 700, 75, 100, group="Breathing",
            synonyms=("pao2", "po2", "arterial po2", "partial pressure of oxygen", "氧分压"), units=(_KPA,)),
    Feature("PaCO2", "Arterial carbon dioxide tension", "mmHg", 5, 200, 35, 45, group="Breathing",
            synonyms=("paco2", "pco2", "arterial pco2", "partial pressure of carbon dioxide", "二氧化碳分压"),
            units=(_KPA,)),
    Feature("pH", "Arterial pH", "pH", 6.5, 8.0, 7.35, 7.45, group="Breathing", decimals=2,
            synonyms=("ph", "arterial ph", "blood ph", "酸碱度")),
    Feature("HCO3", "Bicarbonate", "mmol/L", 2, 60, 22, 28, group="Breathing",
            synonyms=("hco3", "bicarbonate", "bicarb", "hco3-", "serum bicarbonate", "碳酸氢根"),
            units=(Unit("mEq/L"),)),
    Feature("MechVent", "Mechanical ventilation", "on/off", 0, 1, group="Breathing",
            synonyms=("mechvent", "mechanical ventilation", "ventilated", "on ventilator", "intubated", "机械通气"),
            choices={0: "off", 1: "on"}),
    # Consciousness and temperature
    Feature("GCS", "Glasgow Coma Scale", "points", 3, 15, 15, 15, group="General",
            synonyms=("gcs", "glasgow coma scale", "glasgow coma score", "gcs total", "coma score", "格拉斯哥昏迷评分")),
    Feature("Temp", "Temperature", "°C", 25, 45, 36.0, 38.0, group="General", decimals=1,
            synonyms=("temperature", "temp", "body temperature", "core temperature", "t", "temp c", "temperatur",
                      "temperatura", "体温"),
            units=(Unit("°F", 5 / 9, -160 / 9, ("f", "degf", "fahrenheit", "[degf]", "deg f")),)),
    Feature("Weight", "Weight", "kg", 20, 350, group="General", decimals=1, transform="log",
            synonyms=("weight", "body weight", "wt", "gewicht", "体重"),
            units=(Unit("lb", 0.45359237, aliases=("lbs", "pound", "pounds", "[lb_av]")),)),
    # Kidney and fluids
    Feature("Urine", "Urine output", "mL", 0, 5000, group="Kidney", transform="log", aggregate="sum",
            synonyms=("urine", "urine output", "uop", "diuresis", "urine volume", "尿量"),
            units=(Unit("L", 1000.0, aliases=("litre", "liter")),)),
    Feature("Creatinine", "Creatinine", "mg/dL", 0.05, 30, 0.6, 1.3, "log", group="Kidney", decimals=1,
            synonyms=("creatinine", "serum creatinine", "crea", "scr", "kreatinin", "肌酐"),
            units=(_MG_DL_FROM_UMOL_CREATININE,)),
    Feature("BUN", "Blood urea nitrogen", "mg/dL", 1, 300, 7, 20, "log", group="Kidney",
            synonyms=("bun", "blood urea nitrogen", "urea nitrogen", "urea", "尿素氮"),
            units=(Unit("mmol/L", 2.8011),)),
    Feature("Na", "Sodium", "mmol/L", 90, 200, 135, 145, group="Kidney",
            synonyms=("sodium", "na", "na+", "serum sodium", "natrium", "钠"), units=(Unit("mEq/L"),)),
    Feature("K", "Potassium", "mmol/L", 1, 12, 3.5, 5.0, "log", group="Kidney", decimals=1,
            synonyms=("potassium", "k", "k+", "serum potassium", "kalium", "钾"), units=(Unit("mEq/L"),)),
    Feature("Mg", "Magnesium", "mg/dL", 0.3, 12, 1.7, 2.4, "log", group="Kidney", decimals=1,
            synonyms=("magnesium", "mg", "mg++", "镁"), units=(Unit("mmol/L", 2.4305), Unit("mEq/L", 1.2153))),
    Feature("Glucose", "Glucose", "mg/dL", 5, 2000, 70, 140, "log", group="Kidney",
            synonyms=("glucose", "blood glucose", "blood sugar", "glu", "bg", "glukose", "血糖", "葡萄糖"),
            units=(Unit("mmol/L", 18.0156),)),
    # Blood
    Feature("HCT", "Haematocrit", "%", 5, 75, 36, 50, group="Blood", decimals=0,
            synonyms=("hct", "haematocrit", "hematocrit", "packed cell volume", "pcv", "红细胞压积"),
            units=(_FRACTION_TO_PERCENT,)),
    Feature("WBC", "White blood cells", "10⁹/L", 0, 500, 4, 11, "log", group="Blood", decimals=1,
            synonyms=("wbc", "white blood cells", "white cell count", "leukocytes", "leucocytes", "wcc", "白细胞"),
            units=(Unit("10³/µL", aliases=("k/ul", "10^3/ul", "10^9/l", "x10e9/l", "10*9/l", "10*3/ul", "k/µl")),
                   Unit("/µL", 0.001, aliases=("cells/ul", "/ul", "/mm3")),)),
    Feature("Platelets", "Platelets", "10⁹/L", 1, 3000, 150, 400, "log", group="Blood",
            synonyms=("platelets", "platelet count", "plt", "thrombocytes", "血小板"),
            units=(Unit("10³/µL", aliases=("k/ul", "10^3/ul", "10^9/l", "x10e9/l", "10*9/l", "10*3/ul", "k/µl")),)),
    # Liver
    Feature("Bilirubin", "Bilirubin, total", "mg/dL", 0.05, 80, 0.2, 1.2, "log", group="Liver", decimals=1,
            synonyms=("bilirubin", "total bilirubin", "bili", "tbil", "胆红素", "总胆红素"),
            units=(Unit("µmol/L", 1 / 17.104, aliases=("umol/l", "μmol/l", "micromol/l")),)),
    Feature("ALT", "Alanine transaminase", "U/L", 1, 30000, 7, 56, "log", group="Liver",
            synonyms=("alt", "alanine transaminase", "alanine aminotransferase", "sgpt", "gpt", "谷丙转氨酶"),
            units=(Unit("IU/L", aliases=_U_L),)),
    Feature("AST", "Aspartate transaminase", "U/L", 1, 30000, 10, 40, "log", group="Liver",
            synonyms=("ast", "aspartate transaminase", "aspartate aminotransferase", "sgot", "got", "谷草转氨酶"),
            units=(Unit("IU/L", aliases=_U_L),)),
    Feature("ALP", "Alkaline phosphatase", "U/L", 1, 5000, 40, 130, "log", group="Liver",
            synonyms=("alp", "alkaline phosphatase", "alk phos", "碱性磷酸酶"), units=(Unit("IU/L", aliases=_U_L),)),
    Feature("Albumin", "Albumin", "g/dL", 0.5, 8, 3.5, 5.0, group="Liver", decimals=1,
            synonyms=("albumin", "alb", "serum albumin", "白蛋白"), units=(Unit("g/L", 0.1),)),
    Feature("Cholesterol", "Cholesterol, total", "mg/dL", 10, 1000, 0, 200, group="Liver",
            synonyms=("cholesterol", "total cholesterol", "chol", "胆固醇"), units=(Unit("mmol/L", 38.67),)),
)

STATICS = (
    Feature("Age", "Age", "years", 14, 120, group="Admission",
            synonyms=("age", "age years", "patient age", "alter", "edad", "年龄")),
    Feature("Gender", "Sex", "code", 0, 1, group="Admission",
            synonyms=("gender", "sex", "geschlecht", "sexo", "性别"), choices={0: "female", 1: "male"}),
    Feature("Height", "Height", "cm", 120, 230, group="Admission",
            synonyms=("height", "body height", "ht", "grösse", "身高"),
            units=(Unit("m", 100.0, aliases=("metre", "meter")),
                   Unit("in", 2.54, aliases=("inch", "inches", "[in_i]")))),
    Feature("ICUType", "Intensive care unit", "code", 1, 4, group="Admission",
            synonyms=("icutype", "icu type", "unit type", "icu", "care unit"),
            choices={1: "coronary care", 2: "cardiac surgery recovery", 3: "medical ICU", 4: "surgical ICU"}),
)

ICU_MORTALITY = Task(
    name="icu-mortality",
    title="ICU mortality",
    question="Will this patient die before leaving hospital, judged from the first 48 hours in intensive care?",
    features=FEATURES,
    statics=STATICS,
    outcomes=(Outcome("survived", "Survived to discharge"), Outcome("died", "Died in hospital")),
    event="died",
    window_hours=48,
    min_hours=6,
    min_measurements=20,
    source="PhysioNet/CinC Challenge 2012, sets A and B (ODC-By 1.0)",
)
