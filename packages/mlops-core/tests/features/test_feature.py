"""A decorated function is the feature; called it is another one; and it travels to other processes."""

from __future__ import annotations

import pickle
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import FeatureError
from mlops_core.features import Feature, FeatureFactory, FeatureGroup, Source, Window, feature, window

if TYPE_CHECKING:
    from collections.abc import Callable

FACTORY = FeatureFactory()
EVENTS = Source("events", "events.parquet", event_time="t")


@feature(source=EVENTS, version=2, factory=FACTORY)
def delay(by: tuple[str, ...] = ("carrier",), over: str = "7d") -> Window:
    return window("mean", "arr_delay", by=by, over=over, closed="left")


@feature(factory=FACTORY)
def above(limit: float, column: str = "x") -> pl.Expr:
    return pl.col(column) > limit


@feature(factory=FACTORY, needs=["delay"])
def doubled() -> pl.Expr:
    return pl.col("delay") * 2


def plain() -> pl.Expr:
    return pl.col("x")


def test_a_decorated_function_is_the_feature_with_its_defaults() -> None:
    assert isinstance(delay, Feature)
    assert (delay.name, delay.column, delay.version, delay.source, delay.spec) == ("delay", "delay", 2, EVENTS, "delay")
    assert delay.parameters == {}
    built = delay.build()
    assert isinstance(built, Window)
    assert built.by == ("carrier",)


def test_called_with_parameters_it_is_another_feature() -> None:
    other = delay(over="30d", by=["origin", "dest"])
    assert other.column == "delay__by_origin_dest__over_30d"
    assert other.spec == "delay(by=['origin', 'dest'], over='30d')"
    assert other == delay(["origin", "dest"], "30d")
    assert other != delay
    assert other.fingerprint != delay.fingerprint
    assert delay(by=["origin"])(over="1d").spec == "delay(by=['origin'], over='1d')"


def test_an_alias_names_the_column_and_is_part_of_the_text() -> None:
    assert delay.alias("late").column == "late"
    assert delay(over="1d", alias="late") == delay(over="1d").alias("late")
    assert FACTORY.make(delay(over="1d", alias="late").spec) == delay(over="1d", alias="late")
    with pytest.raises(FeatureError, match="empty alias"):
        delay(alias="")


@given(st.lists(st.text(max_size=5), max_size=3), st.none() | st.text(min_size=1, max_size=5))
def test_the_factory_makes_a_feature_from_its_own_text(by: list[str], alias: str | None) -> None:
    made = delay(by=by, over="1d", alias=alias)
    assert FACTORY.make(made.spec) == made


@pytest.mark.parametrize(
    ("call", "what", "hint"),
    [
        (lambda: delay(ovr="7d"), "has no parameter 'ovr'", "did you mean 'over'"),
        (lambda: delay("a", "b", "c"), "cannot be called like this", "(by, over)"),
        (lambda: delay(("a",), by="b"), "cannot be called like this", "(by, over)"),
        (lambda: above(column="y"), "lacks its parameter 'limit'", "above(limit=...)"),
        (above.build, "lacks its parameter 'limit'", "above(limit=...)"),
        (lambda: above(limit=object()), "cannot be", "pass a text or a number"),
    ],
)
def test_parameters_are_checked_against_the_function(call: Callable[[], object], what: str, hint: str) -> None:
    with pytest.raises(FeatureError) as caught:
        call()
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.why


def with_alias(alias: str = "x") -> pl.Expr:
    return pl.col(alias)


def with_many(*columns: str) -> pl.Expr:
    return pl.col(columns[0])


@pytest.mark.parametrize(
    ("function", "arguments", "why"),
    [
        (plain, {"version": 0}, "version is 0"),
        (plain, {"source": EVENTS, "needs": ["delay"]}, "it has a source"),
        (with_alias, {}, "'alias'"),
        (with_many, {}, "'columns' has no fixed name"),
    ],
)
def test_a_definition_that_cannot_work_is_refused(
    function: Callable[..., pl.Expr], arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(FeatureError) as caught:
        feature(**arguments, factory=FeatureFactory())(function)
    assert why in caught.value.why
    assert caught.value.where
    assert caught.value.hint


def test_the_decorator_says_when_its_parentheses_are_missing() -> None:
    untyped: Any = feature
    with pytest.raises(FeatureError) as caught:
        untyped(plain)
    assert "@feature()" in caught.value.hint


def returns_text() -> Any:
    return "x"


def fails() -> pl.Expr:
    raise ZeroDivisionError("no")


def test_what_a_function_returns_is_checked() -> None:
    factory = FeatureFactory()
    with pytest.raises(FeatureError, match="defines no column") as caught:
        feature(factory=factory)(returns_text).build()
    assert "str" in caught.value.why
    with pytest.raises(FeatureError, match="failed") as caught:
        feature(factory=factory)(fails).build()
    assert caught.value.why == "ZeroDivisionError: no"
    assert "test_feature.py" in caught.value.where
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("each", [delay, delay(over="30d").alias("x"), doubled, feature(factory=FACTORY)(plain)])
def test_a_feature_pickles_by_its_function(each: Feature) -> None:
    again = pickle.loads(pickle.dumps(each))
    assert (again.spec, again.fingerprint, again.version) == (each.spec, each.fingerprint, each.version)
    assert again.needs == each.needs


def test_a_group_is_a_feature() -> None:
    inner = FeatureGroup("inner", [delay, "delay(over='1d')"])
    group = FeatureGroup("group", [inner, doubled], version=3)
    assert group.columns(FACTORY) == ["delay", "delay__over_1d", "doubled"]
    assert delay.columns(FACTORY) == ["delay"]
    assert (group.spec, group.version, group.source, group.parameters) == ("group", 3, None, {})
    assert group.needs == (inner, doubled)
    assert pickle.loads(pickle.dumps(group)).columns(FACTORY) == group.columns(FACTORY)
    assert FeatureGroup("solo", [delay]).fingerprint != FeatureGroup("solo", [delay(over="1d")]).fingerprint


def test_a_group_that_cannot_work_is_refused() -> None:
    with pytest.raises(FeatureError, match="is empty"):
        FeatureGroup("empty", [])
    factory = FeatureFactory()
    factory.add(FeatureGroup("a", ["b"]))
    factory.add(FeatureGroup("b", ["a"]))
    with pytest.raises(FeatureError, match="contains itself") as caught:
        list(factory.walk("a"))
    assert caught.value.why == "a -> b -> a"


def test_what_is_no_function_is_refused() -> None:
    for made in (partial(pl.col, "x"), pl.col, len):
        with pytest.raises(FeatureError, match="cannot be a feature") as caught:
            feature(name="x", factory=FeatureFactory())(cast("Any", made))
        assert caught.value.where
        assert caught.value.why
        assert "write a function" in caught.value.hint


def test_a_lambda_may_be_called_otherwise() -> None:
    def named(made: Callable[[], pl.Expr]) -> Feature:
        made.__name__ = made.__qualname__ = "renamed"
        return feature(factory=FeatureFactory())(made)

    assert named(lambda: pl.col("x")).fingerprint != named(lambda: pl.col("y")).fingerprint
