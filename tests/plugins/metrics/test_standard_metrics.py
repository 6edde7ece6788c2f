"""The standard metrics on real outcomes: EASE on MovieLens 100K, clean and under the popular attack."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

from recbench.contracts import Detection, Outcome, Profiles, RatingScale
from recbench.data.interactions import Interactions
from recbench.errors import SuiteError
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import rank
from recbench_plugins.metrics.attack import AttackMetric
from recbench_plugins.metrics.detection import DetectionMetric
from recbench_plugins.metrics.ranking import RankingMetric
from recbench_plugins.metrics.rating import RatingMetric
from recbench_plugins.metrics.robustness import RobustnessMetric
from recbench_plugins.metrics.stealth import StealthMetric
from recbench_plugins.metrics.variety import VarietyMetric

ALL = [
    RankingMetric(),
    RatingMetric(),
    AttackMetric(),
    RobustnessMetric(),
    DetectionMetric(),
    StealthMetric(subsets=20),
    VarietyMetric(),
]
STARS = RatingScale(1, 5, 1)


class Ease:
    """Steck, WWW 2019, without a wrapper: enough to have a real victim."""

    def __init__(self, train: Interactions) -> None:
        gram = (train.csr.T @ train.csr).toarray() + 500 * np.eye(train.n_items, dtype=np.float32)
        inverse = scipy.linalg.inv(gram)
        self.weights = -inverse / np.diag(inverse)
        np.fill_diagonal(self.weights, 0)
        self.train = train

    def score(self, users):
        return self.train.csr[users] @ self.weights


@pytest.fixture(scope="module")
def outcomes(mirror):
    """The clean outcome, and the one under 28 profiles of the most popular items and five unpopular targets."""
    users, items, _, _ = np.loadtxt(mirror / "ml-100k" / "u.data", dtype=np.int64).T - 1
    rng = np.random.default_rng(0)
    tested = rng.random(len(users)) < 0.2
    everything = Interactions(users, items, 943, 1682)
    train, test = (Interactions(users[part], items[part], 943, 1682) for part in (~tested, tested))
    popularity = np.argsort(-train.item_counts, kind="stable")
    targets = rng.choice(popularity[1200:1400], 5, replace=False).astype(np.int32)
    chosen = np.zeros((28, 1682), dtype=np.bool_)
    chosen[:, popularity[:80]] = rng.random((28, 80)) < 0.9
    chosen[:, targets] = True
    profiles = Profiles.from_dense(chosen)
    eligible = ~everything.contains(np.arange(943)[:, None], targets)

    def ranking_on(injected):
        poisoned = Interactions(
            np.concatenate([train.users, 943 + injected.histories.rows]),
            np.concatenate([train.items, injected.items]),
            943 + len(injected),
            1682,
        )
        audience = Audience.shuffled(np.arange(poisoned.n_users), 943, seed=1)
        return rank(Ease(poisoned), audience, train.histories, 1682, targets, 100, seed=2)

    clean = ranking_on(Profiles.empty())
    before = Outcome(clean, clean, train, test.histories, targets, eligible, Profiles.empty())
    return before, replace(before, ranking=ranking_on(profiles), profiles=profiles)


def test_ease_reaches_its_known_quality(outcomes):
    """NDCG@10 of EASE on a random 80/20 split of ML-100K is .44 with every rating positive."""
    values = RankingMetric()(outcomes[0])
    assert values["ndcg@10"] == pytest.approx(0.44, abs=0.015)
    assert 0 < values["recall@10"] < values["recall@20"] < values["recall@50"] < 1
    assert values["users-left-out"] == len(outcomes[0].test) - np.count_nonzero(outcomes[0].test.lengths)
    assert set(values) == {"users-left-out"} | {
        f"{name}@{k}"
        for name in ("recall", "precision", "f1", "ndcg", "hr", "mrr", "map", "coverage")
        for k in (10, 20, 50)
    }


def test_the_popular_attack_moves_ranks_though_no_list_shows_the_targets(outcomes):
    values = AttackMetric()(outcomes[1])
    assert values["rank-gain"] > 0.3
    assert values["exposure-hr@10"] < 0.01
    assert values["lift-hr@100"] >= 0
    assert values["percentile-shift"] > 0
    assert values["targets-left-out"] == 0


def test_a_clean_run_beside_itself_has_no_effect_at_all(outcomes):
    values = AttackMetric()(outcomes[0])
    effects = [name for name in values if not name.startswith(("exposure", "targets"))]
    assert len(effects) == 3 + 2 * 4
    assert all(values[name] == 0 for name in effects)
    robust = RobustnessMetric()(outcomes[0])
    assert robust["rbo"] == pytest.approx(1)
    assert all(robust[f"jaccard@{k}"] == 1 and robust[f"ndcg-drop@{k}"] == 0 for k in (10, 20, 50))


def test_the_attack_hardly_shows_in_utility_but_moves_the_lists(outcomes):
    values = RobustnessMetric()(outcomes[1])
    assert abs(values["ndcg-drop@10"]) < 0.01
    assert 0.5 < values["jaccard@10"] < 1
    assert 0.5 < values["rbo"] < 1


def test_profiles_of_popular_items_stand_out_from_genuine_ones(outcomes):
    values = StealthMetric(subsets=50)(outcomes[1])
    assert values["tvd-percentile"] == values["js-percentile"] == 1
    assert 0 < values["tvd-excess"] < values["tvd"]


def test_the_variety_of_fakes_is_reported_and_a_double_lowers_it(outcomes):
    attacked = outcomes[1]
    values = VarietyMetric()(attacked)
    assert values == {"fakes-catalogue-share": pytest.approx(85 / 1682), "fakes-distinct": 1.0}
    first = attacked.profiles.histories[0]
    twice = Profiles(np.array([0, len(first), 2 * len(first)]), np.concatenate([first, first[::-1]]))
    assert VarietyMetric()(replace(attacked, profiles=twice))["fakes-distinct"] == 0.5
    assert VarietyMetric()(outcomes[0]) == {}


def test_detection_by_profile_length_is_scored(outcomes):
    attacked = outcomes[1]
    lengths = np.concatenate([attacked.train.user_counts, np.diff(attacked.profiles.indptr)])
    fake = np.repeat([False, True], [943, 28])
    typical = -np.abs(lengths - np.median(lengths[fake])).astype(float)
    values = DetectionMetric()(replace(attacked, detection=Detection(typical, typical > -4, fake)))
    assert values["detection-auc"] > 0.9
    assert values["detection-recall"] > 0.5
    assert 0 < values["genuine-removed"] < 0.2
    assert {"detection-recall@fpr0.01", "detection-recall@fpr0.05"} < set(values)


def test_a_defense_without_a_threshold_of_its_own_is_scored_by_its_ranking_alone(outcomes):
    fake = np.repeat([False, True], [943, 28])
    values = DetectionMetric()(replace(outcomes[1], detection=Detection(fake.astype(float), None, fake)))
    assert set(values) == {
        "detection-ap",
        "detection-auc",
        "detection-recall@fpr0.01",
        "detection-recall@fpr0.05",
    }
    assert values["detection-ap"] == values["detection-recall@fpr0.01"] == 1


def test_what_a_defense_costs_in_peace_is_reported(outcomes):
    removed = np.arange(943) < 10
    values = DetectionMetric()(
        replace(outcomes[0], detection=Detection(removed * 1.0, removed, np.zeros(943, np.bool_)))
    )
    assert values["genuine-removed"] == pytest.approx(10 / 943)
    assert "detection-ap" not in values
    assert "detection-f1" not in values


def test_predicted_ratings_are_scored_on_the_scale(outcomes):
    predicted, actual = np.array([0.0, 4.2, 9.0]), np.array([1.0, 4.0, 2.0])
    values = RatingMetric()(replace(outcomes[0], predicted=predicted, actual=actual, scale=STARS))
    assert values["mae"] == pytest.approx((0 + 0.2 + 3) / 3)
    assert values["rmse"] == pytest.approx(math.sqrt((0.04 + 9) / 3))
    assert values["like-accuracy"] == pytest.approx(2 / 3)


def test_what_is_undefined_for_an_outcome_is_left_out(outcomes):
    alone = replace(outcomes[1], clean=None)
    assert RatingMetric()(alone) == RobustnessMetric()(alone) == DetectionMetric()(alone) == {}
    assert StealthMetric()(outcomes[0]) == {}
    assert set(AttackMetric(k=(10,))(alone)) == {"targets-left-out", "exposure-hr@10", "exposure-ndcg@10"}


def test_a_target_that_nobody_can_meet_is_counted_and_left_out(outcomes):
    eligible = outcomes[1].eligible.copy()
    eligible[:, 0] = False
    values = AttackMetric()(replace(outcomes[1], eligible=eligible))
    assert values["targets-left-out"] == 1
    assert all(math.isfinite(value) for value in values.values())
    assert set(AttackMetric()(replace(outcomes[1], eligible=np.zeros_like(eligible)))) == {"targets-left-out"}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)
def test_every_value_is_a_finite_python_float(outcomes, metric):
    detected = Detection(np.arange(971.0), np.arange(971) > 900, np.arange(971) >= 943)
    ratings = np.array([3.0, 4.0])
    full = replace(outcomes[1], detection=detected, predicted=ratings, actual=ratings)
    if isinstance(metric, RatingMetric):
        full = replace(full, scale=STARS)
    values = metric(full)
    assert values
    assert all(type(value) is float and math.isfinite(value) for value in values.values())


def test_no_two_families_share_a_name(outcomes):
    detected = Detection(np.arange(971.0), np.arange(971) > 900, np.arange(971) >= 943)
    full = replace(outcomes[1], detection=detected)
    names = [name for metric in ALL for name in metric(full)]
    assert len(names) == len(set(names))


def test_a_cutoff_beyond_the_lists_is_refused(outcomes):
    with pytest.raises(SuiteError, match="metric at 200: the top lists hold 100"):
        RankingMetric(k=(200,))(outcomes[0])
