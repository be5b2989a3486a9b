"""Checks the stored indices and lengths that scikit-learn's compiled code follows without checking them itself.

A crafted tree whose node points outside the node array would make ``predict`` read foreign memory, or never end.
Skops refuses trees for that reason; this library builds them, then looks at the arrays of trees, of ensembles of them,
of neighbours and of support vector machines before anyone can predict.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, cast

from mlops_core.errors import IntegrityError
from mlops_core.models.fitted_state import parts_of
from mlops_core.models.libsvm_arrays import check_libsvm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CATEGORIES: Final = 256
"""Categories of a column of histogram boosting, each a bit of a set."""

_WORDS_OF_CATEGORIES: Final = 8  # of 32 bits: a category is a number below 256


def check_index_bounds(model: object, *, where: str) -> None:
    """Look at every tree, ensemble, neighbours search and support vector machine inside a model.

    Args:
        model: A loaded model of which no method has been called.
        where: The file that it came from, for the message.

    Raises:
        IntegrityError: An index points outside its array, a path through a tree would not end, or two parts
            of the model do not fit each other: columns, rows, classes.
    """
    checks = _checks()
    try:
        for part in parts_of(model):
            for kind, check in checks:
                if isinstance(part, kind):
                    check(part)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise IntegrityError(
            "the model file holds arrays that cannot be walked safely",
            where=where,
            why=str(exc),
            hint="register the model from its source again, with if_exists='new'; nothing was predicted",
        ) from exc


def _checks() -> list[tuple[type[object], Callable[[Any], None]]]:
    from sklearn import ensemble, neighbors, svm, tree

    # by their public names; the private classes behind them have no types
    boosting: list[Any] = [ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor]
    return [
        (cast("Any", tree)._tree.Tree, _check_tree),  # noqa: SLF001 - it has no public name
        (tree.BaseDecisionTree, _check_decision_tree),
        (ensemble.BaseEnsemble, _check_ensemble),
        *(
            (kind, _check_gradient_boosting)
            for kind in (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
        ),
        *((kind, _check_hist_gradient_boosting) for kind in boosting),
        *(
            (kind, _check_neighbours_classifier)
            for kind in (neighbors.KNeighborsClassifier, neighbors.RadiusNeighborsClassifier)
        ),
        *((kind, check_libsvm) for kind in (svm.SVC, svm.NuSVC, svm.SVR, svm.NuSVR, svm.OneClassSVM)),
        *((kind, _check_neighbours) for kind in _neighbours_kinds()),
    ]


def _neighbours_kinds() -> tuple[Any, Any]:
    from sklearn import neighbors

    return cast("Any", neighbors).KDTree, cast("Any", neighbors).BallTree


def _check_tree(tree: Any) -> None:
    nodes = tree.__getstate__()["nodes"]
    inner = nodes["left_child"] != -1  # scikit-learn's own mark of a leaf
    _check_children(nodes["left_child"], nodes["right_child"], inner)
    _require_within(nodes["feature"][inner], tree.n_features, "a feature of a tree")
    if 0 in tree.value.shape:
        raise ValueError("a tree has no values")


def _check_decision_tree(model: Any) -> None:
    if hasattr(model, "tree_"):
        _require_equal(model.tree_.n_features, model.n_features_in_)


def _check_ensemble(model: Any) -> None:
    """Ensembles check the columns once, then hand them to the compiled trees of their members."""
    subsets = getattr(model, "estimators_features_", None)
    members = _flat(getattr(model, "estimators_", ()))
    for position, member in enumerate(members):
        columns = model.n_features_in_ if subsets is None else len(subsets[position])
        if hasattr(member, "tree_"):
            _require_equal(member.tree_.n_features, columns)


def _check_gradient_boosting(model: Any) -> None:
    """Every tree of a stage adds to its own column of a table that the model's first guess has made."""
    if not hasattr(model, "estimators_"):
        return  # not fitted: predicting is an error
    columns = model.estimators_.shape[1]
    if columns != model.n_trees_per_iteration_:
        raise ValueError(f"{columns} trees in a stage, where the model says {model.n_trees_per_iteration_}")
    if isinstance(model.init_, str):
        return  # "zero": a table of n_trees_per_iteration_ columns
    _check_first_guess(model.init_, columns, multiclass=model._loss.is_multiclass)  # noqa: SLF001


def _check_first_guess(first: Any, columns: int, *, multiclass: bool) -> None:
    from sklearn import dummy

    if multiclass != (columns > 1):
        raise ValueError("the loss of a gradient boosting is not for its number of classes")
    kinds: tuple[Any, Any] = (dummy.DummyClassifier, dummy.DummyRegressor)
    if type(first) not in kinds:
        raise ValueError(f"how many columns init={type(first).__name__} gives cannot be known without calling it")
    if first.n_outputs_ != 1:
        raise ValueError("the first guess of a gradient boosting has several outputs")
    classes = columns if multiclass else 2
    if type(first) is kinds[0] and (first.n_classes_ != classes or len(first.class_prior_) != classes):
        raise ValueError("the first guess of a gradient boosting is about other classes")


