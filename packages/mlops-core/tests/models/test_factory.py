from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from mlops_core.errors import ConfigurationError
from mlops_core.models import ModelFactory
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.utils.discovery import all_estimators


def doubled(times: int, *, seed: int = 0) -> LogisticRegression:
    return LogisticRegression(C=float(times), random_state=seed)


def another() -> LinearSVC:
    return LinearSVC()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="mlops.models")


@pytest.fixture
def factory() -> ModelFactory:
    return ModelFactory(entry_points=[])


def test_scikit_learn_estimators_go_by_their_snake_case_name(factory: ModelFactory) -> None:
    model = factory.create("hist_gradient_boosting_classifier", max_iter=7)
    assert isinstance(model, HistGradientBoostingClassifier)
    assert model.max_iter == 7
    assert isinstance(factory.create("linear_svc"), LinearSVC)


def test_every_estimator_of_scikit_learn_has_a_name_of_its_own(factory: ModelFactory) -> None:
    names = factory.names()
    assert len(names) == len(set(names)) == len(all_estimators())
    assert {"svc", "k_neighbors_classifier", "mlp_classifier", "one_vs_rest_classifier", "pca"} <= set(names)


def test_an_unknown_name_lists_near_ones(factory: ModelFactory) -> None:
    with pytest.raises(ConfigurationError, match="'random_forrest_classifier'") as caught:
        factory.create("random_forrest_classifier")
    assert "did you mean 'random_forest_classifier'" in caught.value.hint


@pytest.mark.parametrize("name", ["os.system", "sklearn.svm.SVC", "SVC", "", "mlops_core.models:ModelFactory"])
def test_no_text_is_imported(factory: ModelFactory, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no model is called"):
        factory.create(name)


def test_parameters_are_checked_against_the_constructor_first(factory: ModelFactory) -> None:
    with pytest.raises(ConfigurationError, match="has no parameter 'max_itr'") as caught:
        factory.create("logistic_regression", max_itr=3)
    assert "did you mean 'max_iter'?" in caught.value.hint
    assert caught.value.where == "sklearn.linear_model._logistic.LogisticRegression"
    factory.register("doubled")(doubled)
    with pytest.raises(ConfigurationError, match="doubled needs 'times'") as caught:
        factory.create("doubled", seed=1)
    assert caught.value.hint == "create('doubled', times=...)"


def test_a_callable_is_registered_by_decorator_and_unchanged(factory: ModelFactory) -> None:
    assert factory.register("doubled")(doubled) is doubled
    model = factory.create("doubled", times=3)
    assert isinstance(model, LogisticRegression)
    assert model.C == 3.0
    assert "doubled" in factory.names()


def test_the_same_callable_registers_again_and_another_owner_is_refused(factory: ModelFactory) -> None:
    factory.register("doubled")(doubled)
    factory.register("doubled")(doubled)
    with pytest.raises(ConfigurationError, match="more than one owner") as caught:
        factory.register("doubled")(another)
    assert "doubled" in caught.value.why
    assert "another" in caught.value.why


def test_a_name_of_scikit_learn_is_not_taken_over(factory: ModelFactory) -> None:
    factory.register("logistic_regression")(another)
    with pytest.raises(ConfigurationError, match="more than one owner"):
        factory.create("logistic_regression")


@pytest.mark.parametrize("name", ["Boosting", "our-boosting", "", "a.b", "1st"])
def test_names_are_identifiers(factory: ModelFactory, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a kind of model"):
        factory.register(name)


def test_entry_points_are_loaded_when_they_are_asked_for() -> None:
    points = [point("ridge_of_ours", "sklearn.linear_model:Ridge"), point("broken", "no_such_module:Model")]
    factory = ModelFactory(entry_points=points)
    assert {"ridge_of_ours", "broken"} <= set(factory.names())
    assert type(factory.create("ridge_of_ours", alpha=2)).__name__ == "Ridge"
    with pytest.raises(ConfigurationError, match="'broken' cannot be loaded") as caught:
        factory.create("broken")
    assert "no_such_module" in caught.value.why


def test_two_packages_that_offer_one_name_are_both_named() -> None:
    points = [point("ours", "package_a:Model"), point("ours", "package_b:Model")]
    with pytest.raises(ConfigurationError, match="more than one owner") as caught:
        ModelFactory(entry_points=points).create("ours")
    assert "package_a" in caught.value.why
    assert "package_b" in caught.value.why


def test_importing_the_models_loads_no_heavy_library() -> None:
    code = (
        "import sys, mlops_core.models; "
        "print(sorted({'numpy', 'sklearn', 'skops', 'polars', 'pandas', 'filelock'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
