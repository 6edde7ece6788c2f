"""A GAN's discriminator: who is unlike the rest, on either side, whatever users are called."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from recbench.contracts import FitContext
from recbench.data import Interactions
from recbench.evaluation.detection import roc_auc
from recbench_plugins.defenses.detection import gan_discriminator
from recbench_plugins.defenses.detection.gan_discriminator import GANDiscriminator, by_content, two_sided

CTX = FitContext(seed=3)
SHORT = GANDiscriminator(networks=1)


@pytest.fixture(scope="module")
def niches() -> tuple[Interactions, np.ndarray]:
    """200 users of two niches of 40 items each among 120, and 10 more who take items at random or the same ones."""
    rng = np.random.default_rng(0)
    chance = np.full((210, 120), 0.0)
    chance[:100, :40], chance[100:200, 40:80] = 0.3, 0.3
    chance[200:] = 0.1
    dense = rng.random(chance.shape) < chance
    ids = rng.permutation(210)
    users, items = np.nonzero(dense)
    fake = np.zeros(210, dtype=bool)
    fake[ids[200:]] = True
    return Interactions(ids[users], items, 210, 120), fake


def test_rows_unlike_all_others_score_lower_and_are_suspected(niches: Any) -> None:
    data, fake = niches
    ordered, place = by_content(data)
    scores = SHORT.scores(ordered, CTX)[place]
    assert roc_auc(-scores, fake) > 0.95
    assert roc_auc(SHORT.inspect(data, CTX).suspicion, fake) > 0.9


def test_the_discriminator_is_taught_that_users_are_genuine_and_made_rows_are_not(
    niches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of users score above the generator's; with the labels exchanged they would score below."""
    made = {}

    def noting(generator: Any, discriminator: Any, *rest: Any) -> Any:
        made["pair"] = generator, discriminator
        return contest(generator, discriminator, *rest)

    contest = gan_discriminator.Contest
    monkeypatch.setattr(gan_discriminator, "Contest", noting)
    data, _ = niches
    SHORT.inspect(data, CTX)
    generator, discriminator = made["pair"]
    with torch.no_grad():
        fake = discriminator(generator(data.user_counts, seed=1).matrix())
        real = discriminator(torch.tensor(data.csr.toarray(), dtype=torch.float32))
    assert real.mean() > fake.mean() + 0.5


@pytest.mark.parametrize(("attack", "side"), [("random", -1), ("popular", 1)])
def test_fakes_are_on_the_side_that_their_attack_puts_them(
    poisoned: Callable[..., Any], attack: str, side: int
) -> None:
    data, fake = poisoned("ml-100k", 0.03, attack)
    ordered, place = by_content(data)
    detector = GANDiscriminator()
    scores = detector.scores(ordered, CTX)[place]
    assert roc_auc(side * scores, fake) > 0.85
    assert roc_auc(two_sided(scores), fake) > 0.8


def test_names_of_users_and_the_order_of_rows_change_no_score(niches: Any, relabelled: Callable[..., Any]) -> None:
    data, _ = niches
    renamed, ids = relabelled(data)
    one, other = SHORT.inspect(data, CTX), SHORT.inspect(renamed, CTX)
    assert np.allclose(other.suspicion[ids], one.suspicion, rtol=1e-5, atol=1e-6)
    assert np.array_equal(other.keep[ids], one.keep)


def test_who_has_nothing_is_not_suspected() -> None:
    data = Interactions([0, 0, 1, 2, 2], [0, 1, 2, 1, 3], n_users=5, n_items=4)
    verdict = GANDiscriminator(networks=1, steps=2, batch=4).inspect(data, CTX)
    verdict.check(5)
    assert (verdict.suspicion[3:] == 0).all()


def test_distances_are_measured_in_the_deviations_of_their_side() -> None:
    scores = np.concatenate([np.linspace(-10, 0, 50), np.linspace(0, 1, 51)[1:]])
    found = two_sided(scores)
    below, above = np.percentile(scores, [16, 95])
    assert found[np.abs(scores - below).argmin()] == pytest.approx(1, abs=0.03)
    assert found[np.abs(scores - above).argmin()] == pytest.approx(1, abs=0.03)
