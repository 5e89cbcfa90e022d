"""Words for the outcomes of shipped tasks: those in the cells of a column, and those in its name.

"1" in a column called `is_alive` is the opposite of "1" in `died`: what a name does not say for certain is refused,
as a model with its outcome inverted looks like any other.
"""

import re
import unicodedata
from collections.abc import Sequence

from medgru.data.names import name_key
from medgru.errors import DataError
from medgru.tasks import Task

YES = (*("1", "yes", "y", "true", "t", "ja", "j", "wahr", "oui", "vrai", "si", "sí", "verdadero", "是", "有", "真"),)
NO = ("0", "no", "n", "false", "f", "nein", "falsch", "non", "faux", "falso", "否", "无", "假")

WORDS: dict[str, tuple[str, ...]] = {
    "died": (
        *("died", "dead", "death", "deceased", "expired", "nonsurvivor", "exitus", "mortality", "died in hospital"),
        *("verstorben", "gestorben", "tot", "tod", "décédé", "décédée", "décès", "mort", "morte"),
        *("fallecido", "fallecida", "muerto", "muerta", "éxitus", "死亡", "死", "病死"),
    ),
    "survived": (
        *("survived", "survivor", "alive", "living", "discharged alive", "discharged", "survival"),
        *("überlebt", "überlebend", "lebend", "lebt", "am leben", "entlassen", "vivant", "vivante", "survécu"),
        *("vivo", "viva", "sobrevivió", "存活", "生存", "活", "好转", "治愈", "出院"),
    ),
}
"""Other words for the outcomes, as whole cells, by the name of the outcome."""

# How a word of a column's name begins. "Discharged" and "cured" are left out: who is neither need not have died.
_BEGINNINGS: dict[str, tuple[str, ...]] = {
    "died": (
        *("died", "dead", "death", "deceas", "expired", "nonsurviv", "exitus", "mortal", "fatal"),
        *("verstorben", "verstarb", "gestorben", "sterblich", "todes", "décéd", "décès", "fallec", "muert"),
        *("死亡", "病死", "去世", "病故"),
    ),
    "survived": (
        *("surviv", "alive", "überleb", "ueberleb", "survécu", "survie", "vivant", "sobreviv", "superviv"),
        *("存活", "生存", "活着", "健在"),
    ),
}
# And whole words that begin others: "tot" begins "total", "leben" begins "Lebensalter".
_WHOLE: dict[str, tuple[str, ...]] = {
    "died": ("expire", "tod", "tot", "tote", "toter", "mort", "morte", "morts", "死"),
    "survived": ("lebend", "lebende", "lebendig", "vivo", "viva", "vivos", "vivas", "活"),
}
# And words that say it only where nothing else is said: "lebt noch", but neither "living alone" nor "lives lost".
_ALONE: dict[str, set[str]] = {"survived": {"living", "lives", "leben", "lebt", "vive", "vie"}}
_BESIDE_LIFE = {"is", "still", "noch", "en", "encore", "am", "at", "in", "after", "nach", "the", "todavia"}
_BESIDE_LIFE |= {"d", "day", "days", "tag", "tage", "tagen", "j", "jours", "h"}
_BESIDE_LIFE |= {"patient", "label", "outcome", "discharge", "hospital"}
_NOT = {"not", "non", "never", "without", "no", "nicht", "kein", "keine", "nie", "ohne", "ne", "n", "pas", "sans"}
_NOT |= {"sin"}
# "No" may be a number, too: "patient_no_alive".
_SURELY_NOT = _NOT - {"no", "n", "ne"}
_NOT_IN_CHINESE = re.compile("[未不没非无否]")
# "Died (Y/N)", "是否死亡": these deny nothing.
_WHETHER = re.compile(
    r"是否|有无|与否|是\W否|(?<![^\W_])(?:yes[\W_]+no|ja[\W_]+nein|oui[\W_]+non|s[ií][\W_]+no|[yjos][\W_]+n)(?![^\W_])",
    re.IGNORECASE,
)
# "Survival status" and "survival event" are as often 1 for death.
_UNCLEAR_SURVIVAL = {"status", "state", "event", "code", "statut", "estado", "zustand"}
_UNCLEAR_SURVIVAL_IN_CHINESE = "状态"
# Beside either outcome: "failed to survive", "death-free", "survival below 30 d", "tot: nein".
_UNCLEAR = {"lt", "under", "below", "unter", "moins", "menos", "nein", "false", "falsch", "faux", "falso"}
_UNCLEAR_BEGINNINGS = (
    *("fail", "echec", "censor", "zensier", "exclu", "ausgeschl", "absen", "avoid", "prevent", "ruled", "evit"),
    *("lost", "verlor", "perdu"),
)
_UNCLEAR_ENDS = ("free", "less", "frei", "los")
_UNCLEAR_IN_CHINESE = re.compile("失败|删失|排除|少于|小于|低于")
# "Outcome (0 = died)", "alive (yes = 0)": a code is explained, and may be the other way round.
_EXPLAINED = re.compile(r"\d\s*[=:：]|[=:：]\s*\d")

