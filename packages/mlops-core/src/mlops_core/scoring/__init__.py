"""Batch scoring: a chain of handlers over a table, each row ending as a score or as a rejection with its reason."""

from mlops_core.scoring.chain import Chain
from mlops_core.scoring.checks import Check, check
from mlops_core.scoring.handlers import ROW, Handler, Link, Table, Verdict
from mlops_core.scoring.ledger import Bin, Entry, Ledger
from mlops_core.scoring.model_handlers import Features, Model, Predict
from mlops_core.scoring.result import ScoringResult
from mlops_core.scoring.tables import TableLike

__all__ = [
    "ROW",
    "Bin",
    "Chain",
    "Check",
    "Entry",
    "Features",
    "Handler",
    "Ledger",
    "Link",
    "Model",
    "Predict",
    "ScoringResult",
    "Table",
    "TableLike",
    "Verdict",
    "check",
]
