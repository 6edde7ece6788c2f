"""What a plugin implements and what it is given. Plugins import from here.

What is made of torch is imported when it is asked for: torch takes a second, and many plugins do without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from recbench.component import Component, Feedback, Goal, option
from recbench.contracts.attacker import EvasionAttacker, ParameterAttacker, PoisoningAttacker
from recbench.contracts.context import FitContext
from recbench.contracts.dataset import Data, Dataset, DatasetInfo
from recbench.contracts.defense import Certificate, Pipeline, Protected, RobustTraining, Sanitizer, Verdict
from recbench.contracts.metric import Detection, Metric, Outcome, Ranking
from recbench.contracts.profiles import Profiles
from recbench.contracts.recommender import Differentiable, Persistent, Ratings, Recommender, Scorer, Sequential
from recbench.contracts.threat import Budget, RatingScale
from recbench.contracts.views import AttackerView, Deployment, ItemStatistics, Queries
from recbench.errors import BudgetViolation, InvalidScores, KnowledgeViolation, RecbenchError, RuleViolation
from recbench.seeds import derive_seed, numpy_rng, torch_rng

if TYPE_CHECKING:
    from recbench.contracts.optimizers import SGD, Adagrad, Adam, Optimizer
    from recbench.contracts.problem import (
        Batch,
        EarlyStopping,
        EmbedsHistories,
        FittedProblem,
        Params,
        Problem,
        ScoresRows,
        Tables,
        mean_loss,
    )
    from recbench.contracts.relaxed import RelaxedProfiles, project, straight_through
    from recbench.contracts.sparse import SparsePattern
    from recbench.contracts.training import Step, optimize, train, unroll

_OF_TORCH = {
    "optimizers": ("SGD", "Adagrad", "Adam", "Optimizer"),
    "problem": (
        "Batch",
        "EarlyStopping",
        "EmbedsHistories",
        "FittedProblem",
        "Params",
        "Problem",
        "ScoresRows",
        "Tables",
        "mean_loss",
    ),
    "relaxed": ("RelaxedProfiles", "project", "straight_through"),
    "sparse": ("SparsePattern",),
    "training": ("Step", "optimize", "train", "unroll"),
}
OF_TORCH = {name: f"{__name__}.{module}" for module, names in _OF_TORCH.items() for name in names}
"""The module of each name that loads torch."""


def __getattr__(name: str) -> Any:
    if name not in OF_TORCH:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = value = getattr(importlib.import_module(OF_TORCH[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *OF_TORCH})


__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AttackerView",
    "Batch",
    "Budget",
    "BudgetViolation",
    "Certificate",
    "Component",
    "Data",
    "Dataset",
    "DatasetInfo",
    "Deployment",
    "Detection",
    "Differentiable",
    "EarlyStopping",
    "EmbedsHistories",
    "EvasionAttacker",
    "Feedback",
    "FitContext",
    "FittedProblem",
    "Goal",
    "InvalidScores",
    "ItemStatistics",
    "KnowledgeViolation",
    "Metric",
    "Optimizer",
    "Outcome",
    "ParameterAttacker",
    "Params",
    "Persistent",
    "Pipeline",
    "PoisoningAttacker",
    "Problem",
    "Profiles",
    "Protected",
    "Queries",
    "Ranking",
    "RatingScale",
    "Ratings",
    "RecbenchError",
    "Recommender",
    "RelaxedProfiles",
    "RobustTraining",
    "RuleViolation",
    "Sanitizer",
    "Scorer",
    "ScoresRows",
    "Sequential",
    "SparsePattern",
    "Step",
    "Tables",
    "Verdict",
    "derive_seed",
    "mean_loss",
    "numpy_rng",
    "optimize",
    "option",
    "project",
    "straight_through",
    "torch_rng",
    "train",
    "unroll",
]