# Names that mean the event itself, whatever it is, alone or with words that change nothing.
_EVENT_NAMES = {"label", "labels", "outcome", "outcomes", "target", "y", "event", "endpoint", "class", "结局", "标签"}
_EVENT_BESIDE = {"hospital", "inhospital", "in", "icu", "patient", "stay", "final", "primary", "binary", "true", "d"}
_EVENT_BESIDE |= {"day", "days", "h", "the", "of", "at", "discharge", "unit"}

_LOWER, _UPPER = "a-zß-öø-ÿ", "A-ZÀ-ÖØ-Þ"
_CAMEL = re.compile(f"(?<=[{_LOWER}])(?=[{_UPPER}])|(?<=[{_UPPER}])(?=[{_UPPER}][{_LOWER}])")


def meant_by_yes(task: Task, column: str) -> int:
    """The outcome, of two, that 1 or yes means in a column of that name.

    Raises:
        DataError: The name says neither outcome, both, or denies one; the message says how to rename it.
    """
    parts = _parts(column)
    said = [o.name for o in task.outcomes if _places(o.name, parts)]
    denied = any(p in _NOT or _NOT_IN_CHINESE.search(p) for p in parts)
    if said == ["survived"] and denied and _denies_survival(parts):
        said, denied = ["died"], False
    unclear = any(
        p in _UNCLEAR or p.startswith(_UNCLEAR_BEGINNINGS) or p.endswith(_UNCLEAR_ENDS) or _UNCLEAR_IN_CHINESE.search(p)
        for p in parts
    )
    if said == ["survived"]:
        unclear |= "<" in column or any(p in _UNCLEAR_SURVIVAL or _UNCLEAR_SURVIVAL_IN_CHINESE in p for p in parts)
    if len(said) == 1 and not (denied or unclear or _EXPLAINED.search(column)):
        return next(i for i, outcome in enumerate(task.outcomes) if outcome.name == said[0])
    if not said and set(parts) & _EVENT_NAMES and set(parts) <= _EVENT_NAMES | _EVENT_BESIDE:
        return task.event_index
    what = "can be read both ways" if said else "does not say which"
    raise DataError(
        f"The column {column} holds yes and no (or 1 and 0), and its name {what}: 1 could mean "
        f"{' or '.join(o.label for o in task.outcomes)}. Rename it to {' or '.join(o.name for o in task.outcomes)}, "
        "whichever 1 or yes means, write these words into its cells, or choose another column."
    )


def speaks_of_outcome(column: str) -> bool:
    """Whether a word of the column's name is one for dying, for surviving, or for outcomes as such."""
    parts = _parts(column)
    return bool(set(parts) & _EVENT_NAMES) or any(_places(outcome, parts) for outcome in _BEGINNINGS)


def _parts(column: str) -> list[str]:
    """The words of a column's name, as keys: "isAlive_28d" gives is, alive, d."""
    # Composed first: some systems write "ü" as two characters, of which one is no letter.
    spaced = _CAMEL.sub(" ", _WHETHER.sub(" ", unicodedata.normalize("NFC", column)))
    return [name_key(word) for word in "".join(c if c.isalpha() else " " for c in spaced).split()]


def _places(outcome: str, parts: Sequence[str]) -> int:
    """How many words of the name are one for that outcome; Chinese has no spaces between its words."""
    begins = tuple(map(name_key, _BEGINNINGS.get(outcome, (outcome,))))
    whole = set(map(name_key, _WHOLE.get(outcome, ())))
    within = [word for word in begins if not word.isascii()]
    alone = _ALONE.get(outcome, set())
    if set(parts) <= alone | _BESIDE_LIFE | _NOT:
        whole |= alone
    return sum(p.startswith(begins) or p in whole or any(w in p for w in within) for p in parts)


def _denies_survival(parts: Sequence[str]) -> bool:
    """Whether the word right before the only one for survival denies it: "not alive", "未存活".

    Nothing else is turned round: "death, not cardiac" is a death.
    """
    if _places("survived", parts) != 1:
        return False
    at = next(i for i, part in enumerate(parts) if _places("survived", [part]))
    before = parts[:at]
    in_chinese = re.search(rf"[未不没](?:{'|'.join(_BEGINNINGS['survived'])})", parts[at])
    others = [p for p in (*before[:-1], *parts[at + 1 :]) if p in _NOT or _NOT_IN_CHINESE.search(p)]
    is_said = bool(in_chinese) != (len(before) > 0 and before[-1] in _SURELY_NOT)
    return is_said and not others and len(_NOT_IN_CHINESE.findall(parts[at])) == bool(in_chinese)
