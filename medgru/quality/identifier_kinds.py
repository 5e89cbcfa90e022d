"""The kinds of identifiers, and the names under which files hold them.

The eighteen of the HIPAA Safe Harbor rule, 45 CFR 164.514(b)(2)(i)(A) to (R), with what other countries have beside
them: a Chinese resident identity number stands with social security numbers, for it serves the same purpose.
"""

import re
from dataclasses import dataclass, field

from medgru.data.names import name_key


@dataclass(frozen=True)
class Kind:
    """One kind of identifier.

    Attributes:
        name: What it is called on the screen.
        letter: Its place in the Safe Harbor list, "A" to "R".
        names: Headers of columns that hold it; compared without case, spaces, accents and punctuation.
    """

    name: str
    letter: str
    names: tuple[str, ...] = field(default=(), repr=False)


NAME = Kind("name", "A", (
    "name", "names", "full name", "patient name", "first name", "last name", "middle name", "given name", "surname",
    "family name", "maiden name", "forename", "firstname", "lastname", "fname", "lname", "initials", "nickname",
    "alias", "mother name", "mothers name", "father name", "next of kin", "emergency contact", "contact person",
    "physician", "physician name", "doctor", "doctor name", "attending", "nurse", "nurse name", "provider name",
    "nachname", "vorname", "familienname", "geburtsname", "patientenname", "arzt", "pflegekraft", "angehörige",
    "nom", "prénom", "nom de famille", "nom de naissance", "nom patient", "nombre", "apellido", "apellidos",
    "nombre completo", "nome", "cognome", "sobrenome", "naam", "achternaam", "voornaam", "efternamn", "förnamn",
    "姓名", "名字", "患者姓名", "病人姓名", "姓", "名", "联系人", "家属", "家属姓名", "医生", "主治医生", "护士",
    "氏名", "患者氏名", "이름",
))  # fmt: skip
PLACE = Kind("address or place", "B", (
    "address", "home address", "street", "street address", "city", "town", "county", "district", "village",
    "precinct", "zip", "zip code", "zipcode", "postcode", "postal code", "post code", "house number", "location",
    "latitude", "longitude", "geocode", "place of birth", "birthplace", "adresse", "anschrift", "strasse", "ort",
    "wohnort", "stadt", "plz", "postleitzahl", "hausnummer", "geburtsort", "rue", "ville", "code postal", "commune",
    "lieu de naissance", "dirección", "calle", "ciudad", "código postal", "municipio", "indirizzo", "città", "cap",
    "endereço", "cep", "adres", "住址", "地址", "家庭住址", "现住址", "籍贯", "出生地", "邮编", "邮政编码", "街道",
    "区县", "城市", "住所", "郵便番号",
))  # fmt: skip
BIRTH = Kind("date of birth", "C", (
    "date of birth", "birth date", "birthdate", "dob", "birthday", "born", "year month of birth", "geburtsdatum",
    "geboren", "geburtstag", "geb datum", "gebdat", "date de naissance", "né le", "fecha de nacimiento",
    "data di nascita", "data de nascimento", "geboortedatum", "födelsedatum", "出生日期", "生日", "出生年月",
    "出生年月日", "生年月日",
))  # fmt: skip
DATE = Kind("date", "C", (
    "admission date", "date of admission", "discharge date", "date of discharge", "discharge time", "dischtime",
    "outtime", "icu outtime", "death date", "date of death", "dod", "deathtime", "death time", "surgery date",
    "aufnahmedatum", "entlassdatum", "entlassungsdatum", "entlassung", "sterbedatum", "todesdatum", "op datum",
    "date d'admission", "date de sortie", "date d'entrée", "date de décès", "fecha de ingreso", "fecha de alta",
    "fecha de muerte", "入院日期", "出院日期", "出院时间", "死亡日期", "死亡时间", "手术日期",
))  # fmt: skip
OLD_AGE = Kind("age over 89", "C")
PHONE = Kind("telephone number", "D", (
    "phone", "telephone", "tel", "phone number", "telephone number", "mobile", "mobile number", "cell", "cell phone",
    "cellphone", "home phone", "work phone", "contact number", "telefon", "telefonnummer", "handy", "handynummer",
    "mobil", "mobilnummer", "téléphone", "portable", "tél", "teléfono", "móvil", "celular", "telefono", "telefone",
    "telefoon", "电话", "手机", "手机号", "手机号码", "联系电话", "电话号码", "联系方式", "家属电话", "電話番号",
))  # fmt: skip
FAX = Kind("fax number", "E", ("fax", "fax number", "telefax", "faxnummer", "télécopie", "传真", "传真号码"))
EMAIL = Kind("e-mail address", "F", (
    "email", "e mail", "email address", "mail address", "e mail adresse", "courriel", "correo", "correo electrónico",
    "邮箱", "电子邮箱", "电子邮件",
))  # fmt: skip
SSN = Kind("social security or national identity number", "G", (
    "ssn", "social security number", "social security", "national id", "national identity number", "identity number",
    "id card", "id card number", "passport", "passport number", "passport no", "nino", "national insurance number",
    "sozialversicherungsnummer", "svnr", "rentenversicherungsnummer", "steuer id", "personalausweis",
    "ausweisnummer", "reisepass", "nir", "numéro de sécurité sociale", "numéro sécu", "passeport", "dni", "nie",
    "pasaporte", "codice fiscale", "cpf", "bsn", "personnummer", "aadhaar", "curp", "身份证", "身份证号", "身份证号码",
    "公民身份号码", "证件号", "证件号码", "护照", "护照号", "护照号码", "社保号", "社会保障号", "マイナンバー",
))  # fmt: skip
MRN = Kind("medical record number", "H", (
    "mrn", "medical record number", "medical record no", "hospital number", "hospital no", "chart number",
    "patient number", "patient no", "case number", "fallnummer", "patientennummer", "aktenzeichen", "aktennummer",
    "aufnahmenummer", "ipp", "nip", "numéro de dossier", "numéro patient", "número de historia", "nhc", "病历号",
    "病案号", "住院号", "门诊号", "就诊号", "就诊卡号", "病人编号", "患者编号", "カルテ番号",
))  # fmt: skip
PLAN = Kind("health plan number", "I", (
    "nhs number", "nhs no", "insurance number", "insurance id", "insurance no", "policy number", "member id",
    "member number", "beneficiary number", "subscriber id", "medicare number", "medicaid number", "health card number",
    "krankenversichertennummer", "kvnr", "versichertennummer", "versicherungsnummer", "egk", "carte vitale",
    "numéro d'assuré", "tarjeta sanitaria", "número de afiliado", "医保号", "医保卡号", "医保编号", "参保号", "保险号",
))  # fmt: skip
ACCOUNT = Kind("account number", "J", (
    "account number", "account no", "bank account", "iban", "credit card", "card number", "invoice number",
    "billing number", "kontonummer", "rechnungsnummer", "numéro de compte", "número de cuenta", "银行卡号", "账号",
    "银行账号", "卡号",
))  # fmt: skip
LICENCE = Kind("certificate or licence number", "K", (
    "license number", "licence number", "drivers license", "driving licence", "driver licence number", "dea number",
    "certificate number", "license no", "führerschein", "führerscheinnummer", "approbationsnummer", "lanr",
    "permis de conduire", "rpps", "licencia de conducir", "驾驶证", "驾驶证号", "执照号", "证书编号",
))  # fmt: skip
VEHICLE = Kind("vehicle identifier or plate", "L", (
    "vin", "vehicle id", "vehicle identification number", "license plate", "licence plate", "number plate",
    "plate number", "kennzeichen", "kfz kennzeichen", "fahrgestellnummer", "immatriculation", "matrícula", "车牌",
    "车牌号", "车架号",
))  # fmt: skip
DEVICE = Kind("device identifier or serial number", "M", (
    "device id", "device identifier", "device serial number", "serial number", "serial no", "udi", "imei", "mac",
    "mac address", "implant serial", "seriennummer", "gerätenummer", "geräte id", "numéro de série",
    "número de serie", "设备号", "设备编号", "序列号", "设备序列号",
))  # fmt: skip
URL = Kind("web address", "N", ("url", "website", "homepage", "web address", "webseite", "site web", "网址", "主页"))
IP = Kind("IP address", "O", ("ip address", "ipaddress", "ipv4", "ipv6", "ip adresse", "adresse ip", "ip地址"))
BIOMETRIC = Kind("biometric identifier", "P", (
    "fingerprint", "finger print", "voiceprint", "voice print", "iris", "retina scan", "fingerabdruck",
    "empreinte digitale", "huella dactilar", "指纹", "声纹", "虹膜", "人脸", "dna sequence", "genome",
))  # fmt: skip
PHOTO = Kind("photograph", "Q", (
    "photo", "photograph", "picture", "face image", "portrait", "image path", "photo path", "foto", "lichtbild",
    "照片", "头像", "相片", "写真",
))  # fmt: skip
UNIQUE = Kind("other unique number", "R", (
    "uuid", "guid", "unique id", "specimen id", "accession number", "sample id", "barcode", "order number", "order id",
    "user id", "username", "login", "auftragsnummer", "probennummer", "barcodenummer", "条码", "条码号", "标本号",
    "申请单号", "检验单号", "登记号",
))  # fmt: skip
FREE_TEXT = Kind("free text", "R", (
    "note", "notes", "remark", "remarks", "comment", "comments", "free text", "narrative", "history", "anamnesis",
    "discharge summary", "report text", "bemerkung", "bemerkungen", "kommentar", "freitext", "anamnese", "verlauf",
    "arztbrief", "notiz", "remarque", "remarques", "commentaire", "observaciones", "comentario", "notas",
    "note cliniche", "备注", "病史", "病程记录", "主诉", "现病史", "说明", "記事", "备考",
))  # fmt: skip

