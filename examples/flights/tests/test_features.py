"""The features are what they say: worked out again for a few flights, one by one, with filters instead of joins."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

Tables = dict[str, pl.DataFrame]
Row = Mapping[str, object]

FEATURES = Path(__file__).parents[1] / "features.py"
SPANS = {"1h": timedelta(hours=1), "3h": timedelta(hours=3), "1d": timedelta(days=1), "7d": timedelta(days=7)}

# A process of its own: feature names belong to a process, and another test may have loaded the real file.
PROGRAM = """
import sys
import polars as pl
from mlops_core import DatasetBuilder, FeatureFactory

definitions, spine, out = sys.argv[1:]
features = FeatureFactory()
features.load_definitions(definitions)
builder = DatasetBuilder(pl.read_parquet(spine), at="scheduled_departure", factory=features)
dataset = builder.with_features("plan", "weather", "plane", "arrivals", "departures").build()
pl.DataFrame(dataset.frame).write_parquet(out)
"""


@pytest.fixture(scope="module")
def built(prepared: Path, tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Sixty flights from all over the year, with their features."""
    folder = tmp_path_factory.mktemp("example")
    (folder / "data").symlink_to(prepared, target_is_directory=True)
    shutil.copy(FEATURES, folder)
    spine, out = folder / "spine.parquet", folder / "built.parquet"
    tables["flights"].drop("late").sample(60, seed=13, shuffle=True).write_parquet(spine)
    subprocess.run([sys.executable, "-c", PROGRAM, folder / "features.py", spine, out], check=True)
    return pl.read_parquet(out)


def moment(flight: Row) -> datetime:
    return cast("datetime", flight["scheduled_departure"])


def same(flight: Row, by: tuple[str, ...]) -> pl.Expr:
    return pl.all_horizontal(pl.col(key) == pl.lit(flight[key], dtype=pl.String) for key in by)


def window(events: pl.DataFrame, time: str, flight: Row, by: tuple[str, ...], over: str) -> pl.DataFrame:
    at = moment(flight)
    return events.filter(pl.col(time) >= at - SPANS[over], pl.col(time) < at, same(flight, by))


def last(events: pl.DataFrame, time: str, flight: Row, by: str, max_age: timedelta) -> Row:
    at = moment(flight)
    seen = events.filter(pl.col(time) <= at, pl.col(time) >= at - max_age, same(flight, (by,))).sort(time)
    return seen.row(-1, named=True) if seen.height else dict.fromkeys(events.columns)


def found(table: pl.DataFrame, key: str, value: object) -> Row:
    rows = table.filter(pl.col(key) == pl.lit(value, dtype=pl.String))
    return rows.row(0, named=True) if rows.height else dict.fromkeys(table.columns)


class TestAgainstFilters:
    def test_mean_delays(self, tables: Tables, built: pl.DataFrame) -> None:
        for by in (("carrier",), ("origin",), ("dest",), ("origin", "dest")):
            for over in ("3h", "1d", "7d"):
                name = f"delay__by_{'_'.join(by)}__over_{over}"
                expected = [
                    window(tables["landed"], "landed_at", flight, by, over)["arr_delay"].mean()
                    for flight in built.iter_rows(named=True)
                ]
                assert_frame_equal(built.select(name), pl.DataFrame({name: expected}, schema={name: pl.Float64}))

    def test_mean_departure_delays(self, tables: Tables, built: pl.DataFrame) -> None:
        families: dict[str, tuple[tuple[str, ...], str]] = {
            "departure_delay": (("origin",), "1h"),
            "departure_delay__by_carrier_origin__over_3h": (("carrier", "origin"), "3h"),
        }
        for name, (by, over) in families.items():
            expected = [
                window(tables["departed"], "reported_at", flight, by, over)["dep_delay"].mean()
                for flight in built.iter_rows(named=True)
            ]
            assert_frame_equal(built.select(name), pl.DataFrame({name: expected}, schema={name: pl.Float64}))

    def test_flights_waiting(self, tables: Tables, built: pl.DataFrame) -> None:
        expected = [
            window(tables["scheduled"], "scheduled_departure", flight, ("origin",), "3h").height
            - window(tables["departed"], "reported_at", flight, ("origin",), "3h").height
            for flight in built.iter_rows(named=True)
        ]
        assert built["waiting"].to_list() == expected

    def test_weather(self, tables: Tables, built: pl.DataFrame) -> None:
        for flight in built.iter_rows(named=True):
            row = last(tables["weather"], "reported_at", flight, "origin", timedelta(hours=6))
            gusts = row["wind_speed"] if row["wind_gust"] is None else row["wind_gust"]
            assert [flight[name] for name in ("visibility", "rain", "wind_gusts", "temperature")] == [
                *(row[name] for name in ("visib", "precip")),
                gusts,
                row["temp"],
            ]

    def test_the_plane_and_its_last_flight(self, tables: Tables, built: pl.DataFrame) -> None:
        for flight in built.iter_rows(named=True):
            built_in = cast("int | None", found(tables["planes"], "tailnum", flight["tailnum"])["built"])
            row = last(tables["landed"], "landed_at", flight, "tailnum", timedelta(days=1))
            landed_at = cast("datetime | None", row["landed_at"])
            minutes = None if landed_at is None else (moment(flight) - landed_at) // timedelta(minutes=1)
            assert flight["plane_age"] == (None if built_in is None else 2013 - built_in)
            assert flight["last_delay"] == row["arr_delay"]
            assert flight["minutes_since_landing"] == minutes

    def test_the_plan(self, tables: Tables, built: pl.DataFrame) -> None:
        for flight in built.iter_rows(named=True):
            airport = found(tables["airports"], "faa", flight["dest"])
            assert (flight["latitude"], flight["longitude"]) == (airport["lat"], airport["lon"])
            assert (flight["airline"], flight["leaves_from"]) == (flight["carrier"], flight["origin"])
            assert flight["planned_minutes"] == flight["scheduled_minutes"]

    def test_the_calendar_is_new_yorks(self, built: pl.DataFrame) -> None:
        # Dates in the names of flights are those of New York.
        for flight in built.iter_rows(named=True):
            local = datetime.strptime(str(flight["flight_id"])[-10:], "%Y-%m-%d")  # noqa: DTZ007 (a day has no zone)
            assert flight["weekday"] == local.isoweekday()
            summer = datetime(2013, 3, 10) <= local < datetime(2013, 11, 3)  # noqa: DTZ001
            utc = moment(flight)
            assert flight["minute_of_day"] == (utc.hour * 60 + utc.minute - (4 if summer else 5) * 60) % 1440


def test_the_sample_says_something(built: pl.DataFrame) -> None:
    assert built.height == 60
    some = [name for name in built.columns if built[name].n_unique() > 1]
    assert set(built.columns) - set(some) == set()
