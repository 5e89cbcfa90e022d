"""Everything that is said of the quality of some recordings, in one value."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.recording import (
    AFTER,
    BEFORE,
    CONFLICT,
    FILE,
    IMPLAUSIBLE,
    NO_STAY,
    NO_TIME,
    NO_VALUE,
    NOT_A_NUMBER,
    RAGGED,
    REPEATED,
    UNKNOWN_UNIT,
    Recordings,
)
from medgru.data.words import agreeing, counted
from medgru.quality.clocks import clock_doubts
from medgru.quality.coverage import Coverage, cover
from medgru.quality.finding import UNITS, Finding
from medgru.quality.unit_doubts import unit_doubts
from medgru.quality.verdicts import ENOUGH, NOT_ENOUGH, THIN, judge

ISSUE_TITLES = {
    UNKNOWN_UNIT: "In a unit that is not known",
    NO_TIME: "No usable time",
    IMPLAUSIBLE: "Outside the plausible range",
    NOT_A_NUMBER: "No number",
    BEFORE: "Before admission",
    AFTER: "After what the model sees",
    CONFLICT: "Differs within the stay",
    REPEATED: "The same measurement twice",
    NO_STAY: "Says not whose it is",
    NO_VALUE: "No value",
    RAGGED: "Too many or too few cells",
    FILE: "Whole files and tables",
}
"""What each kind of issue is called, by harm: a wrong unit or clock spoils all values, what is twice spoils none."""

LOOKS_LIKE = "Looks like "
"""Begins the title of issues that another unit would explain: "Looks like °F"."""

_OTHER_UNIT = r"; looks like (.+?)(?: \(first of several.*)?$"
"""How the problem of such an issue ends; see `medgru.data.units.unit_hints`."""

_NOTABLE = 0.02
"""A finding about a smaller share of the patients is not the first thing to look at."""

_PLACES = {
    UNKNOWN_UNIT: 0,
    NO_TIME: 1,
    IMPLAUSIBLE: 2,
    NOT_A_NUMBER: 2,
    None: 3,  # who has too little
    BEFORE: 4,
    AFTER: 4,
    CONFLICT: 5,
    REPEATED: 6,
}
"""Where a kind of issue stands among what to look at; what is not named comes last."""


@dataclass(frozen=True)
class Quality:
    """What can be said of the quality of some recordings.

    Attributes:
        coverage: What was measured how often.
        verdicts: A row a stay, see `judge`.
        issues: What was set aside while reading, as `ReadReport.issues`.
        findings: What looks wrong and was not set aside: units, clocks.
    """

    coverage: Coverage
    verdicts: pd.DataFrame
    issues: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many patients have each verdict."""
        found = self.verdicts["verdict"].value_counts()
        return {verdict: int(found.get(verdict, 0)) for verdict in (ENOUGH, THIN, NOT_ENOUGH)}

    @property
    def headline(self) -> str:
        """One sentence: "1,204 patients: 1,100 enough, 73 thin, 31 not enough"."""
        parts = [f"{count:,} {verdict}" for verdict, count in self.counts.items()]
        return f"{counted(len(self.verdicts), 'patient')}: {', '.join(parts)}"

    @cached_property
    def issue_titles(self) -> pd.Series:
        """What each issue is called; those that another unit would explain say so: "Looks like °F"."""
        titles = self.issues["kind"].map(lambda kind: ISSUE_TITLES.get(kind, kind)).astype(object)
        unit = self.issues["problem"].astype(str).str.extract(_OTHER_UNIT, expand=False)
        return titles.where(unit.isna(), LOOKS_LIKE + unit)

    @cached_property
    def grouped_issues(self) -> pd.DataFrame:
        """What was set aside by title and column: kind, title, column, count, lines; the gravest first."""
        columns = ["kind", "title", "column", "count", "lines"]
        if self.issues.empty:
            return pd.DataFrame(columns=columns)
        titled = self.issues.assign(title=self.issue_titles)
        table = titled.groupby(["kind", "title", "column"], sort=False).agg(
            count=("count", "sum"), lines=("count", "size")
        )
        table = table.reset_index()
        rank = {kind: i for i, kind in enumerate(ISSUE_TITLES)}
        place = [
            -1 if title.startswith(LOOKS_LIKE) else rank.get(kind, len(rank))
            for kind, title in zip(table["kind"], table["title"], strict=True)
        ]
        order = pd.DataFrame({"place": place, "count": -table["count"]}).sort_values(["place", "count"], kind="stable")
        return table.loc[order.index, columns].reset_index(drop=True)

    @property
    def look_first(self) -> str:
        """What to look at first, a sentence; "" where nothing stands out."""
        return next(iter(self.to_look_at), "")

    @cached_property
    def to_look_at(self) -> tuple[str, ...]:
        """What to look at, a sentence each, by harm: units, clocks, what was set aside, who has too little."""
        said: list[tuple[int, str]] = []
        for finding in self.findings:
            if self._is_notable(finding.patients):
                said.append((0 if finding.kind == UNITS else 1, finding.title))
        groups = self.grouped_issues[["kind", "title", "column", "count"]]
        for kind, title, column, count in groups.itertuples(index=False, name=None):
            if kind != FILE:
                said.append(self._of_group(kind, title, column, count))
        counts, n = self.counts, max(len(self.verdicts), 1)
        if counts[NOT_ENOUGH] + counts[THIN] > 0.2 * n:
            said.append((_PLACES[None], self._too_little()))
        return tuple(sentence for _, sentence in sorted(said, key=lambda one: one[0]))

    def _is_notable(self, patients: int) -> bool:
        return patients >= _NOTABLE * max(len(self.verdicts), 1)

    def _of_group(self, kind: str, title: str, column: str, count: int) -> tuple[int, str]:
        """Place and sentence of a group of issues."""
        where = f" in {column}" if column else ""
        if not title.startswith(LOOKS_LIKE):
            return _PLACES.get(kind, max(_PLACES.values()) + 1), f"{title}{where}: {count:,}."
        mine = self.issues[(self.issue_titles == title) & (self.issues["column"] == column)]
        patients = mine["record_id"][mine["record_id"] != ""].nunique()
        folded = "at least " if count > len(mine) else ""
        unit = title.removeprefix(LOOKS_LIKE)
        what = f"{counted(count, 'value')} of {folded}{counted(patients, 'patient')}"
        looks, was = agreeing(count, "looks", "look"), agreeing(count, "was", "were")
        sentence = f"{column}: {what} {looks} like {unit} and {was} set aside."
        return 0 if self._is_notable(patients) else _PLACES[IMPLAUSIBLE], sentence

    def _too_little(self) -> str:
        why = self.verdicts.loc[self.verdicts["verdict"] != ENOUGH, "why"].str.split(".").str[0]
        forms = why.str.replace(r"[0-9]+", "…", regex=True)
        same = forms == forms.mode().iat[0]
        n = int(same.sum())
        return f"{counted(n, 'patient')} {agreeing(n, 'has', 'have')} too little, such as: {why[same].iat[0]}."


def assess(recordings: Recordings, inspection: Inspection | None = None, mapping: Mapping | None = None) -> Quality:
    """Look at recordings, and where there are, at the files that they were read from.

    Args:
        recordings: What was read.
        inspection: The files, for what only they show, such as their clocks.
        mapping: What their columns mean; the proposal unless given.
    """
    coverage = cover(recordings)
    clocks = clock_doubts(recordings, inspection, mapping or (inspection.mapping if inspection else None))
    return Quality(
        coverage,
        judge(recordings, coverage),
        recordings.report.issues,
        (*unit_doubts(recordings), *clocks),
    )
