"""The whole contract of the model registry port, as far as it needs no connection that can be broken."""

from __future__ import annotations

from mlops_core.testing.model_registry.numbers import Numbers


class ModelRegistryContract(Numbers):
    """What every model registry promises, see :class:`mlops_core.ports.model_registry.ModelRegistry`.

    An author subclasses it, says ``contract_version`` and ``backend``, and gives one fixture, ``fresh_registry``: a
    callable without arguments that returns a :class:`~mlops_core.testing.subjects.RegistryUnderTest`, empty and
    isolated, each time it is called.
    """
