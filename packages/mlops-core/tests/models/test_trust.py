from __future__ import annotations

import logging
import operator
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from mlops_core.errors import ConfigurationError, IntegrityError, UntrustedModelError
from mlops_core.models.serializers import deserialize, serialize, serializer_named
from mlops_core.models.trust import PARTIAL, REVIEWED, TrustPolicy, reviewed_types
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from . import fitted
from .crafted import node, of_schema, sequence, text

DEFAULT = TrustPolicy()


def load(data: bytes, policy: TrustPolicy = DEFAULT) -> object:
    return deserialize(data, "skops", trust=policy)


class Touch:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", fitted.fitted_models())
def test_models_of_scikit_learn_load_with_the_default_policy(name: str) -> None:
    model, table = fitted.fitted_models()[name]
    loaded = load(serialize(model, "skops"))
    assert fitted.answers(loaded, table).tobytes() == fitted.answers(model, table).tobytes()


def test_every_reviewed_type_gives_a_reason_and_none_can_call_anything_else() -> None:
    for module, names, reason in REVIEWED:
        assert reason, names
        assert module.partition(".")[0] in {"sklearn", "numpy", "scipy", "builtins"}
    dangerous = {PARTIAL, "types.FunctionType", "operator.methodcaller", "operator.attrgetter", "builtins.getattr"}
    assert not dangerous & reviewed_types()
    assert not any("PyFunc" in name for name in reviewed_types())


def test_a_type_that_is_not_listed_is_refused_and_named_with_the_line_that_trusts_it() -> None:
    data = serialize(make_pipeline(FunctionTransformer(cosine_similarity), LogisticRegression()), "skops")
    with pytest.raises(UntrustedModelError, match="not trusted") as caught:
        load(data)
    named = "sklearn.metrics.pairwise.cosine_similarity"
    assert caught.value.why == named
    assert f"[trust] types = ['{named}']" in caught.value.hint
    loaded: Any = load(data, TrustPolicy(extra_types=(named,)))
    assert loaded[0].func is cosine_similarity


@pytest.mark.parametrize("name", ["", "os", "os.system()", "a..b", "a b.c", "sklearn.*"])
def test_a_policy_lists_types_one_by_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match="names no type"):
        TrustPolicy(extra_types=(name,))


EMPTY = node("DictNode", "builtins.dict", content={}, key_types=sequence())
CALLER = node("OperatorFuncNode", "operator.methodcaller", attrs=sequence(text("write"), kind="tuple"))
ATTACKS = {
    "a function": node("FunctionNode", "os.system"),
    "a type that is a function": node("TypeNode", "os.system"),
    "a constructor": node("ConstructorFromReduceNode", "subprocess.Popen", content=sequence(text("id"), kind="tuple")),
    "an object": node("ObjectNode", "subprocess.Popen", content=EMPTY),
    "a caller of methods (CVE-2025-54412)": CALLER,
    "a caller under another name (CVE-2025-54412)": {**CALLER, "__module__": "builtins", "__class__": "int"},
    "a method (CVE-2025-54413)": node(
        "MethodNode",
        "sklearn.linear_model._base.LinearRegression",
        content={"func": "fit", "obj": node("ObjectNode", "sklearn.linear_model._base.LinearRegression")},
    ),
    "a method of another class (CVE-2025-54413)": node(
        "MethodNode", "builtins.int", content={"func": "touch", "obj": node("ObjectNode", "pathlib.Path")}
    ),
    "a partial of a trusted function": node(
        "PartialNode",
        "functools.partial",
        content={
            "func": node("FunctionNode", "sklearn.metrics._ranking.roc_auc_score"),
            "args": sequence(kind="tuple"),
            "kwds": EMPTY,
            "namespace": EMPTY,
        },
    ),
    "a partial that is no partial": node("ConstructorFromReduceNode", "functools.partial", content=sequence()),
    "a random generator by any name": node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        content={"bit_generator": {**EMPTY, "content": {"bit_generator": text("seed")}}, "seed_seq": EMPTY},
    ),
    "a function under an old protocol": {
        **node("FunctionNode", "numpy.log1p", content={"module_path": "os", "function": "system"}),
        "protocol": 0,
    },
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_schemas_that_smuggle_something_callable_are_refused(attack: str) -> None:
    with pytest.raises((UntrustedModelError, IntegrityError)):
        load(of_schema(ATTACKS[attack]))
    inner = {key: value for key, value in ATTACKS[attack].items() if key != "protocol"}
    outer = sequence(text("harmless"), inner) | {"protocol": ATTACKS[attack].get("protocol", 2)}
    with pytest.raises((UntrustedModelError, IntegrityError)):
        load(of_schema(outer))


