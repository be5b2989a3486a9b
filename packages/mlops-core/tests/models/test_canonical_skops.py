from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.models.canonical_skops import canonical_skops

from . import fitted, print_digests

if TYPE_CHECKING:
    from pathlib import Path

MODELS = fitted.fitted_models()


def load(data: bytes) -> Any:
    library: Any = skops.io
    return library.loads(data, trusted=library.get_untrusted_types(data=data))


def test_two_dumps_are_equal_in_any_process(tmp_path: Path) -> None:
    objects: dict[str, object] = {name: model for name, (model, _) in MODELS.items()}
    objects["sets"] = [{"a", "b", ("c", 1)}, frozenset({"x", "yy", "zzz"}), {1, 2.5, "a"}]
    objects["objects"] = np.array(["a", None, 1.5, ("b",)], dtype=object)
    here = {name: hashlib.sha256(canonical_skops(each)).hexdigest() for name, each in objects.items()}
    pickled = tmp_path / "objects.pkl"
    pickled.write_bytes(pickle.dumps(objects))
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    command = [sys.executable, str(print_digests.__file__), str(pickled)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120).stdout
    assert json.loads(output) == here


@pytest.mark.parametrize("name", MODELS)
def test_plain_skops_reads_it_and_every_answer_is_the_same_bits(name: str) -> None:
    model, table = MODELS[name]
    loaded = load(canonical_skops(model))
    assert fitted.answers(loaded, table).tobytes() == fitted.answers(model, table).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_a_dump_of_what_was_loaded_is_the_same(name: str) -> None:
    data = canonical_skops(MODELS[name][0])
    assert canonical_skops(load(data)) == data


def test_another_model_has_other_bytes() -> None:
    model, _ = MODELS["logistic_regression"]
    before = canonical_skops(model)
    changed = pickle.loads(pickle.dumps(model))
    changed.coef_[0, 0] = np.nextafter(changed.coef_[0, 0], 2)
    assert canonical_skops(changed) != before


def test_a_shared_array_stays_shared_and_equal_arrays_stay_two() -> None:
    array = np.arange(3.0)
    shared: Any = load(canonical_skops({"one": array, "two": array}))
    assert shared["one"] is shared["two"]
    separate: Any = load(canonical_skops({"one": array, "two": array.copy()}))
    assert separate["one"] is not separate["two"]


def test_padding_of_structured_arrays_does_not_count() -> None:
    inner = np.dtype([("x", "u1"), ("y", "<f8")], align=True)
    kind = np.dtype([("flag", "u1"), ("inner", inner), ("pair", inner, (2,))], align=True)
    dumps: list[bytes] = []
    for padding in (0x00, 0xFF):
        rows: Any = np.frombuffer(bytes([padding]) * kind.itemsize * 3, dtype=np.uint8).copy().view(kind)
        for name in ("flag",):
            rows[name] = [1, 2, 3]
        for field in (rows["inner"], rows["pair"]):
            field["x"] = 7
            field["y"] = 0.5
        dumps.append(canonical_skops(rows))
    assert dumps[0] == dumps[1]
    loaded: Any = load(dumps[0])
    assert loaded["flag"].tolist() == [1, 2, 3]
    assert loaded["pair"]["y"].tolist() == [[0.5, 0.5]] * 3


def test_the_archive_holds_no_time_no_compression_and_no_address() -> None:
    with zipfile.ZipFile(io.BytesIO(canonical_skops(MODELS["random_forest"][0]))) as archive:
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
        numbers = [each.filename.partition(".")[0] for each in archive.infolist() if each.filename != "schema.json"]
    assert numbers == [str(number) for number in range(len(numbers))]


@pytest.mark.parametrize("model", [{1: "a", "1": "b"}, {True: 1, False: 2}, [{np.True_: 1}]])
def test_a_dictionary_that_would_come_back_different_is_refused(model: object) -> None:
    with pytest.raises(ValueError, match="dictionary of the model"):
        canonical_skops(model)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
HASHABLE = st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS | st.binary(max_size=5) | st.frozensets(HASHABLE, max_size=4) | st.sets(HASHABLE, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.just("__loader__"), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_any_plain_value_comes_back_and_dumps_alike(value: object) -> None:
    data = canonical_skops(value)
    assert repr(_ordered(load(data))) == repr(_ordered(value))
    assert canonical_skops(pickle.loads(pickle.dumps(value))) == data


def _ordered(value: Any) -> Any:
    """The same value with sets as sorted lists, so that their text can be compared."""
    if isinstance(value, (set, frozenset)):
        elements: Any = value
        return (type(value).__name__, sorted(elements, key=repr))
    if isinstance(value, dict):
        items: Any = value
        return {key: _ordered(each) for key, each in items.items()}
    if isinstance(value, (list, tuple)):
        parts: Any = value
        return type(parts)(_ordered(each) for each in parts)
    return value
