"""Fingerprints: a change of layout changes nothing, a change of meaning is noticed, every process agrees."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from random import Random
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from mlops_core.features import FeatureFactory, Source, feature
from mlops_core.features.fingerprint import NotDescribedWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE = """
import enum
import polars as pl
from mlops_core import feature

LIMIT = 3
TWICE = 2
ONCE = 1

class Mode(enum.Enum):
    HIGH = 5

class Limits:
    LOW = 3

    @staticmethod
    def above(value: int) -> int:
        return value + 1

class Shift:
    def __init__(self, by: int) -> None:
        self.by = by

SHIFT = Shift(4)
MODES = (Mode.HIGH, Mode)
BANDS = pl.Enum(["low", "high"])

def helper(value: int, times: int = ONCE) -> int:
    return Limits.above(value * LIMIT * times * len(MODES)) + Limits.LOW + SHIFT.by

@feature()
def shape(times: int = TWICE) -> pl.Expr:
    return (pl.col("x") // helper(times)).cast(pl.String).cast(BANDS)
"""

SAME = {
    "a comment": BASE.replace("    return (pl", "    # a comment\n    return (pl"),
    "blank lines": BASE.replace("@feature()", "\n\n\n@feature()"),
    "line breaks": BASE.replace(
        '(pl.col("x") // helper(times))', '(\n        pl.col("x")\n        // helper(times)\n    )'
    ),
    "a docstring": BASE.replace("    return (pl", '    """What it is."""\n    return (pl'),
    "annotations": BASE.replace("def shape(times: int = TWICE) -> pl.Expr", "def shape(times=TWICE)"),
    "quotes": BASE.replace('"x"', "'x'"),
    "the decorator": BASE.replace("@feature()", "@feature(version=2)"),
    "an unused constant": BASE.replace("LIMIT = 3", "LIMIT = 3\nOTHER = 4"),
}
DIFFERENT = {
    "the body": BASE.replace("//", "/"),
    "a default": BASE.replace("int = TWICE", "int = ONCE"),
    "what a default is called": BASE.replace("TWICE = 2", "TWICE = 3"),
    "what a helper's default is called": BASE.replace("ONCE = 1", "ONCE = 7"),
    "a member": BASE.replace("HIGH = 5", "HIGH = 6"),
    "a constant of a class": BASE.replace("LOW = 3", "LOW = 4"),
    "a method of a class": BASE.replace("value + 1", "value + 2"),
    "what an object holds": BASE.replace("Shift(4)", "Shift(5)"),
    "a constant": BASE.replace("LIMIT = 3", "LIMIT = 4"),
    "a helper": BASE.replace("value * LIMIT", "value + LIMIT"),
    "categories": BASE.replace('"high"', '"mid", "high"'),
    "a literal": BASE.replace('"x"', '"y"'),
}


def fingerprint_of(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "features.py").write_text(text)
    factory = FeatureFactory()
    factory.load_definitions(folder / "features.py")
    return factory["shape"].fingerprint


@pytest.mark.parametrize("change", SAME)
def test_layout_does_not_count(change: str, tmp_path: Path) -> None:
    assert SAME[change] != BASE
    assert fingerprint_of(tmp_path / "after", SAME[change]) == fingerprint_of(tmp_path / "before", BASE)


@pytest.mark.parametrize("change", DIFFERENT)
def test_meaning_counts(change: str, tmp_path: Path) -> None:
    assert DIFFERENT[change] != BASE
    assert fingerprint_of(tmp_path / "after", DIFFERENT[change]) != fingerprint_of(tmp_path / "before", BASE)


def test_every_process_agrees(tmp_path: Path) -> None:
    here = fingerprint_of(tmp_path, BASE + 'LIMIT = {"b", "a", "c"} and 3\n')
    script = (
        "from mlops_core.features import FeatureFactory; f = FeatureFactory();"
        f"f.load_definitions({str(tmp_path / 'features.py')!r}); print(f['shape'].fingerprint)"
    )
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
        assert run.stdout.strip() == here


def closure_over(value: object) -> str:
    def read() -> pl.Expr:
        return pl.lit(str(value))

    return feature(factory=FeatureFactory())(read).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        ("a", b"a"),
        ([1, 2], [2, 1]),
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        ({"a"}, {"b"}),
        (None, "None"),
        (pl.Int64, pl.Int32),
        (closure_over, fingerprint_of),
        (np.int64(1), np.int64(2)),
        (np.int64(1), np.int32(1)),
        (np.float64(1.5), np.float64(2.5)),
        (np.array([1, 2]), np.array([1, 3])),
        (np.zeros(5_000), np.concatenate([np.zeros(2_500), np.ones(1), np.zeros(2_499)])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.log, np.exp),
        (pl.Series([1, 2]), pl.Series([1, 3])),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})),
        (pl.col("a") + pl.lit(pl.Series([1, 2])), pl.col("a") + pl.lit(pl.Series([1, 3]))),
        (pl.col("a").str.to_datetime("%Y"), pl.col("a").str.to_datetime("%m")),
        (pl.List(pl.Enum(["a"])), pl.List(pl.Enum(["b"]))),
        (pl.Datetime("us"), pl.Datetime("ms")),
        (re.compile("a"), re.compile("b")),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (range(3), range(4)),
        (ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris")),
        (partial(int, base=2), partial(int, base=3)),
        ("a".join, "b".join),
    ],
)
def test_captured_values_count_by_content(one: object, other: object) -> None:
    assert closure_over(one) == closure_over(one)
    assert closure_over(one) != closure_over(other)


def test_what_cannot_be_described_is_said() -> None:
    with pytest.warns(NotDescribedWarning, match="only the class is known"):
        closure_over(Random(1))


def test_order_counts_only_where_it_means_something() -> None:
    assert closure_over({"a": 1, "b": 2}) == closure_over({"b": 2, "a": 1})
    assert closure_over({"x", "y", "z"}) == closure_over({"z", "y", "x"})


def test_a_value_that_holds_itself_is_described() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert len(closure_over(loop)) == 64


def test_what_has_no_source_is_described_by_its_bytecode() -> None:
    def described(text: str) -> str:
        space: dict[str, object] = {"pl": pl}
        exec(compile(text, "<typed>", "exec"), space)
        return feature(factory=FeatureFactory())(cast("Callable[[], pl.Expr]", space["typed"])).fingerprint

    plain = "def typed():\n    return pl.col('x') * 2\n"
    assert described(plain) == described("\n\n# moved\n" + plain)
    assert described(plain) != described(plain.replace("2", "3"))
    assert described(plain) != described(plain.replace("'x'", "'y'"))


def test_the_rules_of_the_source_count_and_its_place_does_not() -> None:
    def read() -> pl.Expr:
        return pl.col("x")

    def under(path: str, max_age: str) -> str:
        source = Source("events", path, entity="id", event_time="t", max_age=max_age)
        return feature(source, factory=FeatureFactory())(read).fingerprint

    assert under("a.parquet", "1d") == under("b.parquet", "24h")
    assert under("a.parquet", "1d") != under("a.parquet", "2d")


def test_needs_count_by_their_meaning() -> None:
    def read() -> pl.Expr:
        return pl.col("x")

    def needing(need: str) -> str:
        return feature(needs=[need], factory=FeatureFactory())(read).fingerprint

    assert needing("a(over='7d')") != needing("a(over='8d')")
