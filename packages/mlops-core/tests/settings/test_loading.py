"""What is configured arrives typed; what is wrong is refused with the file and the dotted key."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from mlops_core.errors import ConfigurationError
from mlops_core.settings import CacheSettings, Candidate, CheckJob, load_settings, settings_schema

FLIGHTS = """
use = "home"

[backends.home]
adapter = "local"
path = ".mlops"

[backends.prod-eu]
adapter = "stranger"
bucket = "models"
retries = 3
nested = { deep = ["a", { b = true }] }

[trust]
types = ["mine.Scaler"]

[cache]
path = "cache"
max_bytes = "1.5 GB"

[train.late-flight]
definitions = "features.py"
spine = "data/flights.parquet"
at = "scheduled_departure"
label = "late"
features = ["weather", "delay(by=['origin'], over='30d')"]
valid_from = 2013-10-01
test_from = 2013-11-01T06:00:00Z
baselines = ["carrier"]
candidates = [{ estimator = "hist_gradient_boosting_classifier", parameters = { max_iter = 200, l2 = 0.5, x = [1] } }]
tags = { team = "ops" }

[score.december]
model = "late-flight@champion"
input = "/data/december.parquet"
key = "flight_id"
max_reject_rate = 1
checks = [{ reason = "has a tail number", accept = "tailnum IS NOT NULL" }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mlops.toml").write_text(FLIGHTS)
    return tmp_path


def refused(folder: Path, text: str, **environ: str) -> ConfigurationError:
    (folder / "mlops.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(start=folder, environ=environ)
    return caught.value


def test_without_a_file_there_is_one_embedded_backend(tmp_path: Path) -> None:
    settings = load_settings(start=tmp_path, environ={})
    assert settings.use == "home"
    assert settings.backend_for("model_registry") == "home"
    assert settings.backends["home"].adapter == "local"
    assert settings.backends["home"].options == {"path": ".mlops"}
    assert (settings.base, settings.file) == (tmp_path, None)


def test_every_table_arrives_typed(folder: Path) -> None:
    settings = load_settings(start=folder, environ={})
    assert settings.trust.types == ("mine.Scaler",)
    assert settings.cache == CacheSettings(path=folder / "cache", max_bytes=1_500_000_000)
    options = {"bucket": "models", "retries": 3, "nested": {"deep": ["a", {"b": True}]}}
    assert settings.backends["prod-eu"].options == options
    train = settings.train["late-flight"]
    assert train.valid_from == date(2013, 10, 1)
    assert train.test_from == datetime(2013, 11, 1, 6, tzinfo=UTC)
    assert train.candidates == (
        Candidate(estimator="hist_gradient_boosting_classifier", parameters={"max_iter": 200, "l2": 0.5, "x": [1]}),
    )
    assert (train.metric, train.known_at, train.tags) == ("roc_auc", False, {"team": "ops"})
    score = settings.score["december"]
    assert score.checks == (CheckJob(reason="has a tail number", accept="tailnum IS NOT NULL"),)
    assert score.max_reject_rate == 1.0


def test_relative_paths_are_taken_against_the_files_folder(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    settings = load_settings(start=below, environ={})
    assert settings.file == folder / "mlops.toml"
    train = settings.train["late-flight"]
    assert train.spine == folder / "data/flights.parquet"
    assert train.definitions == folder / "features.py"
    assert train.out == folder / "out"
    assert settings.score["december"].input == Path("/data/december.parquet")
    assert settings.score["december"].definitions is None


def test_argument_before_environment_before_file(folder: Path) -> None:
    environ = {"MLOPS_USE": "prod-eu"}
    assert load_settings(start=folder, environ={}).use == "home"
    assert load_settings(start=folder, environ=environ).use == "prod-eu"
    assert load_settings(start=folder, environ=environ, use="home").use == "home"
    assert load_settings(start=folder, environ={"MLOPS_USE": ""}).use == "home"


def test_the_environment_reaches_every_key_and_keeps_types(folder: Path) -> None:
    environ = {
        "MLOPS_BACKENDS__PROD_EU__BUCKET": "other",
        "MLOPS_BACKENDS__PROD_EU__RETRIES": "5",
        "MLOPS_BACKENDS__PROD_EU__DAY": "2013-10-01",
        "MLOPS_BACKENDS__NEW__ADAPTER": "stranger",
        "MLOPS_TRAIN__LATE_FLIGHT__KNOWN_AT": "true",
        "MLOPS_TRAIN__LATE_FLIGHT__VALID_FROM": "2013-09-01",
        "MLOPS_SCORE__DECEMBER__MODEL": "late-flight:3",
        "MLOPS_CACHE__MAX_BYTES": "2 MiB",
        "MLOPS_HOME": "somebody else's",
    }
    settings = load_settings(start=folder, environ=environ)
    prod = settings.backends["prod-eu"].options
    assert (prod["bucket"], prod["retries"], prod["day"]) == ("other", 5, "2013-10-01")
    assert settings.backends["new"].adapter == "stranger"
    assert settings.train["late-flight"].known_at is True
    assert settings.train["late-flight"].valid_from == date(2013, 9, 1)
    assert settings.score["december"].model == "late-flight:3"
    assert settings.cache.max_bytes == 2 * 1024**2


def test_the_environment_alone_changes_the_default_backend(tmp_path: Path) -> None:
    settings = load_settings(start=tmp_path, environ={"MLOPS_BACKENDS__HOME__PATH": "elsewhere"})
    assert settings.backends["home"].options == {"path": "elsewhere"}


def test_a_variable_cannot_smuggle_in_a_second_key(folder: Path) -> None:
    settings = load_settings(start=folder, environ={"MLOPS_CACHE__PATH": '1\nuse = "prod-eu"'})
    assert settings.use == "home"


def test_config_by_argument_and_by_variable(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('use = "x"\n[backends.x]\nadapter = "local"\n')
    assert load_settings(config=other, start=folder, environ={}).use == "x"
    assert load_settings(start=folder, environ={"MLOPS_CONFIG": str(other)}).use == "x"
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        load_settings(start=folder, environ={"MLOPS_CONFIG": "nowhere.toml"})
    assert "MLOPS_CONFIG" in caught.value.why


def test_use_can_name_a_backend_per_port(folder: Path) -> None:
    text = FLIGHTS.replace('use = "home"', 'use = { model_registry = "prod-eu" }')
    (folder / "mlops.toml").write_text(text)
    settings = load_settings(start=folder, environ={})
    assert settings.backend_for("model_registry") == "prod-eu"
    with pytest.raises(ConfigurationError, match="no backend is chosen for artifact_store") as caught:
        settings.backend_for("artifact_store")
    assert caught.value.hint.startswith('use = { model_registry = "prod-eu", artifact_store = ')


@pytest.mark.parametrize(
    ("wrong", "right", "key", "says"),
    [
        ("[backends.home]", "[backend.home]", "backend", "did you mean 'backends'?"),
        ("label =", "labl =", "train.late-flight.labl", "did you mean 'label'?"),
        ("max_bytes =", "max_byte =", "cache.max_byte", "did you mean 'max_bytes'?"),
        ("{ estimator =", "{ estimatr =", "train.late-flight.candidates.0.estimat", ""),
        ("accept =", "acept =", "score.december.checks.0.ac", ""),
        ('label = "late"', "label = 3", "train.late-flight.label", "valid string"),
        ('label = "late"', "", "train.late-flight.label", "is missing"),
        ('features = ["weather", ', 'features = [3, "weather", ', "train.late-flight.features.0", "valid string"),
        ("valid_from = 2013-10-01", 'valid_from = "soon"', "train.late-flight.valid_from", "not a date"),
        ("valid_from = 2013-10-01", "valid_from = 2014-10-01", "train.late-flight.test_from", "comes before"),
        ("max_reject_rate = 1", "max_reject_rate = 1.1", "score.december.max_reject_rate", "from 0 to 1"),
        ("max_reject_rate = 1", "max_reject_rate = nan", "score.december.max_reject_rate", "from 0 to 1"),
        ("max_reject_rate = 1", 'max_reject_rate = "1"', "score.december.max_reject_rate", "number"),
        ('max_bytes = "1.5 GB"', 'max_bytes = "much"', "cache.max_bytes", "10GB"),
        ("[train.late-flight]", '[train."Late Flight"]', "train.Late Flight", "late-flight"),
        ('tags = { team = "ops" }', 'tags = { "mlops.x" = "ops" }', "train.late-flight", "reserved"),
        ('use = "home"', 'use = "hom"', "use", "did you mean 'home'?"),
        ('use = "home"', "use = 3", "use", "wrong type"),
        ('use = "home"', 'use = { model_registy = "home" }', "use", "did you mean 'model_registry'?"),
        ('adapter = "local"\n', "", "backends.home.adapter", "for example"),
        ('adapter = "local"', "adapter = 3", "backends.home.adapter", "as text"),
        ("[backends.home]", "[backends.Home]", "backends.Home", "begins with a letter"),
        ("retries = 3", "retries = 2013-10-01", "backends.prod-eu.retries", "write it as text"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(folder: Path, wrong: str, right: str, key: str, says: str) -> None:
    assert wrong in FLIGHTS
    error = refused(folder, FLIGHTS.replace(wrong, right, 1))
    assert str(folder / "mlops.toml") in error.where
    assert key in str(error)
    assert says in str(error)


def test_several_problems_are_said_at_once(folder: Path) -> None:
    error = refused(folder, FLIGHTS.replace("label =", "labl =").replace("[trust]\ntypes", "[trust]\ntype"))
    for key in ("'labl'", "'type'", "train.late-flight.label is missing"):
        assert key in str(error)


def test_a_wrong_variable_is_named(folder: Path) -> None:
    error = refused(folder, FLIGHTS, MLOPS_TRAIN__LATE_FLIGHT__KNOWN_AT="perhaps")
    assert error.where == "environment variable MLOPS_TRAIN__LATE_FLIGHT__KNOWN_AT: train.late-flight.known_at"


def test_an_unknown_backend_given_by_argument(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no backend 'prod' is configured") as caught:
        load_settings(start=folder, environ={}, use="prod")
    assert "argument" in caught.value.where
    assert "prod-eu" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("use = \n", "line 1"),
        ('[backends.a]\nadapter = "x"\nadapter = "y"\n', "twice"),
        ("[cache]\n[cache]\n", "twice"),
        ("\n\nnonsense\n", "line 3"),
    ],
)
def test_broken_files_name_file_and_line(folder: Path, text: str, says: str) -> None:
    error = refused(folder, text)
    assert error.where == str(folder / "mlops.toml")
    assert says in error.why


def test_a_file_that_is_not_utf8_is_refused(folder: Path) -> None:
    (folder / "mlops.toml").write_bytes(b'use = "\xff"')
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_settings(start=folder, environ={})


def test_settings_are_frozen_and_can_be_sent_to_a_worker(folder: Path) -> None:
    settings = load_settings(start=folder, environ={})
    assert pickle.loads(pickle.dumps(settings)) == settings
    for name in ("use", "backends"):
        with pytest.raises(AttributeError):
            setattr(settings, name, "other")


def test_the_schema_is_json_and_knows_every_section() -> None:
    schema = json.loads(json.dumps(settings_schema()))
    assert set(schema["properties"]) == {"use", "backends", "trust", "cache", "train", "score"}
    assert schema["additionalProperties"] is False
