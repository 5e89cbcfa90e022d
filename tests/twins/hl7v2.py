"""HL7 v2 messages, each parsed by the library hl7 to check that it says what is meant, and the same as long CSV."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, timezone

from tests.twins.fhir import LOINC, PEOPLE, ROWS, START, Files, Row, facts_csv, long_csv

UNITS = {"HR": "/min", "Temp": "Cel", "GCS": "{score}", "WBC": "10*3/uL"}


def moment(minute: int, offset_h: float | None = None) -> str:
    """The time of a minute as HL7 writes it; without an offset on a clock that shows UTC."""
    if offset_h is None:
        return (START + timedelta(minutes=minute)).strftime("%Y%m%d%H%M%S")
    return (START + timedelta(minutes=minute)).astimezone(timezone(timedelta(hours=offset_h))).strftime("%Y%m%d%H%M%z")


@dataclass(frozen=True)
class Message:
    """One message of results about one patient.

    Attributes:
        who: PID-3.
        results: OBX segments without their number.
        sent, charset: MSH-7, MSH-18.
        visit, admitted: PV1-19, PV1-44.
        person: PID-7 and PID-8.
        kind: MSH-9.
        order: OBR-3 and OBR-7.
        more: Segments after these results, those of another patient too.
    """

    who: str
    results: tuple[str, ...]
    sent: str = moment(3000)
    charset: str = "UNICODE UTF-8"
    visit: str = ""
    admitted: str = ""
    person: tuple[str, str] = ("", "")
    kind: str = "ORU^R01^ORU_R01"
    order: tuple[str, str] = ("", "")
    more: tuple[str, ...] = ()

    def segments(self, marks: str = "^~\\&") -> list[str]:
        """The message, a segment a line."""
        found = [f"MSH|{marks}|LAB|H|MED|H|{self.sent}||{self.kind}|1|P|2.5.1||||||{self.charset}"]
        found += context(self.who, self.person, self.visit, self.admitted)
        found += [f"OBR|1||{self.order[0]}|24323-8^Panel^LN|||{self.order[1]}"]
        found += [f"OBX|{i}|{result}" for i, result in enumerate(self.results, start=1)]
        return [*found, *self.more]

    def encoded(self, end: str = "\r", encoding: str = "utf-8") -> bytes:
        """The bytes of the message, after the library hl7 has parsed it."""
        import hl7

        text = "".join(segment + end for segment in self.segments())
        parsed = hl7.parse("\r".join(self.segments()) + "\r")
        values = [str(s[5]) for s in parsed.segments("OBX")] if self.results else []
        wanted = [r.split("|")[3] for r in (*self.results, *(m[6:] for m in self.more if m.startswith("OBX")))]
        assert values == wanted, (values, wanted)
        assert str(parsed.segment("MSH")[18]) == self.charset
        return text.encode(encoding)


def context(who: str, person: tuple[str, str] = ("", ""), visit: str = "", admitted: str = "") -> list[str]:
    """PID and, where there is a visit, PV1."""
    found = [f"PID|1||{who}||Doe^Jane||{person[0]}|{person[1]}"]
    if visit or admitted:
        found.append("PV1|1|I|ICU" + "|" * 16 + visit + "|" * 25 + admitted)
    return found


def result(row: Row, when: str | None = None, status: str = "F", kind: str = "NM", value: str | None = None) -> str:
    """A row of the twin as OBX from its second field on."""
    _, minute, name, number, _ = row
    code, words, unit, _ = LOINC[name]
    when = moment(minute) if when is None else when
    shown = f"{number:g}" if value is None else value
    return f"{kind}|{code}^{words}^LN||{shown}|{unit}^^UCUM|||||{status}|||{when}"


def messages(rows: Iterable[Row], one_each: bool = False, **more: object) -> list[Message]:
    """A message a patient, or a row."""
    groups: dict[object, list[Row]] = {}
    for i, row in enumerate(rows):
        groups.setdefault((row[0], i if one_each else 0), []).append(row)
    return [Message(group[0][0], tuple(map(result, group)), **more) for group in groups.values()]  # type: ignore[arg-type]


def joined(found: Iterable[Message], end: str = "\r", encoding: str = "utf-8") -> bytes:
    """Messages one after the other."""
    return b"".join(message.encoded(end, encoding) for message in found)


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases of the format: name, files, twin."""
    csv = {"twin.csv": long_csv(ROWS)}
    people = [(name, age, sex) for name, (_, sex, age) in PEOPLE.items()]
    of_one = [r for r in ROWS if r[0] == "p1"]
    first = {"t.csv": long_csv(of_one)}
    cases: list[tuple[str, Files, Files]] = [
        ("a message a patient", {"a.hl7": joined(messages(ROWS))}, csv),
        ("a message a result, line feeds", {"a.hl7": joined(messages(ROWS, one_each=True), "\n")}, csv),
        ("carriage returns and line feeds", {"a.hl7": joined(messages(ROWS), "\r\n")}, csv),
        (
            "a file a message",
            {f"{i}.hl7": message.encoded() for i, message in enumerate(messages(ROWS, one_each=True))},
            csv,
        ),
        (
            "frames of MLLP",
            {"a.hl7": b"".join(b"\x0b" + m.encoded() + b"\x1c\r" for m in messages(ROWS, one_each=True))},
            csv,
        ),
        (
            "a batch",
            {"a.hl7": b"FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r" + joined(messages(ROWS)) + b"BTS|2\rFTS|1\r"},
            csv,
        ),
        ("point of care", {"a.hl7": joined(messages(ROWS, kind="ORU^R30^ORU_R30"))}, csv),
        (
            "offsets from UTC",
            {
                "a.hl7": joined(
                    Message(r[0], (result(r, moment(r[1], (-7, 0, 5.5, 2)[i % 4])),), sent=moment(9000, 1))
                    for i, r in enumerate(ROWS)
                )
            },
            csv,
        ),
        (
            "the offset of MSH-7 holds for the message",
            {"a.hl7": joined(Message(r[0], (result(r, moment(r[1], 2)[:12]),), sent=moment(9000, 2)) for r in ROWS)},
            csv,
        ),
    ]
    odd = b"".join(
        "\r".join(m.segments()).replace("|", "*").replace("^", "@").encode() + b"\r" for m in messages(ROWS[:4])
    )
    cases.append(("other delimiters", {"a.hl7": odd}, {"t.csv": long_csv(ROWS[:4])}))
    visits = [
        Message(
            f"{name}^^^HOSP^MR",
            tuple(result(r) for r in ROWS if r[0] == name),
            visit=f"v-{name}^^^HOSP^VN",
            admitted=moment({"p1": -90, "p2": -15}[name]),
            person=(PEOPLE[name][0].replace("-", ""), PEOPLE[name][1][0].upper()),
        )
        for name in PEOPLE
    ]
    cases.append(
        (
            "visits with age, sex and admission",
            {"a.hl7": joined(visits)},
            {
                "t.csv": long_csv([(f"v-{who}", *rest) for who, *rest in ROWS]),
                "p.csv": facts_csv([(f"v-{n}", a, s) for n, a, s in people], {"v-p1": -90, "v-p2": -15}),
            },
        )
    )
    several = Message("9^^^SSA^SS~p1^^^HOSP^MR~8^^^X^PI", tuple(map(result, of_one)))
    cases.append(("several numbers of one patient", {"a.hl7": several.encoded()}, first))
    two = Message("p1", tuple(map(result, of_one)))
    rest = [f"OBX|{i}|{result(r)}" for i, r in enumerate(ROWS) if r[0] == "p2"]
    both = Message(two.who, two.results, more=(*context("p2"), "OBR|1||7|1^x^L", *rest))
    cases.append(("two patients in one message", {"a.hl7": both.encoded()}, csv))
    hot, cold = ROWS[0], ("p1", 0, "HR", 44.0, "/min")
    lactate = ("p1", 95, "Lactate", 1.2, "mmol/L")
    dropped = [
        Message("p1", (result(cold), result(ROWS[1])), sent=moment(100)),
        Message("p1", (result(hot, status="C"),), sent=moment(200)),
        Message("p1", (result(ROWS[3], status="P", value="9.9"),), sent=moment(100)),
        Message("p1", (result(ROWS[3]),), sent=moment(150)),
        Message("p1", (result(ROWS[2], status="X", value=""), result(ROWS[4], status="N", value="")), sent=moment(150)),
        Message("p1", (result(ROWS[2], value="222"),), sent=moment(150)),
        Message("p1", (result(ROWS[2], status="W", value="222"),), sent=moment(250)),
    ]
    good = {"t.csv": long_csv([ROWS[0], ROWS[1], ROWS[3]])}
    cases.append(("corrections and withdrawals", {"a.hl7": joined(dropped)}, good))
    cases.append(("corrections before what they correct", {"a.hl7": joined(dropped[::-1])}, good))
    structured = [result(lactate, kind="SN", value="^1.2"), result(hot, kind="SN", value="=^88")]
    below = result(("p1", 96, "Creatinine", 0.2, ""), kind="SN", value="<^0.2")
    rows = long_csv([lactate, hot]) + f"p1,{moment(96)[:8]}T{moment(96)[8:12]},Creatinine,<0.2,mg/dL\n".encode()
    cases.append(("structured numbers", {"a.hl7": Message("p1", (*structured, below)).encoded()}, {"t.csv": rows}))
    local = "NM|HF^Herzfrequenz^99WARD^8867-4^Heart rate^LN||88|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||" + moment(0)
    other = "NM|8310-5^Temp^LN||36.6|degC^^L^Cel^^UCUM|||||F|||" + moment(0)
    white = "NM|6690-2^WBC^LN||12.5|10\\S\\3/uL|||||F|||" + moment(1440)
    words = "ST|2524-7^Lactate^LN||1.23|mmol/L|||||F|||" + moment(95)
    mixed: list[Row] = [ROWS[0], ROWS[1], ROWS[4], ROWS[3]]
    spelled = Message("p1", (local, other, white, words))
    cases.append(("codes, units and types spelled otherwise", {"a.hl7": spelled.encoded()}, {"t.csv": long_csv(mixed)}))
    untimed = Message("p1", (result(hot, ""), result(ROWS[1], "")), order=("7", moment(0)))
    cases.append(("the time of the order", {"a.hl7": untimed.encoded()}, {"t.csv": long_csv([hot, ROWS[1]])}))
    chinese = [("患者一", *rest) for _, *rest in of_one]
    gb = Message("患者一", tuple(map(result, chinese)), charset="GB 18030-2000")
    cases.append(("GB 18030", {"a.hl7": gb.encoded(encoding="gb18030")}, {"t.csv": long_csv(chinese)}))
    german = [("Müller-7", *rest) for _, *rest in of_one]
    latin = Message("Müller-7", tuple(map(result, german)), charset="8859/1")
    cases.append(("ISO 8859-1", {"a.hl7": latin.encoded(encoding="latin-1")}, {"t.csv": long_csv(german)}))
    admission = Message("p9", (), kind="ADT^A01^ADT_A01").segments()[:2]
    mixture = "\r".join(admission).encode() + b"\r" + joined(messages(ROWS))
    cases.append(("admissions among the results", {"a.hl7": mixture}, csv))
    return cases
