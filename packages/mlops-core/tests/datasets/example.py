"""Flights in miniature: a spine, sources and features with every kind of step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
from mlops_core.features import FeatureFactory, FeatureGroup, Source, Window, feature, window

FACTORY = FeatureFactory()
START = datetime(2026, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
_DICE = Random(7)
_TIME = pl.Datetime("us", "UTC")


def weather_table() -> pl.DataFrame:
    rows = range(120)
    return pl.DataFrame(
        {
            "origin": [_DICE.choice(["JFK", "LGA"]) for _ in rows],
            "time_hour": [START + HOUR * _DICE.randrange(-48, 96) for _ in rows],
            "wind_gust": [_DICE.choice([None, float(_DICE.randrange(40))]) for _ in rows],
            "wind_speed": [float(_DICE.randrange(40)) for _ in rows],
        }
    )


def landed_table() -> pl.DataFrame:
    rows = range(300)
    landed = [START + HOUR * _DICE.randrange(-72, 96) for _ in rows]
    return pl.DataFrame(
        {
            "carrier": [_DICE.choice(["AA", "B6", None]) for _ in rows],
            "dest": [_DICE.choice(["BOS", "ORD"]) for _ in rows],
            "landed_at": landed,
            "reported_at": [_DICE.choice([None, time + HOUR * _DICE.randrange(5)]) for time in landed],
            "arr_delay": [_DICE.choice([None, float(_DICE.randrange(-20, 90))]) for _ in rows],
        }
    )


WEATHER = weather_table()
LANDED = landed_table()
PLANES = pl.DataFrame({"tailnum": ["N1", "N2", "N3"], "year": [1999, None, 2020]})

weather = Source("weather", WEATHER, entity="origin", event_time="time_hour", max_age="6h")
landed = Source("landed", LANDED, event_time="landed_at", created_time="reported_at")
planes = Source("planes", PLANES, entity="tailnum")


def spine(rows: int = 60) -> pl.DataFrame:
    dice = Random(11)
    each = range(rows)
    return pl.DataFrame(
        {
            "flight_id": list(each),
            "at": [dice.choice([None, *[START + HOUR * dice.randrange(96)] * 9]) for _ in each],
            "carrier": [dice.choice(["AA", "B6", None]) for _ in each],
            "origin": [dice.choice(["JFK", "LGA", "EWR"]) for _ in each],
            "dest": [dice.choice(["BOS", "ORD"]) for _ in each],
            "tailnum": [dice.choice(["N1", "N2", "N9", None]) for _ in each],
            "distance": [dice.choice([None, dice.randrange(3_000)]) for _ in each],
            "late": [dice.choice([True, False, None]) for _ in each],
        },
        schema_overrides={"at": _TIME, "distance": pl.Int64, "late": pl.Boolean},
    )


@feature(factory=FACTORY)
def distance_band() -> pl.Expr:
    return pl.col("distance") // 500


@feature(factory=FACTORY)
def long_haul() -> pl.Expr:
    return pl.col("distance") > 1_500


@feature(factory=FACTORY)
def destination() -> pl.Expr:
    return pl.col("dest").cast(pl.Enum(["BOS", "ORD"]))


@feature(source=weather, factory=FACTORY)
def wind_gusts() -> pl.Expr:
    return pl.col("wind_gust").fill_null(pl.col("wind_speed"))


@feature(source=planes, factory=FACTORY)
def year() -> pl.Expr:
    return pl.col("year")


@feature(source=landed, version=2, factory=FACTORY)
def delay(by: tuple[str, ...] = ("carrier",), over: str = "7d") -> Window:
    return window("mean", "arr_delay", by=by, over=over, closed="left")


@feature(source=landed, factory=FACTORY)
def landings(over: str = "12h") -> Window:
    return window("count", by="dest", over=over)


@feature(needs=["wind_gusts", "delay"], factory=FACTORY)
def rough_day() -> pl.Expr:
    return pl.col("wind_gusts") * pl.col("delay")


@feature(needs=[rough_day], factory=FACTORY)
def very_rough_day() -> pl.Expr:
    return pl.col("rough_day") > 100


risk = FeatureGroup("risk", ["wind_gusts", very_rough_day, "delay(by=['dest'], over='1d')"])
EVERYTHING = ("distance_band", long_haul, destination, risk, "year", "landings")
COLUMNS = [
    "distance_band",
    "long_haul",
    "destination",
    "wind_gusts",
    "very_rough_day",
    "delay__by_dest__over_1d",
    "year",
    "landings",
]
