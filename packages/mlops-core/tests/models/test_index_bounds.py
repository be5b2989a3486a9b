from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from mlops_core.errors import IntegrityError
from mlops_core.models.index_bounds import check_index_bounds
from mlops_core.models.serializers import deserialize
from mlops_core.models.trust import TrustPolicy
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from . import fitted
from .crafted import with_changed_array

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = fitted.fitted_models()


def inner_node(array: Any) -> int:
    leaf = array["is_leaf"] != 0 if "is_leaf" in array.dtype.names else array["left_child"] == -1
    return int(np.flatnonzero(~leaf)[0])


def point(field: str, target: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[field][inner_node(array)] = target

    return change


@pytest.mark.parametrize("model", ["random_forest", "gradient_boosting", "isolation_forest"])
@pytest.mark.parametrize(
    ("field", "target"),
    [
        ("left_child", 10_000),
        ("right_child", 10_000),
        ("left_child", 0),
        ("left_child", -7),
        ("feature", 4),
        ("feature", -2),
    ],
)
def test_a_tree_that_points_outside_or_back_is_refused(model: str, field: str, target: int) -> None:
    data = with_changed_array(MODELS[model][0], point(field, target), field="left_child")
    with pytest.raises(IntegrityError, match="cannot be walked safely"):
        deserialize(data, "skops", trust=TrustPolicy())


@pytest.mark.parametrize(("field", "target"), [("left", 10_000), ("right", 0), ("feature_idx", 5), ("feature_idx", -1)])
def test_a_histogram_tree_that_points_outside_or_back_is_refused(field: str, target: int) -> None:
    data = with_changed_array(MODELS["boosting_with_categories"][0], point(field, target), field="feature_idx")
    with pytest.raises(IntegrityError, match="cannot be walked safely"):
        deserialize(data, "skops", trust=TrustPolicy())


def test_a_split_by_categories_that_do_not_exist_is_refused() -> None:
    def claim_categories(array: Any) -> None:
        array["is_categorical"][inner_node(array)] = 1
        array["bitset_idx"][inner_node(array)] = 1_000

    data = with_changed_array(MODELS["boosting_with_categories"][0], claim_categories, field="feature_idx")
    with pytest.raises(IntegrityError, match="cannot be walked safely"):
        deserialize(data, "skops", trust=TrustPolicy())


def test_trees_that_expect_more_columns_than_their_forest_are_refused() -> None:
    forest = RandomForestClassifier(3, random_state=0).fit(fitted.NUMBERS, fitted.LABELS)
    check_index_bounds(forest, where="here")
    wide = np.hstack([fitted.NUMBERS, fitted.NUMBERS])
    forest.estimators_[1] = RandomForestClassifier(1, random_state=0).fit(wide, fitted.LABELS).estimators_[0]
    with pytest.raises(IntegrityError, match="expects 8 columns"):
        check_index_bounds(forest, where="here")


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_a_neighbours_tree_that_points_outside_is_refused(algorithm: str) -> None:
    model: Any = KNeighborsClassifier(algorithm=algorithm, leaf_size=5).fit(fitted.NUMBERS, fitted.LABELS)
    check_index_bounds(model, where="here")
    for position, change in ((1, _shifted), (2, _beyond), (5, _deeper)):
        broken = copy.deepcopy(model)
        state = list(broken._tree.__getstate__())
        state[position] = change(copy.deepcopy(state[position]))
        broken._tree.__setstate__(tuple(state))
        with pytest.raises(IntegrityError, match="cannot be walked safely"):
            check_index_bounds(broken, where="here")


def _shifted(rows: Any) -> Any:
    return rows + 1


def _beyond(nodes: Any) -> Any:
    nodes["idx_end"][-1] = 10_000
    return nodes


def _deeper(levels: int) -> int:
    return levels + 1


def test_bagging_over_some_of_the_columns_is_sound() -> None:
    model = BaggingClassifier(max_features=2, n_estimators=3, random_state=0).fit(fitted.NUMBERS, fitted.LABELS)
    check_index_bounds(model, where="here")
