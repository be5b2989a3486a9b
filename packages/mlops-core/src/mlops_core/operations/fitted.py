"""Whether a model can be what a caller says it is, before its bytes are registered for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mlops_core.errors import SignatureMismatchError

if TYPE_CHECKING:
    from mlops_core.signature import Signature


def check_fitted(model: object, signature: Signature | None) -> None:
    """Refuse a scikit-learn estimator that was not fitted, or that was fitted on other columns than the dataset's.

    Anything else than a scikit-learn estimator is not looked at.

    Args:
        model: The model.
        signature: Of the dataset that it is said to be trained on, if any.

    Raises:
        SignatureMismatchError: It is not fitted, or was fitted on columns of other names.
    """
    import sys

    if "sklearn" not in sys.modules:  # then it cannot be one of its estimators
        return
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils import validation

    if not isinstance(model, BaseEstimator):
        return
    name = type(model).__name__
    try:
        cast("Any", validation).check_is_fitted(model)
    except NotFittedError as exc:
        hint = "model.fit(*train.xy()) first"
        raise SignatureMismatchError(
            f"a {name} that was not fitted cannot be registered", why=str(exc), hint=hint
        ) from exc
    fitted_on: Any = getattr(model, "feature_names_in_", None)
    if signature is None or fitted_on is None:
        return
    names = [str(each) for each in fitted_on]
    if names != signature.feature_names:
        raise SignatureMismatchError(
            f"the {name} was fitted on other columns than the dataset's",
            why=f"fitted on {', '.join(names)}; the dataset has {', '.join(signature.feature_names)}",
            hint="register it with the dataset whose xy() it was fitted on",
        )
