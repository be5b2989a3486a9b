"""Models of trusted types whose arrays do not fit each other: refused when loaded, before anything can predict."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from mlops_core.errors import IntegrityError
from mlops_core.models.canonical_skops import canonical_skops
from mlops_core.models.serializers import deserialize
from mlops_core.models.trust import TrustPolicy
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from . import fitted

if TYPE_CHECKING:
    from collections.abc import Callable

MANY: Any = np.arange(fitted.ROWS) % 5


def reloaded(model: object) -> Any:
    return deserialize(canonical_skops(model), "skops", trust=TrustPolicy())


def refused(model: object) -> None:
    with pytest.raises(IntegrityError, match="cannot be walked safely"):
        reloaded(model)


def stages(**parameters: Any) -> Any:
    return GradientBoostingClassifier(n_estimators=2, max_depth=2, **parameters).fit(fitted.NUMBERS, MANY)


@pytest.mark.parametrize("init", [None, "zero"])
def test_a_stage_with_more_trees_than_the_model_says_is_refused(init: Any) -> None:
    model = stages(init=init)
    assert reloaded(model).predict(fitted.NUMBERS).tolist() == model.predict(fitted.NUMBERS).tolist()
    model.n_trees_per_iteration_ = 1
    refused(model)


def test_a_first_guess_about_fewer_classes_than_trees_is_refused() -> None:
    model = stages()
    model.init_ = DummyClassifier(strategy="prior").fit(fitted.NUMBERS, fitted.LABELS)
    refused(model)
    model = stages()
    model.init_.class_prior_ = model.init_.class_prior_[:1].copy()
    refused(model)


def categories() -> Any:
    table = np.c_[fitted.NUMBERS, np.arange(fitted.ROWS) % 6]
    label = (table[:, 4] % 3 == 0).astype(int)
    boosting: Any = HistGradientBoostingClassifier
    return boosting(max_iter=3, categorical_features=[4], min_samples_leaf=2).fit(table, label)


def test_sets_of_categories_of_another_width_are_refused() -> None:
    assert reloaded(categories()).n_features_in_ == 5
    for name in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        model = categories()
        for (predictor,) in model._predictors:
            setattr(predictor, name, np.zeros((len(predictor.raw_left_cat_bitsets), 0), np.uint32))
        refused(model)


def test_known_categories_of_fewer_columns_are_refused() -> None:
    model = categories()
    model._bin_mapper.is_categorical_ = model._bin_mapper.is_categorical_[4:].copy()
    refused(model)


def test_a_preparation_that_gives_fewer_columns_is_refused() -> None:
    model = categories()
    model._preprocessor.transformers_ = model._preprocessor.transformers_[:1]
    refused(model)
    model = categories()
    name, _, columns = model._preprocessor.transformers_[1]
    model._preprocessor.transformers_[1] = (name, FunctionTransformer(np.mean), columns)
    refused(model)


SPARSE: Any = sparse.csr_array(fitted.NUMBERS)
MACHINES: dict[str, Any] = {
    "SVC": SVC().fit(fitted.NUMBERS, MANY),
    "NuSVC": NuSVC(nu=0.3).fit(fitted.NUMBERS, MANY),
    "SVR": SVR().fit(fitted.NUMBERS, fitted.NUMBERS[:, 0]),
    "NuSVR": NuSVR().fit(fitted.NUMBERS, fitted.NUMBERS[:, 0]),
    "OneClassSVM": OneClassSVM().fit(fitted.NUMBERS),
    "sparse SVC": SVC().fit(SPARSE, MANY),
    "sparse SVR": SVR().fit(SPARSE, fitted.NUMBERS[:, 0]),
}


def machine(name: str) -> Any:
    return copy.deepcopy(MACHINES[name])


def cut(array: Any) -> Any:
    return array[:-1].copy()


def narrow(array: Any) -> Any:
    return array[:, :-1].copy()


def one_more(counts: Any) -> Any:
    return np.append(counts, counts[-1:]).astype(np.int32)


def negative(counts: Any) -> Any:
    return -counts


def seven(_: Any) -> Any:
    return np.zeros(7)


def shifted_up(labels: Any) -> Any:
    return labels + 1


def shifted_down(labels: Any) -> Any:
    return labels - 1


CHANGES: list[tuple[str, Callable[[Any], Any]]] = [
    ("_dual_coef_", cut),
    ("_dual_coef_", narrow),
    ("support_vectors_", cut),
    ("support_vectors_", narrow),
    ("_n_support", cut),
    ("_n_support", one_more),
    ("_n_support", negative),
    ("support_", cut),
    ("_intercept_", cut),
    ("_probA", seven),
    ("_probB", seven),
]


@pytest.mark.parametrize("name", MACHINES)
def test_arrays_of_a_support_vector_machine_that_do_not_fit_are_refused(name: str) -> None:
    assert reloaded(machine(name)).n_features_in_ == 4
    for attribute, change in CHANGES:
        model = machine(name)
        setattr(model, attribute, change(getattr(model, attribute)))
        refused(model)


@pytest.mark.parametrize("name", ["SVC", "NuSVC", "sparse SVC"])
def test_counts_that_do_not_add_up_are_refused(name: str) -> None:
    model = machine(name)
    model._n_support = model._n_support + np.int32(1)
    refused(model)


def test_a_machine_that_claims_to_be_of_another_kind_is_refused() -> None:
    model = machine("SVR")
    model._impl = "c_svc"
    refused(model)


def test_support_vectors_outside_a_precomputed_kernel_are_refused() -> None:
    kernel = fitted.NUMBERS @ fitted.NUMBERS.T
    model = SVC(kernel="precomputed").fit(kernel, MANY)
    assert reloaded(model).predict(kernel).tolist() == model.predict(kernel).tolist()
    model.support_ = model.support_ + np.int32(fitted.ROWS)
    refused(model)


def test_a_kernel_function_that_is_no_kernel_is_refused() -> None:
    kernel: Any = RBF()
    model: Any = SVC(kernel=kernel).fit(fitted.NUMBERS, MANY)
    assert reloaded(model).predict(fitted.NUMBERS).tolist() == model.predict(fitted.NUMBERS).tolist()
    for other in (np.add, np.mean):
        model.kernel = other
        refused(model)


@pytest.mark.parametrize("change", [cut, shifted_up, shifted_down])
def test_labels_of_neighbours_that_are_no_classes_are_refused(change: Callable[[Any], Any]) -> None:
    model: Any = KNeighborsClassifier(algorithm="brute").fit(fitted.NUMBERS, MANY)
    assert reloaded(model).predict(fitted.NUMBERS).tolist() == model.predict(fitted.NUMBERS).tolist()
    model._y = change(model._y)
    refused(model)
