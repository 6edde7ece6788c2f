"""What a recommender makes of fake profiles, as a function that can be differentiated in them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recbench.contracts import AttackerView, RelaxedProfiles, derive_seed, numpy_rng
from recbench_plugins.attackers.gradient.als import ALS, Fakes
from recbench_plugins.attackers.objectives import Aim


class OutputModel:
    """The scores of genuine users after weighted matrix factorization has learned some profiles.

    Users' factors are held; the fakes' follow their profiles and the items' follow both, each by one least squares
    solution, which depends smoothly on the profiles. Scores are in standard deviations of the user's clean ones.

    Args:
        view: the attack, on implicit feedback.
        dim, alpha, l2: of the factorization.
        sweeps: turns of alternating least squares from a fresh start.
        count: how many scores are outputs beside the targets', see `columns`.

    Attributes:
        aim: what is attacked.
        columns: int64 [c], the items whose scores are outputs: the targets, then half the most popular items and half
            items drawn by lot.
        context: the genuine users' clean factors, standardized, [n, dim].
    """

    def __init__(self, view: AttackerView, dim: int, alpha: float, l2: float, sweeps: int, count: int) -> None:
        self.view, self.alpha = view, alpha
        self.aim = Aim.of(view, "log-rank")
        self.als = ALS.of_clicks(view.observed, alpha, l2, view.device)
        self.columns = _columns(view, count)
        nobody = torch.zeros(0, view.n_items, device=view.device)
        start = self.als.start(dim, derive_seed(view.seed, "surrogate"))
        self.users, _, self.items = self.als.trained(start, Fakes(nobody, nobody), sweeps)
        self.context = (self.users - self.users.mean(0)) / _deviation(self.users, 0)
        scores = self.users @ self.items.T
        self.mean, self.deviation = scores.mean(1, keepdim=True), _deviation(scores, 1)

    def learned(self, profiles: RelaxedProfiles) -> Fakes:
        """Profiles as the factorization learns them."""
        rows = profiles.matrix()
        return Fakes(rows.detach(), self.alpha * rows)

    def outputs(self, profiles: RelaxedProfiles) -> Tensor:
        """Every genuine user's outputs after training with the profiles, [n, c], with their gradient."""
        fakes = self.learned(profiles)
        return self._standard(self.als.items(self.users, fakes, self.als.fakes(self.items, fakes))[self.columns])

    def refresh(self, profiles: RelaxedProfiles) -> None:
        """Let the users' and the items' factors follow the profiles by one turn."""
        self.users, _, self.items = self.als.trained(self.items, self.learned(profiles), 1)

    def wished(self, top: int, margin: float) -> Tensor:
        """The present outputs, but for each target moved beyond the `top`-th best of what the user has not got, [n, c].

        To push, at least `margin` above it; to nuke, at least as much below. Users who have a target keep its score.
        """
        train, device = self.view.observed, self.users.device
        scores = self.users @ self.items.T
        taken = (torch.tensor(index, dtype=torch.int64, device=device) for index in (train.users, train.items))
        scores[tuple(taken)] = -torch.inf
        scores[:, self.aim.targets] = -torch.inf
        # A user who has got nearly everything has a shorter list.
        bar = scores.topk(min(top, scores.shape[1]), dim=1).values
        bar = bar.masked_fill(bar.isinf(), torch.inf).amin(1, keepdim=True)
        bar = (bar - self.mean) / self.deviation
        outputs = self._standard(self.items[self.columns])
        own = outputs[:, : len(self.aim.targets)]
        moved = own.minimum(bar - margin) if self.view.goal == "nuke" else own.maximum(bar + margin)
        outputs[:, : len(self.aim.targets)] = torch.where(self.aim.pairs & bar.isfinite(), moved, own)
        return outputs

    def _standard(self, items: Tensor) -> Tensor:
        return (self.users @ items.T - self.mean) / self.deviation


def _deviation(values: Tensor, dim: int) -> Tensor:
    """The sample deviation along one dimension; next to nothing where there is one value."""
    return values.std(dim, correction=min(1, values.shape[dim] - 1), keepdim=True) + 1e-12


def _columns(view: AttackerView, count: int) -> Tensor:
    counts = view.observed.item_counts
    rng = numpy_rng(view.seed, "judged items")
    others = np.lexsort((rng.random(len(counts)), -counts))
    others = others[~np.isin(others, view.targets)]
    popular, rest = others[: count // 2], others[count // 2 :]
    chosen = np.concatenate([view.targets, popular, rng.permutation(rest)[: count - len(popular)]])
    return torch.tensor(chosen, dtype=torch.int64, device=view.device)
