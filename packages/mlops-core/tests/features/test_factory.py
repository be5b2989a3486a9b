"""The factory: who owns a name, where unknown names are looked up, and files of definitions."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import polars as pl
import pytest
from mlops_core.errors import FeatureError
from mlops_core.features import FeatureFactory, FeatureGroup, feature
from mlops_core.features.factory import DEFAULT_FACTORY

if TYPE_CHECKING:
    from pathlib import Path

DEFINITIONS = """
import polars as pl
from mlops_core import FeatureGroup, feature
from helper_of_definitions import FACTOR

@feature()
def loaded_{n}(times: int = 1) -> pl.Expr:
    return pl.col("x") * FACTOR * times

variant = loaded_{n}(times=2)
group_{n} = FeatureGroup("group_{n}", [loaded_{n}, variant])
"""


def define(factory: FeatureFactory, factor: int) -> None:
    @feature(factory=factory)
    def scaled() -> pl.Expr:
        return pl.col("x") * factor

    assert scaled.name == "scaled"


def write_definitions(folder: Path, number: int) -> Path:
    (folder / "helper_of_definitions.py").write_text("FACTOR = 3\n")
    path = folder / "features.py"
    path.write_text(DEFINITIONS.format(n=number))
    return path


def test_a_factory_is_a_mapping_of_what_was_registered() -> None:
    factory = FeatureFactory()
    assert "scaled" not in factory
    define(factory, 2)
    assert list(factory) == ["scaled"]
    assert len(factory) == 1
    assert factory["scaled"].name == "scaled"


def test_the_same_function_defined_again_replaces_itself() -> None:
    factory = FeatureFactory()
    define(factory, 2)
    before = factory["scaled"].fingerprint
    define(factory, 3)
    assert factory["scaled"].fingerprint != before


def test_another_owner_of_a_name_is_refused() -> None:
    factory = FeatureFactory()
    define(factory, 2)

    def other() -> pl.Expr:
        return pl.col("y")

    with pytest.raises(FeatureError, match="two features are called 'scaled'") as caught:
        feature(name="scaled", factory=factory)(other)
    assert "test_factory.define" in caught.value.why
    assert "other" in caught.value.where
    assert caught.value.hint


def test_an_unknown_name_lists_near_ones() -> None:
    factory = FeatureFactory(installed=list[EntryPoint])
    define(factory, 2)
    with pytest.raises(FeatureError) as caught:
        factory.make("scale")
    assert caught.value.hint == "did you mean 'scaled'?"
    with pytest.raises(FeatureError, match="no feature is called"):
        FeatureFactory(installed=list[EntryPoint]).make("scale(times=2)")


def test_only_defaults_can_be_registered() -> None:
    factory = FeatureFactory()
    define(factory, 2)
    made = factory.make("scaled(alias='other')")
    assert made.spec == "scaled(alias='other')"
    assert not isinstance(made, FeatureGroup)
    with pytest.raises(FeatureError, match="cannot be registered"):
        FeatureFactory().add(made)


def test_a_group_takes_no_parameters() -> None:
    factory = FeatureFactory()
    factory.add(FeatureGroup("risk", ["scaled"]))
    with pytest.raises(FeatureError, match="cannot be made"):
        factory.make("risk(over='7d')")


def test_installed_features_are_loaded_when_a_name_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed_features_one.py").write_text(DEFINITIONS.format(n=21))
    (tmp_path / "installed_features_two.py").write_text(DEFINITIONS.format(n=22))
    (tmp_path / "helper_of_definitions.py").write_text("FACTOR = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    asked: list[str] = []

    def installed() -> list[EntryPoint]:
        asked.append("once")
        points = {"one": "installed_features_one", "two": "installed_features_two:group_22"}
        return [EntryPoint(name=name, value=value, group="mlops.features") for name, value in points.items()]

    factory = FeatureFactory(installed=installed)
    define(factory, 2)
    factory.make("scaled")
    assert asked == []
    assert factory.make("loaded_21").columns() == ["loaded_21"]
    assert factory.make("group_22").columns(factory) == ["loaded_22", "loaded_22__times_2"]
    with pytest.raises(FeatureError):
        factory.make("absent")
    assert asked == ["once"]


def test_installed_features_that_are_broken_are_named() -> None:
    broken = EntryPoint(name="broken", value="no_such_module_anywhere", group="mlops.features")
    with pytest.raises(FeatureError, match="'broken' cannot be loaded") as caught:
        FeatureFactory(installed=lambda: [broken]).make("x")
    assert "no_such_module_anywhere" in caught.value.where
    assert "ModuleNotFoundError" in caught.value.why


def test_a_file_of_definitions_is_run_and_leaves_the_path_alone(tmp_path: Path) -> None:
    path, before = write_definitions(tmp_path, 1), list(sys.path)
    factory = FeatureFactory()
    assert factory.load_definitions(path) == ["loaded_1", "group_1"]
    assert factory.load_definitions(str(path)) == ["loaded_1", "group_1"]  # the same file may be run again
    assert sys.path == before
    assert factory.make("group_1").columns(factory) == ["loaded_1", "loaded_1__times_2"]


def test_a_file_that_changed_is_read_anew_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "features.py"
    factory, seen = FeatureFactory(), set[str]()
    for number in range(3):
        path.write_text(
            "import polars as pl\nfrom mlops_core import feature\n"
            f"@feature()\ndef changing() -> pl.Expr:\n    return pl.col('x') * {number}\n"
        )
        factory.load_definitions(path)
        [changing] = factory.walk("changing")
        seen.add(f"{changing.fingerprint} {changing.build()}")
    assert len(seen) == 3
    assert [each.name for each in tmp_path.iterdir()] == ["features.py"]


def test_two_files_may_not_define_one_name(tmp_path: Path) -> None:
    path = write_definitions(tmp_path, 2)
    (tmp_path / "more.py").write_text(path.read_text())
    factory = FeatureFactory()
    factory.load_definitions(path)
    with pytest.raises(FeatureError, match="two features are called"):
        factory.load_definitions(tmp_path / "more.py")


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [("x = 1\n1/0\n", "ZeroDivisionError", ":2"), ("def f(:\n", "SyntaxError", ""), (None, "no such file", "")],
)
def test_a_file_that_fails_says_where(text: str | None, why: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "features.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FeatureError, match="cannot load feature definitions") as caught:
        FeatureFactory().load_definitions(path)
    assert why in caught.value.why
    assert caught.value.where == f"{path}{line}"
    assert caught.value.hint
    assert not [
        name for name in sys.modules if name.startswith("mlops_definitions_features_") and str(tmp_path) in name
    ]


def test_two_factories_may_load_files_that_define_the_same_names(tmp_path: Path) -> None:
    path = write_definitions(tmp_path, 4)
    (tmp_path / "more.py").write_text(path.read_text().replace("FACTOR *", "FACTOR +"))
    one, other = FeatureFactory(), FeatureFactory()
    one.load_definitions(path)
    other.load_definitions(tmp_path / "more.py")
    assert one["loaded_4"].fingerprint != other["loaded_4"].fingerprint
    assert "loaded_4" not in DEFAULT_FACTORY


def test_features_of_a_file_reach_another_process(tmp_path: Path) -> None:
    path = write_definitions(tmp_path, 3)
    factory = FeatureFactory()
    factory.load_definitions(path)
    made = factory.make("loaded_3(times=5)")
    (tmp_path / "pickled").write_bytes(pickle.dumps(made))
    script = "import pickle, sys; f = pickle.load(open(sys.argv[1], 'rb')); print(f.spec, f.fingerprint)"
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "pickled")], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [made.spec, made.fingerprint]


def test_the_decorator_registers_in_the_factory_of_the_process() -> None:
    @feature(name="registered_by_default_for_this_test")
    def any_name() -> pl.Expr:
        return pl.col("x")

    assert DEFAULT_FACTORY.make("registered_by_default_for_this_test") == any_name


def test_defining_features_needs_no_frame_library() -> None:
    script = (
        "import sys; import mlops_core.features as f;"
        "f.Source('a', 'a.parquet', event_time='t'); f.window('count', over='7d'); f.FeatureGroup('g', ['a']);"
        "print([name for name in ('polars', 'pandas', 'pyarrow', 'narwhals', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