def _check_hist_gradient_boosting(model: Any) -> None:
    _check_columns_given(model)
    import numpy as np

    for predictor in _flat(getattr(model, "_predictors", ())):
        nodes = predictor.nodes
        inner = nodes["is_leaf"] == 0
        _check_children(nodes["left"], nodes["right"], inner)
        _require_within(nodes["feature_idx"][inner], model.n_features_in_, "a feature of a tree")
        categorical = inner & (nodes["is_categorical"] != 0)
        for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
            _require_within(nodes["bitset_idx"][categorical], len(bitsets), "a set of categories of a tree")
            if bitsets.shape[1] != _WORDS_OF_CATEGORIES:
                raise ValueError("a set of categories of a tree has not one bit for each of 256")
        if categorical.any():
            known = model._bin_mapper.is_categorical_  # noqa: SLF001 - the compiled code counts its categories by it
            if known.shape != (model.n_features_in_,):
                raise ValueError("which columns hold categories is not said for every column")
            for column in np.flatnonzero(known):
                _require_within(model._bin_mapper.bin_thresholds_[column], _CATEGORIES, "a category")  # noqa: SLF001
            if not known[nodes["feature_idx"][categorical]].all():
                raise ValueError("a tree splits by categories on a column that has none")


def _check_columns_given(model: Any) -> None:
    """What prepares the columns must give as many as there are."""
    preparing = getattr(model, "_preprocessor", None)
    if preparing is None:
        return
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    given = 0
    for _, transformer, columns in preparing.transformers_:
        if isinstance(transformer, FunctionTransformer):
            function = cast("Any", transformer).func
            if not isinstance(function, functools.partial) or function.args or "array" in function.keywords:
                raise ValueError("what prepares the columns of a boosting is not a check of their values")
        elif not isinstance(transformer, OrdinalEncoder):
            continue  # drops its columns, or fails
        given += int(columns.sum()) if getattr(columns, "dtype", None) == "bool" else len(columns)
    _require_equal(model.n_features_in_, given)


def _check_neighbours_classifier(model: Any) -> None:
    """Without a tree, compiled code counts the classes of the nearest rows."""
    if not hasattr(model, "_fit_X") or model.outputs_2d_:
        return
    if model._fit_X.shape[0] != len(model._y):  # noqa: SLF001
        raise ValueError("a neighbours classifier has another number of labels than of rows")
    _require_within(model._y, len(model.classes_), "a label of a neighbours classifier")  # noqa: SLF001


def _check_neighbours(tree: Any) -> None:
    import numpy as np

    data, positions, nodes = (np.asarray(each) for each in (tree.data, tree.idx_array, tree.node_data))
    _require_within(positions, len(data), "a row of a neighbours tree")
    state = tree.__getstate__()
    levels = int(state[5])
    if len(positions) != len(data) or len(nodes) != 2**levels - 1:
        raise ValueError("a neighbours tree has another number of nodes than of levels")
    bounds = np.asarray(tree.node_bounds)
    state[11]._validate_data(data)  # noqa: SLF001 - the distance's own look at the length of its parameters
    if state[12] is not None and len(state[12]) != len(data):
        raise ValueError("a neighbours tree has another number of weights than of rows")
    if bounds.shape[0] != (2 if isinstance(tree, _neighbours_kinds()[0]) else 1):
        raise ValueError("the bounds of a neighbours tree are those of another kind")
    if bounds.shape[1] != len(nodes) or bounds.shape[2] != data.shape[1]:
        raise ValueError("the bounds of a neighbours tree have another shape than its nodes")
    if np.any(nodes["idx_start"] < 0) or np.any(nodes["idx_end"] > len(data)):
        raise ValueError("a node of a neighbours tree points outside its rows")
    if np.any(nodes["is_leaf"][len(nodes) // 2 :] == 0):
        raise ValueError("a neighbours tree does not end in leaves")


def _check_children(left: Any, right: Any, inner: Any) -> None:
    import numpy as np

    parents = np.flatnonzero(inner)
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        # a child comes after its parent, so a path through the tree ends
        if np.any(children <= parents) or np.any(children >= len(left)):
            raise ValueError("a node of a tree points outside the tree, or back")
    if len(left) == 0:
        raise ValueError("a tree has no node")


def _require_within(indices: Any, length: int, what: str) -> None:
    if len(indices) and (indices.min() < 0 or indices.max() >= length):
        raise ValueError(f"{what} is outside 0 to {length - 1}")


def _require_equal(expects: int, given: int) -> None:
    if expects != given:
        raise ValueError(f"a tree expects {expects} columns, the model that holds it gives it {given}")


def _flat(members: Any) -> Iterable[Any]:
    import numpy as np

    for member in members:
        if isinstance(member, (list, tuple, np.ndarray)):
            yield from _flat(cast("Any", member))
        else:
            yield member
