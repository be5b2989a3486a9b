"""What the library asks of a model object: to be fitted and to predict, as scikit-learn spells it."""

from __future__ import annotations

from typing import Any, Protocol


class Estimator(Protocol):
    """A model in scikit-learn's manner; anything with these two methods can be trained, packaged and scored."""

    def fit(self, X: Any, y: Any = None, /) -> Estimator:  # noqa: N803 - scikit-learn's own names
        """Fit to a table of features and the labels of its rows, and return itself."""
        ...

    def predict(self, X: Any, /) -> Any:  # noqa: N803
        """One prediction for each row of a table."""
        ...
