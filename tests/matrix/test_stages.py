"""The functions that run in workers, on ml-100k and in this process."""

import numpy as np
import pytest
import torch

from recbench.contracts import BudgetViolation, KnowledgeViolation, RuleViolation
from recbench.errors import InvalidScores, PluginError
from recbench.matrix.choices import Resolver
from recbench.matrix.craft import craft
from recbench.matrix.evaluate import evaluate
from recbench.matrix.explain import explain
from recbench.matrix.fit import fit
from recbench.matrix.instances import recommender_of
from recbench.matrix.prepare import prepare
from recbench.matrix.prepared import Prepared
from recbench.matrix.sanitize import sanitize

COMMON = {"dataset": "ml-100k", "seed": 0, "device": "cpu", "threads": 1}


@pytest.fixture
def stage(spec, plugins, artifact):
    """The stages by short names; components are planted ones."""

    class Stage:
        def craft(self, name, prepared=artifact, **changes):
            arguments = COMMON | {
                "attacker": spec("attacker", name),
                "surrogates": [spec("recommender", "bpr-mf")],
                "victim": spec("recommender", "Popular"),
                "defense": [spec("defense", "KeepsAll")],
                "size": 0.03,
                "goal": "push",
                "group": 0,
            }
            return craft(arguments | changes, {"prepared": prepared})

        def sanitize(self, name, profiles=None, replica=0, **params):
            described = spec("defense", name)
            arguments = COMMON | {"defense": described | {"params": described["params"] | params}, "replica": replica}
            return sanitize(arguments, self._inputs(profiles))

        def fit(self, name="Popular", profiles=None, verdict=None, training=None, replica=0, prepared=artifact):
            arguments = COMMON | {
                "recommender": spec("recommender", name),
                "training": training and spec("defense", training),
                "replica": replica,
            }
            inputs = self._inputs(profiles, prepared)
            return fit(arguments, inputs if verdict is None else {**inputs, "verdict": verdict})

        def evaluate(self, group=0, metrics=("*",), **inputs):
            metrics = [choice.spec for choice in Resolver(plugins).choices("metric", metrics)]
            arguments = {"metrics": metrics, "group": group}
            return evaluate(arguments, {"prepared": artifact, **inputs}).meta["metrics"]

        def _inputs(self, profiles, prepared=artifact):
            return {"prepared": prepared} if profiles is None else {"prepared": prepared, "profiles": profiles}

    return Stage()


def test_the_budget_is_the_size_and_lengths_are_those_of_the_templates(stage, prepared):
    crafted = stage.craft("Fills")
    lengths = np.diff(crafted.arrays["indptr"])
    assert len(lengths) == round(0.03 * 943)
    assert np.array_equal(lengths, prepared.train.user_counts[crafted.arrays["templates"]])
    first = crafted.arrays["items"][: lengths[0]]
    assert set(prepared.targets[0]) <= set(first)


def test_templates_are_the_same_for_every_attacker_and_others_for_another_group(stage):
    drawn = [stage.craft(name).arrays["templates"] for name in ("Fills", "CountsItems")]
    assert np.array_equal(*drawn)
    assert not np.array_equal(stage.craft("Fills", group=1).arrays["templates"], drawn[0])


def test_one_item_too_many_is_a_violation(stage):
    with pytest.raises(BudgetViolation, match="targets counted"):
        stage.craft("Overspends")


def test_an_attacker_sees_what_it_declares_and_no_more(stage):
    with pytest.raises(KnowledgeViolation, match="declares knowledge of statistics; it touched 'interactions'"):
        stage.craft("Peeks")


def test_a_surrogate_is_a_differentiable_recommender_by_name(stage):
    assert len(stage.craft("TrainsSurrogate").arrays["templates"]) == 28
    with pytest.raises(PluginError, match="no differentiable recommender 'bpr-mf' for a surrogate"):
        stage.craft("TrainsSurrogate", surrogates=[])


def test_a_black_box_victim_shows_what_the_poisoned_victim_recommends(stage, prepared):
    crafted = stage.craft("Asks")
    shown = crafted.arrays["items"]
    assert not set(shown) & set(prepared.train.histories[0])
    # The victim is the planted Popular: what user 0 lacks, most popular first.
    counts = prepared.train.item_counts[shown]
    assert counts[0] == max(np.delete(prepared.train.item_counts, prepared.train.histories[0]))
    assert (np.diff(counts) <= 28).all()


def test_queries_are_metered(stage):
    with pytest.raises(KnowledgeViolation, match="all 20 deployments are spent"):
        stage.craft("AsksTooOften")


def test_a_white_box_attacker_sees_the_trained_victim_and_the_defense(stage, prepared):
    shown = stage.craft("Dissects").arrays["items"]
    best = np.argsort(-prepared.train.item_counts, kind="stable")[: len(shown)]
    assert np.array_equal(shown, best)


def test_a_verdict_comes_back_in_injected_order(stage, prepared):
    target = int(prepared.targets[0][0])
    profiles = stage.craft("Fills")
    verdict = stage.sanitize("RemovesBuyersOf", profiles, item=target)
    genuine = np.zeros(943, dtype=bool)
    genuine[prepared.train.users[prepared.train.items == target]] = True
    assert np.array_equal(verdict.arrays["suspicion"], np.concatenate([genuine, np.ones(28)]))
    assert np.array_equal(verdict.arrays["keep"], verdict.arrays["suspicion"] == 0)
    assert verdict.meta["removed"] == genuine.sum() + 28


def test_a_verdict_on_everybody_is_a_violation(stage):
    with pytest.raises(RuleViolation, match="removes every user"):
        stage.sanitize("RemovesEverybody")


