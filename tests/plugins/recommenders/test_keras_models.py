"""The recommender of Keras, where TensorFlow is installed, and what is said where it is not."""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from contracts.planted import planted

from recbench.contracts import FitContext, Recommender
from recbench.errors import PluginError
from recbench_plugins.recommenders.keras_models import KerasMultiDAE, _libraries

SMALL = KerasMultiDAE(hidden=8, lr=0.02, epochs=4, batch_users=16)


@pytest.fixture
def tensorflow() -> None:
    pytest.importorskip("tensorflow", reason="pip install 'recbench[keras]'")


def test_without_tensorflow_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(PluginError, match=r"tensorflow is not installed; pip install 'recbench\[keras\]'"):
        SMALL.fit(planted(), FitContext(0))


@pytest.mark.usefixtures("tensorflow")
def test_scores_are_the_logits_of_normalized_rows_in_numpy() -> None:
    data = planted()
    scorer = SMALL.fit(data, FitContext(0))
    hidden, hidden_bias, logits, logits_bias = scorer.model.get_weights()
    rows = data.csr.toarray() / np.sqrt(data.user_counts)[:, None]
    expected = np.tanh(rows @ hidden + hidden_bias) @ logits + logits_bias
    np.testing.assert_allclose(scorer.score(np.arange(60)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("tensorflow")
def test_the_loss_that_keras_descends_is_the_multinomial_likelihood_and_the_penalty() -> None:
    data = planted()
    model = replace(SMALL, l2=0.3)._compiled(_libraries(1)[1], data.n_items, 0)
    rows = data.csr.toarray().astype(np.float32)[:16]
    scores = model(rows, training=False).numpy().astype(np.float64)
    likelihood = (rows * (scores - np.log(np.exp(scores).sum(1, keepdims=True)))).sum(1)
    hidden, _, logits, _ = model.get_weights()
    expected = -likelihood.mean() + 0.3 * ((hidden**2).sum() + (logits**2).sum())
    assert float(model.test_on_batch(rows, rows)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("tensorflow")
def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.usefixtures("tensorflow")
def test_the_best_validated_model_is_kept() -> None:
    qualities = iter([0.1, 0.3, 0.2, 0.2])
    seen: list[np.ndarray] = []

    def validate(scorer: object) -> float:
        seen.append(scorer.score(np.arange(60)))  # type: ignore[attr-defined]
        return next(qualities)

    scorer = replace(SMALL, epochs=9, every=1, patience=2).fit(planted(), FitContext(0, validate=validate))
    assert len(seen) == 4
    np.testing.assert_array_equal(scorer.score(np.arange(60)), seen[1])


@pytest.mark.usefixtures("tensorflow")
def test_20_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(KerasMultiDAE(epochs=20)) >= 0.40
