"""amp and compile: nothing without them, nearly the same ranking with them, and a refusal where it would be another."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted
from torch import Tensor

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    RecbenchError,
    RelaxedProfiles,
    Tables,
    mean_loss,
)
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.acceleration import KEPT, Accelerable, compiled, in_bfloat16, shared
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.item_autoencoder import ItemAutoencoder
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE
from recbench_plugins.recommenders.neumf import NeuMF
from recbench_plugins.recommenders.sasrec import SASRec
from recbench_plugins.recommenders.simgcl import SimGCL
from recbench_plugins.recommenders.triples import Triples

MODELS: dict[str, Differentiable] = {
    "bpr-mf": BPRMF(dim=6, epochs=4, batch_size=64),
    "lightgcn": LightGCN(dim=6, layers=2, l2=0.01, epochs=4, batch_size=64),
    "item-autoencoder": ItemAutoencoder(hidden=6, bottleneck=4, lr=0.02, l2=3.0, epochs=20),
    "multivae": MultiVAE(hidden=8, latent=4, lr=0.02, epochs=3, batch_users=16),
    "sasrec": SASRec(dim=16, length=8, dropout=0.3, lr=0.01, epochs=3, batch_size=80),
    "neumf": NeuMF(dim=4, epochs=2, batch_size=128),
    "simgcl": SimGCL(dim=6, lr=0.05, epochs=3, batch_size=256),
}
AMP = ("item-autoencoder", "multivae", "sasrec", "neumf", "simgcl")
CTX = FitContext(seed=0)


def _scores(model: Differentiable, train: Interactions) -> Tensor:
    return torch.as_tensor(model.fit(train, CTX).score(np.arange(train.n_users)))


@pytest.fixture
def traced_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """`torch.compile` that traces the whole program, as it must be traced, and runs it as it was traced."""
    trace = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **_: trace(function, backend="eager", fullgraph=True))


# Off


@pytest.mark.parametrize("name", MODELS)
def test_without_options_a_step_descends_the_mean_loss_to_the_bit(name: str) -> None:
    problem = MODELS[name].problem(planted(), CTX)
    params = problem.init(0)
    for batch in problem.batches(0, 0):
        leaves = {k: v.clone().requires_grad_() for k, v in params.items()}
        expected = torch.autograd.grad(mean_loss(problem, leaves, batch), list(leaves.values()), materialize_grads=True)
        with torch.no_grad():
            gradients = problem.gradients(params, batch)
        assert all(torch.equal(*each) for each in zip(gradients.values(), expected, strict=True))


# amp


@pytest.mark.parametrize("name", AMP)
def test_bfloat16_moves_the_scores_and_leaves_the_lists(name: str) -> None:
    train = planted()
    model = MODELS[name]
    plain, mixed, again = (_scores(each, train) for each in (model, *[replace(model, amp=True)] * 2))
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, again)
    assert not torch.allclose(plain, mixed, rtol=1e-5)
    assert shared(plain, mixed, 10) >= KEPT


def test_bfloat16_reaches_the_known_quality_on_movielens(
    ndcg_on_movielens: Callable[[Differentiable], float],
) -> None:
    model = ItemAutoencoder(epochs=10)
    assert ndcg_on_movielens(replace(model, amp=True)) == pytest.approx(ndcg_on_movielens(model), abs=0.005)


@pytest.mark.parametrize("name", AMP)
def test_a_gradient_with_a_graph_and_relaxed_fakes_stay_in_float32(name: str) -> None:
    train, model = planted(), MODELS[name]
    plain, mixed = (each.problem(train, CTX) for each in (model, replace(model, amp=True)))
    params = {k: v.requires_grad_() for k, v in plain.init(0).items()}
    batch = next(iter(plain.batches(0, 0)))
    attached = mixed.gradients(params, batch)
    assert all(torch.equal(value, attached[k]) for k, value in plain.gradients(params, batch).items())
    with torch.no_grad():
        assert any(not torch.equal(value, attached[k]) for k, value in mixed.gradients(params, batch).items())
    fakes = RelaxedProfiles.dense(torch.full((2, train.n_items), 0.6))
    assert replace(model, amp=True).problem(train, CTX, fakes).loss is None  # type: ignore[attr-defined]


class Cancelling(Accelerable):
    """Squared errors of scores with a common part, which cancels in float32 and in bfloat16 drowns the rest."""

    def __init__(self, inner: Problem, common: float) -> None:
        self.inner, self.common = inner, common
        self.n_users, self.n_items, self.device = inner.n_users, inner.n_items, inner.device
        self.optimizer, self.epochs = inner.optimizer, inner.epochs

    def init(self, seed: int) -> Params:
        return self.inner.init(seed)

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return self.inner.batches(seed, epoch)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.inner.scores(tables, users)

    def encode(self, params: Params) -> Tables:
        return params

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        users, items = (
            torch.cat([tables[name], torch.full((len(tables[name]), 1), self.common)], dim=1)
            for name in ("users", "items")
        )
        scores = users @ items.T
        positive, negative = (scores[batch.users, of] - self.common**2 for of in (batch.positives, batch.negatives))
        return (positive - 1) ** 2 + negative**2


def test_a_ranking_that_bfloat16_changes_is_refused() -> None:
    def problem(common: float) -> Cancelling:
        return Cancelling(MODELS["bpr-mf"].problem(planted(), CTX), common)

    assert in_bfloat16(problem(0.0), CTX).loss is not None
    with pytest.raises(RecbenchError, match=r"amp: after 10 training steps \d+% .* leave amp off"):
        in_bfloat16(problem(100.0), CTX)


def test_a_gpu_without_bfloat16_is_told_to_leave_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    problem = MODELS["multivae"].problem(planted(), CTX)
    problem.device = "cuda"
    with pytest.raises(RecbenchError, match=r"Tesla T4 has no bfloat16.*leave amp off"):
        in_bfloat16(problem, CTX)  # type: ignore[type-var]


# compile


def test_a_compiled_fit_scores_alike_and_is_the_same_each_time() -> None:
    model = replace(MODELS["bpr-mf"], compile=True)
    once = _scores(model, planted())
    torch.testing.assert_close(once, _scores(MODELS["bpr-mf"], planted()), rtol=1e-3, atol=1e-4)
    assert torch.equal(_scores(model, planted()), once)


@pytest.mark.usefixtures("traced_only")
@pytest.mark.parametrize("name", ["lightgcn", "neumf"])
def test_losses_and_penalty_are_one_program_where_what_encodes_is_not(name: str) -> None:
    model, train = MODELS[name], planted()
    torch.testing.assert_close(_scores(replace(model, compile=True), train), _scores(model, train))


def test_one_step_is_not_taken_in_two_ways() -> None:
    with pytest.raises(RecbenchError, match="neumf: amp and compile are two ways to take one step; choose one"):
        NeuMF(amp=True, compile=True).fit(planted(), CTX)


class Miscompiled(Cancelling):
    """Learns the opposite when it is compiled."""

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        return super().losses(tables, batch) * (-1 if torch.compiler.is_compiling() else 1)


@pytest.mark.usefixtures("traced_only")
def test_a_ranking_that_compilation_changes_is_refused() -> None:
    inner = MODELS["bpr-mf"].problem(planted(), CTX)
    assert compiled(Cancelling(inner, 0.0), CTX).loss is not None
    with pytest.raises(RecbenchError, match=r"compile: after 10 training steps \d+% .* leave compile off"):
        compiled(Miscompiled(inner, 0.0), CTX)


def test_compiled_steps_that_do_not_repeat_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()

    def drifting(function: Callable[..., Tensor], **_: Any) -> Callable[..., Tensor]:
        return lambda *given: function(*given) * (1 + 1e-6 * next(calls))

    monkeypatch.setattr(torch, "compile", drifting)
    with pytest.raises(RecbenchError, match="another model each time"):
        replace(MODELS["bpr-mf"], compile=True).fit(planted(), CTX)


def test_a_machine_without_a_compiler_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    here = torch.compile

    def elsewhere(*given: Any, options: dict[str, Any], **rest: Any) -> Any:
        return here(*given, options={**options, "cpp.cxx": (None, "no-such-compiler")}, **rest)

    monkeypatch.setattr(torch, "compile", elsewhere)
    with pytest.raises(RecbenchError, match=r"install a C\+\+ compiler .* leave compile off.*no-such-compiler"):
        replace(MODELS["bpr-mf"], compile=True).fit(planted(), CTX)


def test_the_share_of_lists_counts_what_both_have() -> None:
    one = torch.tensor([[4.0, 3, 2, 1], [1, 2, 3, 4]])
    other = torch.tensor([[4.0, 1, 3, 2], [9, 8, 7, 6]])
    assert [shared(one, other, top) for top in (1, 2, 9)] == [0.5, 0.25, 1.0]
