"""Which types a model file may hold: the caller's policy, never the package's own word.

Skops builds objects of listed types only and calls nothing else. The lists below name, with the reason, what a fitted
scikit-learn model holds beyond what skops allows by itself. Reviewed means: building such an object from any content
runs no code, reads no file and opens no connection. It does not mean that any content is sensible. For trees, their
ensembles, neighbours and support vector machines :mod:`mlops_core.models.index_bounds` looks, after loading, at the
indices and lengths that compiled code would follow unchecked; no other kind of model is looked at.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from mlops_core.errors import ConfigurationError

_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")

REVIEWED: Final[tuple[tuple[str, str, str], ...]] = (
    # module, names in it, why they may be built
    ("sklearn.tree._tree", "Tree", "arrays of nodes, which index_bounds checks after loading"),
    (
        "sklearn.ensemble._hist_gradient_boosting.predictor",
        "TreePredictor",
        "arrays of nodes, which index_bounds checks after loading",
    ),
    ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper", "an estimator over arrays of thresholds"),
    ("sklearn.neighbors._kd_tree", "KDTree", "arrays of points and nodes, which index_bounds checks after loading"),
    ("sklearn.neighbors._ball_tree", "BallTree", "arrays of points and nodes, which index_bounds checks after loading"),
    (
        "sklearn.metrics._dist_metrics",
        (
            "EuclideanDistance32 EuclideanDistance64 ManhattanDistance32 ManhattanDistance64 ChebyshevDistance32"
            " ChebyshevDistance64 MinkowskiDistance32 MinkowskiDistance64 SEuclideanDistance32 SEuclideanDistance64"
            " MahalanobisDistance32 MahalanobisDistance64 HammingDistance32 HammingDistance64 CanberraDistance32"
            " CanberraDistance64 BrayCurtisDistance32 BrayCurtisDistance64 JaccardDistance32 JaccardDistance64"
            " HaversineDistance32 HaversineDistance64"
        ),
        "a formula with fixed parameters; PyFuncDistance, which calls any function, is not among them",
    ),
    (
        "sklearn._loss.loss",
        (
            "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss"
            " HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss"
        ),
        "a formula with numbers as parameters",
    ),
    (
        "sklearn._loss.link",
        "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
        "a formula with numbers as parameters",
    ),
    (
        "sklearn.calibration",
        "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
        "part of CalibratedClassifierCV: a model and numbers",
    ),
    ("sklearn.cluster._bisect_k_means", "_BisectingTree", "a Python object of centres and labels"),
    ("sklearn.cluster._kmeans", "_kmeans_single_lloyd", "a numeric function that only fitting calls"),
    (
        "sklearn.compose._column_transformer",
        "make_column_selector _RemainderColsList",
        "choose columns by dtype or by a pattern",
    ),
    (
        "sklearn.feature_selection._univariate_selection",
        "chi2 f_classif f_oneway f_regression r_regression",
        "numeric functions that only fitting calls",
    ),
    (
        "sklearn.feature_selection._mutual_info",
        "mutual_info_classif mutual_info_regression",
        "numeric functions that only fitting calls",
    ),
    (
        "sklearn.gaussian_process.kernels",
        (
            "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern"
            " PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
        ),
        "formulas over arrays",
    ),
    ("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace", "an estimator over arrays"),
    ("sklearn.impute._iterative", "IterativeImputer _ImputerTriplet", "an estimator, and a tuple with field names"),
    (
        "sklearn.metrics._classification",
        (
            "accuracy_score balanced_accuracy_score brier_score_loss d2_brier_score d2_log_loss_score f1_score"
            " jaccard_score log_loss matthews_corrcoef precision_score recall_score"
        ),
        "pure functions of labels and predictions, kept by searches and threshold tuning",
    ),
    (
        "sklearn.metrics._ranking",
        "average_precision_score roc_auc_score top_k_accuracy_score",
        "pure functions of labels and scores, kept by searches and threshold tuning",
    ),
    (
        "sklearn.metrics._regression",
        (
            "d2_absolute_error_score explained_variance_score max_error mean_absolute_error"
            " mean_absolute_percentage_error mean_gamma_deviance mean_poisson_deviance mean_squared_error"
            " mean_squared_log_error median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error"
        ),
        "pure functions of labels and predictions, kept by searches",
    ),
    (
        "sklearn.metrics._scorer",
        "_CurveScorer _PassthroughScorer _Scorer",
        "pair a metric with how it is called; the metric itself must be trusted too",
    ),
    (
        "sklearn.model_selection._split",
        (
            "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit"
            " RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold"
            " StratifiedShuffleSplit TimeSeriesSplit"
        ),
        "numbers that say how a search split its data",
    ),
    ("sklearn.multiclass", "_ConstantPredictor", "an estimator that answers one class"),
    (
        "sklearn.neural_network._stochastic_optimizers",
        "AdamOptimizer SGDOptimizer",
        "numbers and arrays that only fitting uses",
    ),
    ("sklearn.utils._bunch", "Bunch", "a dictionary with attribute access"),
    (
        "sklearn.utils._metadata_requests",
        "MetadataRequest MethodMetadataRequest",
        "dictionaries that say which method gets which argument",
    ),
    ("sklearn.utils.validation", "check_array", "a check of an array; an argument of HistGradientBoosting's encoder"),
    ("numpy", "dtype mean", "a description of values; a pure function"),
    ("scipy.interpolate._bsplines", "BSpline", "an array of knots and coefficients"),
    ("scipy._lib.array_api_compat.numpy._aliases", "asarray", "how BSpline makes an array of its input"),
    (
        "scipy.sparse._bsr",
        "bsr_array bsr_matrix",
        "sparse tables, read without pickle",
    ),
    ("scipy.sparse._coo", "coo_array coo_matrix", "sparse tables, read without pickle"),
    ("scipy.sparse._csc", "csc_array csc_matrix", "sparse tables, read without pickle"),
    ("scipy.sparse._csr", "csr_array csr_matrix", "sparse tables, read without pickle"),
    ("scipy.sparse._dia", "dia_array dia_matrix", "sparse tables, read without pickle"),
    ("builtins", "frozenset", "a set that cannot change"),
)
"""Reviewed against scikit-learn 1.7 to 1.9 and skops 0.13 to 0.16."""

PARTIAL: Final = "functools.partial"
PARTIAL_OF: Final = frozenset({"sklearn.utils.validation.check_array"})
"""A partial could hold any callable, so it is not on the list; one around these functions alone is let through."""


@functools.cache
def reviewed_types() -> frozenset[str]:
    """The full names of all :data:`REVIEWED` types and functions."""
    return frozenset(f"{module}.{name}" for module, names, _ in REVIEWED for name in names.split())


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """What this caller lets a model file hold.

    Attributes:
        extra_types: Full names of further types and functions, such as ``"lightgbm.sklearn.LGBMClassifier"``, that
            the caller has reviewed.
    """

    extra_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.extra_types:
            if not _DOTTED.fullmatch(name):
                raise ConfigurationError(
                    f"{name!r} names no type",
                    where="trusted types",
                    why="a type is named by its module and its own name, one by one",
                    hint="for example: lightgbm.sklearn.LGBMClassifier",
                )

    def trusted(self, found: frozenset[str]) -> list[str]:
        """Those of the types found in a file that may be built, sorted, with all of ``extra_types``."""
        return sorted((found & reviewed_types()) | set(self.extra_types))
