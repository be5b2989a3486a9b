"""Checks the arrays of a support vector machine, whose lengths libsvm takes from one another without looking."""

from __future__ import annotations

from types import FunctionType
from typing import Any, cast

from mlops_core.models.trust import reviewed_types


def check_libsvm(model: Any) -> None:
    """Look at the arrays of an SVC, NuSVC, SVR, NuSVR or OneClassSVM that has been fitted.

    Raises:
        ValueError: An array has another length than libsvm will read, or holds an index that lies outside another.
    """
    if not hasattr(model, "_n_support"):
        return  # not fitted: predicting is an error
    if "_impl" in vars(model):
        raise ValueError("a support vector machine says that it is one of another kind")
    counts, vectors = model._n_support, len(model.support_)  # noqa: SLF001 - what is handed to libsvm
    classes = len(counts)
    _require(classes >= 2 and counts.min() >= 0, "counts of support vectors")  # noqa: PLR2004 - libsvm's regressions: 2
    if _is_classifier(model):
        _require(counts.sum(dtype="int64") == vectors, "counts of support vectors")
    else:
        _require(classes == 2, "counts of support vectors")  # noqa: PLR2004
    pairs = classes * (classes - 1) // 2
    _require(model._intercept_.shape == (pairs,), "intercepts")
    _check_probabilities(model, pairs)
    _check_vectors(model, vectors, classes)


def _is_classifier(model: Any) -> bool:
    from sklearn import svm

    return isinstance(model, (svm.SVC, svm.NuSVC))


def _check_probabilities(model: Any, pairs: int) -> None:
    wanted = getattr(model, "_effective_probability", model.probability)  # scikit-learn 1.9, and before
    for array in (model._probA, model._probB):  # noqa: SLF001
        _require(array.shape == (pairs,) or (array.shape == (0,) and not wanted), "parameters of probabilities")


def _check_vectors(model: Any, vectors: int, classes: int) -> None:
    if model._sparse:  # noqa: SLF001
        _require(model.kernel != "precomputed" and not callable(model.kernel), "kernel of sparse vectors")
        for table in (model.support_vectors_, model._dual_coef_):
            table.check_format(full_check=True)
        _require(model.support_vectors_.shape == (vectors, model.n_features_in_), "support vectors")
        _require(len(model._dual_coef_.data) == (classes - 1) * vectors, "coefficients")
        return
    _require(model._dual_coef_.shape == (classes - 1, vectors), "coefficients")
    if callable(model.kernel) or model.kernel == "precomputed":
        rows = model.shape_fit_[0]
        if callable(model.kernel):
            _check_kernel(model.kernel)
            _require(len(model._BaseLibSVM__Xfit) == rows, "rows that the kernel compares with")  # noqa: SLF001
        if vectors:
            _require(model.support_.min() >= 0 and model.support_.max() < rows, "positions of support vectors")
    else:
        _require(model.support_vectors_.shape == (vectors, model.n_features_in_), "support vectors")


def _check_kernel(kernel: Any) -> None:
    """Only a kernel gives one column for each row that was fitted; libsvm reads that many."""
    from sklearn.gaussian_process.kernels import Kernel

    callers_own = isinstance(kernel, FunctionType) and _name(kernel) not in reviewed_types()
    _require(callers_own or isinstance(kernel, cast("type[object]", Kernel)), "kernel function")


def _name(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _require(holds: object, what: str) -> None:
    if not holds:
        raise ValueError(f"the {what} of a support vector machine do not fit its other arrays")