def test_removed_users_are_not_trained_on(stage, prepared):
    target = int(prepared.targets[0][0])
    profiles = stage.craft("Fills")
    clean, attacked = stage.fit(), stage.fit(profiles=profiles)
    cleaned = stage.fit(profiles=profiles, verdict=stage.sanitize("RemovesBuyersOf", profiles, item=target))
    # The popularity model ranks the target by its count: 28 more with the fakes, none without its buyers.
    ranks = [fitted.arrays["target_ranks"][:, 0] for fitted in (clean, attacked, cleaned)]
    someone = ranks[0] > 0
    assert (ranks[1][someone] < ranks[0][someone]).all()
    assert (ranks[2][someone] > ranks[0][someone]).all()


def test_two_clean_replicas_differ_in_the_permutation_alone(stage):
    assert stage.fit(replica=0).digest == stage.fit(replica=1).digest


def test_robust_training_judges_users_in_injected_order(stage, prepared):
    profiles = stage.craft("Fills")
    fitted = stage.fit(profiles=profiles, training="SuspectsLong")
    lengths = np.concatenate([prepared.train.user_counts, np.diff(profiles.arrays["indptr"])])
    assert np.array_equal(fitted.arrays["suspicion"], lengths)
    assert np.array_equal(fitted.arrays["top"], stage.fit(profiles=profiles).arrays["top"])


def test_scores_that_are_not_finite_are_a_violation(stage):
    with pytest.raises(InvalidScores):
        stage.fit("NotFinite")


def test_ratings_are_predicted_for_the_genuine_test_set(stage, prepare_arguments):
    explicit = prepare(prepare_arguments | {"feedback": "explicit"}, {})
    prepared = Prepared.of(explicit)
    crafted = stage.craft("Fills", prepared=explicit)
    fitted = stage.fit("RatesByCount", prepared=explicit)
    test = prepared.split.test
    assert np.array_equal(fitted.arrays["predicted"], prepared.train.item_counts[test.items])
    assert "predicted" not in stage.fit("Popular", prepared=explicit).arrays
    assert set(crafted.arrays["ratings"]) == {5}


def test_a_vote_of_models_that_rate_is_judged_by_its_lists_alone(stage, prepare_arguments):
    explicit = prepare(prepare_arguments | {"feedback": "explicit"}, {})
    fitted = stage.fit("RatesByCount", prepared=explicit, training="Ranks")
    assert "predicted" not in fitted.arrays
    assert fitted.arrays["top"].shape == stage.fit("RatesByCount", prepared=explicit).arrays["top"].shape


def test_metrics_are_those_of_the_cells_own_group(stage, prepared):
    profiles = stage.craft("Fills", group=1)
    inputs = {"fit": stage.fit(profiles=profiles), "clean": stage.fit(), "profiles": profiles}
    own, other = (stage.evaluate(group=group, **inputs)["rank-gain"] for group in (1, 0))
    assert own > 1 > other


def test_two_variants_of_a_metric_that_compute_one_value_are_a_violation(stage):
    with pytest.raises(RuleViolation, match="metric 'ranking' computes 'users-left-out', as another metric does"):
        stage.evaluate(metrics=["ranking[k=[5]]", "ranking[k=[10]]"], fit=stage.fit())


def test_detection_is_measured_where_a_defense_judged(stage, prepared):
    target = int(prepared.targets[0][0])
    profiles = stage.craft("Fills")
    verdict = stage.sanitize("RemovesBuyersOf", profiles, item=target)
    inputs = {"fit": stage.fit(profiles=profiles), "clean": stage.fit(), "profiles": profiles}
    assert stage.evaluate(**inputs, verdict=verdict)["detection-auc"] > 0.99
    assert "detection-auc" not in stage.evaluate(**inputs)
    robust = inputs | {"fit": stage.fit(profiles=profiles, training="SuspectsLong")}
    assert 0.3 < stage.evaluate(**robust)["detection-auc"] < 0.7


def test_a_cell_whose_clean_twin_failed_keeps_what_needs_no_twin(stage):
    values = stage.evaluate(fit=stage.fit())
    assert "ndcg@10" in values
    assert "rank-gain" not in values


def test_costs_are_kept_with_what_was_made_and_do_not_count(stage):
    one, other = stage.craft("Fills"), stage.craft("Fills")
    assert one.digest == other.digest
    assert one.meta["measured"]["wall_seconds"] > 0
    assert one.meta["measured"]["peak_bytes"] > 10_000_000


def test_a_model_that_draws_from_global_generators_is_trained_alike_in_every_process(stage, spec, artifact):
    np.random.seed(1)  # noqa: NPY002
    one = stage.fit("DrawsGlobally")
    torch.manual_seed(2)
    two = stage.fit("DrawsGlobally", replica=1)
    assert np.array_equal(one.arrays["target_scores"], two.arrays["target_scores"])
    crafted = stage.craft("Fills")
    attacked = stage.fit("DrawsGlobally", profiles=crafted)
    assert np.array_equal(one.arrays["target_scores"], attacked.arrays["target_scores"])
    arguments = COMMON | {"recommender": spec("recommender", "DrawsGlobally"), "replica": 0, "group": 0}
    explained = explain(arguments, {"prepared": artifact, "profiles": crafted})
    assert np.array_equal(explained.arrays["influence"], np.zeros(12))


def test_a_model_that_draws_from_global_generators_draws_otherwise_with_another_seed(spec):
    first, second = (recommender_of(spec("recommender", "DrawsGlobally"), seed).draw(5) for seed in (0, 1))
    assert (first != second).all()
