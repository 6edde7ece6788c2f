"""Truncated loss: what is dropped, when, and that planted noise is dropped first."""

from typing import Any

import numpy as np
import torch
from contracts.planted import planted

from recbench.contracts import FitContext, mean_loss, train
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.training.truncated_loss import TruncatedLoss, Truncation, truncated
from recbench_plugins.recommenders.bpr_mf import BPRMF, Triples

CTX = FitContext(seed=0)


def test_the_largest_losses_are_dropped_and_no_more_than_the_share() -> None:
    losses = torch.tensor([3.0, 1.0, 5.0, 2.0, 4.0])
    assert sorted(truncated(losses, 0.4).tolist()) == [1.0, 2.0, 3.0]
    assert sorted(truncated(losses, 0.39).tolist()) == [1.0, 2.0, 3.0, 4.0]
    assert torch.equal(truncated(losses, 0.1), losses)


def test_the_share_grows_evenly_and_then_stays() -> None:
    shares = [TruncatedLoss(most=0.2, ramp=4).share(epoch) for epoch in range(7)]
    np.testing.assert_allclose(shares, [0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])


def test_a_step_descends_the_mean_of_what_is_left_and_the_penalty(one_step: Any) -> None:
    _, problem, params, batch = one_step
    losses = problem.losses(problem.encode(params), batch)
    kept = losses.sort().values[: len(losses) - int(0.3 * len(losses))]
    step = Truncation(0.3).step(problem, params, batch)
    torch.testing.assert_close(step, kept.mean() + problem.penalty(params, batch))
    torch.testing.assert_close(Truncation(0.0).step(problem, params, batch), mean_loss(problem, params, batch))


def test_with_nothing_to_drop_it_is_plain_training_and_else_it_is_not(one_step: Any) -> None:
    model, problem, *_ = one_step
    everyone = np.arange(60)
    plain = train(problem, CTX, mean_loss).score(everyone)
    none, some = (TruncatedLoss(most=m, ramp=2).fit(model, planted(), CTX).scorer.score(everyone) for m in (0.0, 0.3))
    torch.testing.assert_close(none, plain)
    assert not torch.allclose(some, plain, atol=1e-3)


def test_planted_noise_has_more_than_twice_its_share_among_what_is_dropped() -> None:
    clean = planted(n_users=200)
    rng = np.random.default_rng(0)
    users = rng.integers(200, size=400)
    items = rng.integers(clean.n_items, size=400)
    keys = np.unique(users * clean.n_items + items)
    keys = keys[~clean.contains(keys // clean.n_items, keys % clean.n_items)][:150]
    noisy = Interactions(
        np.concatenate([clean.users, keys // clean.n_items]),
        np.concatenate([clean.items, keys % clean.n_items]),
        200,
        clean.n_items,
    )
    scorer: Any = TruncatedLoss(most=0.2, ramp=5).fit(BPRMF(dim=6, epochs=20, batch_size=256), noisy, CTX).scorer
    dropped, noise = [], []
    for batch in scorer.problem.batches(seed=9, epoch=0):
        assert isinstance(batch, Triples)
        losses = scorer.problem.losses(scorer.tables, batch)
        dropped.append((losses >= losses.topk(int(0.2 * len(losses))).values.min()).numpy())
        noise.append(np.isin((batch.users * clean.n_items + batch.positives).numpy(), keys))
    dropped, noise = np.concatenate(dropped), np.concatenate(noise)
    assert noise[dropped].mean() > 2 * noise.mean()
