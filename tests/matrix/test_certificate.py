"""A certificate travels from robust training to the metric, for genuine users alone and in their own order."""

from dataclasses import replace

import numpy as np
import pytest

from recbench.contracts import Profiles, RuleViolation
from recbench.matrix.evaluate import evaluate
from recbench.matrix.fit import fit
from recbench.store import Artifact

COMMON = {"dataset": "ml-100k", "seed": 0, "device": "cpu", "threads": 1, "replica": 0}


@pytest.fixture
def fitted(spec, artifact):
    """Fits the planted recommender under the planted proof, among 28 fakes."""
    fakes = Profiles.from_dense(np.eye(28, 1682, dtype=np.bool_))
    profiles = Artifact({"indptr": fakes.indptr, "items": fakes.items, "templates": np.arange(28)})

    def fitted(**params):
        training = spec("defense", "ProvesLengths")
        arguments = COMMON | {
            "recommender": spec("recommender", "Popular"),
            "training": training | {"params": training["params"] | params},
        }
        return fit(arguments, {"prepared": artifact, "profiles": profiles})

    return fitted


def test_the_metric_reads_what_was_proved_of_genuine_users(fitted, spec, artifact, prepared):
    kept = np.minimum(prepared.train.user_counts, 20)
    made = fitted()
    assert np.array_equal(made.arrays["certified"], kept[:, None].repeat(3, axis=1))
    metric = spec("metric", "certificate")
    arguments = {"metrics": [metric | {"params": {"fakes": [1, 3, 4]}}], "group": 0}
    values = evaluate(arguments, {"prepared": artifact, "fit": made}).meta["metrics"]
    assert values == {f"certified@20-{e}": pytest.approx(kept.mean() / 20) for e in (1, 3)}


def test_without_a_certificate_there_is_no_value(fitted, spec, artifact):
    bare = fitted()
    bare = replace(bare, arrays={name: array for name, array in bare.arrays.items() if name != "certified"})
    arguments = {"metrics": [spec("metric", "certificate")], "group": 0}
    assert evaluate(arguments, {"prepared": artifact, "fit": bare}).meta["metrics"] == {}


def test_a_certificate_of_more_items_than_the_list_holds_is_a_violation(fitted):
    with pytest.raises(RuleViolation, match="lists hold 5 items"):
        fitted(k=5)
