"""Items appended to a history by projected gradient descent on relaxed ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import AttackerView, EvasionAttacker
from recbench.data import Histories
from recbench_plugins.attackers.evasion.appended import Slots, appended, slots_of
from recbench_plugins.attackers.evasion.fgsm import linear_choice


@dataclass(frozen=True)
class EvasionPGD(EvasionAttacker):
    """Projected gradient descent (Madry, Makelov, Schmidt, Tsipras, Vladu, "Towards deep learning models resistant to
    adversarial attacks", ICLR 2018) on the weights of every added item, which stay in their simplex by the projection
    of Duchi et al. (ICML 2008, figure 1). After every step the heaviest items are tried as they are; of those and of
    the choice of `evasion-fgsm` the best for each history is taken: what counts is discrete. Loss, goals and knowledge
    are those of `evasion-fgsm`.

    On ml-100k, a small sasrec, it gains .501 bits of rank by 3% more items (3 units; one gradient .174, random items
    .024): docs/validation/trained-victims.md.

    Args:
        steps: of the descent.
        step: length of one, L2, of a gradient scaled to length 1; the simplex is the root of 2 wide.
    """

    steps: PositiveInt = 10
    step: PositiveFloat = 0.5

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        added: list[NDArray[np.integer]] = [np.zeros(0, np.int32)] * len(histories)
        for slots in slots_of(view, histories):
            for k, items in zip(slots.members, slots.items(self._descend(slots)), strict=True):
                added[k] = items
        return appended(histories, added)

    def _descend(self, slots: Slots) -> Tensor:
        """The best items that were met, [b, w]."""
        best = linear_choice(slots)
        with torch.no_grad():
            least = slots.losses(slots.choices[best])
        allowed = slots.free[:, None, :].expand(-1, slots.active.shape[1], -1)
        weights = allowed / allowed.sum(2, keepdim=True).clamp(min=1)
        for _ in range(self.steps):
            gradient = torch.where(allowed, slots.gradient(weights @ slots.choices), 0.0)
            gradient = gradient / gradient.norm(dim=2, keepdim=True).clamp(min=1e-30)
            weights = onto_simplex(weights - self.step * gradient, allowed)
            chosen = slots.best(weights)
            with torch.no_grad():
                losses = slots.losses(slots.choices[chosen])
            better = losses < least
            best, least = torch.where(better[:, None], chosen, best), torch.where(better, losses, least)
        return best


def onto_simplex(values: Tensor, allowed: Tensor) -> Tensor:
    """The nearest weights that are not negative, add up to 1 and are 0 where not `allowed`; over the last dimension."""
    falling = values.masked_fill(~allowed, -1e9).sort(dim=-1, descending=True).values
    counts = torch.arange(1, values.shape[-1] + 1, device=values.device)
    excess = (falling.cumsum(-1) - 1) / counts
    last = (falling > excess).sum(-1, keepdim=True).clamp(min=1)
    return torch.where(allowed, (values - excess.gather(-1, last - 1)).clamp(min=0), 0.0)
