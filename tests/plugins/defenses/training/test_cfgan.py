"""The collaborative GAN: what it hides, and that it finds what is missing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recbench.data import Interactions
from recbench_plugins.defenses.training import cfgan
from recbench_plugins.defenses.training.cfgan import CFGAN, Generator, hidden_tenth

SHORT = CFGAN(hidden=32, share=0.7, alpha=0.03, lr=3e-3, batch=32, steps=300, judge_every=100, patience=3)


@pytest.fixture(scope="module")
def niches() -> tuple[Interactions, np.ndarray]:
    """120 users of three niches of 30 items each, who have half of theirs, and whom each item is for."""
    rng = np.random.default_rng(0)
    wanted = np.arange(120)[:, None] % 3 == np.arange(90) // 30
    users, items = np.nonzero(wanted & (rng.random(wanted.shape) < 0.5))
    return Interactions(users, items, 120, 90), wanted


def test_a_tenth_of_every_users_interactions_is_hidden(niches: tuple[Interactions, np.ndarray]) -> None:
    data, _ = niches
    hidden = hidden_tenth(data, 0)
    assert (np.bincount(data.users[hidden], minlength=120) == data.user_counts // 10).all()
    assert (hidden_tenth(data, 1) != hidden).any()


def test_what_it_finds_missing_is_what_users_want_three_times_as_often_as_by_popularity(
    niches: tuple[Interactions, np.ndarray],
) -> None:
    data, wanted = niches
    users, items = SHORT.fit(data, 0, "cpu").missing(data, np.full(120, 5))
    assert not data.contains(users, items).any()
    free = np.where(data.csr.toarray() > 0, -1, data.item_counts)
    popular = np.argsort(-free, axis=1)[:, :5]
    by_popularity = np.take_along_axis(wanted, popular, axis=1).mean()
    assert wanted[users, items].mean() > min(0.95, 3 * by_popularity)


def test_training_ends_where_no_judgement_finds_more(
    niches: tuple[Interactions, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, steps = niches[0], []
    monkeypatch.setattr(cfgan.Contest, "step", lambda self, beside: steps.append(beside))  # nothing is learned
    replace(SHORT, steps=1000, judge_every=10, patience=3).fit(data, 0, "cpu")
    assert len(steps) == 10 + 3 * 10


def test_missing_items_come_best_first_and_as_many_as_are_asked_for_whatever_the_block(
    niches: tuple[Interactions, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, _ = niches
    generator = Generator(120, 8, 0, "cpu")
    counts = np.arange(120) % 4
    users, items = generator.missing(data, counts)
    assert (np.bincount(users, minlength=120) == counts).all()
    scores = generator(torch.tensor(data.csr.T.toarray())).detach().numpy().T
    scores[data.csr.toarray() > 0] = -np.inf
    for user in (3, 7):
        assert (items[users == user] == np.argsort(-scores[user])[:3]).all()
    monkeypatch.setattr(cfgan, "BLOCK", 7)
    again = generator.missing(data, counts)
    assert (again[0] == users).all()
    assert (again[1] == items).all()


def test_an_item_that_nobody_has_is_missed_by_nobody() -> None:
    data = Interactions(np.array([0, 1, 2]), np.array([0, 0, 1]), 3, 4)
    users, items = Generator(3, 4, 0, "cpu").missing(data, np.full(3, 4))
    assert set(zip(users.tolist(), items.tolist(), strict=True)) == {(0, 1), (1, 1), (2, 0)}


def test_the_generator_that_finds_most_is_kept(
    niches: tuple[Interactions, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the second of three judgements finds anything: what is kept is what it judged."""
    data, _ = niches
    hidden = data.select(hidden_tenth(data, 0))
    nobody = np.zeros(0, np.int64)
    judged: list[torch.Tensor] = []

    def found(self: Generator, train: Interactions, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        judged.append(self.layers[0].weight.detach().clone())
        return (hidden.users, hidden.items) if len(judged) == 2 else (nobody, nobody)

    monkeypatch.setattr(Generator, "missing", found)
    kept = SHORT.fit(data, 0, "cpu")
    assert len(judged) == 3
    assert torch.equal(kept.layers[0].weight, judged[1])
    assert not torch.equal(judged[1], judged[2])
