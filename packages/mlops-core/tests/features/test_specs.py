"""The text of a feature, and spans of time: written, read back, and refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import FeatureError
from mlops_core.features.durations import duration_text, parse_duration
from mlops_core.features.specs import Value, as_value, check_feature_name, parse_spec, spec_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}x", fullmatch=True)  # the x keeps keywords out


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_a_spec_reads_back_as_what_it_was_written_from(name: str, parameters: dict[str, Value]) -> None:
    assert parse_spec(spec_text(name, parameters)) == (name, parameters)


def test_a_spec_is_written_as_in_the_documentation() -> None:
    assert spec_text("delay", {"by": ("origin", "dest"), "over": "30d"}) == "delay(by=['origin', 'dest'], over='30d')"
    assert parse_spec(" delay( by=('origin',) )") == ("delay", {"by": ("origin",)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delay(",
        "delay('7d')",
        "delay(over=f())",
        "delay(over=__import__('os'))",
        "delay(**{'over': '7d'})",
        "delay(over={'a': 1})",
        "a.b",
        "a + b",
        "delay(over=1e999)",
        "delay\x00",
        "(" * 5_000,
    ],
)
def test_what_is_not_a_literal_spec_is_refused(text: str) -> None:
    with pytest.raises(FeatureError) as caught:
        parse_spec(text)
    assert caught.value.why
    assert caught.value.hint


@pytest.mark.parametrize("name", ["", "2fast", "a b", "class", "a.b", "a-b"])
def test_a_feature_is_named_like_an_identifier(name: str) -> None:
    with pytest.raises(FeatureError, match="cannot name a feature"):
        check_feature_name(name)


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {"a": 1}, {1}, b"x", timedelta(1), [object()]])
def test_a_parameter_must_be_storable(value: object) -> None:
    with pytest.raises(FeatureError, match="parameter 'x' cannot be"):
        as_value(value, what="parameter 'x'")


@given(st.timedeltas(min_value=timedelta(0)))
def test_a_span_reads_back(span: timedelta) -> None:
    assert parse_duration(duration_text(span), what="it") == span


def test_spans_are_written_in_units_that_have_one_length() -> None:
    assert parse_duration("1w", what="it") == timedelta(days=7)
    assert parse_duration("1d12h", what="it") == timedelta(hours=36)
    assert duration_text(timedelta(days=30)) == "30d"


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "1mo", "1y", "7d!", "1.5h", "99999999999d"])
def test_what_is_not_a_span_is_refused(text: str) -> None:
    with pytest.raises(FeatureError) as caught:
        parse_duration(text, what="the max age")
    assert "the max age" in caught.value.what
    assert caught.value.hint


def test_a_span_never_reaches_forward() -> None:
    with pytest.raises(FeatureError, match="negative"):
        parse_duration(timedelta(days=-1), what="the max age")
