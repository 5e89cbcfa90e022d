"""JSON that may come from a stranger: only what is plain passes, so that no reader after it meets a surprise.

Python's own reader takes NaN and Infinity, which are no JSON, numbers of any size, half characters and any depth that
its stack allows; each of them breaks something later on.
"""

import json
import math
from typing import Any

MAX_WHOLE, MAX_DECIMAL = 2**63, 1e38
"""Numbers are smaller than that: whole ones fit into 64 bits, others into a float32."""
MAX_DEPTH = 32


def parse(text: str | bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: It is none, or holds what is not plain; the message says what.
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(text, parse_constant=_refuse, parse_int=_whole, parse_float=_decimal)
        _check(value)
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    except json.JSONDecodeError:
        raise ValueError("what is no valid JSON") from None
    except UnicodeError:
        raise ValueError("text that is no UTF-8") from None
    return value


def finite(value: Any) -> Any:
    """The same value with null for every number that is none, for writing: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _refuse(text: str) -> float:
    raise ValueError(f"{text}, which is no number")


def _whole(text: str) -> int:
    # The length first: long numbers take long to read.
    if len(text) > 20 or abs(number := int(text)) >= MAX_WHOLE:
        raise ValueError("a number that is too large")
    return number


def _decimal(text: str) -> float:
    number = float(text)
    if abs(number) >= MAX_DECIMAL:
        raise ValueError("a number that is too large")
    return number


def _check(value: Any) -> None:
    """Look at every entry, without a recursion of our own."""
    left = [(value, 1)]
    while left:
        item, depth = left.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"lists within lists, more than {MAX_DEPTH} deep")
        if isinstance(item, str):
            item.encode()  # half a character is a ValueError here, and an accident on a page
        elif isinstance(item, dict):
            left += [(part, depth + 1) for entry in item.items() for part in entry]
        elif isinstance(item, list):
            left += [(part, depth + 1) for part in item]