KINDS = (
    NAME, PLACE, BIRTH, DATE, OLD_AGE, PHONE, FAX, EMAIL, SSN, MRN, PLAN, ACCOUNT, LICENCE, VEHICLE, DEVICE, URL, IP,
    BIOMETRIC, PHOTO, UNIQUE, FREE_TEXT,
)  # fmt: skip

AGE_NAMES = frozenset(
    name_key(n) for n in ("age", "age years", "patient age", "alter", "edad", "âge", "età", "leeftijd", "年龄", "年齢")
)

_BY_KEY = {name_key(name): kind for kind in reversed(KINDS) for name in kind.names}
_WHOSE = tuple(
    name_key(w)
    for w in ("patient", "patients", "patienten", "pat", "pt", "subject", "person", "client", "患者", "病人",
              "mother", "father", "spouse", "guardian", "relative", "contact", "emergency contact", "home", "current",
              "physician")
)  # fmt: skip
_COUNTED = re.compile(r"[\s_(.-]*\d{1,2}\)?$")


def kind_by_name(header: str) -> Kind | None:
    """The kind of identifier that a header names: "Pat. Nachname", "phone_2", "身份证号"; None where it names none."""
    for text in (header, _COUNTED.sub("", header)):
        key = name_key(text)
        if key in _BY_KEY:
            return _BY_KEY[key]
        for whose in _WHOSE:
            if key.startswith(whose) and key[len(whose) :] in _BY_KEY:
                return _BY_KEY[key[len(whose) :]]
    return None
