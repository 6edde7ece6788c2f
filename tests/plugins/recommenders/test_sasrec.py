"""SASRec: it sees the past alone, its loss is the softmax over the next item, and it learns order."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from contracts.planted import planted

from recbench.contracts import EmbedsHistories, FitContext, Params, RelaxedProfiles, Sequential, torch_rng
from recbench.data import Histories
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.sasrec import SASRec, SASRecProblem, Windows

SMALL = SASRec(dim=8, length=6, dropout=0.0, epochs=4, batch_size=80)
CTX = FitContext(seed=0)


def _drawn(problem: SASRecProblem) -> Params:
    """Parameters without structure."""
    return {k: v + 0.3 * torch.randn(v.shape, generator=torch_rng(3, k)) for k, v in problem.init(0).items()}


def _histories(*lists: list[int]) -> Histories:
    lengths = [len(items) for items in lists]
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), np.fromiter(chain(*lists), dtype=np.int32))


def _batch(problem: SASRecProblem, epoch: int = 0) -> Windows:
    return next(iter(problem.batches(0, epoch)))


def test_every_example_is_an_item_and_all_that_its_user_clicked_before_in_the_window(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    batch = max(problem.batches(0, 0), key=lambda step: len(step.at))
    width = batch.entries.shape[1]
    assert len(batch.at) > 50
    for user, at, following in zip(batch.users.tolist(), batch.at.tolist(), batch.following.tolist(), strict=True):
        first, last = small.indptr[user : user + 2]
        assert first < following < last
        before = [entry for entry in batch.entries[at // width, : at % width + 1].tolist() if entry < len(small)]
        assert before == list(range(following - len(before), following))
        assert first <= before[0]


def test_the_loss_is_the_softmax_of_the_scores_after_the_items_before(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    tables = problem.encode(_drawn(problem))
    batch = _batch(problem)
    width = batch.entries.shape[1]
    losses = problem.losses(tables, batch)
    # One by one, with nothing after them: so no state sees what follows it, nor another user's items.
    for k in range(0, len(batch.at), 7):
        before = batch.entries[batch.at[k] // width, : batch.at[k] % width + 1]
        mask = (before < len(small))[None]
        padded = torch.nn.functional.pad(before[None], (width - len(before), 0), value=len(small))
        shift = width - len(before)
        moved = {**tables, "positions": tables["positions"].roll(shift, 0)}
        embedded = problem._embedded(tables, problem.items[padded])
        scores = problem.scores_embedded(moved, embedded, torch.nn.functional.pad(mask, (shift, 0)))
        expected = -scores.log_softmax(1)[0, problem.items[batch.following[k]]]
        torch.testing.assert_close(losses[k], expected, rtol=1e-4, atol=1e-5)


def test_drawn_candidates_stand_for_the_whole_catalogue_in_expectation(small: Interactions) -> None:
    whole, drawn = (replace(SMALL, candidates=c).problem(small, CTX) for c in (20, 19))
    tables = whole.encode(_drawn(whole))
    batch = _batch(whole)
    losses = whole.losses(tables, batch)
    each = torch.stack([drawn.losses(tables, replace(batch, seed=seed)) for seed in range(300)])
    # exp(loss) is the sum over the softmax's items relative to the right one's, which the draw estimates unbiased
    # but for the draws that fall on the right item: a share of 1 in 20.
    torch.testing.assert_close((each.exp() - 1).mean(), (losses.exp() - 1).mean(), rtol=0.05, atol=0)


def test_scores_of_users_are_those_of_their_histories_and_of_their_latest_items_alone(small: Interactions) -> None:
    scorer = SMALL.fit(small, CTX)
    assert isinstance(scorer, Sequential)
    scores = scorer.score(np.arange(50))
    torch.testing.assert_close(scorer.score_histories(small.histories), scores, rtol=1e-4, atol=1e-5)
    latest = _histories(*(small.histories[user][-6:].tolist() for user in range(50)))
    torch.testing.assert_close(scorer.score_histories(latest), scores, rtol=1e-4, atol=1e-5)


def test_embedded_histories_carry_the_gradient_that_evasion_needs(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    assert isinstance(problem, EmbedsHistories)
    tables = problem.encode(_drawn(problem))
    embedded, mask = problem.embed(tables, _histories([3, 1], []))
    assert mask.sum(1).tolist() == [2, 0]
    gradient = torch.func.grad(lambda at: problem.scores_embedded(tables, at, mask)[0, 4])(embedded)
    assert (gradient[0, -2:] != 0).all()
    assert not gradient[0, :-2].any()
    assert not gradient[1].any()


def test_an_interaction_of_a_fake_counts_as_much_as_its_weight_in_what_sees_it_and_in_the_loss() -> None:
    data = planted(n_users=12)
    profiles = RelaxedProfiles(torch.tensor([0, 3]), torch.tensor([5, 9, 2]), torch.ones(3), data.n_items)
    problem = SMALL.problem(data, CTX, profiles)
    params = _drawn(problem)
    tables = problem.encode(params)
    entry = len(problem.items) - 1 - 3
    faint = {**tables, "weights": tables["weights"].index_fill(0, torch.tensor([entry]), 1e-7)}
    last = torch.tensor([12])
    unseen = {**tables, "weights": tables["weights"].index_fill(0, torch.tensor([entry]), 0.0)}
    torch.testing.assert_close(problem.scores(faint, last), problem.scores(unseen, last), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(problem.scores(tables, last), problem.scores(unseen, last), atol=1e-2)
    batch = next(b for b in problem.batches(0, 0) if 12 in b.users)
    second = batch.following == entry + 1
    halved = {**tables, "weights": tables["weights"].index_fill(0, torch.tensor([entry + 1]), 0.5)}
    torch.testing.assert_close(problem.losses(halved, batch)[second], problem.losses(tables, batch)[second] / 2)


@pytest.mark.parametrize("stride", [1, 4, 6, 100])
def test_an_epoch_predicts_every_item_but_the_first_of_each_user_once_with_all_that_a_window_holds_before_it(
    stride: int,
) -> None:
    lengths = np.random.default_rng(1).permutation(np.arange(60) % 20)
    items = np.concatenate([np.arange(length) for length in lengths])
    data = Interactions(np.repeat(np.arange(60), lengths), items, 60, 20)
    problem = replace(SMALL, stride=stride).problem(data, CTX)
    following = []
    for batch in problem.batches(0, 0):
        width = batch.entries.shape[1]
        known = (batch.entries < len(data)).sum(1)
        for at, entry, user in zip(batch.at.tolist(), batch.following.tolist(), batch.users.tolist(), strict=True):
            # The windows end with a run of at most `stride`: what is predicted has nearly a whole one before it.
            seen = at % width + 1 - (width - int(known[at // width]))
            assert seen >= min(entry - data.indptr[user], SMALL.length - min(stride, SMALL.length) + 1)
            following.append(entry)
    firsts = data.indptr[:-1][lengths > 0]
    assert sorted(following) == np.setdiff1d(np.arange(len(data)), firsts).tolist()


def test_steps_of_an_epoch_are_of_about_the_same_size_with_little_padding_and_in_no_order_of_length() -> None:
    lengths = np.random.default_rng(1).permutation(np.arange(200) % 50)
    items = np.concatenate([np.arange(length) for length in lengths])
    data = Interactions(np.repeat(np.arange(200), lengths), items, 200, 50)
    problem = replace(SMALL, length=30, stride=30, batch_size=120).problem(data, CTX)
    batches = list(problem.batches(0, 0))
    sizes = [len(batch.at) for batch in batches]
    assert sum(sizes) == (lengths - 1)[lengths > 1].sum()
    assert max(sizes) <= 120 + 30
    assert sum(size >= 120 - 30 for size in sizes) >= len(sizes) - 1
    places = sum(batch.entries.numel() for batch in batches)
    assert places < 1.1 * sum(int((batch.entries < len(data)).sum()) for batch in batches)
    widths = [batch.entries.shape[1] for batch in batches]
    assert widths != sorted(widths)


def test_runs_are_cut_in_other_places_each_epoch() -> None:
    data = Interactions(np.zeros(30, np.int32), np.arange(30, dtype=np.int32), 1, 30)
    problem = replace(SMALL, stride=5).problem(data, CTX)
    ends = [frozenset(problem._windows(torch_rng(0, epoch))[1].tolist()) for epoch in range(60)]
    assert len(set(ends)) == 5
    assert set.union(*map(set, ends)) == set(range(2, 31))


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    dropping = replace(SMALL, dropout=0.3)
    first, again, other = (dropping.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_learns_in_what_order_items_are_clicked() -> None:
    data = planted(n_users=200)
    scorer = replace(SMALL, dim=16, dropout=0.1, epochs=40).fit(data, CTX)
    starts = np.array([k for k in range(36) if k % 10 < 6])
    scores = scorer.score_histories(_histories(*([int(k), int(k) + 1, int(k) + 2] for k in starts)))
    expected = torch.tensor(starts + 3)
    assert (scores.argmax(1) == expected).float().mean() > 0.9


@pytest.mark.parametrize("length", [1, 50])
def test_windows_shorter_and_longer_than_every_history_can_be_trained_on(small: Interactions, length: int) -> None:
    assert torch.isfinite(replace(SMALL, length=length, epochs=1).fit(small, CTX).score(np.arange(50))).all()
