"""What is plain passes as it is; everything else is a ValueError and nothing worse."""

import json
import math

import pytest

from medgru.plain_json import MAX_DEPTH, finite, parse


@pytest.mark.parametrize(
    "content",
    [
        "NaN", "[-Infinity]", "1e400", "-1e39", "9" * 5000, str(2**63), '"\\ud800"', '{"\\udfff": 1}', "[" * 10**5,
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "{", "", b"\xff", b"\x00",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused(content):
    with pytest.raises(ValueError, match=r"number|deep|without end|valid JSON|UTF-8"):
        parse(content)


@pytest.mark.parametrize(
    "value", [{"a": [1, -2.5, True, None, "Größe 😀"]}, [], 2**63 - 1, 1e18, 1e-300, [[[]]]], ids=str
)
def test_what_is_plain_comes_as_it_was_written(value):
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value).encode()) == value


def test_what_is_written_finite_can_be_read_back():
    value = {"auroc": math.nan, "rows": [{"low": -math.inf, "n": 3}], "pair": (1.0, 2.0)}
    assert parse(json.dumps(finite(value))) == {"auroc": None, "rows": [{"low": None, "n": 3}], "pair": [1.0, 2.0]}