def test_a_partial_cannot_borrow_the_number_of_another_function() -> None:
    reviewed = node("FunctionNode", "sklearn.utils.validation.check_array", __id__=5)
    partial = node(
        "PartialNode",
        "functools.partial",
        content={"func": reviewed, "args": sequence(kind="tuple"), "kwds": EMPTY, "namespace": EMPTY},
    )
    other = node("FunctionNode", "sklearn.metrics._ranking.roc_auc_score", __id__=5)
    with pytest.raises(IntegrityError, match="two different objects have the number 5"):
        load(of_schema(sequence(other, partial)))
    made: Any = load(of_schema(sequence(partial)))
    assert made[0].func is import_module("sklearn.utils.validation").check_array


def test_a_caller_of_methods_inside_a_model_is_refused() -> None:
    with pytest.raises(UntrustedModelError, match="methodcaller"):
        load(serialize(FunctionTransformer(operator.methodcaller("touch")), "skops"))


@pytest.mark.parametrize(
    "schema", [{}, {"__loader__": "NoSuchNode", "__module__": "a", "__class__": "b"}, text("x") | {"protocol": 99}]
)
def test_a_schema_that_cannot_be_read_is_no_model(schema: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        load(of_schema(schema))


def test_a_schema_nested_beyond_reason_is_no_model() -> None:
    schema = text("bottom")
    for _ in range(400):
        schema = sequence(schema)
    with pytest.raises(IntegrityError):
        load(of_schema(schema))


def test_a_type_that_is_not_installed_is_told_from_a_damaged_file() -> None:
    policy = TrustPolicy(extra_types=("no_such_library.Model",))
    with pytest.raises(ConfigurationError, match="not installed here"):
        load(of_schema(node("ObjectNode", "no_such_library.Model", content=EMPTY)), policy)


def test_a_pickle_runs_only_when_this_call_allows_it_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    marker = tmp_path / "touched"
    data = serialize(Touch(marker), "pickle")
    with pytest.raises(UntrustedModelError, match="can run any code") as caught:
        deserialize(data, "pickle", trust=DEFAULT)
    assert "allow_unsafe=True" in caught.value.hint
    assert not marker.exists()
    with caplog.at_level(logging.WARNING):
        deserialize(data, "pickle", trust=DEFAULT, allow_unsafe=True, where="churn:3")
    assert marker.exists()
    assert "churn:3" in caplog.text


def test_allowing_pickle_does_not_make_a_skops_file_trusted() -> None:
    with pytest.raises(UntrustedModelError):
        deserialize(of_schema(ATTACKS["a function"]), "skops", trust=DEFAULT, allow_unsafe=True)


def test_a_pickle_named_skops_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "touched"
    with pytest.raises(IntegrityError):
        load(pickle.dumps(Touch(marker)))
    assert not marker.exists()


def test_unknown_serializers_are_named() -> None:
    assert serializer_named(None) == "skops"
    with pytest.raises(ConfigurationError, match="'skop'") as caught:
        serializer_named("skop")
    assert "did you mean 'skops'?" in caught.value.hint


def a_local_function() -> object:
    def unchanged(table: object) -> object:
        return table

    return make_pipeline(FunctionTransformer(unchanged), LogisticRegression())


def a_cycle() -> object:
    loop: list[object] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize("model", [a_local_function(), a_cycle(), {(1, 2): "a tuple as key"}])
def test_what_skops_cannot_write_names_the_explicit_choice_of_pickle(model: object) -> None:
    with pytest.raises(ConfigurationError, match="skops cannot write") as caught:
        serialize(model, "skops")
    assert 'serializer="pickle"' in caught.value.hint
    assert caught.value.why


def test_what_pickle_cannot_write_says_so() -> None:
    with pytest.raises(ConfigurationError, match="pickle cannot write"):
        serialize(lambda: None, "pickle")
