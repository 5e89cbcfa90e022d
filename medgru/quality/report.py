"""Everything that is said of the quality of some recordings, in one value."""

from dataclasses import dataclass

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
from medgru.quality.clocks import clock_doubts
from medgru.quality.coverage import Coverage, cover
from medgru.quality.finding import Finding
from medgru.quality.unit_doubts import unit_doubts
from medgru.quality.verdicts import ENOUGH, NOT_ENOUGH, THIN, judge

ISSUE_TITLES = {
    IMPLAUSIBLE: "Outside the plausible range",
    UNKNOWN_UNIT: "In a unit that is not known",
    NOT_A_NUMBER: "No number",
    REPEATED: "The same measurement twice",
    CONFLICT: "Differs within the stay",
    NO_TIME: "No usable time",
    BEFORE: "Before admission",
    AFTER: "After what the model sees",
    NO_STAY: "Says not whose it is",
    NO_VALUE: "No value",
    RAGGED: "Too many or too few cells",
    FILE: "Whole files and tables",
}
"""What each kind of issue is called, the gravest first."""


_NOTABLE = 0.02
"""A finding about a smaller share of the patients is not the first thing to look at."""


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
        n = len(self.verdicts)
        parts = [f"{count:,} {verdict}" for verdict, count in self.counts.items()]
        return f"{n:,} patient{'s' * (n != 1)}: {', '.join(parts)}"

    @property
    def grouped_issues(self) -> pd.DataFrame:
        """What was set aside by kind and column: kind, title, column, count, lines; the gravest kind first."""
        if self.issues.empty:
            return pd.DataFrame(columns=["kind", "title", "column", "count", "lines"])
        grouped = self.issues.groupby(["kind", "column"], sort=False).agg(
            count=("count", "sum"), lines=("count", "size")
        )
        table = grouped.reset_index()
        table.insert(1, "title", [ISSUE_TITLES.get(kind, kind) for kind in table["kind"]])
        rank = {kind: i for i, kind in enumerate(ISSUE_TITLES)}
        place = table["kind"].map(lambda kind: rank.get(kind, len(rank)))
        order = pd.DataFrame({"place": place, "count": -table["count"]}).sort_values(["place", "count"], kind="stable")
        return table.loc[order.index].reset_index(drop=True)

    @property
    def look_first(self) -> str:
        """What to look at first, a sentence; "" where nothing stands out."""
        counts, n = self.counts, max(len(self.verdicts), 1)
        notable = [finding for finding in self.findings if finding.patients >= _NOTABLE * n]
        if notable:
            return notable[0].title
        if counts[NOT_ENOUGH] + counts[THIN] > 0.2 * n:
            why = self.verdicts.loc[self.verdicts["verdict"] != ENOUGH, "why"].str.split(".").str[0]
            forms = why.str.replace(r"[0-9]+", "…", regex=True)
            first = why[forms == forms.mode().iat[0]].iat[0]
            return f"{int((forms == forms.mode().iat[0]).sum()):,} have too little, such as: {first}."
        groups = self.grouped_issues
        if len(groups) and groups["kind"].iat[0] != FILE:
            title, column, count = (groups[name].to_list()[0] for name in ("title", "column", "count"))
            return f"{title}{f' in {column}' if column else ''}: {int(count):,}."
        return ""


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
