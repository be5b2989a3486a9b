"""Plans: everything wrong is an error when the plan is made; what is computed depends on nothing but the row and its past."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.datasets import DatasetBuilder
from mlops_core.errors import DatasetError, FeatureError, SignatureMismatchError
from mlops_core.features import Feature, FeatureFactory, Source, feature, window
from polars.testing import assert_frame_equal

from .example import COLUMNS, EVERYTHING, FACTORY, LANDED, WEATHER, landed, planes, spine, weather

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.datasets import Plan
    from mlops_core.features import Window


def builder(table: object | None = None, **options: Any) -> DatasetBuilder:
    return DatasetBuilder(spine() if table is None else table, at="at", factory=FACTORY, **options)


def plan() -> Plan:
    return builder().with_features(*EVERYTHING).with_label("late").plan()


def of(expression: pl.Expr, **options: Any) -> Feature:
    def made() -> pl.Expr:
        return expression

    return feature(**options, factory=FeatureFactory())(made)


def over(source: Source, made: Window) -> Feature:
    def windowed() -> Window:
        return made

    return feature(source, factory=FeatureFactory())(windowed)


OTHER_WEATHER = Source("weather", WEATHER, entity="origin", event_time="time_hour", max_age="7h")
NAIVE = Source("naive", LANDED.with_columns(pl.col("landed_at").dt.replace_time_zone(None)), event_time="landed_at")
BY_NUMBER = Source("numbered", pl.DataFrame({"tailnum": [1], "year": [1999]}), entity="tailnum")
COUNT = window("count", over="1d")


def in_a_circle() -> FeatureFactory:
    factory = FeatureFactory()
    for name, need in (("a", "b"), ("b", "c"), ("c", "a")):

        def made(column: str = need) -> pl.Expr:
            return pl.col(column)

        made.__qualname__ = name
        feature(name=name, needs=[need], factory=factory)(made)
    return factory


REFUSED: dict[str, tuple[Callable[[], DatasetBuilder], type[Exception], str, str]] = {
    "unknown feature": (lambda: builder().with_features("delai"), FeatureError, "'delai'", "did you mean 'delay'"),
    "unknown parameter": (lambda: builder().with_features("delay(ovr='1d')"), FeatureError, "'ovr'", "'over'"),
    "circle": (
        lambda: DatasetBuilder(spine(), factory=in_a_circle()).with_features("a"),
        FeatureError,
        "circle",
        "a -> b -> c -> a",
    ),
    "asked twice": (lambda: builder().with_features("delay", "delay"), FeatureError, "column 'delay'", "alias"),
    "two columns of one name": (
        lambda: builder().with_features("wind_gusts", "delay(alias='wind_gusts')"),
        FeatureError,
        "column 'wind_gusts'",
        "alias",
    ),
    "a need and a feature of one name": (
        lambda: builder().with_features("rough_day", "landings(alias='delay')"),
        FeatureError,
        "column 'delay'",
        "alias",
    ),
    "a column of the spine": (lambda: builder().with_features("delay(alias='dest')"), DatasetError, "column", "alias"),
    "the label": (
        lambda: builder().with_features("delay(alias='y')").with_label(pl.col("late"), name="y"),
        DatasetError,
        "called like the label",
        "alias",
    ),
    "reads the label": (
        lambda: builder().with_features(of(pl.col("late").cast(pl.Int8))).with_label("late"),
        DatasetError,
        "reads the label",
        "source of past events",
    ),
    "reads what the label is made of": (
        lambda: builder().with_features("distance_band").with_label(pl.col("distance") > 5, name="far"),
        DatasetError,
        "reads the label",
        "'distance' is what the label is made of",
    ),
    "looks up by the label": (
        lambda: builder().with_features(over(landed, window("count", by="dest", over="1d"))).with_label("dest"),
        DatasetError,
        "reads the label",
        "source of past events",
    ),
    "no such label": (lambda: builder().with_features("delay").with_label("lat"), DatasetError, "'lat'", "'late'"),
    "label called like a column": (
        lambda: builder().with_features("delay").with_label(pl.col("late") & pl.col("late"), name="dest"),
        DatasetError,
        "'dest'",
        "another_name",
    ),
    "no such column": (lambda: builder().with_features(of(pl.col("distanc"))), DatasetError, "'distanc'", "'distance'"),
    "no such source column": (
        lambda: builder().with_features(of(pl.col("wind_gst"), source=weather)),
        DatasetError,
        "'wind_gst'",
        "'wind_gust'",
    ),
    "no such window column": (
        lambda: builder().with_features(over(landed, window("sum", "arr_dela", over="1d"))),
        DatasetError,
        "'arr_dela'",
        "'arr_delay'",
    ),
    "no such key": (
        lambda: builder().with_features(over(landed, window("count", by="distance", over="1d"))),
        DatasetError,
        "'distance'",
        "known",
    ),
    "key not in the spine": (
        lambda: builder(spine().drop("origin")).with_features("wind_gusts"),
        DatasetError,
        "'origin'",
        "a key of source 'weather'",
    ),
    "a feature that is no need": (
        lambda: builder().with_features("wind_gusts", of(pl.col("wind_gusts") * 2)),
        FeatureError,
        "does not see",
        "needs=['wind_gusts']",
    ),
    "no moment named": (
        lambda: DatasetBuilder(spine(), factory=FACTORY).with_features("wind_gusts"),
        DatasetError,
        "cannot be computed",
        "at='column'",
    ),
    "no such moment": (
        lambda: DatasetBuilder(spine(), at="att", factory=FACTORY).with_features("delay"),
        DatasetError,
        "'att'",
        "'at'",
    ),
    "a moment that is no time": (
        lambda: DatasetBuilder(spine(), at="dest", factory=FACTORY).with_features("delay"),
        DatasetError,
        "is not a time",
        "to_datetime",
    ),
    "a window over no times": (
        lambda: builder().with_features(over(planes, COUNT)),
        DatasetError,
        "cannot be computed",
        "event_time",
    ),
    "naive against aware": (
        lambda: builder().with_features(over(NAIVE, COUNT)),
        DatasetError,
        "cannot be compared",
        "replace_time_zone",
    ),
    "text against number": (
        lambda: builder().with_features(of(pl.col("year"), source=BY_NUMBER)),
        DatasetError,
        "cannot be compared",
        "cast",
    ),
    "two sources of one name": (
        lambda: builder().with_features("wind_gusts", of(pl.col("wind_speed"), source=OTHER_WEATHER)),
        DatasetError,
        "two sources are called 'weather'",
        "another name",
    ),
    "types that do not fit": (
        lambda: builder().with_features(of(pl.col("dest") * 2.5)),
        FeatureError,
        "failed",
        "types",
    ),
    "no features": (builder, DatasetError, "no features", "with_features"),
    "no table": (lambda: DatasetBuilder(7).with_features(of(pl.col("x"))), DatasetError, "not a table", "path"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_an_error_when_the_plan_is_made(case: str) -> None:
    make, kind, what, hint = REFUSED[case]
    with pytest.raises(kind) as caught:
        make().plan()
    assert isinstance(caught.value, (DatasetError, FeatureError))
    assert what in caught.value.what
    assert caught.value.why
    assert hint in f"{caught.value.hint} {caught.value.why} {caught.value.where}"


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("distance").mean(),
        pl.col("distance") - pl.col("distance").mean().over("dest"),
        pl.col("distance").fill_null(pl.col("distance").mean()),
        pl.col("distance").shift(1),
        pl.col("distance").rank(),
        pl.col("distance").fill_null(strategy="forward"),
        pl.col("distance") / pl.len(),
        pl.col("distance").sort(),
        pl.col("distance").drop_nulls(),
        pl.sum_horizontal(pl.all()),
        pl.col("^dist.*$"),
        pl.col("distance", "dest"),
        pl.lit(1),
    ],
)
def test_an_expression_that_looks_at_other_rows_is_refused(expression: pl.Expr) -> None:
    with pytest.raises(FeatureError, match="row by row") as caught:
        builder().with_features(of(expression)).plan()
    assert caught.value.why
    assert caught.value.hint


@pytest.mark.parametrize(
    "expression",
    [
        pl.when(pl.col("distance") > 5).then(pl.col("dest")).otherwise(pl.lit("near")),
        pl.col("dest").is_in(["BOS"]),
        pl.col("at").dt.convert_time_zone("America/New_York").dt.weekday(),
        pl.concat_str("origin", "dest"),
        pl.col("dest").replace_strict({"BOS": 1, "ORD": 2}, return_dtype=pl.Int8),
        pl.col("dest").str.split("O").list.eval(pl.element().str.len_chars()).list.sum(),
        pl.col("distance").clip(0, 10).log1p().cast(pl.Float32),
        pl.struct("origin", "dest").hash(),
        pl.col("distance").map_elements(hash, return_dtype=pl.Int64),
    ],
)
def test_an_expression_over_its_own_row_is_accepted(expression: pl.Expr) -> None:
    table = spine()
    made = builder().with_features(of(expression)).build().features
    assert made.get_column("made").to_list() == table.select(expression.alias("made")).get_column("made").to_list()


def test_the_signature_says_what_goes_in_and_what_comes_out() -> None:
    signature = plan().signature
    assert {each.name: each.dtype for each in signature.inputs} == {
        "at": "datetime[us, UTC]",
        "carrier": "string",
        "origin": "string",
        "dest": "string",
        "tailnum": "string",
        "distance": "int64",
    }
    columns = {each.name: each for each in signature.features}
    assert list(columns) == COLUMNS
    assert (signature.label, signature.label_dtype, signature.at, signature.known_at) == ("late", "bool", "at", False)
    rough = columns["very_rough_day"]
    assert (rough.dtype, rough.source, rough.rule) == ("bool", None, "the features: rough_day")
    assert rough.needs == ("wind_gusts", "delay@2", "rough_day")
    windowed = columns["delay__by_dest__over_1d"]
    assert (windowed.feature, windowed.version, windowed.source) == ("delay(by=['dest'], over='1d')", 2, "landed")
    assert windowed.parameters == {"by": ["dest"], "over": "1d"}
    assert windowed.rule == "rows of the same dest, landed_at in [at - 1d, at)"
    assert columns["wind_gusts"].rule == "last row of the same origin, time_hour <= at, at most 6h old"
    assert columns["year"].rule == "the row of the same tailnum, whatever the moment"
    assert columns["destination"].dtype == 'enum["BOS", "ORD"]'
    assert (columns["distance_band"].dtype, columns["landings"].dtype) == ("int64", "int64")


def test_features_without_time_need_no_moment() -> None:
    signature = DatasetBuilder(spine(), factory=FACTORY).with_features("year", "distance_band").plan().signature
    assert signature.at is None
    assert [each.name for each in signature.inputs] == ["tailnum", "distance"]


def test_a_plan_explains_itself() -> None:
    text = str(builder().with_features(*EVERYTHING).known_at().plan())
    assert "8 features, as of at, only what had been recorded by then" in text
    assert "rows of the same carrier, landed_at in [at - 7d, at), reported_at <= at" in text
    assert "which has no created time" in text


def test_features_that_ask_alike_are_answered_together() -> None:
    gust = of(pl.col("wind_gust"), source=weather).alias("gust")
    counted = over(landed, window("count", by="carrier", over="168h", closed="left")).alias("counted")
    steps = builder().with_features("wind_gusts", gust, "delay", counted, "landings", "distance_band").plan().steps
    assert [step.columns for step in steps] == [
        ("wind_gusts", "gust"),
        ("delay", "counted"),
        ("landings",),
        ("distance_band",),
    ]


def test_a_window_is_by_its_own_columns_else_by_those_of_the_source() -> None:
    hourly = Source("hourly", WEATHER, entity="origin", event_time="time_hour")
    moved = Source("moved", WEATHER.rename({"origin": "dest"}), on={"dest": "origin"}, event_time="time_hour")
    asked = [
        over(hourly, window("count", over="90d")).alias("of_source"),
        over(moved, window("count", over="90d")).alias("renamed"),
        over(moved, window("count", by="dest", over="90d")).alias("of_window"),
    ]
    rules = [step.words.partition(",")[0] for step in builder().with_features(*asked).plan().steps]
    assert rules == ["rows of the same origin", "rows with dest = origin", "rows of the same dest"]


def test_no_rows_give_the_right_schema() -> None:
    made = plan()
    empty = made.compute(spine().clear())
    assert empty.height == 0
    assert empty.schema == made.compute(spine()).schema == made.schema


def test_a_plan_needs_its_inputs_and_no_more() -> None:
    made, table = plan(), spine()
    assert_frame_equal(made.compute(table.select(reversed(made.inputs))), made.compute(table))
    with pytest.raises(SignatureMismatchError) as caught:
        made.compute(table.drop("dest").with_columns(pl.col("distance").cast(pl.Int32)))
    assert "dest: trained with string, now missing" in caught.value.why
    assert "distance: trained with int64, now int32" in caught.value.why


@pytest.mark.parametrize("seed", range(5))
def test_a_row_gets_the_same_values_among_whatever_other_rows(seed: int) -> None:
    made, table = plan(), spine()
    whole = made.compute(table).with_columns(table.get_column("flight_id"))
    shuffled = table.sample(fraction=0.6, shuffle=True, seed=seed)
    some = made.compute(shuffled)
    assert_frame_equal(
        some,
        shuffled.select("flight_id").join(whole, on="flight_id", how="left", maintain_order="left").select(COLUMNS),
    )


@pytest.mark.parametrize("known_at", [False, True])
def test_what_happens_later_changes_nothing(known_at: bool) -> None:
    """The leakage test: a source's later rows are removed, or doubled with other values; nothing changes."""
    cut = spine().get_column("at").drop_nulls().median()
    table = spine().filter(pl.col("at") <= cut)
    later = pl.col("reported_at").is_null() | (pl.col("reported_at") > cut) if known_at else pl.col("landed_at") > cut
    changed = LANDED.filter(later).with_columns(pl.col("arr_delay") + 1_000)
    worlds = {
        "as it is": (LANDED, WEATHER),
        "without": (LANDED.filter(~later), WEATHER.filter(pl.col("time_hour") <= cut)),
        "doubled": (pl.concat([LANDED, changed]), pl.concat([WEATHER, WEATHER.filter(pl.col("time_hour") > cut)])),
    }
    answers = {name: _answers(table, *tables, known_at=known_at) for name, tables in worlds.items()}
    assert answers["as it is"].null_count().sum_horizontal().item() < answers["as it is"].height * 4
    assert_frame_equal(answers["without"], answers["as it is"])
    assert_frame_equal(answers["doubled"], answers["as it is"])


