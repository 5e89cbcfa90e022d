"""Identifiers of several files that should perhaps be the same."""

from collections.abc import Iterable, Sequence

from medgru.data.words import counted


def unmet(tables: Sequence[tuple[str, Iterable[str]]]) -> list[str]:
    """A sentence for each two tables whose identifiers differ, but only in the zeros before a number.

    Args:
        tables: Name and identifiers of each table.
    """
    if len(tables) < 2:
        return []
    seen: dict[str, dict[str, set[str]]] = {}
    for table, ids in tables:
        for text in ids:
            if text.isascii() and text.isdigit():
                seen.setdefault(text.lstrip("0"), {}).setdefault(text, set()).add(table)
    pairs: dict[tuple[str, str], int] = {}
    for forms in seen.values():
        if len(forms) < 2:
            continue
        (_, first), (_, second) = list(forms.items())[:2]
        if first.isdisjoint(second):  # a table that has both means two stays
            pair = (min(first), min(second))
            pairs[pair] = pairs.get(pair, 0) + 1
    return [
        f"{first} and {second}: {counted(n, 'identifier')} with other zeros before the number in one than in the "
        "other (7 and 007), taken as different stays. Write them alike if they are the same."
        for (first, second), n in pairs.items()
    ]
