"""Loads a registered model: the record and the signature now, the estimator when it first predicts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, cast

from mlops_core.errors import IntegrityError, UnsupportedOperationError
from mlops_core.manifest import verified_chunks
from mlops_core.models.cache import read_verified
from mlops_core.models.inputs import as_form, as_polars, input_form, select_columns
from mlops_core.models.outputs import prediction_columns
from mlops_core.models.references import pin
from mlops_core.models.serializers import deserialize
from mlops_core.ports.model_registry import PinnedVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from mlops_core.manifest import FolderPackage, Manifest
    from mlops_core.models.cache import PackageCache
    from mlops_core.models.estimator import Estimator
    from mlops_core.models.inputs import InputForm
    from mlops_core.models.trust import TrustPolicy
    from mlops_core.naming import ModelRef
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.signature import Signature


def load_model(
    registry: ModelRegistry,
    reference: str | ModelRef | PinnedVersion,
    /,
    *,
    cache: PackageCache,
    trust: TrustPolicy,
    allow_unsafe: bool = False,
) -> LoadedModel:
    """Load a version. With its package in the cache the registry is asked once, to pin the reference, or not at all.

    Args:
        registry: Where it is registered.
        reference: ``"churn"`` (the latest), ``"churn:3"``, ``"churn@champion"``, or a version that is pinned already.
        cache: Where packages are kept on this machine.
        trust: Which types the model file may hold.
        allow_unsafe: Let a pickle run, which can run any code; for this call only.

    Raises:
        NotFoundError: No such model, version or alias.
        IntegrityError: The stored bytes are not those that were registered.
        ConfigurationError: The cache's folder cannot be used.
    """
    version = reference if isinstance(reference, PinnedVersion) else pin(registry, reference)
    return LoadedModel(lambda: cache.fetch(registry, version), version, trust=trust, allow_unsafe=allow_unsafe)


def load_package(package: FolderPackage, /, *, trust: TrustPolicy, allow_unsafe: bool = False) -> LoadedModel:
    """Load a package from its folder, without a registry.

    Args:
        package: The package. Without a record to compare with, the manifest that it was read with is believed.
        trust: Which types the model file may hold.
        allow_unsafe: Let a pickle run, which can run any code; for this call only.

    Returns:
        The model; its ``version`` has the folder's name as model and 0 as number.

    Raises:
        IntegrityError: A file is missing or differs from the manifest, or the manifest is not the one that was read.
    """
    version = PinnedVersion(model=package.folder.name, version=0, digest=package.manifest.digest)
    return _from_folder(package.folder, version, trust, allow_unsafe)


def _from_folder(folder: Path, version: PinnedVersion, trust: TrustPolicy, allow_unsafe: bool) -> LoadedModel:  # noqa: FBT001 - pickle gives arguments by position
    return LoadedModel(lambda: read_verified(folder, version.digest), version, trust=trust, allow_unsafe=allow_unsafe)


class LoadedModel:
    """A version of a model, ready to predict.

    The estimator is deserialised on first use, from bytes that have just been verified; threads may share the object.

    It can be pickled for another process of this machine: what travels is the folder of the package, the version, and
    what the caller trusts. The other process reads and verifies the package anew, without a registry; a package that
    has left the cache by then is an error there.

    Attributes:
        version: The version.
        manifest: What its package holds.
    """

    def __init__(
        self, fetch: Callable[[], FolderPackage], version: PinnedVersion, /, *, trust: TrustPolicy, allow_unsafe: bool
    ) -> None:
        self._fetch: Final = fetch
        self._trust: Final = trust
        self._allow_unsafe: Final = allow_unsafe
        self._loading: Final = threading.Lock()
        self._loaded: tuple[Estimator, InputForm] | None = None
        self.version: Final = version
        self._package = fetch()

    def __repr__(self) -> str:
        return f"<LoadedModel {self.version.model}:{self.version.version} {self.version.digest[:12]}>"

    def __reduce__(self) -> tuple[Callable[..., LoadedModel], tuple[Path, PinnedVersion, TrustPolicy, bool]]:
        return _from_folder, (self._package.folder.absolute(), self.version, self._trust, self._allow_unsafe)

    @property
    def manifest(self) -> Manifest:
        """What the package holds."""
        return self._package.manifest

    @property
    def signature(self) -> Signature | None:
        """The columns that the model was trained on; ``None`` if it was registered without a dataset."""
        return self.manifest.signature

    @property
    def estimator(self) -> Estimator:
        """The fitted estimator; the first use verifies and deserialises the model file.

        Raises:
            UntrustedModelError: The model file holds what the trust policy does not allow.
            IntegrityError: The model file is damaged, and so is the registry's.
            ConfigurationError: Something that the model needs is not installed.
        """
        return self._load()[0]

    def predict(self, table: object, /) -> Any:
        """The estimator's own answer for each row.

        Args:
            table: A Polars, pandas or Arrow table with the signature's columns, others are left out; or an array with
                the same number of columns. For a model without a signature: whatever the estimator takes.

        Returns:
            What the estimator's ``predict`` returns, an array with one answer for each row.

        Raises:
            SignatureMismatchError: Columns are missing or of another dtype.
        """
        features = self._input(table)
        return self.estimator.predict(features)

    def predict_proba(self, table: object, /) -> Any:
        """The probability of each class for each row: an array, columns in the order of ``classes_``.

        Args:
            table: As for :meth:`predict`.

        Raises:
            SignatureMismatchError: Columns are missing or of another dtype.
            UnsupportedOperationError: The estimator gives no probabilities.
        """
        features = self._input(table)
        probabilities: Any = getattr(self.estimator, "predict_proba", None)
        if probabilities is None:
            raise UnsupportedOperationError(
                "the model gives no probabilities",
                operation="predict_proba",
                subject=self._name,
                why=f"{type(self.estimator).__qualname__} has no predict_proba",
                hint="calibrate it with CalibratedClassifierCV before registering",
            )
        return probabilities(features)

    def predictions(self, features: pl.DataFrame, /, *, classes: bool = True) -> pl.DataFrame:
        """One row of answers for each row of a table.

        Args:
            features: A table with the signature's columns; others are left out.
            classes: Whether a classifier that gives probabilities is also asked for the class.

        Returns:
            ``prediction``, and for a classifier its probabilities; see
            :func:`mlops_core.models.outputs.prediction_columns`. The columns are the same for any number of rows.

        Raises:
            SignatureMismatchError: Columns are missing or of another dtype; raised before the estimator is loaded.
        """
        if self.signature is not None:
            features = select_columns(features, self.signature, where=self._name)
        estimator, form = self._load()
        return prediction_columns(estimator, as_form(features, form), features.height, classes=classes)

    @property
    def _name(self) -> str:
        return f"{self.version.model}:{self.version.version}"

    def _input(self, table: object) -> Any:
        if self.signature is None:
            return table
        features = select_columns(as_polars(table, self.signature), self.signature, where=self._name)
        return as_form(features, self._load()[1])

    def _load(self) -> tuple[Estimator, InputForm]:
        with self._loading:
            if self._loaded is None:
                estimator = deserialize(
                    self._model_bytes(),
                    self.manifest.serializer,
                    trust=self._trust,
                    allow_unsafe=self._allow_unsafe,
                    where=f"{self._name}, {self.manifest.model_file}",
                )
                self._loaded = (cast("Estimator", estimator), input_form(estimator))
            return self._loaded

    def _model_bytes(self) -> bytes:
        try:
            return self._read()
        except (IntegrityError, FileNotFoundError):
            # evicted from the cache, or damaged, since it was fetched: once more, verified anew
            self._package = self._fetch()
            return self._read()

    def _read(self) -> bytes:
        path = self._package.folder / self.manifest.model_file
        with path.open("rb") as stream:
            return b"".join(verified_chunks(stream, self.manifest.file(self.manifest.model_file), where=str(path)))
