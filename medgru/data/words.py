"""Words for the screen."""


def counted(n: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun: "1 stay", "1,204 stays"."""
    return f"{n:,} {agreeing(n, noun, nouns or noun + 's')}"


def agreeing(n: int, one: str, many: str) -> str:
    """The form of a word that goes with a number: "1 row goes", "2 rows go"."""
    return one if n == 1 else many
