"""A variational autoencoder of users' rows with a multinomial likelihood."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    Params,
    RelaxedProfiles,
    SparsePattern,
    Tables,
    derive_seed,
    option,
    torch_rng,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.acceleration import Accelerable, in_bfloat16
from recbench_plugins.recommenders.feedback_matrix import feedback_matrix
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class MultiVAE(Differentiable):
    """Mult-VAE (Liang, Krishnan, Hoffman, Jebara, "Variational autoencoders for collaborative filtering", WWW 2018,
    eq. 5). A user's row x, scaled to unit length and with entries dropped at random, is encoded by a tanh layer into
    mean and log-variance of the code z, which a tanh layer decodes into logits of all items;

        loss_u = -sum_i x_ui log softmax(logits)_i + beta KL(q(z | x_u) || N(0, I)).

    beta rises linearly to its cap during a share of the training; the paper's 200,000 steps would never be over on
    small data. The code is sampled in training and is the mean at test. Departure: it is drawn `noise` times as far
    from the mean as q would have it, which ranks better on ml-100k and filmtrust (docs/validation/recommenders.md).
    Without `noise` and `beta` this is the paper's Mult-DAE, but for its weight decay. On an explicit track every rating
    counts as a positive.

    Args:
        hidden: width of the layer on either side of the code.
        latent: dimensions of the code.
        dropout: share of the input that is dropped; .5 in the paper. This, `beta`, `noise` and `lr` were chosen on
            validation parts of ml-100k.
        beta: cap of the weight of the KL term; .2 in the paper.
        annealing: share of the epochs during which beta rises.
        noise: deviation of the code, in units of q's; 1 in the paper, .01 in RecBole.
        lr: Adam's step size; .001 in the paper.
        epochs: passes over the users, at most.
        batch_users: users a step.
        every, patience: validate every so many epochs, stop after so many without a new best.
        amp: take the losses in bfloat16; see `acceleration`.
    """

    hidden: PositiveInt = 600
    latent: PositiveInt = 200
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.7
    beta: NonNegativeFloat = 0.5
    annealing: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    noise: NonNegativeFloat = 0.1
    lr: PositiveFloat = 0.002
    epochs: PositiveInt = 50
    batch_users: PositiveInt = 500
    every: PositiveInt = 10
    patience: PositiveInt = 2
    amp: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> MultiVAEProblem:
        problem = MultiVAEProblem(self, train, ctx.device, fakes)
        return in_bfloat16(problem, ctx) if self.amp and fakes is None else problem


@dataclass(frozen=True, eq=False)
class Rows(Batch):
    """Users, and their rows as a sparse matrix [b, n_items] whose entries stand at `entries` among all interactions."""

    pattern: SparsePattern
    entries: Tensor
    beta: float


class MultiVAEProblem(Accelerable):
    """One example a user. The weights of relaxed fakes are their rows, as input and in the likelihood."""

    perturbable = frozenset({"encoder", "decoder"})

    def __init__(self, model: MultiVAE, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.device = device
        self.pattern, self.weights = feedback_matrix(train, fakes, device)
        self.n_users, self.n_items = self.pattern.shape
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        hidden, latent, n_items = self.model.hidden, self.model.latent, self.n_items

        def xavier(name: str, rows: int, columns: int) -> Tensor:
            return normal_table(rows, columns, math.sqrt(2 / (rows + columns)), seed, name, self.device)

        def zeros(columns: int) -> Tensor:
            return torch.zeros(1, columns, device=self.device)

        return {
            "encoder": xavier("encoder", n_items, hidden),
            "encoder-bias": zeros(hidden),
            "code": xavier("code", hidden, 2 * latent),
            "code-bias": zeros(2 * latent),
            "decoded": xavier("decoded", latent, hidden),
            "decoded-bias": zeros(hidden),
            "decoder": xavier("decoder", hidden, n_items),
            "decoder-bias": zeros(n_items),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Rows]:
        rng = torch_rng(seed, "users", epoch, device=self.device)
        order = torch.randperm(self.n_users, generator=rng, device=self.device)
        steps = math.ceil(self.n_users / self.model.batch_users)
        rising = self.model.annealing * self.model.epochs * steps
        batches = torch.split(order, self.model.batch_users)
        lengths = self.pattern.indptr.diff()
        # Read at once: a number for every batch would have the host wait for the device at every step.
        totals = torch.stack([lengths[users].sum() for users in batches]).tolist()
        for k, (users, total) in enumerate(zip(batches, totals, strict=True)):
            beta = self.model.beta * min(1.0, (epoch * steps + k) / rising)
            yield Rows(users, derive_seed(seed, epoch, k), *self._rows(users, total), beta)

    def _rows(self, users: Tensor, total: int) -> tuple[SparsePattern, Tensor]:
        """The interactions of these users, `total` together, as a pattern, and their places in the data."""
        starts, lengths = self.pattern.indptr[users], self.pattern.indptr.diff()[users]
        ends = lengths.cumsum(0)
        offsets = torch.repeat_interleave(starts - ends + lengths, lengths, output_size=total)
        entries = torch.arange(total, device=self.device) + offsets
        indptr = torch.cat([ends.new_zeros(1), ends])
        return SparsePattern(indptr, self.pattern.cols[entries], self.n_items), entries

    def encode(self, params: Params) -> Tables:
        return {**params, "weights": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Rows)
        weights = tables["weights"][batch.entries]
        rng = torch_rng(batch.seed, "dropout", device=self.device)
        kept = torch.rand(len(weights), generator=rng, device=self.device) >= self.model.dropout
        mean, log_variance = self._code(tables, batch.pattern, weights, kept / (1 - self.model.dropout))
        rng = torch_rng(batch.seed, "code", device=self.device)
        noise = self.model.noise * torch.randn(mean.shape, generator=rng, device=self.device)
        log_likelihood = self._logits(tables, mean + noise * (log_variance / 2).exp()).log_softmax(1)
        divergence = (log_variance.exp() + mean**2 - 1 - log_variance).sum(1) / 2
        found = log_likelihood[batch.pattern.rows, batch.pattern.cols]
        return batch.beta * divergence - batch.pattern.row_sums(weights * found)

    def _code(
        self, tables: Tables, pattern: SparsePattern, weights: Tensor, factors: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of sparse rows, whose entries `factors` multiply after normalization."""
        scaled = weights * pattern.spread(_inverse_norms(pattern.row_sums(weights**2)))
        hidden = pattern.matmul(scaled if factors is None else scaled * factors, tables["encoder"])
        return self._moments(tables, hidden)

    def _moments(self, tables: Tables, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(hidden + tables["encoder-bias"])
        mean, log_variance = torch.addmm(tables["code-bias"], hidden, tables["code"]).chunk(2, dim=1)
        return mean, log_variance

    def _logits(self, tables: Tables, code: Tensor) -> Tensor:
        hidden = torch.tanh(torch.addmm(tables["decoded-bias"], code, tables["decoded"]))
        return torch.addmm(tables["decoder-bias"], hidden, tables["decoder"])

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        pattern, entries = self._rows(users, int(self.pattern.indptr.diff()[users].sum()))
        return self._logits(tables, self._code(tables, pattern, tables["weights"][entries])[0])

    def scores_rows(self, tables: Tables, rows: Tensor) -> Tensor:
        """Scores [b, n_items] for users with interaction weights `rows` [b, n_items], differentiable in them."""
        hidden = (rows * _inverse_norms((rows**2).sum(1))[:, None]) @ tables["encoder"]
        return self._logits(tables, self._moments(tables, hidden)[0])


def _inverse_norms(squares: Tensor) -> Tensor:
    """One over the norms of rows, given their squares; a row that holds less than one whole item stays as it is."""
    return squares.clamp(min=1.0).rsqrt()
