"""`inspect` and `quality`: what would be read of some files and how, and how good it is.

`inspect --json` writes one object:

    task        identifier of the task that the files were read for
    files       [{name, kind, rows, stays, problem}], problem null where it can be used
    refused     [{file, problem, unsafe}]
    columns     [{source, place, becomes, unit, converted_to, how, reason, values, share_plausible, example_before,
                example_after}]; becomes null where it is left out; examples null in columns that may identify somebody
    identifiers [{column, kind, hipaa, reason, share, example, removal, direct, files}], letters of the example hidden
    notes       sentences

`quality --json` writes one object:

    task, patients, headline, look_first
    verdicts    {"enough": n, "thin": n, "not enough": n}
    variables   [{variable, label, unit, patients, share, measurements, per_day, median_gap, last_seen}]
    findings    [{kind, variable, title, what_to_do, patients, count}]
    set_aside   [{kind, title, column, count, lines}]
    identifiers as above
    measurements_read, measurements_used
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgru.cli.arguments import INPUTS, add_mapping_option, mapping_of, say, task_of, writable
from medgru.errors import DataError
from medgru.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd

    from medgru.data import Inspection, Mapping
    from medgru.quality import Suspect

_WIDEST = 44


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands of this file."""
    look = commands.add_parser(
        "inspect",
        help="what would be read of files, and how",
        description="Open files and say what would be read: each column with what it becomes, its unit, an example "
        "before and after, and why; what is refused; what may identify patients. Nothing is changed.",
        epilog="Example: python -m medgru inspect ward.xlsx labs.csv --json",
    )
    _shared(look)
    look.set_defaults(command=_inspect)

    quality = commands.add_parser(
        "quality",
        help="how good the data in files is, patient by patient",
        description="Read files and say for whom there is enough, what was measured how often, what looks wrong, and "
        "what may identify patients.",
        epilog="Example: python -m medgru quality ward.csv --out verdicts.csv",
    )
    _shared(quality)
    quality.add_argument("--out", metavar="OUT.csv", help="write the verdict of each patient, or - for standard output")
    quality.add_argument(
        "--set-aside", type=Path, metavar="ISSUES.csv", help="write what was set aside, and why; holds patients' values"
    )
    quality.add_argument(
        "--deidentified",
        type=Path,
        metavar="DIR",
        help="write the tables as Parquet without what may identify patients: columns removed, pseudonyms, dates moved",
    )
    quality.add_argument(
        "--key", type=Path, metavar="KEY.csv", help="with --deidentified: write who has which pseudonym; keep it apart"
    )
    quality.set_defaults(command=_quality)


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", metavar="INPUT", nargs="+", type=Path, help=INPUTS)
    parser.add_argument(
        "--task", metavar="TASK", default=next(iter(TASKS)), help="what is read for (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="write JSON to standard output")
    add_mapping_option(parser)


def _open(arguments: argparse.Namespace) -> "tuple[Inspection, Mapping]":
    from medgru.data import inspect, sources

    inspection = inspect(sources(arguments.inputs), task_of(arguments.task))
    return inspection, mapping_of(arguments, inspection)


def _inspect(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from medgru.quality import suspects

    inspection, mapping = _open(arguments)
    inspection = replace(inspection, mapping=mapping)
    found = suspects(inspection, mapping)
    hidden = {s.column for s in found}
    columns: list[dict[str, Any]] = [
        {
            "source": m.source,
            "place": m.place,
            "becomes": m.target,
            "unit": m.unit,
            "converted_to": m.converted_to,
            "how": m.how,
            "reason": m.reason,
            "values": m.n_values,
            "share_plausible": m.share_plausible if m.converted_to else None,
            "example_before": None if m.source in hidden else m.example_before,
            "example_after": None if m.source in hidden else m.example_after,
        }
        for m in mapping.matches
    ]
    if arguments.json:
        _put_json(
            {
                "task": inspection.task.name,
                "files": [vars(f) for f in inspection.files],
                "refused": [vars(r) for r in inspection.refused],
                "columns": columns,
                "identifiers": _identifiers(found),
                "notes": list(inspection.notes),
            }
        )
        return
    print(f"Read for {inspection.task.title}")
    _put_table(
        "Files",
        ["file", "kind", "rows", "stays", "note"],
        [[f.name, f.kind, f"{f.rows:,}", f"{f.stays:,}", f.problem or ""] for f in inspection.files],
    )
    for refusal in inspection.refused:
        print(f"  refused: {_flat(refusal.file)} {_flat(refusal.problem)}")
    _put_table(
        "Columns",
        ["column", "becomes", "unit", "before", "after", "values", "plausible", "how", "why"],
        [
            [
                f"{c['source']} ({c['place']})" if c["place"] else c["source"],
                c["becomes"] or "-",
                c["unit"],
                "(hidden)" if c["example_before"] is None else c["example_before"],
                "(hidden)" if c["example_after"] is None else c["example_after"],
                f"{c['values']:,}",
                "" if c["share_plausible"] is None else f"{100 * c['share_plausible']:.0f} %",
                c["how"],
                c["reason"],
            ]
            for c in columns
        ],
    )
    doubts = sum(c["how"] == "guessed" and c["becomes"] is not None for c in columns)
    print(f"\n{doubts} of {sum(c['becomes'] is not None for c in columns)} columns in use were guessed: please check.")
    _put_identifiers(found)
    for note in inspection.notes:
        print(f"  note: {_flat(note)}")


def _quality(arguments: argparse.Namespace) -> None:
    from medgru.data import build
    from medgru.quality import assess, removed, suspects, to_remove
    from medgru.tables import parquet, safe_csv

    out = None if arguments.out in (None, "-") else writable(Path(arguments.out), "--out")
    if arguments.json and arguments.out == "-":
        raise DataError("--json and --out - would both write to standard output. Give --out a file, or leave one out.")
    if arguments.key and not arguments.deidentified:
        raise DataError("--key goes with --deidentified DIR: without it nobody gets a pseudonym.")
    issues_file = arguments.set_aside and writable(arguments.set_aside, "--set-aside")
    key_file = arguments.key and writable(arguments.key, "--key")
    folder = arguments.deidentified
    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} for --deidentified is there already and not an empty folder. Name a new one.")
    inspection, mapping = _open(arguments)
    found = suspects(inspection, mapping)
    recordings = build(inspection, mapping)
    quality = assess(recordings, inspection, mapping)
    if out:
        out.write_bytes(safe_csv(quality.verdicts))
    if issues_file:
        issues_file.write_bytes(safe_csv(quality.issues))
    if folder:
        clean = removed(inspection, to_remove(found), mapping=mapping)
        folder.mkdir(parents=True, exist_ok=True)
        for i, view in enumerate(clean.inspection.views, start=1):
            data = view.table.data.to_pandas()
            (folder / f"table-{i}.parquet").write_bytes(parquet(data))
        if key_file:
            key_file.write_bytes(safe_csv(clean.key))
        for sentence in clean.done:
            say(sentence)
        say(f"{len(clean.inspection.views)} tables written to {folder}.")
    if arguments.out == "-":
        sys.stdout.write(safe_csv(quality.verdicts).decode())
        return
    if arguments.json:
        _put_json(
            {
                "task": inspection.task.name,
                "patients": len(recordings),
                "headline": quality.headline,
                "look_first": quality.look_first,
                "verdicts": quality.counts,
                "variables": _records(quality.coverage.variables),
                "findings": [
                    {
                        name: getattr(f, name)
                        for name in ("kind", "variable", "title", "what_to_do", "patients", "count")
                    }
                    for f in quality.findings
                ],
                "set_aside": _records(quality.grouped_issues),
                "identifiers": _identifiers(found),
                "measurements_read": recordings.report.rows_read,
                "measurements_used": recordings.report.rows_used,
            }
        )
        return
    print(quality.headline)
    if quality.look_first:
        print(f"Look at this first: {_flat(quality.look_first)}")
    table = quality.coverage.variables
    shown = table[table["measurements"] > 0].sort_values("share", ascending=False, kind="stable")
    _put_table(
        "Variables",
        ["variable", "unit", "have it", "measurements", "a day", "median gap", "last seen"],
        [
            [
                r["label"], r["unit"], f"{100 * r['share']:.0f} %", f"{r['measurements']:,}", _number(r["per_day"]),
                _number(r["median_gap"]), _number(r["last_seen"]),
            ]
            for r in _records(shown)
        ],
    )  # fmt: skip
    if missing := [str(n) for n in table.loc[table["measurements"] == 0, "variable"]]:
        print(f"  not measured: {', '.join(missing)}")
    if quality.findings:
        print("\nSuspected, and used as it stands")
        for f in quality.findings:
            print(f"  {f.title} {f.what_to_do}")
    groups = quality.grouped_issues
    if len(groups):
        rows = [[r["title"], r["column"], f"{r['count']:,}"] for r in _records(groups)]
        _put_table("Set aside", ["what", "column", "values"], rows)
    _put_identifiers(found)
    worst = quality.verdicts[quality.verdicts["verdict"] != "enough"]
    if len(worst):
        print("\nThin, or not enough (all of them: --out FILE)")
        for r in _records(worst.head(20)):
            print(f"  {_cut(r['record_id'], 24):24}  {r['verdict']:10}  {r['why']}")
        if len(worst) > 20:
            print(f"  and {len(worst) - 20:,} more")


def _identifiers(found: "tuple[Suspect, ...]") -> list[dict[str, Any]]:
    return [
        {
            "column": s.column,
            "kind": s.kind.name,
            "hipaa": s.kind.letter,
            "reason": s.reason,
            "share": s.share,
            "example": s.example,
            "removal": s.action,
            "direct": s.direct,
            "files": list(s.files),
        }
        for s in found
    ]


def _put_identifiers(found: "tuple[Suspect, ...]") -> None:
    if found:
        rows = [[s.column, s.kind.name, f"{100 * s.share:.0f} %", s.example, s.action, s.reason] for s in found]
        _put_table("May identify patients", ["column", "looks like", "cells", "such as", "removal would", "why"], rows)


def _put_json(value: dict[str, Any]) -> None:
    print(json.dumps(_plain(value), ensure_ascii=False, indent=1))


def _plain(value: Any) -> Any:
    """The value with what JSON knows: null for numbers that are none."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _put_table(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Rows under aligned headings; the last column is as wide as it is."""
    cells = [header, *([_cut(c, _WIDEST) for c in row[:-1]] + [_flat(row[-1])] for row in rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(c + " " * (w - _width(c)) for c, w in zip(row, widths, strict=True)).rstrip())


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    import unicodedata

    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _flat(text: object) -> str:
    """Text of a user on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def _cut(text: object, longest: int) -> str:
    flat = _flat(text)
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def _number(value: float) -> str:
    return "" if value != value else f"{value:.1f}"
