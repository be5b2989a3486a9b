"""At scoring: the same features, or an error that lists every difference."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.datasets import DatasetBuilder, FeatureChangedWarning, Plan, plan_from_signature
from mlops_core.errors import DatasetError, SignatureMismatchError
from mlops_core.features import FeatureFactory, Source, feature, window
from mlops_core.features import Window as WindowType
from mlops_core.signature import Signature
from polars.testing import assert_frame_equal

from .example import EVERYTHING, FACTORY, LANDED, spine

if TYPE_CHECKING:
    from pathlib import Path

TRAINED = DatasetBuilder(spine(), at="at", factory=FACTORY).with_features(*EVERYTHING).with_label("late").plan()


def scoring(
    schema: pl.Schema | None = None,
    *,
    signature: Signature = TRAINED.signature,
    factory: FeatureFactory = FACTORY,
    at: str | None = "at",
    strict: bool = False,
) -> Plan:
    table = spine().drop("late").schema if schema is None else schema
    return plan_from_signature(signature, factory=factory, at=at, spine_schema=table, strict=strict)


def test_the_same_features_are_made_for_a_new_table() -> None:
    stored = Signature.from_json(TRAINED.signature.to_json())
    table = spine(30).drop("late").with_columns(extra=pl.lit(1)).select(pl.all().reverse())
    made = scoring(table.schema, signature=stored, strict=True)
    assert made.signature.features == TRAINED.signature.features
    assert made.inputs == [name for name in table.columns if name in TRAINED.inputs]
    assert_frame_equal(made.compute(table), TRAINED.compute(table))


def test_only_recorded_stays_only_recorded() -> None:
    trained = DatasetBuilder(spine(), at="at", factory=FACTORY).with_features("landings").known_at().plan()
    made = scoring(signature=trained.signature)
    assert made.signature.known_at
    assert_frame_equal(made.compute(spine()), trained.compute(spine()))


def test_the_moment_may_be_called_otherwise() -> None:
    table = spine().drop("late").rename({"at": "departure"})
    made = scoring(table.schema, at="departure")
    assert_frame_equal(made.compute(table), TRAINED.compute(spine()))
    with pytest.raises(SignatureMismatchError, match="not like the one in training") as caught:
        scoring(table.schema, at="departed")
    assert "departed: trained with datetime[us, UTC], now missing" in caught.value.why
    assert scoring(at=None).signature.at == "at"


def test_units_of_time_are_no_difference() -> None:
    table = spine().with_columns(pl.col("at").dt.cast_time_unit("ns"))
    assert_frame_equal(scoring(table.schema).compute(table), TRAINED.compute(spine()))


def test_a_table_that_differs_is_refused_column_by_column() -> None:
    table = (
        spine()
        .drop("origin")
        .with_columns(
            pl.col("distance").cast(pl.Int32),
            pl.col("tailnum").cast(pl.Categorical),
            pl.col("at").dt.replace_time_zone(None),
        )
    )
    with pytest.raises(SignatureMismatchError) as caught:
        scoring(table.schema)
    assert caught.value.where == "4 differences"
    for line in (
        "origin: trained with string, now missing",
        "distance: trained with int64, now int32",
        "tailnum: trained with string, now categorical",
        "at: trained with datetime[us, UTC], now datetime[us]",
    ):
        assert line in caught.value.why
    assert caught.value.hint


def test_a_table_with_a_column_called_like_a_feature_is_refused() -> None:
    with pytest.raises(DatasetError, match="'landings' is called like a column"):
        scoring(spine().with_columns(landings=1).schema)


# --- definitions that changed ---


def world(
    *,
    version: int = 1,
    number: int = 2,
    kind: str = "mean",
    need: str = "past",
    max_age: str | None = None,
    source_name: str = "landed",
    cast: bool = False,
) -> FeatureFactory:
    factory = FeatureFactory()
    landed = Source(source_name, LANDED, event_time="landed_at", max_age=max_age)

    def past(over: str = "1d") -> WindowType:
        return window(kind, "arr_delay", by="dest", over=over)

    def other() -> WindowType:
        return window("max", "arr_delay", by="dest", over="1d")

    def half() -> pl.Expr:
        return pl.col(need) / number

    def band() -> pl.Expr:
        return pl.col("distance").cast(pl.Int8 if cast else pl.Int64, strict=False)

    feature(landed, version=version, factory=factory)(past)
    feature(landed, factory=factory)(other)
    feature(needs=[need], factory=factory)(half)
    feature(factory=factory)(band)
    return factory


def trained_in(factory: FeatureFactory, *features: str) -> Signature:
    return DatasetBuilder(spine(), at="at", factory=factory).with_features(*features).plan().signature


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ({"version": 2}, "half: trained with needs past, now needs past@2"),
        ({"need": "other"}, "half: trained with needs past, now needs other"),
        ({"kind": "count"}, ""),
        ({"number": 3}, ""),
        ({"max_age": "1d"}, ""),
    ],
)
def test_a_change_of_what_a_feature_rests_on_is_noticed(now: dict[str, Any], line: str) -> None:
    signature, factory = trained_in(world(), "half"), world(**now)
    if line:
        with pytest.raises(SignatureMismatchError) as caught:
            scoring(signature=signature, factory=factory)
        assert line in caught.value.why
        return
    with pytest.warns(FeatureChangedWarning, match="half"):
        scoring(signature=signature, factory=factory)
    with pytest.raises(SignatureMismatchError, match="defined differently"):
        scoring(signature=signature, factory=factory, strict=True)


@pytest.mark.parametrize(
    ("name", "now", "line"),
    [
        ("past", {"version": 3}, "past: trained with version 1, now version 3"),
        ("past", {"kind": "count"}, "past: trained with type float64, now type int64"),
        ("past", {"source_name": "elsewhere"}, "past: trained with source landed, now source elsewhere"),
        ("band", {"cast": True}, "band: trained with type int64, now type int8"),
    ],
)
def test_another_version_type_or_source_is_refused(name: str, now: dict[str, Any], line: str) -> None:
    with pytest.raises(SignatureMismatchError) as caught:
        scoring(signature=trained_in(world(), name), factory=world(**now))
    assert line in caught.value.why
    assert "load_definitions" in caught.value.hint


def test_features_that_are_not_defined_here_are_all_named() -> None:
    signature = trained_in(world(), "past(over='2d')", "band")
    with pytest.raises(SignatureMismatchError) as caught:
        scoring(signature=signature, factory=FeatureFactory(installed=list))
    assert "past__over_2d: trained with past(over='2d'), version 1, now no feature is called 'past'" in caught.value.why
    assert "band: trained with band, version 1, now no feature is called 'band'" in caught.value.why


def test_the_same_definitions_warn_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scoring(signature=trained_in(world(), "half", "band"), factory=world(), strict=True)


def test_a_default_that_is_a_constant_of_the_module_counts(tmp_path: Path) -> None:
    def defined(over: str) -> FeatureFactory:
        LANDED.write_parquet(tmp_path / "landed.parquet")
        (tmp_path / "features.py").write_text(
            "from mlops_core import Source, feature, window\n"
            f"S = Source('landed', {str(tmp_path / 'landed.parquet')!r}, event_time='landed_at')\n"
            f"OVER = '{over}'\n@feature(S)\ndef past(over: str = OVER):\n"
            "    return window('mean', 'arr_delay', by='dest', over=over)\n"
        )
        factory = FeatureFactory()
        factory.load_definitions(tmp_path / "features.py")
        return factory

    signature = trained_in(defined("1h"), "past")
    scoring(signature=signature, factory=defined("1h"), strict=True)
    with pytest.raises(SignatureMismatchError, match="defined differently"):
        scoring(signature=signature, factory=defined("7d"), strict=True)


def test_another_rule_is_another_definition() -> None:
    signature = trained_in(world(), "past")
    longer = replace(signature.features[0], rule=signature.features[0].rule.replace("1d", "7d"))
    assert longer != signature.features[0]
    changed = replace(signature, features=(longer,))
    with pytest.warns(FeatureChangedWarning, match="past"):
        scoring(signature=changed, factory=world())
    with pytest.raises(SignatureMismatchError, match="defined differently"):
        scoring(signature=changed, factory=world(), strict=True)


@pytest.mark.parametrize("moment", ["a", "land", "dest_at", "landed_at"])
def test_what_the_moment_is_called_is_no_part_of_a_rule(moment: str) -> None:
    table = spine().drop("late").rename({"at": moment})
    made = scoring(table.schema, at=moment, strict=True)
    assert_frame_equal(made.compute(table), TRAINED.compute(spine()))
