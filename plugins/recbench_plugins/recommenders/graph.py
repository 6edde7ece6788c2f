"""The bipartite graph of users and items, normalized as graph convolutions without weights use it."""

from __future__ import annotations

from torch import Tensor

from recbench.contracts import RelaxedProfiles
from recbench.data import Interactions
from recbench_plugins.recommenders.feedback_matrix import feedback_matrix


class InteractionGraph:
    """The adjacency D^-1/2 A D^-1/2 of the interactions, fakes last, without self-loops.

    The weight w of a relaxed interaction is that of its edge, and counts as much in the degrees of its ends. A degree
    is at least 1, as it is wherever there is a whole edge: so the gradient is bounded where there is less than one.
    """

    def __init__(self, train: Interactions, fakes: RelaxedProfiles | None, device: str) -> None:
        self.pattern, weights = feedback_matrix(train, fakes, device)
        by_item = weights.new_zeros(train.n_items).index_add(0, self.pattern.cols, weights)
        users, items = (degrees.clamp(min=1.0).rsqrt() for degrees in (self.pattern.row_sums(weights), by_item))
        self.values = weights * self.pattern.spread(users) * items[self.pattern.cols]

    @property
    def shape(self) -> tuple[int, int]:
        """Users, fakes among them, and items."""
        return self.pattern.shape

    def propagate(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """One layer: every node's normalized sum over its neighbours, users [n, dim] and items [m, dim]."""
        return self.pattern.matmul(self.values, items), self.pattern.matmul_t(self.values, users)