def _answers(
    table: pl.DataFrame, landed_rows: pl.DataFrame, weather_rows: pl.DataFrame, *, known_at: bool
) -> pl.DataFrame:
    past = Source("landed", landed_rows, event_time="landed_at", created_time="reported_at")
    sky = Source("weather", weather_rows, entity="origin", event_time="time_hour", max_age="6h")
    mean = over(past, window("mean", "arr_delay", by="dest", over="2d")).alias("mean")
    last = over(past, window("last", "arr_delay", by="carrier", over="3d", closed="left")).alias("last")
    gust = of(pl.col("wind_speed"), source=sky).alias("gust")
    both = of(pl.col("mean") - pl.col("gust"), needs=[mean, gust]).alias("both")
    asked = DatasetBuilder(table, at="at", factory=FACTORY).with_features(mean, last, gust, both)
    return (asked.known_at() if known_at else asked).plan().compute(table)


def test_a_plan_pickles_and_answers_the_same() -> None:
    made = plan()
    again = pickle.loads(pickle.dumps(made))
    assert again.digest == made.digest
    assert_frame_equal(again.compute(spine()), made.compute(spine()))


def test_the_digest_is_the_same_in_every_process_and_changes_with_the_plan(tmp_path: Any) -> None:
    path = tmp_path / "features.py"
    path.write_text(
        "import polars as pl\nfrom mlops_core import feature\nLIMITS = {'a': 1, 'b': 2, 'c': 3}\n"
        "@feature()\ndef far() -> pl.Expr:\n    return pl.col('distance') > len(LIMITS)\n"
    )
    script = (
        "import polars as pl; from mlops_core import DatasetBuilder, FeatureFactory; f = FeatureFactory();"
        f"f.load_definitions({str(path)!r});"
        "print(DatasetBuilder(pl.DataFrame({'distance': [1]}), factory=f).with_features('far').plan().digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert plan().digest == plan().digest
    assert plan().digest != builder().with_features(*EVERYTHING).plan().digest
    assert plan().digest != builder(strict=True).with_features(*EVERYTHING).with_label("late").plan().digest


def test_a_type_that_depends_on_the_data_is_an_error() -> None:
    unsettled = of(pl.col("distance").map_batches(lambda column: column.cast(pl.Float32), return_dtype=pl.Int64))
    with pytest.raises((DatasetError, FeatureError)):
        builder().with_features(unsettled).build()


def test_an_expression_that_fails_on_the_data_names_its_feature() -> None:
    strict = of(pl.col("dest").cast(pl.Int64)).alias("number")
    with pytest.raises(FeatureError, match="'number' failed") as caught:
        builder().with_features("distance_band", strict).build()
    assert caught.value.where
    assert caught.value.hint


def test_ties_are_refused_in_strict_mode_only() -> None:
    tied = Source("tied", pl.DataFrame({"tailnum": ["N1", "N1"], "year": [1, 2]}), entity="tailnum")
    asked = of(pl.col("year"), source=tied)
    assert 2 in builder().with_features(asked).build().features.get_column("made")
    with pytest.raises(DatasetError, match="tie"):
        builder(strict=True).with_features(asked).build()
