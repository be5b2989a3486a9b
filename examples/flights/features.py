"""What is known about a flight at its scheduled departure, and where that knowledge comes from.

Each function below is one feature. It returns a description of a column, not the column: when a dataset is built, the
description is worked out for each flight *as of that flight's own moment*, `scheduled_departure`. Nothing that became
known later can reach it; how that is ensured is the library's business, saying when things became known is ours.
"""

from pathlib import Path

import polars as pl
from mlops_core import FeatureGroup, Source, feature, window

DATA = Path(__file__).parent / "data"

# ---------------------------------------------------------------------------------------------------------------
# Sources: tables to look things up in. `event_time` is the column that says from when on a row was known.

# One row per airport and hour: a flight sees the last one of its origin, unless that is more than six hours old.
WEATHER = Source("weather", DATA / "weather.parquet", entity="origin", event_time="reported_at", max_age="6h")

# One row per flight that arrived, that left the gate, that was planned: features count and average them.
LANDED = Source("landed", DATA / "landed.parquet", event_time="landed_at")
DEPARTED = Source("departed", DATA / "departed.parquet", event_time="reported_at")
SCHEDULED = Source("scheduled", DATA / "scheduled.parquet", event_time="scheduled_departure")

# The same arrivals by plane: a flight sees the last landing of its own plane, if that was within a day.
LAST_FLIGHT = Source("last_flight", DATA / "landed.parquet", entity="tailnum", event_time="landed_at", max_age="24h")

# Lookups without a time. `on` is for keys that are called differently: source column -> column of the flights.
PLANES = Source("planes", DATA / "planes.parquet", entity="tailnum")
AIRPORTS = Source("airports", DATA / "airports.parquet", on={"faa": "dest"})

# ---------------------------------------------------------------------------------------------------------------
# The plan: features without a source read the flight's own columns.

AIRLINES = pl.Enum(["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"])
NEW_YORK = pl.Enum(["EWR", "JFK", "LGA"])


@feature()
def airline() -> pl.Expr:
    # A fixed list of categories, because a code that only one month has must not shift the others.
    return pl.col("carrier").cast(AIRLINES, strict=False)


@feature()
def leaves_from() -> pl.Expr:
    return pl.col("origin").cast(NEW_YORK, strict=False)


@feature()
def minute_of_day() -> pl.Expr:
    local = pl.col("scheduled_departure").dt.convert_time_zone("America/New_York").dt
    return local.hour().cast(pl.Int64) * 60 + local.minute()


@feature()
def weekday() -> pl.Expr:
    return pl.col("scheduled_departure").dt.convert_time_zone("America/New_York").dt.weekday()


@feature()
def planned_minutes() -> pl.Expr:
    return pl.col("scheduled_minutes")


@feature(source=AIRPORTS)
def latitude() -> pl.Expr:
    return pl.col("lat")


@feature(source=AIRPORTS)
def longitude() -> pl.Expr:
    return pl.col("lon")


# ---------------------------------------------------------------------------------------------------------------
# The weather at the origin: features with a source read the one row that the flight sees, nulls if there is none.


@feature(source=WEATHER)
def visibility() -> pl.Expr:
    return pl.col("visib")


@feature(source=WEATHER)
def rain() -> pl.Expr:
    return pl.col("precip")


@feature(source=WEATHER)
def wind_gusts() -> pl.Expr:
    # Gusts are only reported when there are any.
    return pl.col("wind_gust").fill_null(pl.col("wind_speed"))


@feature(source=WEATHER)
def temperature() -> pl.Expr:
    return pl.col("temp")


# ---------------------------------------------------------------------------------------------------------------
# The plane. One flight in six has a plane that nobody registered: its age is null, which is no reason to reject it.


@feature(source=PLANES)
def plane_age() -> pl.Expr:
    return 2013 - pl.col("built")


@feature(source=LAST_FLIGHT)
def last_delay() -> pl.Expr:
    return pl.col("arr_delay")


@feature(source=LAST_FLIGHT)
def last_landing() -> pl.Expr:
    return pl.col("landed_at")


@feature(needs=["last_landing"])  # over another feature, and the flight's own columns
def minutes_since_landing() -> pl.Expr:
    return (pl.col("scheduled_departure") - pl.col("last_landing")).dt.total_minutes()


# ---------------------------------------------------------------------------------------------------------------
# How the day goes so far: windows over the events before the moment. A parameter makes a feature a family.


@feature(source=LANDED)
def delay(by: tuple[str, ...] = ("carrier",), over: str = "7d"):
    """Mean arrival delay, in minutes, of the flights that had landed by then."""
    return window("mean", "arr_delay", by=by, over=over, closed="left")


@feature(source=DEPARTED)
def departure_delay(by: tuple[str, ...] = ("origin",), over: str = "1h"):
    """Mean departure delay, in minutes, of the flights that had left by then."""
    return window("mean", "dep_delay", by=by, over=over, closed="left")


@feature(source=SCHEDULED)
def due(by: tuple[str, ...] = ("origin",), over: str = "3h"):
    """Flights that should have left by then, cancelled ones included."""
    return window("count", by=by, over=over, closed="left")


@feature(source=DEPARTED)
def gone(by: tuple[str, ...] = ("origin",), over: str = "3h"):
    """Flights that did leave by then, whenever they should have."""
    return window("count", by=by, over=over, closed="left")


@feature(needs=["due", "gone"])
def waiting() -> pl.Expr:
    """How far the airport has fallen behind its plan in three hours; below zero when it catches up."""
    return pl.col("due") - pl.col("gone")


# ---------------------------------------------------------------------------------------------------------------
# Groups: a group is a feature too, so a configuration names five things and not twenty-nine.

plan = FeatureGroup("plan", [airline, leaves_from, minute_of_day, weekday, planned_minutes, latitude, longitude])
weather = FeatureGroup("weather", [visibility, rain, wind_gusts, temperature])
plane = FeatureGroup("plane", [plane_age, last_delay, minutes_since_landing])
arrivals = FeatureGroup(
    "arrivals",
    [
        delay(by=by, over=over)
        for by in (("carrier",), ("origin",), ("dest",), ("origin", "dest"))
        for over in ("3h", "1d", "7d")
    ],
)
departures = FeatureGroup(
    "departures", [departure_delay, departure_delay(by=("carrier", "origin"), over="3h"), waiting]
)
