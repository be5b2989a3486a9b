"""The tables hold what the example says, and nothing that was not known at a flight's scheduled departure."""

import runpy
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import polars as pl
import pytest
from mlops_core.errors import ConfigurationError

Tables = dict[str, pl.DataFrame]
PREPARE = Path(__file__).parents[1] / "prepare.py"
MINUTE = timedelta(minutes=1)


def prepare() -> Callable[[Path], dict[str, Path]]:
    return cast("Callable[[Path], dict[str, Path]]", runpy.run_path(str(PREPARE))["prepare"])


def matched(tables: Tables, events: str, moment: str) -> pl.DataFrame:
    """Events beside the flight that each belongs to: both tables stand in the same order, less the flights without."""
    known = tables["flights"].filter(pl.col("late").is_not_null())
    assert known.height == tables[events].height
    return known.select("scheduled_departure", "scheduled_minutes", "late").with_columns(
        tables[events].get_column(moment)
    )


class TestCounts:
    def test_every_flight_is_there_once(self, tables: Tables) -> None:
        assert tables["flights"].height == 336_776
        assert tables["flights"]["flight_id"].n_unique() == 336_776

    def test_flights_without_an_arrival_delay_have_no_label(self, tables: Tables) -> None:
        assert tables["flights"]["late"].null_count() == 9_430
        assert tables["landed"].height == 336_776 - 9_430

    def test_about_one_flight_in_four_is_late(self, tables: Tables) -> None:
        assert tables["flights"]["late"].mean() == pytest.approx(0.237, abs=0.001)

    def test_weather_has_one_row_per_airport_and_hour(self, tables: Tables) -> None:
        assert tables["weather"].height == 26_115
        assert tables["weather"].select("origin", "time_hour").n_unique() == 26_115

    def test_some_flights_lack_the_weather_of_their_exact_hour(self, tables: Tables) -> None:
        hours = tables["flights"].with_columns(time_hour=pl.col("scheduled_departure").dt.truncate("1h"))
        found = hours.join(tables["weather"], on=["origin", "time_hour"], how="left")
        assert found["temp"].null_count() == 1_573
        assert found["visib"].null_count() == 1_556  # for the other 17 the station sent a report without a temperature

    def test_some_flights_have_no_known_plane(self, tables: Tables) -> None:
        unknown = tables["flights"].join(tables["planes"], on="tailnum", how="anti").height
        assert unknown == 52_606
        assert unknown / 336_776 == pytest.approx(0.156, abs=0.001)
        assert tables["flights"]["tailnum"].null_count() == 2_512

    def test_some_destinations_are_not_known_airports(self, tables: Tables) -> None:
        lost = tables["flights"].join(tables["airports"], left_on="dest", right_on="faa", how="anti")
        assert lost.height == 7_602
        assert set(lost["dest"]) == {"BQN", "PSE", "SJU", "STT"}

    def test_lookups_have_one_row_per_key(self, tables: Tables) -> None:
        for name, key in (("planes", "tailnum"), ("airports", "faa"), ("carriers", "carrier")):
            assert tables[name][key].is_unique().all(), name


