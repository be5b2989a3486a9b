"""The documents that pages are rendered from: one import for the code that builds them."""

from __future__ import annotations

from mlops_core.reports.scoring_document import ScoreBin, ScoringDocument, Step
from mlops_core.reports.timeline_document import SourceSight, Timeline
from mlops_core.reports.training_document import (
    Baseline,
    CalibrationBin,
    Candidate,
    DroppedRows,
    Importance,
    Part,
    TopShare,
    TrainingDocument,
)

__all__ = [
    "Baseline",
    "CalibrationBin",
    "Candidate",
    "DroppedRows",
    "Importance",
    "Part",
    "ScoreBin",
    "ScoringDocument",
    "SourceSight",
    "Step",
    "Timeline",
    "TopShare",
    "TrainingDocument",
]
