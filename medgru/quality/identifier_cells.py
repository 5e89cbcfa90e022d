"""What the text of a cell gives away: patterns, with the check digits that their issuers put in.

A number alone is never taken for an identity number without its check digit: a measurement may have as many digits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from medgru.quality.identifier_kinds import (
    ACCOUNT,
    DEVICE,
    EMAIL,
    IP,
    NAME,
    PHONE,
    PLACE,
    PLAN,
    SSN,
    UNIQUE,
    URL,
    VEHICLE,
    Kind,
)

_WEIGHTS_CN = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82]
)


def _is_day(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def is_chinese_id(text: str) -> bool:
    """Resident identity number: 18 digits with the check digit of GB 11643-1999 (ISO 7064 mod 11-2), or 15 old ones."""
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        total = sum(int(c) * w for c, w in zip(text[:17], _WEIGHTS_CN, strict=True))
        good = "10X98765432"[total % 11] == text[17].upper() and text[6:8] in ("18", "19", "20")
        return good and int(text[:2]) in _PROVINCES and _is_day(text[10:12], text[12:14])
    old = re.fullmatch(r"[0-9]{15}", text) is not None
    return old and int(text[:2]) in _PROVINCES and _is_day(text[8:10], text[10:12])


def is_nhs_number(text: str) -> bool:
    """NHS number of England and Wales: ten digits, the last by modulus 11."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[0-9]{10}", digits) or len(set(digits)) == 1:
        return False
    check = 11 - sum(int(c) * w for c, w in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return check % 11 == int(digits[9]) and check != 10


def is_french_nir(text: str) -> bool:
    """French social security number: 13 characters and the key 97 minus them modulo 97."""
    flat = text.replace(" ", "").upper()
    if not re.fullmatch(r"[1-478][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2[AB])[0-9]{6}[0-9]{2}", flat):
        return False
    number = int(flat[:13].replace("2A", "19", 1).replace("2B", "18", 1)) if flat[5:7] in ("2A", "2B") else None
    return 97 - (int(flat[:13]) if number is None else number) % 97 == int(flat[13:])


def is_german_kvnr(text: str) -> bool:
    """German health insurance number: a letter and nine digits, the last by modulus 10."""
    if not re.fullmatch(r"[A-Z][0-9]{9}", text):
        return False
    digits = f"{ord(text[0]) - 64:02d}{text[1:9]}"
    total = sum(sum(divmod(int(c) * (1 + i % 2), 10)) for i, c in enumerate(digits))
    return total % 10 == int(text[9])


def is_iban(text: str) -> bool:
    """International bank account number, by modulus 97."""
    flat = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", flat):
        return False
    return int("".join(str(int(c, 36)) for c in flat[4:] + flat[:4])) % 97 == 1


def is_card_number(text: str) -> bool:
    """Number of a payment card, in groups of four or whole, by Luhn's check digit."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[3-6][0-9]{12,18}", digits) or is_chinese_id(digits):
        return False
    total = sum(sum(divmod(int(c) * (1 + i % 2), 10)) for i, c in enumerate(reversed(digits)))
    return total % 10 == 0


_VIN = {c: v for v, group in enumerate(("", "AJ", "BKS", "CLT", "DMU", "ENV", "FW", "GPX", "HY", "RZ")) for c in group}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """Vehicle identification number with its North American check digit."""
    flat = text.upper()
    if not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", flat) or flat.isdigit() or flat.isalpha():
        return False
    total = sum((int(c) if c.isdigit() else _VIN[c]) * w for c, w in zip(flat, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == flat[8]


def is_ssn(text: str) -> bool:
    """US social security number with its hyphens; areas and groups that were never given do not count."""
    found = re.fullmatch(r"([0-9]{3})-([0-9]{2})-([0-9]{4})", text)
    return found is not None and found[1] not in ("000", "666") and found[1] < "900" and "00" != found[2] != "0000"


def is_ip(text: str) -> bool:
    """IPv4 address, or an IPv6 address with colons."""
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", text):
        return all(int(part) < 256 for part in text.split("."))
    return bool(re.fullmatch(r"(?=.*[a-fA-F].*|.*::.*)[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}", text))


def is_phone(text: str) -> bool:
    """Telephone number as people write one: international, American, Chinese mobile, or with a leading zero."""
    digits = sum(c.isdigit() for c in text)
    forms = (
        r"(\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
        r"\+[1-9][0-9 ()./-]{6,18}[0-9]",
        r"(\+?1[ .-])?(\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}",
        r"\(?0[1-9][0-9]{1,4}\)?[ /-][0-9][0-9 -]{4,10}",
    )
    return 7 <= digits <= 15 and any(re.fullmatch(form, text) for form in forms)


_COMMON = (
    "james mary john patricia robert jennifer michael linda david elizabeth william barbara richard susan joseph "
    "jessica thomas sarah charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra "
    "donald ashley steven kimberly paul emily andrew donna joshua michelle kenneth carol kevin amanda brian dorothy "
    "george melissa edward deborah ronald stephanie timothy rebecca jason sharon jeffrey laura ryan cynthia jacob "
    "kathleen gary amy eric angela jonathan anna stephen emma olivia noah liam sophia jane peter alice henry jack "
    "hans peter klaus wolfgang jürgen dieter uwe bernd günter horst heinz helga ursula monika petra sabine renate "
    "karin brigitte ingrid erika gisela andreas stefan markus christian martin max lukas leon felix jonas finn paula "
    "jean pierre michel andré philippe alain jacques marie jeanne françoise monique catherine nathalie isabelle "
    "sylvie louis camille léa manon chloé josé antonio juan manuel francisco luis carlos miguel javier maría carmen "
    "josefa isabel dolores pilar ana lucía sofía giuseppe giovanni mario luigi francesca giulia mohammed ahmed ali "
    "fatima aisha omar hassan wei fang min jing lei yan hui ivan olga natalia sergey dmitri"
)
_FIRST_NAMES = frozenset(_COMMON.split())
_SURNAMES_CN = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚"
    "谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段章钱汤尹黎易常武乔贺赖龚文"
)


def is_latin_name(text: str) -> bool:
    """Two to four capitalised words of which one is a common first name."""
    parts = re.split(r",\s*|\s+", text.strip())
    capital = r"[^\W\d_][\w'’-]*\.?"
    if not 2 <= len(parts) <= 4 or not all(re.fullmatch(capital, p) and p[0].isupper() for p in parts):
        return False
    return any(p.casefold() in _FIRST_NAMES for p in parts)


def is_chinese_name(text: str) -> bool:
    """Two to four Chinese characters that begin with a common surname."""
    return bool(re.fullmatch(r"[\u4e00-\u9fff]{2,4}", text)) and text[0] in _SURNAMES_CN


def is_address(text: str) -> bool:
    """Street with a house number, or a Chinese address."""
    if len(text) > 120:
        return False
    if len(set(re.findall(r"[省市区县路街号镇乡村弄栋室]", text))) >= 3:
        return True
    streets = r"(street|st\.|road|rd\.|avenue|ave\.?|lane|drive|boulevard|blvd\.?)\b"
    return bool(
        re.search(rf"\b[0-9]+[a-z]?,? +([\w.'-]+ ){{1,4}}?{streets}", text, re.IGNORECASE)
        or re.search(r"\w(straße|strasse|str\.|gasse|allee|weg) +[0-9]+", text, re.IGNORECASE)
        or re.search(r"\b[0-9]+,? +(rue|avenue|boulevard|chemin) ", text, re.IGNORECASE)
    )


@dataclass(frozen=True)
class Form:
    """How a kind of identifier is written in a cell.

    Attributes:
        kind, words: The kind, and what it is more exactly.
        matches: Whether a whole cell is one.
        share: Share of the filled cells that must be, for a column to be suspected.
        fewest: Fewest different cells that must be; a check digit that fits by chance needs more of them.
        within: Pattern that finds it in a longer text; None where it could be anything.
        also: What a match of the pattern must pass.
    """

    kind: Kind
    words: str
    matches: Callable[[str], bool]
    share: float
    fewest: int = 1
    within: re.Pattern[str] | None = None
    also: Callable[[str], bool] | None = None


def _whole(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


_EMAIL = r"[\w.+-]+@[\w-]+(\.[\w-]+)+"
_URL = r"(https?://|www\.)[^\s]+\.[^\s]+"

FORMS = (
    Form(EMAIL, "e-mail addresses", _whole(_EMAIL), 0.02, 1, re.compile(_EMAIL)),
    Form(URL, "web addresses", _whole(_URL), 0.02, 1, re.compile(_URL, re.IGNORECASE)),
    Form(SSN, "Chinese resident identity numbers", is_chinese_id, 0.2, 1,
         re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])"), is_chinese_id),
    Form(SSN, "US social security numbers", is_ssn, 0.05, 1,
         re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9-])"), is_ssn),
    Form(SSN, "French social security numbers", is_french_nir, 0.2),
    Form(ACCOUNT, "bank account numbers", is_iban, 0.2, 1,
         re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}\b"), is_iban),
    Form(ACCOUNT, "payment card numbers", is_card_number, 0.9, 3),
    Form(PLAN, "German health insurance numbers", is_german_kvnr, 0.8, 2),
    Form(PLAN, "NHS numbers", is_nhs_number, 0.95, 5),
    Form(VEHICLE, "vehicle identification numbers", is_vin, 0.8, 2),
    Form(DEVICE, "hardware addresses", _whole(r"([0-9A-F]{2}[:-]){5}[0-9A-F]{2}"), 0.3),
    Form(IP, "IP addresses", is_ip, 0.5),
    Form(PHONE, "telephone numbers", is_phone, 0.5, 1,
         re.compile(r"(?<![0-9.])((\+?86[ -]?)?1[3-9][0-9]{9}|\+[1-9][0-9 ()/-]{7,16}[0-9]|"
                    r"\(?[0-9]{3}\)?[ -][0-9]{3}-[0-9]{4})(?![0-9])")),
    Form(SSN, "Chinese passport numbers", _whole(r"[EGDSP][A-Z0-9]?[0-9]{7,8}"), 0.9, 3),
    Form(PLACE, "addresses", is_address, 0.3, 1, re.compile(
        r"[\u4e00-\u9fff]{2,}(路|街|巷)[0-9]+号|\w(straße|strasse|gasse) +[0-9]+")),
    Form(PLACE, "UK postcodes", _whole(r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}"), 0.8, 3),
    Form(UNIQUE, "universal unique identifiers", _whole(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), 0.5, 2),
    Form(NAME, "names of persons", is_latin_name, 0.2, 2, re.compile(
        r"\b(Mr|Mrs|Ms|Dr|Herr|Frau|Mme|Sr|Sra|Prof)\.? +[A-ZÄÖÜÉ][\w'-]+")),
    Form(NAME, "names of persons", is_chinese_name, 0.9, 3),
)  # fmt: skip


def within(text: str) -> Form | None:
    """The first kind of identifier that stands somewhere in a text."""
    for form in FORMS:
        if form.within is not None:
            for found in form.within.finditer(text):
                if form.also is None or form.also(found.group()):
                    return form
    return None


def masked(text: str) -> str:
    """How the text is written, with every letter and digit hidden: "•••@•••.•••"."""
    parts = re.findall(r"\w+|[^\w\s]|\s+", text)[:9]
    hidden = ["•••" if p[0].isalnum() or p[0] == "_" else " " if p.isspace() else p for p in parts]
    return "".join(hidden) + (" …" if "".join(parts) != text else "")
