"""The three kinds of attacker. Each is a frozen dataclass of settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recbench.contracts.profiles import Profiles
from recbench.contracts.views import AttackerView
from recbench.data.interactions import Histories

if TYPE_CHECKING:
    from recbench.contracts.problem import Problem, Tables


class PoisoningAttacker(ABC):
    """Injects fake profiles before training (capability `poisoning`)."""

    @abstractmethod
    def craft(self, view: AttackerView) -> Profiles:
        """Fake profiles within `view.budget`; the harness checks them and clips nothing."""


class EvasionAttacker(ABC):
    """Changes what a trained sequential victim reads at recommendation time (capability `evasion`)."""

    @abstractmethod
    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        """Each history with at most `view.budget.sizes[k]` items added."""


class ParameterAttacker(ABC):
    """Moves the encoded tables of a trained victim inside a ball (capability `parameter`).

    A probe of robustness, not a realizable attack.
    """

    @abstractmethod
    def perturb(self, view: AttackerView, problem: Problem, tables: Tables) -> Tables:
        """The tables, those in `problem.perturbable` moved."""
