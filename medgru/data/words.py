"""Words for the screen."""


def counted(n: int, noun: str) -> str:
    """A number with its noun: "1 stay", "1,204 stays"."""
    return f"{n:,} {noun if n == 1 else noun + 's'}"
