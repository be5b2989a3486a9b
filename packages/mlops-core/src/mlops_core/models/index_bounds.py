"""Checks the stored indices that scikit-learn's compiled code follows without checking them itself.

A crafted tree whose node points outside the node array would make ``predict`` read foreign memory, or never end.
Skops refuses trees for that reason; this library builds them, then looks at every index before anyone can predict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mlops_core.errors import IntegrityError
from mlops_core.models.fitted_state import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def check_index_bounds(model: object, *, where: str) -> None:
    """Look at every tree inside a model.

    Args:
        model: A loaded model of which no method has been called.
        where: The file that it came from, for the message.

    Raises:
        IntegrityError: An index points outside its array, a path through a tree would not end, or a tree expects more
            columns than the model that holds it.
    """
    checks = _checks()
    try:
        for part in parts_of(model):
            for kind, check in checks:
                if isinstance(part, kind):
                    check(part)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise IntegrityError(
            "the model file holds a tree that cannot be walked safely",
            where=where,
            why=str(exc),
            hint="register the model again from its source; nothing was predicted",
        ) from exc


def _checks() -> list[tuple[type[object], Callable[[Any], None]]]:
    from sklearn import ensemble, neighbors, tree

    # by their public names; the private classes behind them have no types
    boosting: list[Any] = [ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor]
    neighbours: list[Any] = [cast("Any", neighbors).KDTree, cast("Any", neighbors).BallTree]
    return [
        (cast("Any", tree)._tree.Tree, _check_tree),  # noqa: SLF001 - it has no public name
        (tree.BaseDecisionTree, _check_decision_tree),
        (ensemble.BaseEnsemble, _check_ensemble),
        *((kind, _check_hist_gradient_boosting) for kind in boosting),
        *((kind, _check_neighbours) for kind in neighbours),
    ]


def _check_tree(tree: Any) -> None:
    nodes = tree.__getstate__()["nodes"]
    inner = nodes["left_child"] != -1  # scikit-learn's own mark of a leaf
    _check_children(nodes["left_child"], nodes["right_child"], inner)
    _require_within(nodes["feature"][inner], tree.n_features, "a feature of a tree")


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


def _check_hist_gradient_boosting(model: Any) -> None:
    for predictor in _flat(getattr(model, "_predictors", ())):
        nodes = predictor.nodes
        inner = nodes["is_leaf"] == 0
        _check_children(nodes["left"], nodes["right"], inner)
        _require_within(nodes["feature_idx"][inner], model.n_features_in_, "a feature of a tree")
        categorical = inner & (nodes["is_categorical"] != 0)
        for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
            _require_within(nodes["bitset_idx"][categorical], len(bitsets), "a set of categories of a tree")
        if categorical.any():
            known = model._bin_mapper.is_categorical_  # noqa: SLF001 - the compiled code counts its categories by it
            _require_equal(len(known), model.n_features_in_)
            if not known[nodes["feature_idx"][categorical]].all():
                raise ValueError("a tree splits by categories on a column that has none")


def _check_neighbours(tree: Any) -> None:
    import numpy as np

    data, positions, nodes = (np.asarray(each) for each in (tree.data, tree.idx_array, tree.node_data))
    _require_within(positions, len(data), "a row of a neighbours tree")
    levels = int(tree.__getstate__()[5])
    if len(positions) != len(data) or len(nodes) != 2**levels - 1:
        raise ValueError("a neighbours tree has another number of nodes than of levels")
    bounds = np.asarray(tree.node_bounds)
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
