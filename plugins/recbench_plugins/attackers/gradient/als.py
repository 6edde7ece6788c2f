"""Matrix factorization by alternating least squares, whose half-steps are differentiable in the fakes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recbench.contracts import SparsePattern, torch_rng
from recbench.data import Interactions


@dataclass(frozen=True, eq=False)
class Fakes:
    """Fake rows as the surrogate sees them.

    Args:
        held: [m, n_items], 1 where a profile holds an item, else 0.
        pulls: [m, n_items], what each entry pulls its prediction towards, 0 where nothing is held. The gradient is
            taken in them, with `held` a constant: adding an entry and taking one away then count alike.
    """

    held: Tensor
    pulls: Tensor


@dataclass(frozen=True, eq=False)
class ALS:
    """The minimum, by turns, of

        sum over entries of weight · (p_u'q_i)² - 2 · pull · p_u'q_i + everywhere · sum over all cells of (p_u'q_i)²
        + l2 (|P|² + |Q|²).

    With pull a, weight a - 1 and everywhere 1 that is weighted matrix factorization of clicks with confidence a (Hu,
    Koren, Volinsky, ICDM 2008, eq. 3); with pull the centred rating, weight 1 and everywhere 0 it is plain matrix
    factorization of ratings.

    Args:
        genuine: where the genuine entries are, [n_users, n_items].
        pulls: float [nnz].
        weight, everywhere, l2: see above.
    """

    genuine: SparsePattern
    pulls: Tensor
    weight: float
    everywhere: float
    l2: float

    @classmethod
    def of_clicks(cls, train: Interactions, alpha: float, l2: float, device: str) -> ALS:
        """Weighted factorization of implicit feedback."""
        pattern = _pattern(train, device)
        return cls(pattern, torch.full((len(train),), alpha, device=device), alpha - 1, 1.0, l2)

    @classmethod
    def of_ratings(cls, train: Interactions, mean: float, l2: float, device: str) -> ALS:
        """Factorization of what ratings are above `mean`."""
        return cls(_pattern(train, device), torch.tensor(train.ratings, device=device) - mean, 1.0, 0.0, l2)

    def start(self, dim: int, seed: int) -> Tensor:
        """Item factors [n_items, dim] to begin from."""
        device = self.pulls.device
        rng = torch_rng(seed, "items", device=str(device))
        return 0.1 * torch.randn(self.genuine.shape[1], dim, generator=rng, device=device)

    def users(self, items: Tensor) -> Tensor:
        """The genuine users' factors [n_users, dim] that belong to `items`."""
        return self._solved(items, *self._gathered(self.genuine, self.pulls, items))

    def fakes(self, items: Tensor, fakes: Fakes) -> Tensor:
        """The fakes' factors [m, dim] that belong to `items`."""
        return self._solved(items, fakes.held @ _squares(items), fakes.pulls @ items)

    def items(self, users: Tensor, fakes: Fakes, fake_users: Tensor) -> Tensor:
        """The item factors [n_items, dim] that belong to genuine and fake users."""
        order, consumers = self.genuine.transposed
        squares, sums = self._gathered(consumers, self.pulls[order], users)
        squares = squares + fakes.held.T @ _squares(fake_users)
        return self._solved(torch.cat([users, fake_users]), squares, sums + fakes.pulls.T @ fake_users)

    def trained(self, items: Tensor, fakes: Fakes, sweeps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Genuine users, fakes and items after so many turns."""
        with torch.no_grad():
            for _ in range(sweeps):
                users, fake_users = self.users(items), self.fakes(items, fakes)
                items = self.items(users, fakes, fake_users)
            return users, fake_users, items

    def _gathered(self, pattern: SparsePattern, pulls: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Of every row of `pattern`, the sum of its columns' outer products, flat, and of its columns by pull."""
        return pattern.matmul(torch.ones_like(pulls), _squares(columns)), pattern.matmul(pulls, columns)

    def _solved(self, columns: Tensor, squares: Tensor, sums: Tensor) -> Tensor:
        """The least squares solution of every row; `columns` are all of the other side."""
        dim = columns.shape[1]
        ridge = self.l2 * torch.eye(dim, dtype=columns.dtype, device=columns.device)
        matrices = self.weight * squares.reshape(-1, dim, dim) + self.everywhere * columns.T @ columns + ridge
        solved: Tensor = torch.cholesky_solve(sums[:, :, None], torch.linalg.cholesky(matrices))
        return solved.squeeze(2)


def _pattern(train: Interactions, device: str) -> SparsePattern:
    indptr = torch.tensor(train.indptr, device=device)
    return SparsePattern(indptr, torch.tensor(train.items, dtype=torch.int64, device=device), train.n_items)


def _squares(columns: Tensor) -> Tensor:
    """Outer products of rows [n, d] with themselves, flat [n, d²]."""
    return (columns[:, :, None] * columns[:, None, :]).flatten(1)
