"""Histories with items appended: which may be, and what a victim makes of relaxed ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.contracts import AttackerView, EmbedsHistories, FittedProblem, RecbenchError, Tables
from recbench.data import Histories
from recbench_plugins.attackers.objectives import log_rank

CHUNK = 64
"""Histories attacked at once."""


def appended(histories: Histories, added: Sequence[NDArray[np.integer]]) -> Histories:
    """Each history with its own items at the end: what was read last counts most."""
    lists = [np.concatenate([histories[k], items]) for k, items in enumerate(added)]
    return Histories(
        np.concatenate([[0], np.cumsum([len(each) for each in lists], dtype=np.int64)]),
        np.concatenate([np.zeros(0, np.int32), *lists]).astype(np.int32),
    )


def free_items(view: AttackerView, histories: Histories) -> NDArray[np.bool_]:
    """Which items may be added to each history, [b, n_items]: no target, and none that it holds."""
    free = np.ones((len(histories), view.n_items), dtype=np.bool_)
    free[histories.rows, histories.items] = False
    free[:, view.targets] = False
    return free


def aimed(view: AttackerView) -> float:
    """1 to push, -1 to nuke.

    Raises:
        RecbenchError: to degrade.
    """
    if view.goal == "degrade":
        raise RecbenchError("this attack moves targets: its goals are push and nuke, not degrade")
    return -1.0 if view.goal == "nuke" else 1.0


@dataclass(frozen=True, eq=False)
class Slots:
    """Places at the ends of b histories, at most w each, and the victim's answer to what is put there.

    Args:
        members: int64 [b], which of all histories these are.
        problem, tables: the victim's.
        choices: [n_items, dim], every item as it is embedded.
        embedded, mask: the histories with something in every slot, [b, length, dim] and [b, length].
        active: bool [b, w], the slots that the budget allows; at the right.
        free: bool [b, n_items], what may be put there.
        targets: int64 [t].
        pairs: bool [b, t], the histories that do not hold each target.
        sign: 1 to push, -1 to nuke.
    """

    members: NDArray[np.int64]
    problem: EmbedsHistories
    tables: Tables
    choices: Tensor
    embedded: Tensor
    mask: Tensor
    active: Tensor
    free: Tensor
    targets: Tensor
    pairs: Tensor
    sign: float

    def losses(self, slots: Tensor) -> Tensor:
        """The logarithm of the targets' smoothed rank, or minus it for a nuke, [b]; `slots` [b, w, dim] is embedded."""
        width = self.active.shape[1]
        ends = torch.where(self.active[:, :, None], slots, self.embedded[:, -width:])
        read = torch.cat([self.embedded[:, :-width], ends], dim=1)
        losses = log_rank(self.problem.scores_embedded(self.tables, read, self.mask), self.targets)
        return self.sign * torch.where(self.pairs, losses, 0.0).sum(1)

    def gradient(self, slots: Tensor) -> Tensor:
        """The derivative of the losses in the weight of every item in every slot, [b, w, n_items]."""
        slots = slots.detach().requires_grad_()
        (found,) = torch.autograd.grad(self.losses(slots).sum(), slots)
        return found @ self.choices.T

    def best(self, preference: Tensor) -> Tensor:
        """Different free items for the slots of each history, [b, w]; the most preferred of [b, w, n_items]."""
        taken, rows, chosen = ~self.free, torch.arange(len(self.free), device=self.free.device), []
        for slot in range(self.active.shape[1]):
            item = preference[:, slot].masked_fill(taken, -torch.inf).argmax(1)
            taken = taken.index_put((rows, item), taken[rows, item] | self.active[:, slot])
            chosen.append(item)
        return torch.stack(chosen, dim=1)

    def items(self, chosen: Tensor) -> list[NDArray[np.integer]]:
        """What to append to each history, as the slots have it."""
        pairs = zip(chosen.cpu().numpy(), self.active.cpu().numpy(), strict=True)
        return [items[active] for items, active in pairs]


def slots_of(view: AttackerView, histories: Histories) -> Iterator[Slots]:
    """All histories in chunks of like budgets.

    Raises:
        RecbenchError: a goal without a target, or a victim whose scores are no function of embedded histories.
    """
    victim, sign = view.victim, aimed(view)
    if not (isinstance(victim, FittedProblem) and isinstance(victim.problem, EmbedsHistories)):
        raise RecbenchError(f"{type(victim).__name__} embeds no histories: there is no gradient in an added item")
    problem: EmbedsHistories = victim.problem
    every = Histories(np.arange(view.n_items + 1), np.arange(view.n_items, dtype=np.int32))
    alone, _ = problem.embed(victim.tables, every)
    # Nothing free is left to someone who has read nearly everything.
    sizes = np.minimum(view.budget.sizes, free_items(view, histories).sum(1))
    for members in np.array_split(np.argsort(sizes, kind="stable"), -(-len(sizes) // CHUNK)):
        chunk = [histories[k] for k in members]
        own = Histories(np.concatenate([[0], np.cumsum([len(each) for each in chunk])]), np.concatenate(chunk))
        embedded, mask = problem.embed(
            victim.tables, appended(own, [np.zeros(size, np.int32) for size in sizes[members]])
        )
        width = min(int(sizes[members].max()), embedded.shape[1])
        if not width:
            continue
        held = np.zeros((len(members), view.n_items), dtype=np.bool_)
        held[own.rows, own.items] = True

        def tensor(values: NDArray[np.generic]) -> Tensor:
            return torch.tensor(values, device=view.device)

        yield Slots(
            members=members,
            problem=problem,
            tables=victim.tables,
            choices=alone[:, -1],
            embedded=embedded.detach(),
            mask=mask,
            active=tensor(np.arange(width, 0, -1) <= sizes[members][:, None]),
            free=tensor(free_items(view, own)),
            targets=tensor(view.targets.astype(np.int64)),
            pairs=tensor(~held[:, view.targets]),
            sign=sign,
        )
