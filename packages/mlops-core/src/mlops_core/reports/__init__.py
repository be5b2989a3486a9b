"""Self-contained HTML pages about a trained version and about a scoring run."""

from __future__ import annotations

from mlops_core.reports.combined_page import render_report
from mlops_core.reports.documents import ScoringDocument, TrainingDocument
from mlops_core.reports.page import write_report
from mlops_core.reports.scoring_page import render_scoring
from mlops_core.reports.training_page import render_training

__all__ = [
    "ScoringDocument",
    "TrainingDocument",
    "render_report",
    "render_scoring",
    "render_training",
    "write_report",
]
