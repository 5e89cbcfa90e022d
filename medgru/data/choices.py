"""Words for coded values: "F", "female", "女" for sex; "yes" for a ventilator."""

from medgru.data.names import name_key
from medgru.tasks import Feature

_WORDS: dict[str, tuple[str, ...]] = {
    "female": (
        *("f", "female", "fem", "w", "woman", "girl", "weiblich", "frau", "femme", "féminin", "mujer", "femenino"),
        *(
            "donna",
            "femmina",
            "femminile",
            "mulher",
            "feminino",
            "vrouw",
            "vrouwelijk",
            "v",
            "女",
            "女性",
            "女士",
            "女孩",
        ),
    ),
    "male": (
        *(
            "m",
            "male",
            "man",
            "boy",
            "männlich",
            "mann",
            "herr",
            "homme",
            "masculin",
            "hombre",
            "masculino",
            "varón",
            "h",
        ),
        *("uomo", "maschio", "maschile", "homem", "mannelijk", "男", "男性", "先生", "男孩"),
    ),
    "on": ("on", "yes", "y", "true", "ja", "j", "an", "oui", "o", "si", "sim", "是", "有", "开", "開"),
    "off": ("off", "no", "n", "false", "nein", "aus", "non", "não", "nee", "否", "无", "無", "关", "關"),
    "coronary care": ("ccu", "coronary care", "coronary care unit"),
    "cardiac surgery recovery": ("csru", "cvicu", "cardiac surgery", "cardiac surgery recovery unit"),
    "medical ICU": ("micu", "medical icu", "medical", "medical intensive care unit"),
    "surgical ICU": ("sicu", "surgical icu", "surgical", "surgical intensive care unit"),
}


def choice_code(feature: Feature, text: str) -> float:
    """The code that a word stands for, NaN where it stands for none of the feature's choices."""
    for code, label in feature.choices.items():
        if text == label:  # "<30" and ">30" have one key
            return float(code)
    key = name_key(text)
    for code, label in feature.choices.items():
        if key and (key == name_key(label) or key in {name_key(w) for w in _WORDS.get(label, ())}):
            return float(code)
    return float("nan")
