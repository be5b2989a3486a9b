"""The contract of the experiment tracker on every mutant of it; run by ``test_mutants.py`` alone: nearly all fail."""

from __future__ import annotations

from mlops_core.testing.experiment_tracker import ExperimentTrackerContract

from . import tracker_reading, tracker_runs, tracker_search
from .contracts import contract_classes, mutants_of
from .tracker_base import RunMutant, TrackerMutant, subject_of

globals().update(
    contract_classes(
        ExperimentTrackerContract,
        [
            TrackerMutant,
            RunMutant,
            *mutants_of(RunMutant, tracker_runs),
            *mutants_of(TrackerMutant, tracker_reading, tracker_search),
        ],
        fixture="fresh_tracker",
        subject=subject_of,
    )
)
