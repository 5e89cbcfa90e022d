"""Words for coded values: "F", "female", "女" for sex; "yes" for a ventilator."""

from medgru.data.names import name_key
from medgru.tasks import Feature

_WORDS: dict[str, tuple[str, ...]] = {
    "female": ("f", "female", "w", "woman", "weiblich", "frau", "femme", "mujer", "femenino", "女", "女性"),
    "male": ("m", "male", "man", "männlich", "mann", "homme", "hombre", "masculino", "男", "男性"),
    "on": ("on", "yes", "y", "true", "ja", "oui", "si", "是", "有"),
    "off": ("off", "no", "n", "false", "nein", "non", "否", "无"),
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
