"""The whole contract of the model registry port, as far as it needs no connection that can be broken."""

from __future__ import annotations

from mlops_core.testing.model_registry.aliases import Aliases
from mlops_core.testing.model_registry.capabilities import Capabilities
from mlops_core.testing.model_registry.deletion import Deletion
from mlops_core.testing.model_registry.errors import Errors
from mlops_core.testing.model_registry.fixture_checks import FixtureChecks
from mlops_core.testing.model_registry.foreign_names import ForeignNames
from mlops_core.testing.model_registry.listings import Listings
from mlops_core.testing.model_registry.missing import MissingThings
from mlops_core.testing.model_registry.names import Names
from mlops_core.testing.model_registry.numbers import Numbers
from mlops_core.testing.model_registry.process import Process
from mlops_core.testing.model_registry.random_programmes import RandomProgrammes
from mlops_core.testing.model_registry.records import Records
from mlops_core.testing.model_registry.registration import Registration
from mlops_core.testing.model_registry.tags import Tags
from mlops_core.testing.model_registry.verified_reading import VerifiedReading
from mlops_core.testing.model_registry.wholeness import Wholeness


class ModelRegistryContract(
    FixtureChecks,
    Numbers,
    Records,
    Registration,
    Wholeness,
    Tags,
    Aliases,
    Deletion,
    MissingThings,
    Names,
    ForeignNames,
    Listings,
    VerifiedReading,
    Process,
    Errors,
    Capabilities,
    RandomProgrammes,
):
    """What every model registry promises, see :class:`mlops_core.ports.model_registry.ModelRegistry`.

    An author subclasses it, says ``contract_version`` and ``backend``, and gives one fixture, ``fresh_registry``: a
    callable without arguments that returns a :class:`~mlops_core.testing.subjects.RegistryUnderTest`, empty and
    isolated, each time it is called.
    """
