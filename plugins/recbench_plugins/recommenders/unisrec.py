"""Self-attention over a user's latest items, which are embedded by what is written about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import normalize

from recbench.contracts import FitContext, Params, RecbenchError, RelaxedProfiles, Tables
from recbench.data import Catalog, Interactions
from recbench_plugins.recommenders.acceleration import in_bfloat16
from recbench_plugins.recommenders.initialization import normal_table
from recbench_plugins.recommenders.sasrec import SASRec, SASRecProblem
from recbench_plugins.recommenders.sentence_encoder import sentence_vectors


@dataclass(frozen=True)
class UniSRec(SASRec):
    """UniSRec (Hou, Mu, Zhao, Li, Ding, Wen, "Towards universal sequence representation learning for recommender
    systems", KDD 2022, eqs. 1, 4-6, 10-11). The text of an item becomes a vector x by a frozen sentence encoder. An
    adaptor and, in the transductive setting, a row of the item's own make its embedding, under the blocks of `sasrec`,

        e = xW + b + id,   score of i next = cos(state, e_i) / temperature,   loss = -log softmax over the items.

    In the inductive setting there are no rows of items' own, so that items which nobody has clicked are ranked by their
    text. Text is what the catalogue holds: titles, genres, categories, descriptions, whichever there are. It is fixed:
    fakes bring clicks, not words. Departures: vectors are of all-MiniLM-L6-v2 [384], less their mean and normalized,
    without which all of them look alike to a cosine; one adaptor in place of eight gated ones, no dropout in it, and no
    pre-training on other shops, since there is one data set; xW + b is normalized before the item's row is added, and
    that begins small: at first an item is its text.

    Texts are encoded once a process, at about 7 CPU ms a title. Figures for items with few interactions:
    docs/validation/text.md.

    Args:
        ids: rows of items' own beside their text (transductive), or text alone (inductive).
        temperature: of the softmax; .07 in the paper.
        dropout, lr, candidates, batch_size: as in `sasrec`; chosen on a validation part of amazon-video-games.
    """

    ids: bool = True
    temperature: PositiveFloat = 0.07
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    lr: PositiveFloat = 0.003
    candidates: PositiveInt = 1024
    batch_size: PositiveInt = 1024

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> UniSRecProblem:
        """Build the training problem.

        Raises:
            PluginError: the library of the sentence encoder is not installed.
            RecbenchError: its weights are not to be had; nothing is written about the items.
        """
        texts = torch.tensor(self.vectors(texts_of(ctx.catalog), ctx.device), device=ctx.device)
        problem = UniSRecProblem(self, train, ctx.device, fakes, texts.to(torch.get_default_dtype()))
        return in_bfloat16(problem, ctx) if self.amp and fakes is None else problem

    def vectors(self, texts: tuple[str, ...], device: str) -> NDArray[np.float32]:
        """Vectors [len(texts), d] of the texts; another encoder takes the place of this one in a subclass."""
        return sentence_vectors(texts, device)


class UniSRecProblem(SASRecProblem):
    """As that of `sasrec`; the table of items is made of their text by `encode`."""

    model: UniSRec

    def __init__(
        self, model: UniSRec, train: Interactions, device: str, fakes: RelaxedProfiles | None, texts: Tensor
    ) -> None:
        super().__init__(model, train, device, fakes)
        self.texts = normalize(texts - texts.mean(0))

    def init(self, seed: int) -> Params:
        params = super().init(seed)
        dim, ids = self.model.dim, params.pop("items")
        if self.model.ids:
            params["ids"] = ids
        return params | {
            "adaptor": normal_table(self.texts.shape[1], dim, 0.2, seed, "adaptor", self.device),
            "adaptor-bias": torch.zeros(1, dim, device=self.device),
        }

    def encode(self, params: Params) -> Tables:
        items = normalize(self.texts @ params["adaptor"] + params["adaptor-bias"])
        if self.model.ids:
            items = normalize(items + params["ids"])
        return super().encode({**params, "items": items})

    def _states(self, tables: Tables, embedded: Tensor, weights: Tensor, rng: torch.Generator | None = None) -> Tensor:
        return normalize(super()._states(tables, embedded, weights, rng), dim=2) / self.model.temperature


def texts_of(catalog: Catalog) -> tuple[str, ...]:
    """All that is written about each item, in one line.

    Raises:
        RecbenchError: nothing is.
    """
    entries = (catalog.titles, tuple(map(", ".join, catalog.genres)), catalog.categories, catalog.texts)
    present = [entry for entry in entries if entry]
    if not present:
        raise RecbenchError("the catalogue of the items is empty; a text recommender needs data with titles or texts")
    return tuple(". ".join(filter(None, parts)) for parts in zip(*present, strict=True))
