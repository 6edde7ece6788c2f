"""Every differentiable recommender gives an attack the gradient of its whole training."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from contracts.planted import appended, budget, planted, random_profiles
from torch import Tensor

from recbench.contracts import Differentiable, FitContext, RelaxedProfiles, unroll
from recbench.data import Catalog
from recbench_plugins.recommenders.item_autoencoder import ItemAutoencoder
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE
from recbench_plugins.recommenders.neumf import NeuMF
from recbench_plugins.recommenders.sasrec import SASRec
from recbench_plugins.recommenders.simgcl import SimGCL
from recbench_plugins.recommenders.unisrec import UniSRec


@dataclass(frozen=True)
class DrawsVectors(UniSRec):
    """Texts as vectors drawn by lot."""

    def vectors(self, texts: tuple[str, ...], device: str) -> np.ndarray:
        return np.random.default_rng(0).standard_normal((len(texts), 6))


MODELS = {
    "item-autoencoder": ItemAutoencoder(hidden=6, bottleneck=4, lr=0.02, l2=3.0, epochs=3),
    "lightgcn": LightGCN(dim=6, layers=2, lr=0.05, l2=0.01, epochs=3, batch_size=64),
    "multivae": MultiVAE(hidden=6, latent=3, lr=0.02, epochs=3, batch_users=16),
    "neumf": NeuMF(dim=4, lr=0.02, l2=0.01, epochs=3, batch_size=64),
    "sasrec": SASRec(dim=8, length=8, lr=0.003, epochs=2, batch_size=80),
    "simgcl": SimGCL(dim=6, layers=2, contrast=0.2, lr=0.05, l2=0.01, epochs=3, batch_size=64),
    "unisrec": DrawsVectors(dim=4, length=5, dropout=0.3, lr=0.02, epochs=3, batch_size=80),
}
CTX = FitContext(seed=0, catalog=Catalog(titles=tuple(map(str, range(40)))))


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Differentiable:
    return MODELS[request.param]


@pytest.mark.usefixtures("double_precision")
def test_the_gradient_to_the_weights_through_the_training_equals_finite_differences(model: Differentiable) -> None:
    data = planted(n_users=20)
    support = RelaxedProfiles.of(random_profiles(budget(2, 5), 0), data.n_items)
    weights = 0.6 + 0.3 * torch.rand(10, generator=torch.Generator().manual_seed(0))

    def loss(at: Tensor) -> Tensor:
        problem = model.problem(data, CTX, replace(support, weights=at))
        params = unroll(problem, seed=1)
        return problem.scores(problem.encode(params), torch.arange(20)).log_softmax(1)[:, -1].mean()

    (gradient,) = torch.autograd.grad(loss(weights.requires_grad_()), weights)
    differences = torch.stack([(loss(weights + h) - loss(weights - h)).detach() / 4e-6 for h in 2e-6 * torch.eye(10)])
    assert differences.norm() > 1e-6
    assert (gradient - differences).norm() / differences.norm() < 1e-5


def test_fakes_of_weight_one_train_as_genuine_users(model: Differentiable) -> None:
    data, profiles = planted(), random_profiles(budget(4, 8), 0)
    relaxed = model.problem(data, CTX, RelaxedProfiles.of(profiles, data.n_items))
    discrete = model.problem(appended(data, profiles), CTX)
    together = [unroll(problem, seed=7, last=0) for problem in (relaxed, discrete)]
    for name, table in together[0].items():
        torch.testing.assert_close(table, together[1][name])
    # Not only the parameters: a new user's row of scores reads the fakes too.
    everyone = torch.arange(relaxed.n_users)
    scores = [
        problem.scores(problem.encode(p), everyone) for problem, p in zip((relaxed, discrete), together, strict=True)
    ]
    torch.testing.assert_close(scores[0], scores[1])


def test_fakes_change_no_initialization(model: Differentiable) -> None:
    data, fakes = planted(), RelaxedProfiles.of(random_profiles(budget(4, 8), 0), 40)
    clean, poisoned = model.problem(data, CTX).init(9), model.problem(data, CTX, fakes).init(9)
    for name, table in clean.items():
        assert torch.equal(poisoned[name][: len(table)], table)
