"""The contract of the model registry port for a backend behind a connection, which may break."""

from __future__ import annotations

from mlops_core.testing.model_registry.connected_cuts import Cuts
from mlops_core.testing.model_registry.connected_early_refusals import EarlyRefusals
from mlops_core.testing.model_registry.connected_errors import VendorErrors
from mlops_core.testing.model_registry.connected_lost_replies import LostReplies
from mlops_core.testing.model_registry.contract import ModelRegistryContract


class ConnectedModelRegistryContract(LostReplies, Cuts, VendorErrors, EarlyRefusals, ModelRegistryContract):
    """The whole contract, with a connection that breaks at every request.

    The subjects of ``fresh_registry`` have a :class:`~mlops_core.testing.subjects.Connection`. Where each request
    costs a server much time, ``every_nth`` thins the requests out that are disturbed.
    """
