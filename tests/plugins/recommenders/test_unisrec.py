"""UniSRec: items are what is written about them, so that one which nobody has clicked is ranked by its text."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from contracts.planted import planted

from recbench.contracts import FitContext, RecbenchError, Sequential, torch_rng
from recbench.data import Catalog, Interactions
from recbench_plugins.recommenders.unisrec import UniSRec, UniSRecProblem, texts_of

BLOCKS = 4
TITLED = Catalog(titles=tuple(f"item {k} of block {k % BLOCKS}" for k in range(40)))
CTX = FitContext(seed=0, catalog=TITLED)


@dataclass(frozen=True)
class ReadsBlocks(UniSRec):
    """An encoder that sees the block that a text names, and noise."""

    noise: float = 0.3

    def vectors(self, texts: tuple[str, ...], device: str) -> np.ndarray:
        blocks = np.array([int(text.rsplit(" ", 1)[1]) for text in texts])
        noise = self.noise * np.random.default_rng(1).standard_normal((len(texts), 12))
        return (np.eye(12)[blocks] + noise).astype(np.float32)


SMALL = ReadsBlocks(dim=8, length=6, dropout=0.0, epochs=4, batch_size=80)


def _shoppers(cold: list[int]) -> Interactions:
    """120 users who click six items of one block each, none of them cold."""
    rng = np.random.default_rng(0)
    warm = [np.setdiff1d(np.arange(block, 40, BLOCKS), cold) for block in range(BLOCKS)]
    items = np.concatenate([rng.choice(warm[user % BLOCKS], 6, replace=False) for user in range(120)])
    return Interactions(np.repeat(np.arange(120), 6), items, 120, 40)


def _first_of_the_cold(model: UniSRec, cold: list[int]) -> float:
    """The share of users whose best cold item is one of their block."""
    scores = model.fit(_shoppers(cold), CTX).score(np.arange(120))[:, cold]
    return float((np.array(cold)[scores.argmax(1).numpy()] % BLOCKS == np.arange(120) % BLOCKS).mean())


def test_without_rows_of_their_own_items_that_nobody_has_clicked_are_ranked_by_their_text() -> None:
    cold = list(range(32, 40))
    model = replace(SMALL, dim=16, epochs=30, ids=False)
    assert _first_of_the_cold(model, cold) > 0.9
    assert _first_of_the_cold(replace(model, noise=100.0), cold) < 0.6


def test_an_item_is_its_adapted_text_and_beside_it_a_row_of_its_own(small: Interactions) -> None:
    catalog = Catalog(titles=tuple(f"{k} {k % BLOCKS}" for k in range(small.n_items)))
    for ids in (True, False):
        problem = replace(SMALL, ids=ids).problem(small, replace(CTX, catalog=catalog))
        params = {k: v + 0.3 * torch.randn(v.shape, generator=torch_rng(3, k)) for k, v in problem.init(0).items()}
        texts = SMALL.vectors(catalog.titles, "cpu").astype(np.float64)
        texts -= texts.mean(0)
        texts /= np.linalg.norm(texts, axis=1, keepdims=True)
        expected = texts @ params["adaptor"].numpy() + params["adaptor-bias"].numpy()
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        assert ("ids" in params) == ids
        if ids:
            expected += params["ids"].numpy()
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(problem.encode(params)["items"], expected, rtol=1e-4, atol=1e-5)


def test_a_score_is_the_cosine_of_state_and_item_over_the_temperature() -> None:
    problem = SMALL.problem(planted(), CTX)
    assert isinstance(problem, UniSRecProblem)
    warm, cold = (replace(SMALL, temperature=t).problem(planted(), CTX) for t in (0.5, 0.05))
    params, users = warm.init(0), torch.arange(10)
    scores = warm.scores(warm.encode(params), users)
    assert scores.abs().max() <= 1 / 0.5 + 1e-5
    torch.testing.assert_close(cold.scores(cold.encode(params), users), 10 * scores)
    # The states that gave the scores, which the items span, have length 1 / .5.
    items = warm.encode(params)["items"]
    states = torch.linalg.lstsq(items, scores.T).solution.T
    torch.testing.assert_close(states.norm(dim=1), torch.full((10,), 2.0), rtol=1e-3, atol=1e-3)


def test_the_losses_are_those_of_the_softmax_over_its_scores() -> None:
    problem = SMALL.problem(planted(), CTX)
    tables = problem.encode(problem.init(0))
    batch = next(iter(problem.batches(0, 0)))
    width = batch.entries.shape[1]
    states = problem._states(
        tables, problem._embedded(tables, problem.items[batch.entries]), tables["weights"][batch.entries]
    )
    logits = states.reshape(-1, 8)[batch.at] @ tables["items"].T
    assert width > 1
    expected = -logits.log_softmax(1)[torch.arange(len(batch.at)), problem.items[batch.following]]
    torch.testing.assert_close(problem.losses(tables, batch), expected, rtol=1e-4, atol=1e-5)


def test_its_scorer_works_from_histories_alone() -> None:
    data = planted()
    scorer = SMALL.fit(data, CTX)
    assert isinstance(scorer, Sequential)
    torch.testing.assert_close(scorer.score_histories(data.histories), scorer.score(np.arange(60)))


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    model = replace(SMALL, dropout=0.3)
    first, again, other = (model.fit(planted(), replace(CTX, seed=s)).score(np.arange(60)) for s in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_all_that_a_catalogue_says_of_an_item_is_its_text() -> None:
    catalog = Catalog(titles=("Jaws", ""), genres=(("Action", "Horror"), ()), texts=("A shark.", "Nobody knows."))
    assert texts_of(catalog) == ("Jaws. Action, Horror. A shark.", "Nobody knows.")


def test_a_catalogue_that_says_nothing_is_refused() -> None:
    with pytest.raises(RecbenchError, match="needs data with titles or texts"):
        SMALL.fit(planted(), FitContext(0))