class TestWhatWasKnown:
    def test_the_spine_holds_the_plan_and_the_label_only(self, tables: Tables) -> None:
        plan = [
            "flight_id",
            "scheduled_departure",
            "scheduled_minutes",
            "carrier",
            "origin",
            "dest",
            "tailnum",
            "distance",
        ]
        assert tables["flights"].columns == [*plan, "late"]
        assert tables["december"].columns == plan

    def test_the_order_of_rows_does_not_tell_who_left_first(self, tables: Tables) -> None:
        keys = tables["flights"].select("scheduled_departure", "flight_id")
        assert keys.equals(keys.sort("scheduled_departure", "flight_id"))

    def test_moments_are_instants_in_utc(self, tables: Tables) -> None:
        moments = {
            "flights": "scheduled_departure",
            "december": "scheduled_departure",
            "scheduled": "scheduled_departure",
            "departed": "reported_at",
            "landed": "landed_at",
            "weather": "reported_at",
        }
        for name, column in moments.items():
            assert tables[name].schema[column] == pl.Datetime("us", "UTC"), name
            assert tables[name][column].null_count() == 0, name

    def test_a_flight_never_sees_its_own_arrival(self, tables: Tables) -> None:
        flights = matched(tables, "landed", "landed_at")
        took = flights["landed_at"] - flights["scheduled_departure"]
        assert (took > 15 * MINUTE).all()
        assert (took < timedelta(hours=36)).all()

    def test_arrivals_agree_with_the_plan(self, tables: Tables) -> None:
        # Planned arrival plus delay is the arrival: two clocks, two time zones and two dates must all be right.
        flights = matched(tables, "landed", "landed_at").with_columns(tables["landed"].get_column("arr_delay"))
        planned = pl.col("scheduled_departure") + pl.duration(minutes="scheduled_minutes")
        off = flights.select(pl.col("landed_at") - planned - pl.duration(minutes="arr_delay")).to_series()
        assert off.abs().max() == timedelta()
        assert (flights["late"] == (flights["arr_delay"] > 15)).all()

    def test_an_arrival_by_hand(self, tables: Tables) -> None:
        # The first row of the original: EWR to Houston, 5:17 in New York until 8:30 in Houston, an hour behind.
        first = tables["landed"].filter(pl.col("tailnum") == "N14228").row(0, named=True)
        assert first["landed_at"] == datetime(2013, 1, 1, 14, 30, tzinfo=UTC)

    def test_no_departure_is_reported_by_its_own_scheduled_moment(self, tables: Tables) -> None:
        departed = tables["departed"]
        due = pl.col("reported_at") - pl.duration(minutes=pl.max_horizontal("dep_delay", 0))
        # Whatever it was scheduled for, an early departure counts as one on time, a minute later.
        planned = tables["scheduled"].group_by("scheduled_departure", "carrier", "origin", "dest").len()
        moments = departed.with_columns(scheduled_departure=due - MINUTE)
        assert departed.height == 328_521
        assert moments.join(planned, on=["scheduled_departure", "carrier", "origin", "dest"], how="anti").is_empty()

    def test_weather_is_known_when_its_hour_is_over(self, tables: Tables) -> None:
        weather = tables["weather"]
        assert (weather["reported_at"] - weather["time_hour"] == timedelta(hours=1)).all()


class TestDecember:
    def test_it_holds_decembers_flights_and_forty_of_them_twice(self, tables: Tables) -> None:
        december = tables["december"]
        local = tables["flights"]["scheduled_departure"].dt.convert_time_zone("America/New_York")
        assert december.height == 28_135 + 40
        assert december["flight_id"].n_unique() == 28_135
        assert set(december["flight_id"]) == set(tables["flights"].filter(local.dt.month() == 12)["flight_id"])

    def test_it_has_something_to_reject_for_each_reason(self, tables: Tables) -> None:
        december = tables["december"]
        assert december["tailnum"].null_count() > 0
        assert december.join(tables["airports"], left_on="dest", right_on="faa", how="anti").height > 0
        last_report = tables["weather"]["reported_at"].max()
        assert december.filter(pl.col("scheduled_departure") > pl.lit(last_report) + timedelta(hours=6)).height > 0


class TestWriting:
    def test_what_is_there_is_left_alone(self, prepared: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
        prepare()(prepared)
        assert {path: path.stat().st_mtime_ns for path in prepared.iterdir()} == before

    def test_a_run_that_was_killed_is_made_good(self, prepared: Path, tmp_path: Path) -> None:
        data = shutil.copytree(prepared, tmp_path / "data")
        (data / "prepared-by.txt").unlink()  # written last
        (data / "landed.parquet").write_bytes(b"an older program's table")
        paths = prepare()(data)
        assert pl.read_parquet(paths["landed"]).equals(pl.read_parquet(prepared / "landed.parquet"))
        assert {path.name for path in data.iterdir()} == {path.name for path in prepared.iterdir()}

    def test_the_same_tables_come_out_every_time(self, prepared: Path, tmp_path: Path) -> None:
        for name, path in prepare()(tmp_path).items():
            assert path.read_bytes() == (prepared / f"{name}.parquet").read_bytes(), name

    def test_missing_data_say_what_to_type(self, tmp_path: Path) -> None:
        program = runpy.run_path(str(PREPARE))
        program["prepare"].__globals__["DISTRIBUTION"] = "no-such-distribution"
        with pytest.raises(ConfigurationError, match="make setup"):
            program["prepare"](tmp_path / "data")
        assert not list((tmp_path / "data").glob("*.parquet"))
