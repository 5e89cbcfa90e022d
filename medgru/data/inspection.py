"""Open the files, find out what they are, and propose what each column means."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from medgru.data.apart import taken_apart
from medgru.data.headers import forget_names
from medgru.data.mapping import Mapping
from medgru.data.proposal import Proposal
from medgru.data.readers import Progress, read_tables
from medgru.data.source import Refusal, Source
from medgru.data.table import preview_rows
from medgru.data.view import TableView
from medgru.errors import DataError, UnsafeFileError
from medgru.tasks import Task


@dataclass(frozen=True)
class FileSummary:
    """What one file turned out to be.

    Attributes:
        name: As the user brought it; a workbook's sheet has a line of its own.
        kind: "PhysioNet text", "long table" or "wide table".
        rows: Rows below the header.
        stays: Different stays in it.
        problem: Why it cannot be used as mapped, None where it can.
    """

    name: str
    kind: str
    rows: int
    stays: int
    problem: str | None = None


@dataclass(frozen=True)
class Inspection:
    """Files opened, their tables parsed, and the mapping proposed for them.

    Attributes:
        task: The task they are read for.
        mapping: What each column becomes, as proposed.
        refused: Files that could not be used, and why.
        views: The tables, for `build`.
        notes: What was noticed while opening them.
    """

    task: Task
    mapping: Mapping
    refused: tuple[Refusal, ...]
    views: tuple[TableView, ...] = field(repr=False)
    source_names: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def files(self) -> tuple[FileSummary, ...]:
        """A line for each file, or for each kind of table within an archive."""
        return tuple(line for view in self.views for line in self._summaries(view))

    @cached_property
    def preview(self) -> pd.DataFrame:
        """The first rows of the first table, as text."""
        return pd.DataFrame(preview_rows(self.views[0].table))

    def _summaries(self, view: TableView) -> list[FileSummary]:
        table, roles = view.table, view.roles(self.mapping)
        problem = view.problem(self.mapping, self.task)
        stays = view.stays(roles)
        kind = view.kind(roles)
        origin = np.array(table.sources)[table.members]
        lines = []
        pairs = np.unique(origin.astype(np.int64) * (len(stays.names) + 1) + stays.codes + 1)
        pairs = pairs[pairs % (len(stays.names) + 1) > 0]
        rows = np.bincount(origin)
        n_stays = np.bincount(pairs // (len(stays.names) + 1), minlength=len(rows))
        for source in dict.fromkeys(table.sources):
            alone = len(table.names) == 1
            name = table.names[0] if alone else self.source_names[source]
            if source < len(rows):
                lines.append(FileSummary(name, kind, int(rows[source]), int(n_stays[source]), problem))
        return lines


def inspect(sources: Sequence[Source], task: Task, progress: Progress | None = None) -> Inspection:
    """Open files and propose what their columns mean. Nothing is converted or dropped yet.

    Args:
        sources: The files; archives and folders' files may be mixed with tables.
        task: Whose variables are looked for.
        progress: Called before each file, also of those within archives.

    Raises:
        UnsafeFileError: The only file, or every file, could harm the machine.
        DataError: No file could be used; the message says why, file by file.
    """
    if not sources:
        raise DataError("No file was given. Choose at least one file.")
    tables, refused = read_tables(sources, progress)
    forget_names()
    if not tables:
        raise nothing_usable(refused)
    tables = taken_apart(tables, task)
    views = tuple(TableView(table, i) for i, table in enumerate(tables))
    mapping, notes = Proposal(views, task).run()
    notes = tuple(note for table in tables for note in table.notes) + notes
    return Inspection(task, mapping, tuple(refused), views, tuple(s.name for s in sources), notes)


def nothing_usable(refused: Sequence[Refusal]) -> DataError:
    """The error that says why each file was refused."""
    lines = [f"{r.file} {r.problem}" for r in refused[:5]]
    if len(refused) > 5:
        lines.append(f"{len(refused) - 5:,} more files could not be read either.")
    kind = UnsafeFileError if refused and all(r.unsafe for r in refused) else DataError
    return kind("\n".join(lines) or "The files hold nothing that can be read.")
