"""Self-attention over a user's latest items, trained to predict the next one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import embedding, gelu, layer_norm, softplus

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    FittedProblem,
    Params,
    RelaxedProfiles,
    Tables,
    derive_seed,
    option,
    torch_rng,
)
from recbench.data import Histories, Interactions
from recbench_plugins.recommenders.acceleration import Accelerable, in_bfloat16
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class SASRec(Differentiable):
    """SASRec (Kang, McAuley, "Self-attentive sequential recommendation", ICDM 2018, eqs. 1-6). The rows of a user's
    latest items plus those of their positions pass through blocks of causal attention and a hidden layer,

        x <- x + V'softmax(Q K' / sqrt(dim)),   x <- x + gelu(x W) W',   score of i next = x_last · e_i,

    each on a normalized x, which is the input's table again at the output. Departures: the loss is the softmax over all
    items, not one sampled negative, which leaves the model overconfident (Petrov, Macdonald, "gSASRec", RecSys 2023);
    normalization comes before each part, for queries, keys and values alike; GELU stands for ReLU, so that attacks find
    a smooth loss; windows overlap, and each predicts its last `stride` items alone, since at test it is the item after
    the last that is wanted, with a whole window before it. On an explicit track every rating counts as a positive.

    The model predicts what comes next. On ml-100k with each user's last two items left out it has validation NDCG@10
    .137 after 23 epochs, `ials` .090. On a split at random, which asks for items of any time, what it learns after the
    first epoch makes it worse: .130, .115 after 4, .094 after 12, with a dropout of .3; `popularity` has .127. So it
    validates often. See docs/validation/recommenders.md.

    Args:
        dim: dimensions of a row; one attention head.
        blocks: of attention; 2 in the paper.
        length: items that the model looks back at; 50 (sparse data) and 200 (ml-1m) in the paper.
        stride: items that a window predicts, of which `length` are the most.
        dropout: share of the embedded items and of what each part adds that is dropped; .5 (sparse) and .2 (ml-1m) in
            the paper.
        candidates: items of the softmax. A larger catalogue is represented by so many drawn uniformly each step, whose
            weights are scaled up to it.
        lr: Adam's step size; .001 in the paper.
        epochs: passes over the users, at most.
        batch_size: items to predict a step, of users whose windows are about as long, so that little is padding; the
            paper's 128 users have about 750 of them on amazon-beauty.
        every, patience: validate every so many epochs, stop after so many without a new best.
        amp: take the losses in bfloat16; see `acceleration`.
    """

    dim: PositiveInt = 64
    blocks: PositiveInt = 2
    length: PositiveInt = 50
    stride: PositiveInt = 10
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    candidates: PositiveInt = 4096
    lr: PositiveFloat = 0.001
    epochs: PositiveInt = 40
    batch_size: PositiveInt = 512
    every: PositiveInt = 2
    patience: PositiveInt = 3
    amp: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> SASRecProblem:
        problem = SASRecProblem(self, train, ctx.device, fakes)
        return in_bfloat16(problem, ctx) if self.amp and fakes is None else problem


@dataclass(frozen=True, eq=False)
class Windows(Batch):
    """Parts of histories, and the items that follow: an example is one item to predict.

    Args:
        entries: int64 [windows, width], places in the click sequence, padded at the left.
        at: int64 [b], where in the flattened `entries` the item before each example's stands.
        following: int64 [b], the place of each example's item.
    """

    entries: Tensor
    at: Tensor
    following: Tensor


class SASRecProblem(Accelerable):
    """The hard support of relaxed fakes in the order given. The weight of an interaction multiplies the attention paid
    to it and the loss of predicting it: at 0 nobody sees it, at 1 it is a genuine one."""

    perturbable = frozenset({"items", "positions"})

    def __init__(self, model: SASRec, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.device = device
        counts = torch.tensor(train.user_counts, device=device)
        items = torch.tensor(train.items, dtype=torch.int64, device=device)
        weights = torch.ones(len(train), device=device)
        if fakes is not None:
            kept = (fakes.weights.detach() >= 0.5).nonzero().squeeze(1)
            counts = torch.cat([counts, torch.bincount(fakes.rows[kept], minlength=len(fakes))])
            items = torch.cat([items, fakes.items[kept]])
            weights = torch.cat([weights, fakes.weights[kept]])
        # The last entry is the padding: an item of weight zero.
        self.items = torch.cat([items, items.new_zeros(1)])
        self.weights = torch.cat([weights, weights.new_zeros(1)])
        self.counts, self.ends = counts, counts.cumsum(0)
        self.trainable = (counts > 1).nonzero().squeeze(1)
        self.n_users, self.n_items = len(counts), train.n_items
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        dim = self.model.dim

        def xavier(name: str, columns: int = dim) -> Tensor:
            return normal_table(dim, columns, math.sqrt(2 / (dim + columns)), seed, name, self.device)

        def zeros(columns: int = dim) -> Tensor:
            return torch.zeros(1, columns, device=self.device)

        def norm() -> Tensor:
            """The scale and the shift of a normalization."""
            return torch.cat([zeros() + 1, zeros()])

        params = {
            "items": normal_table(self.n_items, dim, 0.02, seed, "items", self.device),
            "positions": normal_table(self.model.length, dim, 0.02, seed, "positions", self.device),
            "norm": norm(),
        }
        for k in range(self.model.blocks):
            params |= {
                f"attention-{k}-norm": norm(),
                f"attention-{k}": xavier(f"attention-{k}", 3 * dim),
                f"attention-{k}-bias": zeros(3 * dim),
                f"inner-{k}-norm": norm(),
                f"inner-{k}": xavier(f"inner-{k}"),
                f"inner-{k}-bias": zeros(),
                f"outer-{k}": xavier(f"outer-{k}"),
                f"outer-{k}-bias": zeros(),
            }
        return params

    def batches(self, seed: int, epoch: int) -> Iterator[Windows]:
        rng = torch_rng(seed, "windows", epoch, device=self.device)
        users, ends, lengths, shown = self._windows(rng)
        sizes = ((shown.cumsum(0) - 1) // self.model.batch_size).bincount()
        sizes = sizes[sizes > 0]
        steps = torch.split(torch.arange(len(users), device=self.device), sizes.tolist())
        # Read at once: a number for every step would have the host wait for the device at every step.
        lasts = sizes.cumsum(0) - 1
        widths = lengths[lasts].tolist()
        totals = shown.cumsum(0)[lasts].diff(prepend=sizes.new_zeros(1)).tolist()
        for k in torch.randperm(len(steps), generator=rng, device=self.device).tolist():
            step, width = steps[k], widths[k] - 1
            entries = self._padded(ends[step], lengths[step], widths[k])
            before, after = entries[:, :-1], entries[:, 1:].flatten()
            # Histories stand at the right: of a row of `width`, the last places are the shown ones.
            rows = torch.repeat_interleave(
                torch.arange(len(step), device=self.device), shown[step], output_size=totals[k]
            )
            within = torch.arange(totals[k], device=self.device) - (shown[step].cumsum(0) - shown[step])[rows]
            at = (rows + 1) * width - shown[step][rows] + within
            yield Windows(users[step][rows], derive_seed(seed, epoch, k), before, at, after[at])

    def _windows(self, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The windows of an epoch, short ones first: whose each is, before which of all entries it ends, how many
        entries it has and how many of these, its last, it predicts; all int64 [windows].

        All items of a user but the first are cut into runs of `stride`, from a place that is drawn. A window ends with
        a run and reaches back as far as it may.
        """
        stride = min(self.model.stride, self.model.length)
        drawn = torch.rand(len(self.trainable), generator=rng, device=self.device, dtype=torch.float64)
        cut = (stride * drawn).long()
        runs = (self.counts[self.trainable] - 1 + cut + stride - 1) // stride
        users, cut, before = (torch.repeat_interleave(x, runs) for x in (self.trainable, cut, runs.cumsum(0) - runs))
        run = torch.arange(len(users), device=self.device) - before
        # Places in the user's history: a run is of those after `start` up to `last`.
        start = (run * stride - cut).clamp(min=0)
        last = torch.minimum((run + 1) * stride - cut, self.counts[users] - 1)
        lengths = (last + 1).clamp(max=self.model.length + 1)
        ends = self.ends[users] - self.counts[users] + last + 1
        mixed = torch.randperm(len(users), generator=rng, device=self.device)
        order = mixed[lengths[mixed].argsort(stable=True)]
        return users[order], ends[order], lengths[order], (last - start)[order]

    def _padded(self, ends: Tensor, lengths: Tensor, width: int) -> Tensor:
        """The places of the last `lengths` [b] entries before `ends` [b], at the right of [b, width]."""
        back = torch.arange(width, 0, -1, device=self.device)
        return torch.where(back <= lengths[:, None], ends[:, None] - back, len(self.items) - 1)

    def encode(self, params: Params) -> Tables:
        return {**params, "weights": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Windows)
        rng = torch_rng(batch.seed, "dropout", device=self.device)
        weights = tables["weights"]
        embedded = self._embedded(tables, self.items[batch.entries])
        states = self._states(tables, embedded, weights[batch.entries], rng).flatten(0, 1)[batch.at]
        return weights[batch.following] * self._surprise(tables, states, self.items[batch.following], batch.seed)

    def _surprise(self, tables: Tables, states: Tensor, following: Tensor, seed: int) -> Tensor:
        """-log softmax of the items `following` [b] after `states` [b, dim], over all items or the drawn ones."""
        drawn = self.model.candidates
        right = (states * embedding(following, tables["items"])).sum(1)
        if self.n_items <= drawn:
            return (states @ tables["items"].T).logsumexp(1) - right
        rng = torch_rng(seed, "candidates", device=self.device)
        others = torch.randint(self.n_items, (drawn,), generator=rng, device=self.device)
        logits = states @ embedding(others, tables["items"]).T
        logits.masked_fill_(others == following[:, None], -math.inf)
        return softplus(logits.logsumexp(1) + math.log((self.n_items - 1) / drawn) - right)

    def _embedded(self, tables: Tables, items: Tensor) -> Tensor:
        return math.sqrt(self.model.dim) * embedding(items, tables["items"])

    def _states(self, tables: Tables, embedded: Tensor, weights: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """The state after each of the embedded items [b, width, dim], whose `weights` [b, width] are 0 for padding."""
        width = embedded.shape[1]
        seen = weights[:, None, :] * torch.ones(width, width, device=self.device).tril()
        x = self._dropped(embedded + tables["positions"][self.model.length - width :], rng)
        for k in range(self.model.blocks):
            mixed = _normalized(x, tables[f"attention-{k}-norm"]) @ tables[f"attention-{k}"]
            x = x + self._dropped(_attended(mixed + tables[f"attention-{k}-bias"], seen), rng)
            inner = _normalized(x, tables[f"inner-{k}-norm"]) @ tables[f"inner-{k}"] + tables[f"inner-{k}-bias"]
            x = x + self._dropped(gelu(inner) @ tables[f"outer-{k}"] + tables[f"outer-{k}-bias"], rng)
        return _normalized(x, tables["norm"])

    def _dropped(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        if rng is None:
            return x
        kept = torch.rand(x.shape, generator=rng, device=self.device) >= self.model.dropout
        return x * kept / (1 - self.model.dropout)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        lengths = self.counts[users].clamp(max=self.model.length)
        entries = self._padded(self.ends[users], lengths, self.model.length)
        embedded = self._embedded(tables, self.items[entries])
        return self.scores_embedded(tables, embedded, tables["weights"][entries])

    def embed(self, tables: Tables, histories: Histories) -> tuple[Tensor, Tensor]:
        """The latest items of each history embedded, [b, length, dim], padded at the left, and their mask."""
        back = np.arange(self.model.length, 0, -1)
        mask = back <= histories.lengths[:, None]
        items = np.append(histories.items, 0)[np.where(mask, histories.indptr[1:, None] - back, len(histories.items))]
        known = torch.tensor(items, dtype=torch.int64, device=self.device)
        return self._embedded(tables, known), torch.tensor(mask, device=self.device)

    def scores_embedded(self, tables: Tables, embedded: Tensor, mask: Tensor) -> Tensor:
        """Scores of the next item [b, n_items] after embedded histories, differentiable in them."""
        return self._states(tables, embedded, mask.to(embedded))[:, -1] @ tables["items"].T

    def finish(self, params: Params) -> SequenceScorer:
        with torch.no_grad():
            return SequenceScorer(self, {name: table.detach() for name, table in self.encode(params).items()})


@dataclass(frozen=True, eq=False)
class SequenceScorer(FittedProblem):
    """A scorer that knows the histories of its users and works from others as well."""

    problem: SASRecProblem

    def score_histories(self, histories: Histories) -> Tensor:
        """Scores of the next item, [len(histories), n_items]."""
        with torch.no_grad():
            return self.problem.scores_embedded(self.tables, *self.problem.embed(self.tables, histories))


def _normalized(x: Tensor, scale_and_shift: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:], scale_and_shift[0], scale_and_shift[1])


def _attended(mixed: Tensor, seen: Tensor) -> Tensor:
    """What each place [b, width] takes from those that it sees, [b, width, dim], given queries, keys and values side by
    side and how much it sees of each place [b, width, width]; nothing where it sees none."""
    queries, keys, values = mixed.chunk(3, dim=2)
    logits = (queries @ keys.mT / math.sqrt(queries.shape[2])).masked_fill(seen == 0, -1e9)
    attention = seen * (logits - logits.detach().amax(2, keepdim=True)).exp()
    return attention @ values / attention.sum(2, keepdim=True).clamp(min=1e-6)
