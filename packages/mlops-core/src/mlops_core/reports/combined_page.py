"""One page about a version and about a run that used it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.reports.markup import element
from mlops_core.reports.page import page
from mlops_core.reports.scoring_page import render_scoring, scoring_article
from mlops_core.reports.training_page import render_training, training_article

if TYPE_CHECKING:
    from mlops_core.reports.documents import ScoringDocument, TrainingDocument


def render_report(training: TrainingDocument | None, scoring: ScoringDocument | None) -> str:
    """The page about a version, a scoring run, or both: one HTML file that needs nothing else.

    Args:
        training: What training says about the version.
        scoring: What a scoring run says about itself.

    Raises:
        ValueError: Neither is given.
    """
    if training is not None and scoring is not None:
        links = element(
            "nav",
            element("a", "Training", href="#training"),
            element("a", "Scoring", href="#scoring"),
            aria_label="Parts",
        )
        title = f"{training.model}: training and scoring"
        return page(title, links, training_article(training), scoring_article(scoring))
    if training is not None:
        return render_training(training)
    if scoring is not None:
        return render_scoring(scoring)
    raise ValueError("a report needs a training document, a scoring document, or both")
